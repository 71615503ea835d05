//! How a cluster is, put together from what hosts and ports said. Pure.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::install::look_around::Sign;
use crate::plan::expiry::{Expiry, State};

/// How a cluster is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    pub cluster: String,
    pub well: bool,
    pub concerns: Vec<Concern>,
}

/// One side of a cluster.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Concern {
    /// `hosts`, `nodes`, `control-plane`, `endpoint`, `etcd`, `registry`, `certificates`, `services`, `disk`,
    /// `drift`.
    pub name: &'static str,
    pub lines: Vec<Line>,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// A host, or `*` for the cluster.
    pub host: String,
    /// What of it, such as a folder or a service; empty where that is said by the concern.
    pub subject: String,
    pub well: bool,
    pub detail: String,
}

/// What is known of one host.
#[derive(Debug)]
pub struct Host {
    pub name: String,
    /// Of the cluster file.
    pub roles: Vec<String>,
    /// What it said of itself, or why it said nothing.
    pub signs: Result<Vec<Sign>, String>,
}

/// Puts together what was found. `nodes` are the names that the cluster file wants as nodes; `registry` is what was seen on
/// the registry's port, where there is one; `drift` what hosts hold that is not as `kk` left it.
pub fn status(
    cluster: &str,
    hosts: &[Host],
    nodes: &[&str],
    registry: Option<Line>,
    drift: Vec<Line>,
    expiry: &Expiry,
) -> Status {
    let reached = hosts.iter().map(|host| Line {
        host: host.name.clone(),
        subject: host.roles.join(","),
        well: host.signs.is_ok(),
        detail: host.signs.as_ref().err().cloned().unwrap_or_else(|| "answers".into()),
    });
    let mut concerns = vec![
        Concern { name: "hosts", lines: reached.collect() },
        Concern { name: "nodes", lines: node_lines(hosts, nodes) },
    ];
    for name in ["control-plane", "endpoint", "etcd"] {
        concerns.push(Concern { name, lines: lines_of(hosts, name) });
    }
    concerns.push(Concern { name: "registry", lines: registry.into_iter().collect() });
    concerns.push(Concern { name: "certificates", lines: vec![soonest(expiry)] });
    for name in ["services", "disk"] {
        concerns.push(Concern { name, lines: lines_of(hosts, name) });
    }
    concerns.push(Concern { name: "drift", lines: drift });
    concerns.retain(|concern| !concern.lines.is_empty());
    let well = concerns.iter().flat_map(|concern| &concern.lines).all(|line| line.well);
    Status { cluster: cluster.to_owned(), well, concerns }
}

fn lines_of(hosts: &[Host], concern: &str) -> Vec<Line> {
    let signs = hosts.iter().filter_map(|host| Some((host, host.signs.as_ref().ok()?)));
    let lines = signs.flat_map(|(host, signs)| {
        signs.iter().filter(|sign| sign.concern == concern).map(|sign| Line {
            host: host.name.clone(),
            subject: sign.subject.clone(),
            well: sign.well,
            detail: sign.detail.clone(),
        })
    });
    lines.collect()
}

/// Nodes as the first control plane that answers lists them; those that it does not know are not well.
fn node_lines(hosts: &[Host], nodes: &[&str]) -> Vec<Line> {
    let mut answers = hosts.iter().filter_map(|host| host.signs.as_ref().ok());
    let listed = answers.find(|signs| signs.iter().any(|sign| sign.concern == "nodes"));
    let Some(listed) = listed else {
        let detail = "no control plane lists the nodes".to_owned();
        return vec![Line { host: "*".into(), subject: String::new(), well: false, detail }];
    };
    let roles =
        |name: &str| hosts.iter().find(|host| host.name == name).map(|host| host.roles.join(",")).unwrap_or_default();
    let mut lines: Vec<Line> = listed
        .iter()
        .filter(|sign| sign.concern == "nodes")
        .map(|sign| Line {
            host: sign.subject.clone(),
            subject: roles(&sign.subject),
            well: sign.well,
            detail: sign.detail.clone(),
        })
        .collect();
    let known: BTreeSet<String> = lines.iter().map(|line| line.host.clone()).collect();
    lines.extend(nodes.iter().filter(|name| !known.contains(**name)).map(|name| Line {
        host: (*name).into(),
        subject: roles(name),
        well: false,
        detail: "it is not a node".into(),
    }));
    lines
}

/// The certificate that ends first.
fn soonest(expiry: &Expiry) -> Line {
    let first = expiry.certificates.iter().filter(|row| row.not_after.is_some()).min_by_key(|row| row.not_after);
    let (expired, expiring) = expiry.count();
    let unreadable = expiry.certificates.iter().filter(|row| row.state == State::Unreadable).count();
    let mut detail = format!("{} of them", expiry.certificates.len());
    if let Some(row) = first {
        let (days, end) = (row.days_left.unwrap_or_default(), row.expires.clone().unwrap_or_default());
        detail = format!("{detail}; the first to end is {} on {}, in {days} days ({end})", row.name, row.place());
    }
    for (count, what) in [(expired, "expired"), (expiring, "expire soon"), (unreadable, "cannot be read")] {
        if count > 0 {
            detail = format!("{detail}; {count} {what}");
        }
    }
    let well = expired + expiring + unreadable == 0;
    Line { host: "*".into(), subject: String::new(), well, detail }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::expiry;

    fn sign(concern: &str, well: bool, subject: &str, detail: &str) -> Sign {
        Sign { concern: concern.into(), well, subject: subject.into(), detail: detail.into() }
    }

    fn shown(status: &Status) -> String {
        let lines = status.concerns.iter().flat_map(|concern| {
            concern.lines.iter().map(move |line| {
                let well = if line.well { "well" } else { "UNWELL" };
                format!("{}: {} {} {well} {}", concern.name, line.host, line.subject, line.detail)
            })
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn what_does_not_answer_is_not_well() {
        let hosts = [
            Host {
                name: "node1".into(),
                roles: vec!["control-plane".into(), "etcd".into()],
                signs: Ok(vec![
                    sign("nodes", true, "node1", "ready, v1.35.4"),
                    sign("control-plane", true, "", "ok"),
                    sign("etcd", false, "", "unhealthy cluster"),
                    sign("disk", true, "/", "62 % free, 10.0 GiB"),
                ]),
            },
            Host { name: "node2".into(), roles: vec!["worker".into()], signs: Err("no route to host".into()) },
        ];
        let certificates = expiry::expiry("sample", Vec::new(), &[], 0, 0);
        let status = status("sample", &hosts, &["node1", "node2"], None, Vec::new(), &certificates);
        assert!(!status.well);
        insta::assert_snapshot!(shown(&status), @"
        hosts: node1 control-plane,etcd well answers
        hosts: node2 worker UNWELL no route to host
        nodes: node1 control-plane,etcd well ready, v1.35.4
        nodes: node2 worker UNWELL it is not a node
        control-plane: node1  well ok
        etcd: node1  UNWELL unhealthy cluster
        certificates: *  well 0 of them
        disk: node1 / well 62 % free, 10.0 GiB
        ");
    }
}
