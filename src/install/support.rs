//! What a host is asked for when somebody elsewhere must understand what is wrong with it. Nothing is changed, and nothing is
//! read that is a secret as a whole: no key, no kubeconfig, no Secret of Kubernetes.

use std::time::Duration;

use super::etcd;
use crate::cluster::{CONTROL_PLANE, Cluster, ETCD, Host, REGISTRY, WORKER};

/// One file of the archive, and the commands that print it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its path below the host's folder.
    pub path: &'static str,
    pub script: String,
}

/// How long one piece may take.
pub const LIMIT: Duration = Duration::from_secs(90);

/// How much of a piece is kept, in bytes: its end, where logs are newest. Below what a session takes.
const KEPT: usize = 2 << 20;

/// How far back logs go, in lines.
const LINES: usize = 5000;

/// All that a host with its roles has to tell.
pub fn pieces(cluster: &Cluster, host: &Host) -> Vec<Piece> {
    let is = |role| cluster.has_role(&host.name, role);
    let node = is(CONTROL_PLANE) || is(WORKER);
    let mut pieces = Pieces(Vec::new());
    pieces.all(&[
        ("system.txt", "uname -a; cat /etc/os-release; uptime; free -m; nproc; date -u; timedatectl 2>/dev/null; cat /proc/cmdline"),
        ("disks.txt", "df -h; df -i; cat /proc/mounts"),
        ("network.txt", "ip address; ip route; ip rule; ss -lntu; cat /etc/hosts /etc/resolv.conf"),
        ("rules.txt", "iptables-save; nft list ruleset"),
        ("kernel.txt", "sysctl -a | grep -E '^(net\\.(ipv4|ipv6|bridge|netfilter)|vm|fs|kernel)\\.'; lsmod; dmesg -T | tail -n 500"),
        ("processes.txt", "ps -eo pid,ppid,user,stat,lstart,rss,comm --sort=pid"),
        ("units.txt", "systemctl --failed --no-pager; systemctl list-timers --all --no-pager; systemctl list-units --no-pager --type=service"),
        ("kk.txt", "find /var/lib/kk -xdev -printf '%M %u %s %t %p\\n'"),
    ]);
    if node {
        pieces.log("logs/kubelet.log", "kubelet");
        pieces.log("logs/containerd.log", "containerd");
        pieces.all(&[
            ("containers.txt", "crictl version; crictl info; crictl pods; crictl ps -a; crictl images; crictl stats"),
            ("kubelet/config.yaml", "cat /var/lib/kubelet/config.yaml"),
            (
                "containerd/config.toml",
                "cat /etc/containerd/config.toml; tail -n +1 /etc/containerd/certs.d/*/hosts.toml",
            ),
            ("cni.txt", "tail -n +1 /etc/cni/net.d/*; ls -l /opt/cni/bin; cat /run/flannel/subnet.env"),
            (
                "pods.log",
                "for log in /var/log/pods/kube-system_*/*/*.log /var/log/pods/kube-flannel_*/*/*.log; do \
                 echo \"==> $log <==\"; tail -n 300 \"$log\"; done",
            ),
        ]);
    }
    if is(CONTROL_PLANE) {
        let ask =
            "kubectl --kubeconfig /etc/kubernetes/admin.conf --cache-dir /var/lib/kk/kubectl --request-timeout 20s";
        pieces.add("manifests.yaml", "tail -n +1 /etc/kubernetes/manifests/*.yaml".into());
        pieces.add(
            "cluster.txt",
            format!(
                "for what in nodes 'pods -A' 'services -A' 'endpointslices -A' 'deployments,daemonsets,statefulsets -A' \
                 'pdb -A' 'pv,pvc -A' leases\\ -A; do echo \"==> $what <==\"; {ask} get $what -o wide; done; {ask} describe nodes"
            ),
        );
        pieces.add("events.txt", format!("{ask} get events -A --sort-by=.lastTimestamp -o wide"));
        pieces.add(
            "configmaps.yaml",
            format!("{ask} -n kube-system get configmap kubeadm-config kubelet-config kube-proxy coredns -o yaml"),
        );
    }
    if is(ETCD) {
        pieces.log("logs/etcd.log", "etcd");
        let ask = etcd::etcdctl(cluster);
        pieces.add(
            "etcd.txt",
            format!(
                "{ask} member list -w table; {ask} endpoint status --cluster -w table; {ask} endpoint health --cluster; \
                 {ask} alarm list; cat /etc/etcd/etcd.yaml; ls -l {}",
                crate::host::quote(&cluster.spec.etcd.data_dir)
            ),
        );
    }
    if is(REGISTRY) {
        pieces.log("logs/registry.log", "registry");
        let data = crate::host::quote(&cluster.spec.registry.registry_data_dir);
        pieces.add("registry.txt", format!("cat /etc/registry/config.yml; ls -l /etc/registry; du -sh {data}"));
    }
    pieces.0
}

