//! Another authority in the place of one that hosts trust: what each pass of a rotation puts on them. What authorities
//! sign is made anew as [`super::renew`] does it.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::certs::rotation::first;
use super::certs::{Authority, Keys, Pass, Rotation};
use super::kubernetes::{KUBECTL, everywhere};
use super::{etcd, registry, started};
use crate::cluster::{CONTROL_PLANE, Cluster, ETCD, Host, WORKER};
use crate::digest::Digest;
use crate::host::part::{Absent, Part};
use crate::host::{Step, quote};

const PKI: &str = "/etc/kubernetes/pki";
const KUBELET_CONF: &str = "/etc/kubernetes/kubelet.conf";
/// Kubeconfigs of control planes, which kubeadm makes.
const CONFS: &str = "/etc/kubernetes/admin.conf /etc/kubernetes/super-admin.conf \
                     /etc/kubernetes/controller-manager.conf /etc/kubernetes/scheduler.conf";
/// The one certificate that the controller manager signs with: it takes no file with two of them
/// (pkg/controller/certificates/signer/ca_provider.go), as `ca.crt` is while two authorities are trusted.
const SIGNING: &str = "/etc/kubernetes/pki/kk-signing-ca.crt";
/// What it signs with otherwise, as kubeadm tells it.
const USUAL_SIGNING: &str = "/etc/kubernetes/pki/ca.crt";
/// On templates of pods: a digest of the authorities that pods trusted when they began.
const TRUSTED: &str = "kk.dev/trusted-authorities";
/// Namespaces of what belongs to the cluster itself.
const SYSTEM: &str = "^(kube-.*|calico-.*|tigera-.*|cilium.*)$";

/// One pass of a rotation.
pub struct Turn<'a> {
    pub cluster: &'a Cluster,
    pub rotation: &'a Rotation,
    /// As the pass has them.
    pub keys: &'a Keys,
    /// Pods that are not the cluster's own are left alone.
    pub leave_workloads: bool,
}

impl Turn<'_> {
    /// Whether this authority is replaced.
    pub fn has(&self, authority: Authority) -> bool {
        self.rotation.authorities.contains(&authority)
    }

    fn is(&self, host: &Host, role: &str) -> bool {
        self.cluster.has_role(&host.name, role)
    }

    fn is_node(&self, host: &Host) -> bool {
        self.is(host, CONTROL_PLANE) || self.is(host, WORKER)
    }

    /// As it stands in kubeconfigs.
    fn kubernetes_ca(&self) -> String {
        BASE64.encode(&self.keys.kubernetes_ca.certificate)
    }
}

/// The controller manager signs with one certificate. Comes before `ca.crt` gets a second one.
///
/// In the second pass the file gets the new one beside the new key, and not before: a controller manager does not begin
/// with a certificate and a key that do not belong together.
pub fn sign_with_one(turn: &Turn) -> Step {
    let mut parts = vec![signing_with(SIGNING)];
    if turn.rotation.pass == Pass::Trust {
        parts.insert(0, signing_file(turn));
    }
    Step::new("rotate/signing", "Tell the controller manager which authority signs", parts)
}

/// It signs with `ca.crt`, as kubeadm has it. Comes when that has one certificate again.
pub fn sign_as_usual() -> Step {
    let parts = vec![signing_with(USUAL_SIGNING), Part::Absent(Absent { path: SIGNING.into() })];
    Step::new("rotate/signing", "Have the controller manager sign as usual", parts)
}

fn signing_file(turn: &Turn) -> Part {
    Part::file(SIGNING, first(&turn.keys.kubernetes_ca.certificate))
}

/// Whoever has told it to sign with a file of their own is left to it.
fn signing_with(file: &str) -> Part {
    let (manifest, flag) = ("/etc/kubernetes/manifests/kube-controller-manager.yaml", "--cluster-signing-cert-file");
    let part = Part::command(
        format!("Let the controller manager sign with {file}"),
        format!(
            "grep -qxE ' *- {flag}=({USUAL_SIGNING}|{SIGNING})' {manifest} || exit 0\n\
             grep -qx ' *- {flag}={file}' {manifest} && pgrep -f '^kube-controller-manager .*{flag}={file}( |$)' >/dev/null"
        ),
        // Beside its place and then renamed: the kubelet reads the folder at any time.
        format!(
            "umask 077\nsed 's|^\\( *- {flag}=\\).*|\\1{file}|' {manifest} >/etc/kubernetes/kk-controller-manager.yaml\n\
             mv -f /etc/kubernetes/kk-controller-manager.yaml {manifest}"
        ),
    );
    part.settling(Duration::from_secs(180))
}

