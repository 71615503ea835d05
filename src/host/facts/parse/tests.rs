//! What hosts print, and what they should not.

use proptest::prelude::*;

use super::*;

const PRINTED: &str = r#"time.start=1700000000.25
system=Linux
arch=x86_64
kernel=6.1.0-26-amd64
hostname=srv-1a2b3c
resolves=no
machine-id=0123456789abcdef0123456789abcdef
product-uuid=
os.PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
os.ID=debian
os.VERSION_ID="12"
cpus=4
memory.MemTotal=8131460
memory.MemAvailable=7000000
swap=1048572 /dev/vda2
disk=41152736 30000000 /
disk=103081248 90000000 /data
link=/var/lib/containerd /data/containerd
listen=LISTEN 0      128          0.0.0.0:22        0.0.0.0:*    users:(("sshd",pid=612,fd=3))
listen=LISTEN 0      128             [::]:22           [::]:*    users:(("sshd",pid=612,fd=4))
listen=LISTEN 0      4096       127.0.0.1:10248     0.0.0.0:*
listen-hex=00000000:192B
address=lo 127.0.0.1/8
address=eth0 198.51.100.11/24
route=default via 198.51.100.1 dev eth0 proto static
nameserver=198.51.100.1
cgroup=2
controllers=cpuset cpu io memory pids
feature=overlay present
feature=vxlan loadable
feature=ipvs missing
ip-forward=1
command=tar
command=flock
systemd=running
unit=Id=containerd.service
unit=LoadState=loaded
unit=ActiveState=active
unit=FragmentPath=/lib/systemd/system/containerd.service
unit=
unit=Id=docker.service
unit=LoadState=not-found
unit=ActiveState=inactive
unit=FragmentPath=
unit=
unit=Id=etcd.service
unit=LoadState=loaded
unit=ActiveState=inactive
unit=FragmentPath=/etc/systemd/system/etcd.service
kk=yes
kk-unit=etcd.service
busy=yes
clearing=node
joined=yes
kubelet-conf=yes
etcd-version=3.6.15
cluster=https://lb.kubesphere.local:6443
time.end=1700000000.75
"#;

#[test]
fn what_a_host_prints() {
    let facts = parse(PRINTED);
    insta::assert_yaml_snapshot!(facts, @r#"
    arch: amd64
    system: Linux
    kernel: 6.1.0-26-amd64
    hostname: srv-1a2b3c
    resolves: false
    os:
      id: debian
      version: "12"
      name: Debian GNU/Linux 12 (bookworm)
    machine_id: 0123456789abcdef0123456789abcdef
    product_uuid: ""
    cpus: 4
    memory: 8326615040
    memory_available: 7168000000
    swap:
      - path: /dev/vda2
        size: 1073737728
    mounts:
      - path: /
        size: 42140401664
        free: 30720000000
      - path: /data
        size: 105555197952
        free: 92160000000
    links:
      /var/lib/containerd: /data/containerd
    listening:
      - address: 0.0.0.0
        port: 22
        process: sshd
      - address: "[::]"
        port: 22
        process: sshd
      - address: 127.0.0.1
        port: 10248
        process: ~
      - address: ""
        port: 6443
        process: ~
    addresses:
      - interface: lo
        address: 127.0.0.1
      - interface: eth0
        address: 198.51.100.11
    default_interface: eth0
    nameservers:
      - 198.51.100.1
    cgroup: 2
    controllers:
      - cpu
      - cpuset
      - io
      - memory
      - pids
    features:
      ipvs: missing
      overlay: present
      vxlan: loadable
    ip_forward: true
    commands:
      - flock
      - tar
    systemd: running
    units:
      - name: containerd.service
        active: true
        path: /lib/systemd/system/containerd.service
      - name: etcd.service
        active: false
        path: /etc/systemd/system/etcd.service
    ufw: false
    selinux: ~
    kk: true
    kk_units:
      - etcd.service
    busy: true
    clearing: node
    joined: true
    kubelet: ~
    kubelet_conf: true
    admin_conf: false
    etcd_data: false
    etcd_member: false
    etcd_version: 3.6.15
    cni: []
    cluster: "https://lb.kubesphere.local:6443"
    clock_ahead: ~
    "#);
    assert_eq!(facts.clock, (Some(1_700_000_000.25), Some(1_700_000_000.75)));
    assert_eq!(facts.mount_of("/var/lib/containerd/x").map(|mount| mount.path.as_str()), Some("/data"));
    assert_eq!(facts.mount_of("/var/lib/containerd2").map(|mount| mount.path.as_str()), Some("/"));
    assert_eq!(facts.mount_of("/database").map(|mount| mount.path.as_str()), Some("/"));
}

#[test]
fn values_are_cleaned() {
    let facts = parse("hostname=\u{1b}[31mred\u{7}\ncpus=-1\nmemory.MemTotal=99999999999999999999\ntime.start=soon\n");
    assert_eq!(facts.hostname, "[31mred");
    assert_eq!((facts.cpus, facts.memory, facts.clock.0), (0, 0, None));
    assert_eq!(parse(&format!("kernel={}", "x".repeat(9999))).kernel.len(), LONGEST_VALUE);
    assert_eq!(parse(&"nameserver=1\n".repeat(9999)).nameservers.len(), LONGEST_LIST);
    assert_eq!(seconds("1700000000.N"), Some(1_700_000_000.0));
    assert_eq!(seconds("1700000000"), Some(1_700_000_000.0));
}

proptest! {
    #[test]
    fn nothing_that_a_host_prints_breaks_it(text in any::<String>()) {
        let _ = parse(&text);
    }

    #[test]
    fn nor_anything_behind_a_key(index in 0..PRINTED.lines().count(), value in any::<String>()) {
        let key = PRINTED.lines().nth(index).and_then(|line| line.split('=').next()).unwrap_or_default();
        let facts = parse(&format!("{key}={value}"));
        let _ = facts.mount_of(&value);
    }
}