struct Pieces(Vec<Piece>);

impl Pieces {
    fn all(&mut self, pieces: &[(&'static str, &str)]) {
        for (path, commands) in pieces {
            self.add(path, (*commands).to_owned());
        }
    }

    /// How a service is, how it is set up, and what it wrote.
    fn log(&mut self, path: &'static str, unit: &str) {
        self.add(
            path,
            format!(
                "systemctl status --no-pager --full {unit}.service; systemctl cat {unit}.service; \
                 journalctl --no-pager -o short-iso -n {LINES} -u {unit}.service"
            ),
        );
    }

    /// What a command complains of belongs to the answer; that it fails does not end the others.
    fn add(&mut self, path: &'static str, commands: String) {
        let seconds = LIMIT.as_secs() - 10;
        let script = format!(
            "kk_piece() {{\n{commands}\n}}\nkk_piece 2>&1 </dev/null | tail -c {KEPT} &\npid=$!\n\
             (sleep {seconds}; kill $pid) >/dev/null 2>&1 &\nwatch=$!\nwait $pid\nkill $watch 2>/dev/null\nexit 0\n"
        );
        self.0.push(Piece { path, script });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{ClusterFile, filled};

    fn cluster() -> Cluster {
        let file: ClusterFile = serde_saphyr::from_str(
            "{apiVersion: kubekey.kubesphere.io/v1alpha2, kind: Cluster, metadata: {name: sample}, spec: {hosts: [\
             {name: node1, address: 192.0.2.11}, {name: node4, address: 192.0.2.14}, {name: node5, address: 192.0.2.15}], \
             roleGroups: {etcd: [node1], control-plane: [node1], worker: [node4], registry: [node5]}}}",
        )
        .unwrap();
        let file = filled(file);
        Cluster { name: file.metadata.name, spec: file.spec, path: "cluster.yaml".into() }
    }

    #[test]
    fn hosts_tell_what_their_roles_have() {
        let cluster = cluster();
        let paths = |host: &str| -> Vec<&str> {
            pieces(&cluster, cluster.host(host).unwrap()).iter().map(|piece| piece.path).collect()
        };
        assert!(paths("node1").contains(&"etcd.txt") && paths("node1").contains(&"cluster.txt"));
        assert!(paths("node4").contains(&"logs/kubelet.log") && !paths("node4").contains(&"cluster.txt"));
        assert!(paths("node5").contains(&"logs/registry.log") && !paths("node5").contains(&"logs/kubelet.log"));
    }

    #[test]
    fn what_is_a_secret_as_a_whole_is_not_read() {
        let cluster = cluster();
        for host in &cluster.spec.hosts {
            for piece in pieces(&cluster, host) {
                for secret in ["cat /etc/kubernetes/pki", "cat /etc/kubernetes/admin.conf", "get secret", "htpasswd"] {
                    assert!(!piece.script.contains(secret), "{}: {secret}", piece.path);
                }
            }
        }
    }
}