/// All files by which the host trusts, and the keys of authorities on control planes.
pub fn trust(turn: &Turn, host: &Host) -> Step {
    let (keys, control_plane, mut parts) = (turn.keys, turn.is(host, CONTROL_PLANE), Vec::new());
    if turn.has(Authority::KubernetesCa) && turn.is_node(host) {
        parts.push(Part::file(format!("{PKI}/ca.crt"), keys.kubernetes_ca.certificate.clone()));
        if control_plane {
            if has_own_signing(turn) {
                parts.push(signing_file(turn));
            }
            parts.push(Part::secret_file(format!("{PKI}/ca.key"), keys.kubernetes_ca.key.clone()));
        }
        parts.push(kubeconfigs(turn, KUBELET_CONF));
    }
    if turn.has(Authority::FrontProxyCa) && control_plane {
        parts.push(Part::file(format!("{PKI}/front-proxy-ca.crt"), keys.front_proxy_ca.certificate.clone()));
        parts.push(Part::secret_file(format!("{PKI}/front-proxy-ca.key"), keys.front_proxy_ca.key.clone()));
    }
    if turn.has(Authority::EtcdCa) {
        let certificate = &keys.etcd_ca.certificate;
        if control_plane {
            parts.push(Part::file(format!("{PKI}/etcd/ca.crt"), certificate.clone()));
        }
        if turn.is(host, ETCD) {
            parts.push(Part::file(format!("{}/ca.pem", etcd::SSL), certificate.clone()));
        }
    }
    if turn.has(Authority::RegistryCa) && turn.is_node(host) {
        parts.push(Part::file(registry::CA_ON_HOSTS, keys.registry_ca.certificate.clone()));
    }
    Step::new("rotate/trust", "Place the authorities that are trusted", parts)
}

/// The authorities in kubeconfigs; those that are not there are passed over.
fn kubeconfigs(turn: &Turn, files: &str) -> Part {
    let key = "certificate-authority-data:";
    let ca = turn.kubernetes_ca();
    Part::command(
        format!("Trust the authorities in {}", files.split_whitespace().collect::<Vec<_>>().join(", ")),
        format!("for file in {files}; do [ ! -e $file ] || grep -qx ' *{key} {ca}' $file || exit 1; done"),
        format!("for file in {files}; do [ ! -e $file ] || sed -i 's|^\\( *{key}\\).*|\\1 {ca}|' $file; done"),
    )
}

/// Comes after kubeadm: what it is to renew it finds by the file that was looked at, and it writes one authority into
/// kubeconfigs, while API servers may show a certificate of the other.
pub fn trust_in_kubeconfigs(turn: &Turn) -> Step {
    Step::new("rotate/kubeconfigs", "Place the authorities in kubeconfigs", vec![kubeconfigs(turn, CONFS)])
}

/// A kubelet that has read whom to trust.
pub fn restart_kubelet() -> Step {
    let files = [KUBELET_CONF, "/etc/kubernetes/pki/ca.crt"];
    Step::new("rotate/kubelet", "Restart the kubelet", vec![started::restart_unit("kubelet.service", &files)])
}

/// What the cluster itself tells of its authorities, and pods that began after it did. Empty for authorities of which the
/// cluster tells nobody.
pub fn tell(turn: &Turn) -> Step {
    let mut parts = Vec::new();
    if turn.rotation.pass == Pass::Forget {
        let told = [
            (Authority::KubernetesCa, "client-ca-file", &turn.keys.kubernetes_ca),
            (Authority::FrontProxyCa, "requestheader-client-ca-file", &turn.keys.front_proxy_ca),
        ];
        let told = told.into_iter().filter(|(authority, ..)| turn.has(*authority));
        parts.extend(told.map(|(_, key, pair)| forgotten_by_extensions(key, &pair.certificate)));
    }
    if turn.has(Authority::KubernetesCa) {
        parts.extend([cluster_info(turn), published(turn)]);
        // Between the first pass and the second, whom to trust stays the same.
        if turn.rotation.pass != Pass::Sign {
            parts.extend(workloads(turn));
        }
    }
    Step::new("rotate/cluster", "Tell pods of the authorities", parts)
}

/// Whom aggregated API servers trust. API servers add theirs to what stands there, and take away only what has run out
/// (pkg/controlplane/controller/clusterauthenticationtrust).
fn forgotten_by_extensions(key: &str, certificate: &str) -> Part {
    let map = "-n kube-system configmap/extension-apiserver-authentication";
    let wanted: String = certificate.lines().collect();
    let patch = serde_json::json!({ "data": { key: certificate } }).to_string();
    let part = Part::command(
        format!("Have aggregated API servers forget the old {key}"),
        format!(
            "found=$({KUBECTL} get {map} -o 'jsonpath={{.data.{key}}}') || exit 1\n\
             [ \"$(printf %s \"$found\" | tr -d '\\r\\n')\" = '{wanted}' ]"
        ),
        format!("{KUBECTL} patch {map} --type merge -p {} >/dev/null", quote(&patch)),
    );
    part.settling(Duration::from_secs(60))
}

