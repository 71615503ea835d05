//! Settings of etcd.

use super::Problems;
use crate::cluster::ClusterSpec;
use crate::yaml::{Path, Problem};

pub fn check(spec: &ClusterSpec, problems: &mut Problems) {
    let all = Path::of("spec.etcd");
    let etcd = &spec.etcd;
    problems.one_of(all.key("type"), &etcd.kind, &["kubekey", "kubeadm", "external"]);
    if etcd.kind == "external" && etcd.external.endpoints.is_empty() {
        problems.add(all.key("external"), "etcd of type external needs spec.etcd.external.endpoints");
    }
    if etcd.kind != "external" && !etcd.external.endpoints.is_empty() {
        let message = "spec.etcd.external is for etcd of type external";
        problems.push(Problem::new(all.key("external"), message).hint("set spec.etcd.type: external"));
    }
    problems.port(all.key("port"), etcd.port);
    problems.port(all.key("peerPort"), etcd.peer_port);
    if etcd.port == etcd.peer_port && etcd.port != 0 {
        problems.add(all.key("peerPort"), "spec.etcd.port and spec.etcd.peerPort cannot be the same");
    }
    for (key, path) in
        [("dataDir", &etcd.data_dir), ("backupDir", &etcd.backup_dir), ("backupScript", &etcd.backup_script)]
    {
        problems.absolute(all.key(key), path);
    }
    let (data, backups) = (etcd.data_dir.trim_end_matches('/'), etcd.backup_dir.trim_end_matches('/'));
    if format!("{backups}/").starts_with(&format!("{data}/")) {
        let message = "spec.etcd.backupDir cannot be in spec.etcd.dataDir: whoever loses the one would lose the other";
        problems.add(all.key("backupDir"), message);
    }
    if etcd.keep_backup_number == 0 && etcd.backup_period > 0 {
        let message = "spec.etcd.keepBackupNumber must be at least 1";
        problems.push(
            Problem::new(all.key("keepBackupNumber"), message).hint("backupPeriod: 0 is for no snapshots by a timer"),
        );
    }
    problems.one_of(all.key("metrics"), &etcd.metrics, &["basic", "extensive"]);
    let levels = ["debug", "info", "warn", "error", "panic", "fatal"];
    problems.one_of(all.key("logLevel"), &etcd.log_level, &levels);
    if etcd.heartbeat_interval == 0 {
        problems.add(all.key("heartbeatInterval"), "spec.etcd.heartbeatInterval must be at least 1 millisecond");
    } else if u64::from(etcd.election_timeout) < 5 * u64::from(etcd.heartbeat_interval) {
        // etcd itself refuses to start otherwise.
        let message = "spec.etcd.electionTimeout must be at least five times spec.etcd.heartbeatInterval";
        let hint = "ten times is usual";
        problems.push(Problem::new(all.key("electionTimeout"), message).hint(hint));
    } else if etcd.election_timeout > 50_000 {
        problems.add(all.key("electionTimeout"), "spec.etcd.electionTimeout must be at most 50000 milliseconds");
    }
    problems.flags(&all.key("extraArgs"), &etcd.extra_args);
}
