//! What control planes that stand already have to learn when hosts join or leave. Needs no bundle.

use std::net::IpAddr;
use std::time::Duration;

use super::{KUBECTL, api_server_url, kubeadm};
use crate::cluster::{Cluster, Host};
use crate::host::Step;
use crate::host::part::Part;
use crate::install::etcd;

/// kubeadm's own record, from which control planes that join later are configured: where etcd is, and by which names
/// API servers are reached.
pub fn cluster_configuration(cluster: &Cluster) -> Step {
    let (endpoints, names) = (etcd::endpoints(cluster).join(" "), kubeadm::names(cluster).join(" "));
    let map = "-n kube-system configmap/kubeadm-config";
    // Prints the items of a list one behind the other.
    let list = "kk_list() { printf '%s\\n' \"$config\" | awk -v key=\"$1:\" '\
                $1 == key { on = 1; next } on && $1 == \"-\" { gsub(/[\"\\047]/, \"\", $2); printf \"%s%s\", gap, $2; gap = \" \"; next } { on = 0 }'; }";
    let check = format!(
        "config=$({KUBECTL} get {map} -o 'jsonpath={{.data.ClusterConfiguration}}')\n{list}\n\
         [ \"$(kk_list endpoints)\" = '{endpoints}' ] && [ \"$(kk_list certSANs)\" = '{names}' ]"
    );
    let apply = format!(
        "{KUBECTL} get {map} -o yaml > /run/kk/kubeadm-config.yaml\n\
         awk -v endpoints='{endpoints}' -v names='{names}' '\n\
         function items(text,  pad, item, count, i) {{\n\
         pad = $0; sub(/[^ ].*/, \"\", pad)\n\
         count = split(text, item, \" \")\n\
         for (i = 1; i <= count; i++) print pad \"- \" item[i]\n\
         skip = 1\n}}\n\
         skip && $1 == \"-\" {{ next }}\n\
         {{ skip = 0; print }}\n\
         $1 == \"endpoints:\" {{ items(endpoints) }}\n\
         $1 == \"certSANs:\" {{ items(names) }}' /run/kk/kubeadm-config.yaml > /run/kk/kubeadm-config-new.yaml\n\
         {KUBECTL} replace -f /run/kk/kubeadm-config-new.yaml >/dev/null\n\
         rm -f /run/kk/kubeadm-config.yaml /run/kk/kubeadm-config-new.yaml"
    );
    let part = Part::command("Keep etcd's members and the names of API servers in kubeadm-config", check, apply);
    Step::new("kubernetes/cluster-configuration", "Keep kubeadm's record of the cluster", vec![part])
}

/// The API server of a control plane that stands asks the members of etcd that there are, and its certificate has the
/// names of all hosts. It is restarted only where the members are others, and the step ends when it answers again.
pub fn api_server(cluster: &Cluster, host: &Host) -> Step {
    let manifest = "/etc/kubernetes/manifests/kube-apiserver.yaml";
    let servers = etcd::endpoints(cluster).join(",");
    let own = api_server_url(cluster, host);
    let answers = Part::wait(
        "Wait until the API server runs with them and answers",
        format!(
            "pgrep -f '^kube-apiserver .*--etcd-servers={servers}( |$)' >/dev/null && {KUBECTL} --server {own} get --raw /readyz >/dev/null 2>&1"
        ),
        Duration::from_secs(300),
    );
    let parts = vec![
        names(cluster, host),
        Part::command(
            "Lead the API server to the members of etcd",
            format!("[ \"$(sed -n 's/^ *- --etcd-servers=//p' {manifest})\" = {servers} ]"),
            // Beside its place and then renamed: the kubelet reads the folder at any time.
            format!(
                "umask 077\nsed 's|^\\( *- --etcd-servers=\\).*|\\1{servers}|' {manifest} > /etc/kubernetes/kk-apiserver.yaml\n\
                 sync -- /etc/kubernetes/kk-apiserver.yaml 2>/dev/null || sync\n\
                 mv -f /etc/kubernetes/kk-apiserver.yaml {manifest}"
            ),
        ),
        answers,
    ];
    Step::new("kubernetes/api-server", "Let the API server follow", parts)
}

