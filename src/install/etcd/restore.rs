//! Putting a snapshot back: every member is made anew from it.
//!
//! What has been done on a host is recorded there under the name of the restoration, so one that was killed anywhere is
//! continued by the next run, and a later one of the same snapshot is one of its own. Nothing is removed: the old data
//! is moved aside.
//!
//! etcd is disabled while it must not run, so that a host that restarts meanwhile does not begin a new, empty member.
//! Its unit is not started through a [`crate::host::part::Unit`], because it is the same service with the same
//! configuration afterwards: what `kk create cluster` remembers of its start stays true.

use std::time::Duration;

use super::{SSL, healthy, initial_cluster, peer_url};
use crate::cluster::{Cluster, Host};
use crate::digest::Digest;
use crate::host::Step;
use crate::host::part::{Artifact, Directory, Part, Source};
use crate::host::quote;
use crate::install::kubernetes::KUBECTL;

/// What kk remembers of restorations on a host, and the snapshot while it is needed.
pub(crate) const STATE: &str = "/var/lib/kk/etcd-restore";
/// Where static pods lie while their processes must not run: on the file system that they come from.
const ASIDE: &str = "/etc/kubernetes/kk/aside";
const MANIFESTS: &str = "/etc/kubernetes/manifests";
/// The control plane's containers that run.
const RUNNING: &str = "crictl ps --quiet --name '^kube-(apiserver|controller-manager|scheduler)$'";
/// By how much revisions are raised, so that no client has seen one of the new ones: what etcd's own pages advise.
const BUMP: u64 = 1_000_000_000;

/// One restoration.
#[derive(Clone, Debug)]
pub struct Restore {
    /// Its name: of letters, digits and dashes, and never used for another one.
    pub name: String,
    /// UTC time of its begin as in file names; the old data is kept under it.
    pub begun: String,
    pub snapshot: Source,
    /// etcdutl's hash of the snapshot, where a file beside it tells it: 8 hex digits.
    pub hash: Option<String>,
}

impl Restore {
    /// Whether the host has come this far.
    fn reached(&self, mark: &str) -> String {
        format!("[ \"$(cat {STATE}/{mark} 2>/dev/null)\" = {} ]", self.name)
    }

    fn reach(&self, mark: &str) -> String {
        format!("printf '%s\\n' {} >{STATE}/.{mark}.new\nmv -fT {STATE}/.{mark}.new {STATE}/{mark}", self.name)
    }

    fn file(&self) -> String {
        format!("{STATE}/{}.db", self.snapshot.sha256.hex())
    }
}

/// The snapshot lies on the host, and etcdutl has read all of it. Nothing else is touched.
pub fn upload(restore: &Restore) -> Step {
    let file = restore.file();
    // The hash is there in decimal: etcdutl prints a number.
    let hash = restore.hash.as_deref().and_then(|hash| u32::from_str_radix(hash, 16).ok());
    let expected = hash.map_or(String::new(), |hash| format!(" | grep -q '\"hash\":{hash},'"));
    let parts = vec![
        Part::command(
            "etcd is installed here",
            format!(
                "for each in etcd etcdctl etcdutl; do command -v $each >/dev/null || exit 1; done\n\
                 for each in /etc/etcd/etcd.yaml {SSL}/member.pem /etc/systemd/system/etcd.service; do [ -s $each ] || exit 1; done"
            ),
            "echo 'etcd is not installed on this host; run kk create cluster first, and restore then' >&2\nexit 1",
        ),
        Part::Directory(Directory { path: STATE.into(), mode: 0o700, owner: "root".into() }),
        Part::Artifact(Artifact {
            path: file.clone(),
            source: restore.snapshot.clone(),
            mode: 0o600,
            owner: "root".into(),
        }),
        Part::command(
            "etcdutl reads the snapshot, and finds in it what was taken",
            format!("etcdutl snapshot status {file} -w json 2>/dev/null{expected}"),
            format!(
                "etcdutl snapshot status {file} -w json >&2\necho 'this is not the snapshot that was taken' >&2\nexit 1"
            ),
        ),
    ];
    Step::new("etcd/restore-upload", "Bring the snapshot and verify it", parts)
}

