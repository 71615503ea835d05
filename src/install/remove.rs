//! Undoing an installation: what kk put on hosts, and nothing else.

use super::{clearing, members};
use crate::cluster::{Cluster, Host};
use crate::host::Step;
use crate::host::part::{Absent, Block, Part, Unit};
use crate::host::quote;
use crate::install::etcd;

/// Files and folders of Kubernetes and the runtime that kk put there or that grew from it.
const KUBERNETES: &[&str] = &[
    "/etc/kubernetes",
    "/etc/kubekey",
    "/etc/cni/net.d",
    "/opt/cni/bin",
    "/var/lib/kubelet",
    "/var/lib/cni",
    "/run/flannel",
    "/var/log/pods",
    "/var/log/containers",
    "/etc/systemd/system/kubelet.service",
    "/etc/systemd/system/kubelet.service.d",
    "/usr/local/bin/kubeadm",
    "/usr/local/bin/kubelet",
    "/usr/local/bin/kubectl",
];
const RUNTIME: &[&str] = &[
    "/etc/containerd",
    "/etc/crictl.yaml",
    "/run/containerd",
    "/etc/systemd/system/containerd.service",
    "/usr/local/sbin/runc",
    "/usr/local/bin/crictl",
    "/usr/local/bin/containerd",
    "/usr/local/bin/containerd-shim-runc-v2",
    "/usr/local/bin/containerd-stress",
    "/usr/local/bin/ctr",
];
const ETCD: &[&str] = &[
    "/etc/etcd",
    "/etc/ssl/etcd",
    "/etc/systemd/system/etcd.service",
    "/etc/systemd/system/etcd-backup.service",
    "/etc/systemd/system/etcd-backup.timer",
    // systemd's own note of when the timer last went off.
    "/var/lib/systemd/timers/stamp-etcd-backup.timer",
    "/var/lib/kk/etcd-restore",
    "/usr/local/bin/etcd",
    "/usr/local/bin/etcdctl",
    "/usr/local/bin/etcdutl",
];
const REGISTRY: &[&str] = &["/etc/registry", "/etc/systemd/system/registry.service", "/usr/local/bin/registry"];
const SYSTEM: &[&str] = &["/etc/modules-load.d/kk.conf", "/etc/sysctl.d/99-kk.conf"];

/// Stops the kubelet and every pod, then the runtime, and removes them with their data.
pub fn kubernetes(cluster: &Cluster) -> Step {
    let data = match cluster.spec.registry.containerd_data_dir.as_str() {
        "" => "/var/lib/containerd",
        folder => folder,
    };
    // What kk remembers of the node first: a host that is cleaned halfway has not joined.
    let mut parts = vec![Part::Absent(Absent { path: "/var/lib/kk/kubernetes".into() })];
    parts.extend(super::kubernetes::no_timer());
    parts.extend([
        stopped("kubelet.service"),
        Part::command(
            "Stop all pods",
            "! systemctl is-active --quiet containerd.service || [ -z \"$(crictl pods -q 2>/dev/null)\" ]",
            "for pod in $(crictl pods -q); do crictl stopp \"$pod\" >/dev/null 2>&1 || :; crictl rmp -f \"$pod\" >/dev/null 2>&1 || :; done",
        ),
        stopped("containerd.service"),
        Part::command(
            "End what containers are left, and take down their mounts",
            "! pgrep -f '^/usr/local/bin/containerd-shim-runc-v2' >/dev/null && ! grep -qE ' (/var/lib/kubelet/|/run/containerd/|/run/netns/cni-)' /proc/self/mounts",
            "pkill -KILL -f '^/usr/local/bin/containerd-shim-runc-v2' || :\nsleep 1\n\
             grep -E ' (/var/lib/kubelet/|/run/containerd/|/run/netns/cni-)' /proc/self/mounts | cut -d' ' -f2 | sort -r | while read -r mount; do umount -l \"$mount\" || :; done",
        ),
        Part::command(
            "Remove the pods' network",
            "! ip link show cni0 >/dev/null 2>&1 && ! ip link show flannel.1 >/dev/null 2>&1 && ! iptables-save 2>/dev/null | grep -qE '^:(KUBE-|FLANNEL-|CNI-)'",
            "ip link delete cni0 2>/dev/null || :\nip link delete flannel.1 2>/dev/null || :\n\
             rm -f /run/netns/cni-*\n\
             for restore in iptables ip6tables; do\n\
             command -v $restore-save >/dev/null || continue\n\
             $restore-save | grep -vE '(KUBE-|FLANNEL-|CNI-|cali-)' | $restore-restore\n\
             done\n\
             command -v nft >/dev/null && { nft delete table ip kube-proxy; nft delete table ip6 kube-proxy; } 2>/dev/null || :",
        ),
    ]);
    parts.extend(absent(KUBERNETES));
    parts.extend(absent(RUNTIME));
    parts.push(Part::command(
        "Remove folders that hold nothing any more",
        "[ -z \"$(find /etc/cni /opt/cni -maxdepth 0 -type d -empty 2>/dev/null)\" ]",
        "find /etc/cni /opt/cni -maxdepth 0 -type d -empty -delete",
    ));
    parts.push(emptied(data));
    Step::new("remove/kubernetes", "Remove Kubernetes and containerd", parts)
}

