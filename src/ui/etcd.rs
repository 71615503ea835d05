//! How etcd is, as a table; and what a backup is.

use super::table;
use crate::install::etcd::Report;
use crate::jobs::etcd::backup::Outcome;
use crate::quantity::bytes;

/// One line a member.
pub fn etcd_members(report: &Report) -> String {
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".into());
    let number = |value: Option<u64>| value.map_or_else(|| "-".into(), |value| value.to_string());
    let size = |value: Option<u64>| value.map_or_else(|| "-".into(), bytes);
    let rows = report.members.iter().map(|member| {
        let role = match (member.id.is_some(), member.leader, member.learner) {
            (false, ..) => "-",
            (_, true, _) => "leader",
            (_, _, true) => "learner",
            _ => "follower",
        };
        [
            member.host.clone(),
            member.name.clone(),
            text(&member.id),
            text(&member.version),
            role.to_owned(),
            size(member.db_size),
            size(member.db_size_in_use),
            format!("{}/{}", number(member.raft_term), number(member.raft_index)).replace("-/-", "-"),
            member
                .last_backup
                .as_ref()
                .map_or_else(|| "-".into(), |last| format!("{}, {}", last.time, bytes(last.size))),
            member.trouble.clone().unwrap_or_else(|| "healthy".into()),
        ]
    });
    let headers =
        ["host", "name", "id", "version", "role", "size", "in use", "term/index", "last backup there", "health"];
    table(&headers, rows).trim_end().to_owned()
}

/// Where it is, and what it is.
pub fn etcd_backup(outcome: &Outcome) -> String {
    let (about, snapshot) = (&outcome.beside, &outcome.beside.snapshot);
    format!(
        "snapshot     {}\non its host  {}\nof           {}, etcd {} on {}\nholds        revision {}, {} keys, {}\n\
         hash         {}\nsha256       {}",
        outcome.file.display(),
        outcome.on_host,
        about.time,
        about.etcd_version,
        about.member,
        snapshot.revision,
        snapshot.total_keys,
        bytes(snapshot.size),
        snapshot.hash,
        snapshot.sha256.hex(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::install::etcd::{Backup, Member};

    #[test]
    fn members_that_are_well_and_that_are_not() {
        let well = Member {
            host: "node1".into(),
            name: "node1".into(),
            healthy: true,
            id: Some("8e9e05c52164694d".into()),
            version: Some("3.6.15".into()),
            leader: true,
            db_size: Some(6_000_000),
            db_size_in_use: Some(4_000_000),
            raft_index: Some(5000),
            raft_term: Some(3),
            last_backup: Some(Backup { file: "x".into(), time: "2026-11-18 11:06:40 UTC".into(), size: 20512 }),
            ..Member::default()
        };
        let away = Member {
            host: "node2".into(),
            name: "node2".into(),
            trouble: Some("cannot connect to 192.0.2.12:22".into()),
            ..Member::default()
        };
        let report = Report { cluster: "sample".into(), healthy: false, members: vec![well, away] };
        insta::assert_snapshot!(etcd_members(&report), @"
        HOST   NAME   ID                VERSION  ROLE    SIZE     IN USE   TERM/INDEX  LAST BACKUP THERE                  HEALTH
        node1  node1  8e9e05c52164694d  3.6.15   leader  5.7 MiB  3.8 MiB  3/5000      2026-11-18 11:06:40 UTC, 20.0 KiB  healthy
        node2  node2  -                 -        -       -        -        -           -                                  cannot connect to 192.0.2.12:22
        ");
    }
}