/// The control plane's processes have ended and stay away, restarts of the kubelet and of the host included: their
/// manifests are moved aside, which is seen on the host itself by whoever looks, and repeated without harm.
pub fn stop_api(restore: &Restore) -> Step {
    // A kubelet that does not run ends nothing: what is left after a minute is ended without it.
    let stop = Part::command(
        "Stop the API server, the controller manager and the scheduler",
        format!(
            "{} || {{ for each in apiserver controller-manager scheduler; do [ ! -e {MANIFESTS}/kube-$each.yaml ] || exit 1; done\n\
             running=$({RUNNING}) && [ -z \"$running\" ]; }}",
            restore.reached("started")
        ),
        format!(
            "mkdir -p -m 0700 /etc/kubernetes/kk {ASIDE}\n\
             for each in apiserver controller-manager scheduler; do\n\
             [ ! -f {MANIFESTS}/kube-$each.yaml ] || mv -fT {MANIFESTS}/kube-$each.yaml {ASIDE}/kube-$each.yaml\n\
             done\n\
             for second in $(seq 60); do [ -n \"$({RUNNING})\" ] || exit 0; sleep 1; done\n\
             for each in $({RUNNING}); do crictl stop --timeout 20 \"$each\" >/dev/null; done"
        ),
    )
    .settling(Duration::from_secs(30));
    Step::new("etcd/restore-stop-api", "Stop the control plane", vec![private(STATE), stop])
}

/// The member has ended, and does not come back with the host.
pub fn stop_members(restore: &Restore) -> Step {
    let parts = vec![Part::command(
        "Stop etcd, and its snapshots by a timer",
        format!(
            "{} || {{ ! systemctl is-enabled --quiet etcd.service || exit 1\n\
             case $(systemctl show --property ActiveState --value etcd.service) in inactive | failed) ;; *) exit 1 ;; esac; }}",
            restore.reached("restored")
        ),
        "systemctl stop etcd-backup.service 2>/dev/null || :\nsystemctl disable --quiet etcd.service\nsystemctl stop etcd.service",
    )];
    Step::new("etcd/restore-stop", "Stop etcd", parts)
}

/// The member's data is the snapshot's, and the old data lies beside it.
pub fn put_back(cluster: &Cluster, host: &Host, restore: &Restore) -> Step {
    let data = quote(cluster.spec.etcd.data_dir.trim_end_matches('/'));
    let file = restore.file();
    let name = format!("before-restore-{}", restore.begun);
    let token = format!("{}-{}", cluster.name, restore.name);
    let aside = Part::command(
        format!("Move the old data aside, as {name}"),
        format!("{} || {}", restore.reached("aside"), restore.reached("restored")),
        // A mount point cannot be moved, and what lies beside it is another disk: its content is moved inside.
        format!(
            "mkdir -p -m 0700 {data}\ndata=$(readlink -f {data})\n\
             if mountpoint -q \"$data\"; then aside=$data/{name}; else aside=$data.{name}; fi\n\
             for each in \"$data\"/* \"$data\"/.[!.]*; do\n\
             case ${{each##*/}} in before-restore-* | lost+found | .kk-restore) continue ;; esac\n\
             [ -e \"$each\" ] || [ -L \"$each\" ] || continue\n\
             mkdir -p -m 0700 \"$aside\"\nmv -T -- \"$each\" \"$aside/${{each##*/}}\"\n\
             done\nsync -f \"$data\" 2>/dev/null || sync\n{}",
            restore.reach("aside")
        ),
    );
    let restored = Part::command(
        "Make the member anew from the snapshot",
        restore.reached("restored"),
        // A member that lies there is of an earlier attempt, and has not run: members are started when all are made. It is
        // kept all the same, as it is somebody's who has put the old data back by hand.
        format!(
            "data=$(readlink -f {data})\nrm -rf \"$data/.kk-restore\"\n\
             if mountpoint -q \"$data\"; then aside=$data/{name}; else aside=$data.{name}; fi\n\
             [ ! -e \"$data/member\" ] || mv -T -- \"$data/member\" \"$aside.$(date +%s)\"\nbump=\n\
             if etcdutl snapshot restore --help 2>&1 | grep -q -e --bump-revision; then bump='--bump-revision {BUMP} --mark-compacted'; fi\n\
             etcdutl snapshot restore {file} --data-dir \"$data/.kk-restore\" --name {} --initial-cluster '{}' \
             --initial-cluster-token '{token}' --initial-advertise-peer-urls {} $bump\n\
             sync -f \"$data\" 2>/dev/null || sync\nmv -T \"$data/.kk-restore/member\" \"$data/member\"\n\
             rm -rf \"$data/.kk-restore\"\nsync -f \"$data\" 2>/dev/null || sync\n{}",
            host.name,
            initial_cluster(cluster, &cluster.etcd_hosts()),
            peer_url(cluster, host),
            restore.reach("restored")
        ),
    )
    .within(Duration::from_secs(1800));
    Step::new("etcd/restore-data", "Put the snapshot back", vec![aside, restored])
}