/// A certificate with at least the names of all hosts; a host that has left may still stand in it. kubeadm signs it
/// from its record in the cluster, beside the old one, and the API server takes it up by itself.
fn names(cluster: &Cluster, host: &Host) -> Part {
    let patterns: Vec<String> = kubeadm::names(cluster).iter().filter_map(|name| in_certificate(name)).collect();
    let pki = "/etc/kubernetes/pki";
    let folder = "/etc/kubernetes/kk/renewed";
    let check = format!(
        "hex=$(sed '/^-/d' {pki}/apiserver.crt | base64 -d | od -An -v -tx1 | tr -d ' \\n')\n\
         for name in {}; do\ncase $hex in *$name*) ;; *) exit 1 ;; esac\ndone",
        patterns.join(" ")
    );
    let init = [
        format!("apiVersion: {}", kubeadm::API),
        "kind: InitConfiguration".into(),
        "localAPIEndpoint:".into(),
        format!("  advertiseAddress: {}", host.internal_ipv4()),
        format!("  bindPort: {}", kubeadm::bind_port(cluster)),
        "nodeRegistration:".into(),
        format!("  name: {}", host.name),
        format!("  criSocket: {}", kubeadm::SOCKET),
    ];
    let lines: Vec<String> = init.iter().map(|line| format!("'{line}'")).collect();
    let apply = format!(
        "umask 077\nrm -rf {folder}\nmkdir -p {folder}\ncp {pki}/ca.crt {pki}/ca.key {folder}/\n\
         {KUBECTL} get -n kube-system configmap/kubeadm-config -o 'jsonpath={{.data.ClusterConfiguration}}' > {folder}/cluster.yaml\n\
         {{\nprintf '%s\\n' {}\necho ---\n\
         sed 's|^certificatesDir:.*|certificatesDir: {folder}|' {folder}/cluster.yaml\n\
         }} > {folder}/kubeadm.yaml\n\
         kubeadm init phase certs apiserver --config {folder}/kubeadm.yaml >/dev/null\n\
         chmod 644 {folder}/apiserver.crt\n\
         sync -- {folder}/apiserver.key {folder}/apiserver.crt 2>/dev/null || sync\n\
         mv -f {folder}/apiserver.key {folder}/apiserver.crt {pki}/\nrm -rf {folder}",
        lines.join(" ")
    );
    Part::command("Name all hosts in the API server's certificate", check, apply)
}

/// How a name stands in a certificate's list of names, in hexadecimal digits (RFC 5280, GeneralName): `dNSName` is [2],
/// `iPAddress` is [7]. `None` for what is longer than a length of one byte says.
fn in_certificate(name: &str) -> Option<String> {
    let (tag, bytes) = match name.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => (0x87, address.octets().to_vec()),
        Ok(IpAddr::V6(address)) => (0x87, address.octets().to_vec()),
        Err(_) => (0x82, name.as_bytes().to_vec()),
    };
    let length = u8::try_from(bytes.len()).ok().filter(|length| *length < 0x80)?;
    let digits: String = [tag, length].iter().chain(&bytes).map(|byte| format!("{byte:02x}")).collect();
    Some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_a_certificate() {
        let names = ["192.0.2.11", "2001:db8::1", "lb.kubesphere.local"];
        let params = rcgen::CertificateParams::new(names.map(String::from)).unwrap();
        let certificate = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
        let hex: String = certificate.der().iter().map(|byte| format!("{byte:02x}")).collect();
        for name in names {
            assert!(hex.contains(&in_certificate(name).unwrap()), "{name}");
        }
        assert!(!hex.contains(&in_certificate("192.0.2.12").unwrap()));
        assert!(in_certificate(&"x".repeat(200)).is_none());
    }
}
