//! Every check on hosts that are as they should be but for one thing.

use std::collections::BTreeMap;

use super::*;
use crate::cluster::{ClusterSpec, RoleGroups};
use crate::host::Clearing;
use crate::host::facts::{Address, Feature, Listener, Mount, Os, Swap, UnitFact};
use crate::plan::Extent;

const GIB: u64 = 1 << 30;

fn cluster() -> Cluster {
    let host = |name: &str, last: u8| Host {
        name: name.into(),
        address: format!("10.0.0.{last}"),
        internal_address: format!("10.0.0.{last}"),
        ..Host::default()
    };
    let mut spec = ClusterSpec {
        hosts: vec![host("master", 1), host("worker", 2), host("store", 3)],
        role_groups: RoleGroups(BTreeMap::from([
            ("control-plane".into(), vec!["master".into()]),
            ("etcd".into(), vec!["master".into()]),
            ("worker".into(), vec!["worker".into()]),
            ("registry".into(), vec!["store".into()]),
        ])),
        ..ClusterSpec::default()
    };
    spec.kubernetes.version = "v1.35.4".into();
    spec.network.plugin = "flannel".into();
    spec.control_plane_endpoint.internal_loadbalancer = "haproxy".into();
    spec.registry.private_registry = "registry.local".into();
    Cluster { name: "test".into(), spec, path: "cluster.yaml".into() }
}

fn healthy(host: &Host) -> Facts {
    let every = commands::EVERYWHERE.iter().chain(commands::NODES).chain(commands::LATER);
    Facts {
        arch: "amd64".into(),
        system: "Linux".into(),
        kernel: "6.1.0-26-amd64".into(),
        hostname: "srv".into(),
        os: Os { id: "debian".into(), version: "12".into(), name: "Debian GNU/Linux 12 (bookworm)".into() },
        machine_id: format!("id-of-{}", host.name),
        cpus: 2,
        memory: 4 * GIB,
        mounts: vec![
            Mount { path: "/".into(), size: 40 * GIB, free: 30 * GIB },
            Mount { path: "/data".into(), size: 100 * GIB, free: 90 * GIB },
        ],
        listening: vec![Listener { address: "0.0.0.0".into(), port: 22, process: Some("sshd".into()) }],
        addresses: vec![
            Address { interface: "lo".into(), address: "127.0.0.1".into() },
            Address { interface: "eth0".into(), address: host.internal_address.clone() },
        ],
        cgroup: 2,
        controllers: ["cpu", "cpuset", "memory", "pids"].map(String::from).into(),
        features: ["overlay", "bridge-netfilter", "vxlan", "iptables-nat"]
            .map(|name| (name.to_string(), Feature::Present))
            .into(),
        commands: every.map(|tool| tool.0.to_string()).collect(),
        systemd: Some("running".into()),
        clock_ahead: Some(0.02),
        ..Facts::default()
    }
}

fn needs() -> Needs {
    let node = BTreeMap::from([("/usr/local".to_string(), GIB), ("/var/lib/containerd".to_string(), 2 * GIB)]);
    let bytes = BTreeMap::from([
        ("master".to_string(), node.clone()),
        ("worker".to_string(), node),
        ("store".to_string(), BTreeMap::from([("/mnt/registry".to_string(), 4 * GIB)])),
    ]);
    Needs { arches: vec!["amd64".into()], bytes }
}

/// What is found when these changes are made to the cluster file and to healthy hosts.
fn found(change: impl FnOnce(&mut Cluster, &mut BTreeMap<String, Facts>)) -> String {
    let mut cluster = cluster();
    let mut facts = cluster.spec.hosts.iter().map(|host| (host.name.clone(), healthy(host))).collect();
    change(&mut cluster, &mut facts);
    check(&cluster, &facts, &needs()).iter().map(|finding| format!("{:?}: {finding}\n", finding.severity)).collect()
}

fn on<'a>(facts: &'a mut BTreeMap<String, Facts>, host: &str) -> &'a mut Facts {
    facts.get_mut(host).unwrap()
}

fn listen(port: u16, process: Option<&str>) -> Listener {
    Listener { address: "*".into(), port, process: process.map(String::from) }
}

fn unit(name: &str, active: bool) -> UnitFact {
    UnitFact { name: name.into(), active, path: format!("/lib/systemd/system/{name}") }
}

#[test]
fn nothing_is_found_on_healthy_hosts() {
    assert_eq!(found(|_, _| {}), "");
}

