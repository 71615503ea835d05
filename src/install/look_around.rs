//! How a host is, in one round trip that changes nothing: services, disks, and what answers on it.

use super::etcd;
use super::kubernetes::bind_port;
use crate::cluster::{CONTROL_PLANE, Cluster, ETCD, Host, REGISTRY, WORKER};

/// What was looked at, and how it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sign {
    /// `services`, `disk`, `control-plane`, `endpoint`, `etcd`, `nodes`.
    pub concern: String,
    pub well: bool,
    pub subject: String,
    pub detail: String,
}

/// The concerns that a host may speak of.
pub const CONCERNS: [&str; 6] = ["nodes", "control-plane", "endpoint", "etcd", "services", "disk"];

/// More lines than any cluster has nodes, folders and services.
const MOST_LINES: usize = 20_000;

/// A script that prints what [`parse`] reads.
pub fn script(cluster: &Cluster, host: &Host) -> String {
    let is = |role| cluster.has_role(&host.name, role);
    let node = is(CONTROL_PLANE) || is(WORKER);
    let mut script = include_str!("look_around.sh").to_owned();
    let mut units = Vec::new();
    let mut folders = vec!["/", "/var/log"];
    let registry = &cluster.spec.registry;
    if node {
        units.extend(["kubelet", "containerd"]);
        let data = registry.containerd_data_dir.as_str();
        folders.extend(["/var/lib/kubelet", if data.is_empty() { "/var/lib/containerd" } else { data }]);
        script.push_str("kk_ask endpoint '' kubectl --kubeconfig /etc/kubernetes/kubelet.conf --request-timeout 10s get --raw /readyz\n");
    }
    if is(CONTROL_PLANE) {
        script.push_str(&format!(
            "kk_ask control-plane '' kubectl --kubeconfig /etc/kubernetes/admin.conf --cache-dir /var/lib/kk/kubectl \
             --server https://{}:{} --request-timeout 10s get --raw /readyz\nkk_nodes\n",
            host.internal_ipv4(),
            bind_port(cluster)
        ));
    }
    if is(ETCD) {
        units.push("etcd");
        folders.push(&cluster.spec.etcd.data_dir);
        script.push_str(&format!("kk_ask etcd '' {} endpoint health\n", etcd::etcdctl(cluster)));
    }
    if is(REGISTRY) {
        units.push("registry");
        folders.push(&registry.registry_data_dir);
    }
    for unit in units {
        script.push_str(&format!("kk_unit {unit}\n"));
    }
    for folder in folders {
        script.push_str(&format!("kk_disk {}\n", crate::host::quote(folder)));
    }
    script.push_str("echo end\nexit 0\n");
    script
}

/// Reads what the script printed; `None` where it did not come to its end. Lines that mean nothing are passed over: a host
/// may say anything.
pub fn parse(answer: &str) -> Option<Vec<Sign>> {
    let lines = || answer.lines().take(MOST_LINES);
    lines().any(|line| line == "end").then(|| {
        let signs = lines().filter_map(|line| {
            let mut words = line.splitn(4, '\t');
            let (concern, state, subject, detail) = (words.next()?, words.next()?, words.next()?, words.next()?);
            let well = match state {
                "well" => true,
                "unwell" => false,
                _ => return None,
            };
            let cut = |text: &str| text.trim().chars().filter(|letter| !letter.is_control()).take(300).collect();
            CONCERNS.contains(&concern).then(|| Sign {
                concern: concern.into(),
                well,
                subject: cut(subject),
                detail: cut(detail),
            })
        });
        signs.collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_and_strange_lines_are_not() {
        let answer = "etcd\twell\t\thttps://127.0.0.1:2379 is healthy\nshadow\twell\tx\ty\netcd\tmaybe\tx\ty\n\
                      disk\tunwell\t/\t3 % free, 1.0 GiB\nnoise\nend\n";
        let signs = parse(answer).unwrap();
        assert_eq!(signs.len(), 2);
        assert_eq!((signs[1].subject.as_str(), signs[1].well), ("/", false));
        assert_eq!(parse("etcd\twell\t\tx\n"), None);
    }
}
