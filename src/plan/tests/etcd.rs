//! What is planned for snapshots of etcd and for putting one back.

use std::io::Write;
use std::process::{Command, Stdio};

use time::OffsetDateTime;

use super::{cluster, planned, render};
use crate::digest::Digest;
use crate::host::Part;
use crate::host::part::Source;
use crate::install::NodeState;
use crate::install::etcd::{Restore, SnapshotName};
use crate::plan::{Plan, Task, remove, restore_etcd, snapshot_etcd};

fn restoration() -> Plan {
    let restore = Restore {
        name: "20261118T110640Z-e3b0c44298fc".into(),
        begun: "20261118T110640Z".into(),
        snapshot: Source { path: "sample.db".into(), sha256: Digest::of(b""), size: 20512 },
        hash: Some("0012d687".into()),
    };
    restore_etcd(&cluster(), &restore)
}

fn snapshot() -> Plan {
    let name = SnapshotName::new(&cluster(), OffsetDateTime::from_unix_timestamp(1_795_000_000).unwrap());
    snapshot_etcd(&cluster(), "node2", &name)
}

#[test]
fn a_snapshot_is_one_step_on_one_host() {
    insta::assert_snapshot!(render(&snapshot()), @"
    Plan for cluster sample: 1 stages, 1 steps on 1 hosts

    1. Take a snapshot of etcd [snapshot]
       node2
         Take a snapshot of etcd [etcd/snapshot]
           - folder /var/backups/kube_etcd
           - Take the snapshot sample-20261118T110640Z.db
    ");
}

#[test]
fn api_servers_stop_first_and_start_last() {
    insta::assert_snapshot!(render(&restoration()), @"
    Plan for cluster sample: 8 stages, 21 steps on 4 hosts

    1. Bring the snapshot and verify it [snapshot]
       node1, node2, node3
         Bring the snapshot and verify it [etcd/restore-upload]
           - etcd is installed here
           - folder /var/lib/kk/etcd-restore
           - file /var/lib/kk/etcd-restore/e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855.db
           - etcdutl reads the snapshot, and finds in it what was taken

    2. Stop the control plane [stop-api] (after snapshot)
       node1, node2, node3
         Stop the control plane [etcd/restore-stop-api]
           - folder /var/lib/kk/etcd-restore
           - Stop the API server, the controller manager and the scheduler

    3. Stop etcd [stop-etcd] (after stop-api)
       node1, node2, node3
         Stop etcd [etcd/restore-stop]
           - Stop etcd, and its snapshots by a timer

    4. Put the snapshot back [data] (after stop-etcd)
       node1, node2, node3
         Put the snapshot back [etcd/restore-data]
           - Move the old data aside, as before-restore-20261118T110640Z
           - Make the member anew from the snapshot

    5. Start etcd [etcd] (after data; all hosts at once)
       node1, node2, node3
         Start etcd [etcd/restore-start]
           - Start etcd
           - Wait until every member of etcd is healthy
           - Remove the snapshot from the host

    6. Start the control plane [api] (after etcd)
       node1, node2, node3
         Start the control plane [etcd/restore-start-api]
           - Start the API server, the controller manager and the scheduler
           - Wait until the API server is ready

    7. Start kubelets anew [kubelets] (after api)
       node4
         Start the kubelet anew [etcd/restore-kubelet]
           - folder /var/lib/kk/etcd-restore
           - Start the kubelet anew

    8. Wait for the cluster [ready] (after api, kubelets)
       node1
         Wait for the kubelets [etcd/restore-reported]
           - Wait until 4 kubelets have reported
         Wait for the cluster [nodes/ready]
           - Wait until 4 nodes are ready
           - Wait until flannel runs on every node
           - Wait until CoreDNS runs
    ");
}

#[test]
fn a_member_is_made_with_a_name_and_a_token_of_its_own() {
    let plan = restoration();
    let texts: Vec<String> = commands(&plan).into_iter().filter(|text| text.contains("snapshot restore /")).collect();
    assert_eq!(texts.len(), 3);
    for (text, host) in texts.iter().zip(["node1", "node2", "node3"]) {
        assert!(text.contains(&format!("--name {host} ")), "{text}");
        assert!(text.contains("--initial-cluster-token 'sample-20261118T110640Z-e3b0c44298fc'"), "{text}");
        assert!(text.contains("--bump-revision 1000000000 --mark-compacted"), "{text}");
    }
    let cluster = "'node1=https://192.0.2.11:2380,node2=https://192.0.2.12:2380,node3=https://192.0.2.13:2380'";
    assert!(texts[0].contains(cluster), "{}", texts[0]);
}

/// All texts of all commands of a plan.
fn commands(plan: &Plan) -> Vec<String> {
    let steps = plan.stages.iter().flat_map(|stage| &stage.tasks).flat_map(|task| match task {
        Task::Host { steps, .. } => steps.as_slice(),
        Task::Operator(_) => &[],
    });
    let commands = steps.flat_map(|step| &step.parts).filter_map(|part| match part {
        Part::Command(command) => Some([command.check.clone(), command.apply.clone()]),
        _ => None,
    });
    commands.flatten().collect()
}

#[test]
fn every_command_is_one_to_a_shell() {
    for text in [snapshot(), restoration(), remove(&cluster(), true)].iter().flat_map(commands) {
        let mut shell = Command::new("sh").args(["-n"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        shell.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = shell.wait_with_output().unwrap();
        assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// What `kk create cluster` writes to a member's path.
fn written(path: &str) -> String {
    let plan = planned(|_| NodeState::Absent);
    let steps = plan.stages.iter().filter(|stage| stage.name == "etcd-backup").flat_map(|stage| &stage.tasks);
    let parts = steps.flat_map(|task| match task {
        Task::Host { steps, .. } => steps.iter().flat_map(|step| step.parts.clone()).collect(),
        Task::Operator(_) => Vec::new(),
    });
    let mut files = parts.filter_map(|part| match part {
        Part::File(file) if file.path == path => Some(file.content.expose().to_owned()),
        _ => None,
    });
    files.next().unwrap_or_default()
}

#[test]
fn the_timer_and_what_it_runs() {
    insta::assert_snapshot!(written("/etc/systemd/system/etcd-backup.timer"), @"
    [Unit]
    Description=Snapshots of etcd

    [Timer]
    OnCalendar=*-*-* 02:00:00
    Persistent=true
    RandomizedDelaySec=600
    AccuracySec=30s

    [Install]
    WantedBy=timers.target
    ");
    insta::assert_snapshot!(written("/etc/systemd/system/etcd-backup.service"), @r#"
    [Unit]
    Description=Snapshot of etcd
    After=etcd.service

    [Service]
    Type=oneshot
    ExecStart=/bin/sh "/usr/local/bin/kube-scripts/etcd-backup.sh"
    UMask=0077
    Nice=10
    TimeoutStartSec=1h
    "#);
    let script = written("/usr/local/bin/kube-scripts/etcd-backup.sh");
    let told: Vec<&str> = script.lines().filter(|line| line.contains("sample") || line.contains("etcdctl")).collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    # A snapshot that bears a name of the cluster is whole: it is renamed last. Holds no secret; etcdctl reads the
    cluster='sample'
    etcdctl --endpoints https://127.0.0.1:2379 --cacert /etc/ssl/etcd/ssl/ca.pem --cert /etc/ssl/etcd/ssl/member.pem --key /etc/ssl/etcd/ssl/member-key.pem --dial-timeout 5s --command-timeout 10s endpoint status >/dev/null
    etcdctl --endpoints https://127.0.0.1:2379 --cacert /etc/ssl/etcd/ssl/ca.pem --cert /etc/ssl/etcd/ssl/member.pem --key /etc/ssl/etcd/ssl/member-key.pem --dial-timeout 5s snapshot save "$part" >/dev/null
    set -- "$folder"/'sample'-[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]T[0-9][0-9][0-9][0-9][0-9][0-9]Z.db
    "#);
    let mut shell = Command::new("sh").arg("-n").stdin(Stdio::piped()).spawn().unwrap();
    shell.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(shell.wait().unwrap().success());
}