#[test]
fn every_finding_is_of_a_check_in_the_table() {
    let mut names: Vec<&str> = CHECKS.iter().map(|(name, _)| *name).collect();
    let sorted = {
        let mut sorted = names.clone();
        sorted.sort_unstable();
        sorted
    };
    assert_eq!(names, sorted);
    names.dedup();
    assert_eq!(names.len(), CHECKS.len());
    let sources = [
        include_str!("clearing.rs"),
        include_str!("clocks.rs"),
        include_str!("commands.rs"),
        include_str!("etcd.rs"),
        include_str!("existing.rs"),
        include_str!("identity.rs"),
        include_str!("kernel.rs"),
        include_str!("machine.rs"),
        include_str!("ports.rs"),
        include_str!("space.rs"),
    ]
    .concat();
    for name in names {
        assert!(sources.contains(&format!("\"{name}\"")), "{name} is no check's");
    }
}

#[test]
fn machines() {
    insta::assert_snapshot!(found(|cluster, facts| {
        cluster.spec.hosts[0].arch = Some("arm64".into());
        on(facts, "worker").arch = "arm64".into();
        on(facts, "store").systemd = None;
        on(facts, "store").memory = 100 << 20;
        on(facts, "master").cpus = 1;
        on(facts, "master").memory = 1699 << 20;
        on(facts, "worker").memory = 512 << 20;
        on(facts, "worker").selinux = Some("Enforcing".into());
    }), @r"
    Error: master: the cluster file says arch: arm64, and the host is amd64 [arch]
    Error: master: a control plane needs 1700 MiB of memory, and the host has 1699 MiB [memory]
    Error: worker: the host is arm64, and the bundle is for amd64 [arch]
    Error: worker: a worker needs 700 MiB of memory, and the host has 512 MiB [memory]
    Error: store: the host (Debian GNU/Linux 12 (bookworm)) does not run systemd, which starts all that kk installs [systemd]
    Warning: master: a control plane should have 2 processors, and the host has 1 [cpus]
    Warning: worker: SELinux enforces, and kk brings no policy for containers [selinux]
    ");
}

#[test]
fn kernels() {
    insta::assert_snapshot!(found(|_, facts| {
        on(facts, "master").features.insert("overlay".into(), Feature::Missing);
        on(facts, "master").features.insert("vxlan".into(), Feature::Loadable);
        on(facts, "worker").features.insert("vxlan".into(), Feature::Missing);
        on(facts, "worker").kernel = "3.10.0-1160.el7.x86_64".into();
        on(facts, "worker").controllers.remove("memory");
        on(facts, "store").features.clear();
        on(facts, "store").cgroup = 1;
    }), @r"
    Error: master: the kernel 6.1.0-26-amd64 has no overlay, and containerd keeps images in overlay file systems [kernel]
    Error: master: it lacks the command modprobe [commands]
    Error: worker: the kernel 3.10.0-1160.el7.x86_64 has no vxlan, and flannel's backend is vxlan [kernel]
    Error: worker: the controllers memory of control groups are switched off [cgroups]
    Warning: worker: the kernel is 3.10.0-1160.el7.x86_64, and Kubernetes is tested from 4.19 on [kernel]
    ");
}

#[test]
fn control_groups_of_version_1() {
    let old = |facts: &mut BTreeMap<String, Facts>| on(facts, "worker").cgroup = 1;
    insta::assert_snapshot!(found(|_, facts| old(facts)), @"Error: worker: control groups are of version 1, which the kubelet of v1.35 refuses [cgroups]");
    insta::assert_snapshot!(found(|cluster, facts| {
        old(facts);
        cluster.spec.kubernetes.kubelet_configuration.insert("failCgroupV1".into(), false.into());
    }), @"Warning: worker: control groups are of version 1, which Kubernetes supports no longer than it must [cgroups]");
    insta::assert_snapshot!(found(|cluster, facts| {
        old(facts);
        cluster.spec.kubernetes.version = "v1.34.1".into();
    }), @"Warning: worker: control groups are of version 1, which Kubernetes supports no longer than it must [cgroups]");
}

#[test]
fn swap() {
    let on = |facts: &mut BTreeMap<String, Facts>| {
        on(facts, "worker").swap = vec![Swap { path: "/dev/vda2".into(), size: GIB }];
        on(facts, "store").swap = vec![Swap { path: "/swapfile".into(), size: GIB }];
        facts.get_mut("worker").unwrap().commands.insert("swapoff".into());
    };
    insta::assert_snapshot!(found(|_, facts| on(facts)), @"Warning: worker: swap is on (/dev/vda2); kk turns it off, now and for later boots [swap]");
    insta::assert_snapshot!(found(|cluster, facts| {
        on(facts);
        cluster.spec.system.skip_configure_os = true;
    }), @"Error: worker: swap is on (/dev/vda2), the kubelet refuses that, and skipConfigureOS keeps kk from turning it off [swap]");
    assert_eq!(
        found(|cluster, facts| {
            on(facts);
            cluster.spec.kubernetes.kubelet_configuration.insert("failSwapOn".into(), false.into());
        }),
        ""
    );
}

#[test]
fn disks() {
    insta::assert_snapshot!(found(|_, facts| {
        on(facts, "master").mounts[0].free = 2 * GIB;
        on(facts, "worker").mounts[0].free = 5 * GIB;
        on(facts, "store").mounts.push(Mount { path: "/mnt/registry".into(), size: 5 * GIB, free: 3 * GIB });
    }), @r"
    Error: master: / has 2.0 GiB free, and 3.0 GiB are needed there for /usr/local, /var/lib/containerd [disk]
    Error: store: /mnt/registry has 3.0 GiB free, and 4.0 GiB are needed there for /mnt/registry [disk]
    Warning: worker: / will have less than 15 % of its 40.0 GiB free, and the kubelet then evicts pods [disk]
    ");
    // What kk brought before is there already.
    insta::assert_snapshot!(found(|_, facts| {
        on(facts, "master").mounts[0].free = 2 * GIB;
        on(facts, "master").kk = true;
        let worker = on(facts, "worker");
        worker.mounts[0].free = GIB;
        worker.mounts[0].size = GIB;
        worker.links.insert("/var/lib/containerd".into(), "/data/containerd".into());
    }), @r"
    Warning: master: / has 2.0 GiB free, and 3.0 GiB are needed there for /usr/local, /var/lib/containerd [disk]
    Warning: worker: / will have less than 15 % of its 1.0 GiB free, and the kubelet then evicts pods [disk]
    ");
}

#[test]
fn systems_alone_take_no_room() {
    let inventory = crate::plan::tests::inventory();
    let bytes = |extent| Needs::within(extent, &crate::plan::tests::cluster(), &inventory).bytes;
    assert!(bytes(Extent::Os).is_empty());
    assert_eq!(bytes(Extent::Registry), bytes(Extent::Cluster));
    assert!(!bytes(Extent::Cluster).is_empty());
}

#[test]
fn ports() {
    insta::assert_snapshot!(found(|_, facts| {
        on(facts, "master").listening.extend([listen(6443, Some("haproxy")), listen(2379, None)]);
        on(facts, "worker").listening.extend([
            listen(10250, Some("kubelet")),
            listen(10261, Some("exporter")),
            listen(2379, Some("etcd")),
        ]);
        on(facts, "store").listening.extend([listen(443, Some("nginx"))]);
    }), @r"
    Error: master: port 6443 is for the API server, and the process haproxy listens there [ports]
    Error: master: port 2379 is for etcd's clients, and something listens there [ports]
    Error: worker: port 10250 is for the kubelet, and the process kubelet listens there [ports]
    Error: worker: port 10261 is for flannel's health, and the process exporter listens there [ports]
    Error: store: port 443 is for the registry, and the process nginx listens there [ports]
    ");
    // A half-finished run of kk's own.
    assert_eq!(
        found(|_, facts| {
            let master = on(facts, "master");
            master.kk = true;
            master.listening.extend(
                [
                    (6443, "kube-apiserver"),
                    (10257, "kube-controller"),
                    (10259, "kube-scheduler"),
                    (2379, "etcd"),
                    (2380, "etcd"),
                ]
                .map(|(port, process)| listen(port, Some(process))),
            );
            let worker = on(facts, "worker");
            worker.kk = true;
            worker.listening.extend([
                listen(6443, Some("haproxy")),
                listen(10250, Some("kubelet")),
                listen(10256, None),
                listen(10261, Some("flanneld")),
            ]);
            on(facts, "store").kk = true;
            on(facts, "store").listening.push(listen(443, Some("registry")));
        }),
        ""
    );
    insta::assert_snapshot!(found(|cluster, facts| {
        cluster.spec.registry.private_registry = "registry.local:5000".into();
        on(facts, "store").kk = true;
        on(facts, "store").listening.extend([listen(443, Some("nginx")), listen(5000, Some("docker-proxy"))]);
    }), @"Error: store: port 5000 is for the registry, and the process docker-proxy listens there [ports]");
}

#[test]
fn what_a_removal_that_was_cut_off_has_left() {
    insta::assert_snapshot!(found(|_, facts| {
        on(facts, "master").clearing = Some(Clearing::Node);
        on(facts, "worker").clearing = Some(Clearing::Cluster);
    }), @r"
    Error: master: a kk delete node master was cut off there, and part of what an installation builds on is gone [clearing]
    Error: worker: a kk delete cluster was cut off there, and part of what an installation builds on is gone [clearing]
    ");
    // A host that was not there when the last cluster was deleted is no reason to delete this one.
    let hint = |stands: bool| {
        let cluster = cluster();
        let mut facts = cluster.spec.hosts.iter().map(|host| (host.name.clone(), healthy(host))).collect();
        on(&mut facts, "master").joined = stands;
        on(&mut facts, "worker").clearing = Some(Clearing::Cluster);
        check(&cluster, &facts, &needs()).into_iter().find(|finding| finding.check == "clearing")?.hint
    };
    assert!(hint(false).is_some_and(|hint| hint.starts_with("`kk delete cluster` is to come to its end")));
    assert!(hint(true).is_some_and(|hint| hint.contains("`kk delete node worker` clears this one alone")));
}

#[test]
fn what_others_installed() {
    insta::assert_snapshot!(found(|_, facts| {
        let master = on(facts, "master");
        master.kubelet_conf = true;
        master.cluster = Some("https://10.9.9.9:6443".into());
        master.etcd_data = true;
        master.cni = vec!["10-calico.conflist".into()];
        let worker = on(facts, "worker");
        worker.units = vec![unit("containerd.service", true), unit("docker.service", true), unit("k3s.service", false)];
        let store = on(facts, "store");
        store.units = vec![unit("docker.service", true), unit("firewalld.service", true)];
    }), @r"
    Error: master: it is a node of the cluster at https://10.9.9.9:6443, which kk did not make [cluster]
    Error: master: /var/lib/etcd holds data of an etcd that kk did not bring [etcd]
    Error: worker: k3s is installed there [cluster]
    Error: worker: Docker runs there (/lib/systemd/system/docker.service), and kk did not bring it [runtime]
    Error: worker: containerd runs there (/lib/systemd/system/containerd.service), and kk did not bring it [runtime]
    Warning: master: /etc/cni/net.d holds 10-calico.conflist, and the runtime takes the first by name [cni]
    Warning: store: firewalld is on, and may stand between the hosts [firewall]
    ");
    insta::assert_snapshot!(found(|_, facts| {
        let master = on(facts, "master");
        master.kk = true;
        master.kubelet_conf = true;
        master.etcd_data = true;
        master.cluster = Some("https://lb.other.example:6443".into());
        master.cni = vec!["10-flannel.conflist".into()];
        master.units = vec![unit("containerd.service", true), unit("etcd.service", true), unit("kubelet.service", true)];
        on(facts, "worker").units = vec![unit("kubelet.service", false), unit("containerd.service", false)];
    }), @r"
    Error: master: it is a node of another cluster, at https://lb.other.example:6443 [cluster]
    Warning: worker: a kubelet is installed there that kk did not bring [cluster]
    Warning: worker: containerd is installed there (/lib/systemd/system/containerd.service), and kk did not bring it [runtime]
    ");
    for server in ["https://lb.kubesphere.local:6443", "https://10.0.0.1:6443", "https://127.0.0.1:6443"] {
        assert_eq!(
            found(|_, facts| {
                let worker = on(facts, "worker");
                worker.kk = true;
                worker.kubelet_conf = true;
                worker.cluster = Some(server.into());
                worker.units = vec![unit("containerd.service", true), unit("kubelet.service", true)];
            }),
            ""
        );
    }
}

#[test]
fn commands_and_their_packages() {
    let lacking = |cluster: &mut Cluster, facts: &mut BTreeMap<String, Facts>| {
        cluster.spec.kubernetes.version = "v1.30.0".into();
        for command in ["tar", "ip", "losetup", "iptables"] {
            on(facts, "worker").commands.remove(command);
        }
        on(facts, "store").commands.remove("iptables");
        on(facts, "master").commands.insert("conntrack".into());
    };
    insta::assert_snapshot!(found(lacking), @r"
    Error: worker: it lacks the commands conntrack, ip, losetup, tar [commands]
    Warning: worker: it lacks the command iptables, which will be needed later [commands]
    ");
    let mut cluster = cluster();
    let mut facts = cluster.spec.hosts.iter().map(|host| (host.name.clone(), healthy(host))).collect();
    lacking(&mut cluster, &mut facts);
    let hint = check(&cluster, &facts, &needs())[0].hint.clone().unwrap();
    insta::assert_snapshot!(hint, @"Install conntrack iproute2 mount tar (Debian, Ubuntu) or conntrack-tools iproute tar util-linux (Red Hat and its kin) on the host.");
}

#[test]
fn who_is_who() {
    insta::assert_snapshot!(found(|_, facts| {
        let same = on(facts, "master").clone();
        *on(facts, "worker") = same;
        on(facts, "store").resolves = Some(false);
        on(facts, "store").machine_id = "id-of-master".into();
        on(facts, "store").addresses[1].address = "192.168.0.9".into();
    }), @r"
    Error: worker: its internalAddress 10.0.0.2 is on none of its interfaces [address]
    Error: worker: it is the same machine as master [same-machine]
    Warning: store: its internalAddress 10.0.0.3 is on none of its interfaces [address]
    Warning: store: it cannot resolve its own name srv, for which sudo may wait at every call [hostname]
    Warning: store: it has the machine-id of master, as clones have [machine-id]
    ");
}

#[test]
fn clocks() {
    insta::assert_snapshot!(found(|_, facts| {
        on(facts, "master").clock_ahead = Some(3600.4);
        on(facts, "worker").clock_ahead = Some(-7.0);
        on(facts, "store").clock_ahead = Some(4.9);
    }), @r"
    Error: master: its clock is 1 h 0 min ahead of this machine's [clock]
    Warning: worker: its clock is 7 s behind this machine's [clock]
    ");
    insta::assert_snapshot!(found(|_, facts| {
        for facts in facts.values_mut() {
            facts.clock_ahead = Some(-90_000.0);
        }
    }), @"Error: all hosts agree that the clock of this machine is 1 d 1 h ahead [clock]");
}

#[test]
fn ignored_checks() {
    insta::assert_snapshot!(found(|cluster, facts| {
        cluster.spec.preflight.ignore = vec!["memory".into(), "swop".into(), "everything".into()];
        on(facts, "master").memory = GIB;
        on(facts, "worker").cgroup = 1;
    }), @r#"
    Error: spec.preflight.ignore names the check "swop", and there is none of that name [ignore]
    Error: spec.preflight.ignore names the check "everything", and there is none of that name [ignore]
    Error: worker: control groups are of version 1, which the kubelet of v1.35 refuses [cgroups]
    Warning: master: a control plane needs 1700 MiB of memory, and the host has 1024 MiB [memory]
    "#);
    let mut cluster = cluster();
    cluster.spec.preflight.ignore = vec!["swop".into()];
    let findings = check(&cluster, &BTreeMap::new(), &needs());
    assert_eq!(findings[0].hint.as_deref(), Some("did you mean \"swap\"?"));
}

#[test]
fn members_of_etcd() {
    let two = |cluster: &mut Cluster| {
        cluster.spec.role_groups.0.insert("etcd".into(), vec!["master".into(), "worker".into()])
    };
    insta::assert_snapshot!(found(|cluster, _| {
        two(cluster);
    }), @"Error: etcd has 2 members, and must have an odd number of them [etcd-members]");
    insta::assert_snapshot!(found(|cluster, facts| {
        two(cluster);
        on(facts, "worker").etcd_member = true;
    }), @"Warning: etcd has 2 members, which survive no more failures than 1 [etcd-members]");
}

#[test]
fn a_node_keeps_its_kind() {
    insta::assert_snapshot!(found(|_, facts| {
        for name in ["master", "worker"] {
            let facts = on(facts, name);
            (facts.kk, facts.joined, facts.kubelet_conf) = (true, true, true);
            facts.cluster = Some("https://lb.kubesphere.local:6443".into());
        }
        on(facts, "worker").admin_conf = true;
    }), @r"
    Error: master: it has joined as a worker, and the cluster file names it as a control plane [cluster]
    Error: worker: it has joined as a control plane, and the cluster file names it as a worker [cluster]
    ");
}