/// Stops the kubelet: one that is started anew makes itself a node again.
pub fn kubelet() -> Step {
    // A create that follows where this was cut off takes the host for one that joined halfway, and lets it join again.
    let forgotten = Part::Absent(Absent { path: super::kubernetes::JOINED.into() });
    Step::new("remove/kubelet", "Stop the kubelet", vec![forgotten, stopped("kubelet.service")])
}

/// Stops etcd and its timer, and removes it with its data; snapshots stay unless `all` says so.
pub fn etcd(cluster: &Cluster, all: bool) -> Step {
    let settings = &cluster.spec.etcd;
    let mut parts = vec![
        stopped("etcd-backup.timer"),
        stopped("etcd-backup.service"),
        stopped("etcd.service"),
        emptied(&settings.data_dir),
    ];
    parts.extend(absent(ETCD));
    parts.push(members::forgotten());
    parts.extend(absent(&[&etcd::script_path(&settings.backup_script)]));
    parts.extend(emptied_of_kk(&settings.backup_script));
    parts.push(etcd::forget_old_data(cluster));
    if all {
        parts.push(snapshots(cluster));
    }
    Step::new("remove/etcd", "Remove etcd", parts)
}

/// The cluster's snapshots and nothing else: the folder may be one that others write to.
fn snapshots(cluster: &Cluster) -> Part {
    let folder = quote(cluster.spec.etcd.backup_dir.trim_end_matches('/'));
    let files = format!("{folder}/{}", etcd::snapshots_pattern(cluster));
    Part::command(
        "Remove the snapshots of etcd",
        format!(
            "for file in {files}; do [ ! -e \"$file\" ] || exit 1; done\n[ ! -e {folder}/.lock ]\n[ -z \"$(find {folder} -maxdepth 0 -type d -empty 2>/dev/null)\" ] || mountpoint -q {folder}"
        ),
        // A mount point stays.
        format!("rm -f -- {files} {folder}/.lock {folder}/.scheduled.part\nrmdir -- {folder} 2>/dev/null || :"),
    )
}

/// KubeKey's folder for scripts goes when it holds nothing any more; another one is somebody's own.
fn emptied_of_kk(folder: &str) -> Option<Part> {
    let folder = folder.trim_end_matches('/');
    folder.ends_with("/kube-scripts").then(|| {
        Part::command(
            format!("Remove {folder} if it is empty"),
            format!(
                "[ -z \"$(find {0} -maxdepth 0 -type d -empty 2>/dev/null)\" ] || mountpoint -q {0}",
                quote(folder)
            ),
            format!("rmdir -- {}", quote(folder)),
        )
    })
}

/// Stops the registry and removes it with its images.
pub fn registry(cluster: &Cluster) -> Step {
    let mut parts = vec![stopped("registry.service"), emptied(&cluster.spec.registry.registry_data_dir)];
    parts.extend(absent(REGISTRY));
    Step::new("remove/registry", "Remove the registry and its images", parts)
}

/// Takes kk's lines out of system files and forgets what kk remembered on the host.
pub fn system(cluster: &Cluster, host: &Host, all: bool) -> Step {
    let keeps_registry = !all && cluster.has_role(&host.name, "registry");
    let block =
        |marker: &str| Part::Block(Block { path: "/etc/hosts".into(), marker: marker.into(), content: "".into() });
    let mut parts = vec![block("endpoint"), block("hosts")];
    parts.extend(absent(SYSTEM));
    parts.push(name_before());
    parts.push(Part::command(
        "Read systemd's units anew",
        "for unit in kubelet.service etcd.service; do [ \"$(systemctl show --property LoadState --value $unit)\" = not-found ] || exit 1; done",
        "systemctl daemon-reload; systemctl reset-failed || :",
    ));
    // What kk remembers of the registry stays as long as the registry does.
    parts.push(clearing::over());
    if !keeps_registry {
        parts.push(Part::Absent(Absent { path: crate::install::os::STATE.into() }));
    }
    Step::new("remove/system", "Take back the settings of the operating system", parts)
}

/// The host's old name: its own entry in `/etc/hosts` goes, and sudo waits long for a name that nothing resolves.
fn name_before() -> Part {
    let file = crate::install::os::NAME_BEFORE;
    Part::command(
        "Give the host its old name back",
        format!("[ ! -s {file} ] || [ \"$(cat /proc/sys/kernel/hostname)\" = \"$(cat {file})\" ]"),
        format!("cat {file} > /etc/hostname && hostname \"$(cat {file})\""),
    )
}

fn stopped(name: &str) -> Part {
    Part::Unit(Unit {
        name: name.into(),
        enabled: false,
        running: false,
        version: String::new(),
        timeout: std::time::Duration::from_secs(120),
    })
}

fn absent(paths: &[&str]) -> Vec<Part> {
    paths.iter().map(|path| Part::Absent(Absent { path: (*path).into() })).collect()
}

/// Data folders are often mount points: they are emptied and stay.
fn emptied(folder: &str) -> Part {
    Part::command(
        format!("Empty {folder}"),
        format!("[ ! -d {folder} ] || [ -z \"$(ls -A {folder})\" ]"),
        format!("find {folder} -mindepth 1 -delete"),
    )
}