/// What joining hosts read (`cluster-info`, kubeadm join); not there in a cluster that takes none.
fn cluster_info(turn: &Turn) -> Part {
    let (map, key, ca) = ("-n kube-public configmap/cluster-info", "certificate-authority-data:", turn.kubernetes_ca());
    let file = "/run/kk/cluster-info.yaml";
    Part::command(
        "Tell hosts that will join of the authorities",
        format!(
            "found=$({KUBECTL} get {map} --ignore-not-found -o 'jsonpath={{.data.kubeconfig}}') || exit 1\n\
             [ -z \"$found\" ] || printf '%s\\n' \"$found\" | grep -qx ' *{key} {ca}'"
        ),
        format!(
            "{KUBECTL} get {map} -o yaml | sed 's|^\\( *{key}\\).*|\\1 {ca}|' >{file}\n\
             {KUBECTL} replace -f {file} >/dev/null\nrm -f {file}"
        ),
    )
}

/// Pods find the authorities in a map of their namespace, which the controller manager keeps.
fn published(turn: &Turn) -> Part {
    let wanted: String = turn.keys.kubernetes_ca.certificate.lines().collect();
    Part::wait(
        "Wait until every namespace has the authorities",
        format!(
            "found=$({KUBECTL} get configmaps --all-namespaces --field-selector metadata.name=kube-root-ca.crt \
             -o 'jsonpath={{range .items[*]}}{{.data.ca\\.crt}}{{\"#\"}}{{end}}') || exit 1\n\
             [ -n \"$found\" ] && [ -z \"$(printf %s \"$found\" | tr -d '\\n' | tr '#' '\\n' | grep -vxF -e '{wanted}')\" ]"
        ),
        Duration::from_secs(180),
    )
}

/// Pods read the authorities when they begin, and few read them again: their workloads start them anew, and are waited for.
/// What does not do so by itself is passed over.
fn workloads(turn: &Turn) -> Vec<Part> {
    let ca = &turn.keys.kubernetes_ca.certificate;
    let digest = Digest::of(ca.as_bytes()).hex();
    let word = &digest[..16];
    let (which, ours) = match turn.leave_workloads {
        true => ("of the cluster's own", format!("$2 ~ /{SYSTEM}/")),
        false => ("of all", "1".to_owned()),
    };
    let columns = format!(
        "KIND:.kind,NS:.metadata.namespace,NAME:.metadata.name,BY:.spec.updateStrategy.type,PAUSED:.spec.paused,\
         WORD:.spec.template.metadata.annotations.{}",
        TRUSTED.replace('.', "\\.")
    );
    let kinds = "daemonsets,deployments,statefulsets";
    let list = format!("{KUBECTL} get {kinds} --all-namespaces --no-headers -o 'custom-columns={columns}'");
    let of = |also: &str| {
        format!(
            "printf '%s\\n' \"$all\" | awk 'NF > 5 && {ours} && $4 != \"OnDelete\" && $5 != \"true\"{also} {{ print $1, $2, $3 }}'"
        )
    };
    let (every, old) = (of(""), of(&format!(" && $6 != \"{word}\"")));
    let patch =
        format!("{{\"spec\":{{\"template\":{{\"metadata\":{{\"annotations\":{{\"{TRUSTED}\":\"{word}\"}}}}}}}}}}");
    let restart = Part::command(
        format!("Start pods {which} workloads anew, a few at a time"),
        format!("all=$({list}) || exit 1\n[ -z \"$({old})\" ]"),
        format!(
            "all=$({list})\n{old} | while read -r kind namespace name; do\n\
             {KUBECTL} -n \"$namespace\" patch \"$kind\" \"$name\" -p '{patch}' >/dev/null\ndone"
        ),
    );
    // A DaemonSet goes from node to node.
    let nodes = u64::try_from(turn.cluster.nodes().len()).unwrap_or(u64::MAX);
    let limit = Duration::from_secs(nodes.saturating_mul(20).saturating_add(600));
    let complaint = "does not run as it should; kubectl tells why, and --leave-workloads leaves it out";
    let runs = Part::wait(
        format!("Wait until pods {which} workloads run"),
        format!(
            "all=$({list}) || exit 1\n{every} | while read -r kind namespace name; do\n\
             {} || {{ echo \"$kind $namespace/$name {complaint}\"; exit 1; }}\ndone",
            everywhere::rolled_out("-n \"$namespace\" \"$kind/$name\""),
        ),
        limit,
    );
    vec![restart.within(Duration::from_secs(600)), runs]
}

/// Whether this pass has the controller manager sign with a file of its own.
pub fn has_own_signing(turn: &Turn) -> bool {
    turn.has(Authority::KubernetesCa) && turn.rotation.pass != Pass::Forget
}