/// The members run, and agree. The snapshot is of no use on the host any more.
pub fn start_members(cluster: &Cluster, restore: &Restore) -> Step {
    let file = restore.file();
    let stamp = Digest::of(file.as_bytes()).hex();
    let parts = vec![
        Part::command(
            "Start etcd",
            "systemctl is-enabled --quiet etcd.service && systemctl is-active --quiet etcd.service",
            "systemctl reset-failed etcd.service 2>/dev/null || :\nsystemctl enable --quiet etcd.service\n\
             timeout 120 systemctl start etcd.service",
        ),
        healthy(cluster),
        Part::command(
            "Remove the snapshot from the host",
            format!("[ ! -e {file} ]"),
            format!("rm -f {file} /var/lib/kk/files/{stamp}"),
        ),
    ];
    Step::new("etcd/restore-start", "Start etcd", parts)
}

/// The control plane runs anew and answers. Its kubelet is started anew too: it must not go by pods of another time.
pub fn start_api(restore: &Restore) -> Step {
    let start = Part::command(
        "Start the API server, the controller manager and the scheduler",
        restore.reached("started"),
        format!(
            "for each in apiserver controller-manager scheduler; do\n\
             [ ! -f {ASIDE}/kube-$each.yaml ] || mv -fT {ASIDE}/kube-$each.yaml {MANIFESTS}/kube-$each.yaml\n\
             done\nrmdir {ASIDE} 2>/dev/null || :\nsystemctl restart kubelet.service\n{}",
            restore.reach("started")
        ),
    );
    let ready = Part::wait(
        "Wait until the API server is ready",
        format!("[ \"$({KUBECTL} get --raw /readyz 2>/dev/null)\" = ok ]"),
        Duration::from_secs(300),
    );
    Step::new("etcd/restore-start-api", "Start the control plane", vec![start, ready])
}

/// The kubelet of a host without control plane has asked the API server anew.
pub fn wake_kubelet(restore: &Restore) -> Step {
    let parts = vec![
        private(STATE),
        Part::command(
            "Start the kubelet anew",
            restore.reached("kubelet"),
            format!("systemctl restart kubelet.service\n{}", restore.reach("kubelet")),
        ),
    ];
    Step::new("etcd/restore-kubelet", "Start the kubelet anew", parts)
}

/// The kubelets of all nodes have reported to the restored cluster: what it says of nodes by itself is as old as the
/// snapshot.
pub fn reported(cluster: &Cluster) -> Step {
    let names: Vec<&str> = cluster.nodes().into_iter().map(|host| host.name.as_str()).collect();
    let part = Part::wait(
        format!("Wait until {} kubelets have reported", names.len()),
        format!(
            "since=$(date -u -r {STATE}/started +%FT%TZ)\n\
             {KUBECTL} -n kube-node-lease get lease {} --no-headers -o custom-columns=TIME:.spec.renewTime 2>/dev/null |\n\
             awk -v since=\"$since\" '$1 > since {{ count++ }} END {{ exit (count < {}) }}'",
            names.join(" "),
            names.len()
        ),
        Duration::from_secs(300),
    );
    Step::new("etcd/restore-reported", "Wait for the kubelets", vec![part])
}

/// What restorations have moved aside is the cluster's data too, and goes with it.
pub fn forget_old_data(cluster: &Cluster) -> Part {
    let data = quote(cluster.spec.etcd.data_dir.trim_end_matches('/'));
    Part::command(
        "Remove the data that restorations have moved aside",
        format!("for each in \"$(readlink -m {data})\".before-restore-[0-9]*; do [ ! -e \"$each\" ] || exit 1; done"),
        format!("rm -rf --one-file-system -- \"$(readlink -m {data})\".before-restore-[0-9]*"),
    )
}

fn private(path: &str) -> Part {
    Part::Directory(Directory { path: path.into(), mode: 0o700, owner: "root".into() })
}
