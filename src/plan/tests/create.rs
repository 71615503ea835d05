//! What is planned for hosts in which state.

use super::{cluster, planned, planned_for, render};
use crate::host::Part;
use crate::install::{EtcdState, Found, NodeState};
use crate::plan::{Plan, Task};

/// Stages with their hosts and what they wait for, a line each.
pub fn outline(plan: &Plan) -> String {
    let mut text = String::new();
    for stage in &plan.stages {
        let hosts: Vec<&str> = stage
            .tasks
            .iter()
            .map(|task| match task {
                Task::Host { host, .. } => host.as_str(),
                Task::Operator(_) => "operator",
            })
            .collect();
        let after = if stage.after.is_empty() { String::new() } else { format!(" after {}", stage.after.join(", ")) };
        text.push_str(&format!("{}: {}{after}\n", stage.name, hosts.join(" ")));
    }
    text
}

#[test]
fn bare_hosts_get_everything() {
    insta::assert_snapshot!(outline(&planned(|_| NodeState::Absent)), @"
    os: node1 node2 node3 node4 node5
    registry: node5
    push: operator after registry
    runtime: node1 node2 node3 node4
    etcd-install: node1 node2 node3
    etcd: node1 node2 node3 after etcd-install
    binaries: node1 node2 node3 node4
    images: node1 node2 node3 node4 after registry, push
    init: node1 after etcd
    configuration: node1 after init
    network: node1 after init
    dns: node1 after init
    token: node1 after init
    join: node2 node3 node4 after init, configuration, token
    auto-renew: node1 node2 node3 after init, join
    endpoint: node1 node2 node3 node4 after init, join
    etcd-backup: node1 node2 node3 after etcd
    labels: node1 after join
    ready: node1 after endpoint, network
    ");
}

#[test]
fn nobody_gets_a_token_once_all_have_joined() {
    let plan = planned(|_| NodeState::Joined);
    assert!(plan.stages.iter().all(|stage| stage.name != "token" && stage.name != "forget"));
}

#[test]
fn a_host_that_joined_halfway_is_forgotten_before_it_joins_again() {
    let plan = planned(|host| if host == "node3" { NodeState::Partial } else { NodeState::Joined });
    let outline = outline(&plan);
    assert!(outline.contains("forget: node1 after init\n"), "{outline}");
    assert!(
        outline.contains("join: node2 node3 node4 after init, configuration, api-servers, forget, token\n"),
        "{outline}"
    );
}

/// What a part would write into `/etc/hosts` under this marker.
fn lines(plan: &Plan, stage: &str, host: &str, marker: &str) -> Option<String> {
    let stage = plan.stages.iter().find(|candidate| candidate.name == stage)?;
    let steps = stage.tasks.iter().find_map(|task| match task {
        Task::Host { host: name, steps } if name == host => Some(steps),
        _ => None,
    })?;
    steps.iter().flat_map(|step| &step.parts).find_map(|part| match part {
        Part::Block(block) if block.marker == marker => Some(block.content.to_string()),
        _ => None,
    })
}

#[test]
fn the_endpoint_leads_to_the_first_control_plane_until_a_host_has_joined() {
    let bare = planned(|_| NodeState::Absent);
    let joined = planned(|_| NodeState::Joined);
    let endpoint = |plan: &Plan, stage: &str, host: &str| lines(plan, stage, host, "endpoint").unwrap_or_default();
    assert_eq!(endpoint(&bare, "os", "node4"), "192.0.2.11 lb.kubesphere.local\n");
    assert_eq!(endpoint(&bare, "endpoint", "node4"), "127.0.0.1 lb.kubesphere.local\n");
    assert_eq!(endpoint(&bare, "endpoint", "node2"), "192.0.2.12 lb.kubesphere.local\n");
    for host in ["node1", "node2", "node3", "node4"] {
        assert_eq!(
            endpoint(&joined, "os", host),
            endpoint(&joined, "endpoint", host),
            "{host}: a rerun changes nothing"
        );
    }
}

#[test]
fn a_plan_shows_no_secret() {
    let text = render(&planned(|_| NodeState::Absent));
    for secret in ["hush", "0123456789abcdef", "PRIVATE KEY"] {
        assert!(!text.contains(secret), "{secret}");
    }
}

/// A cluster that stands, but for these hosts, which are bare.
fn standing_but_for(bare: &[&str]) -> Plan {
    planned(|host| if bare.contains(&host) { NodeState::Absent } else { NodeState::Joined })
}

#[test]
fn a_control_plane_with_etcd_joins_those_that_stand() {
    insta::assert_snapshot!(outline(&standing_but_for(&["node3"])), @"
    os: node1 node2 node3 node4 node5
    registry: node5
    push: operator after registry
    runtime: node1 node2 node3 node4
    etcd-install: node1 node2 node3
    etcd: node1 node2 after etcd-install
    etcd-join: node1 node3 node1 after etcd-install, etcd
    etcd-follow: node3 after etcd-join
    binaries: node1 node2 node3 node4
    images: node1 node2 node3 node4 after registry, push
    init: node1 after etcd, etcd-join, etcd-follow
    configuration: node1 after init
    api-servers: node1 node2 after configuration
    network: node1 after init
    dns: node1 after init
    token: node1 after init
    join: node2 node3 node4 after init, configuration, api-servers, token
    auto-renew: node1 node2 node3 after init, join
    endpoint: node1 node2 node3 node4 after init, join
    etcd-backup: node1 node2 node3 after etcd, etcd-follow
    labels: node1 after join
    ready: node1 after endpoint, network
    ");
}

#[test]
fn a_first_control_plane_that_is_new_is_not_where_the_cluster_is_made() {
    let plan = standing_but_for(&["node1"]);
    let outline = outline(&plan);
    assert!(outline.contains("init: node2 after etcd, etcd-join, etcd-follow\n"), "{outline}");
    assert!(outline.contains("join: node1 node3 node4 after "), "{outline}");
    // The registry's host is no node, and is led to the first control plane of the file once that is one.
    assert!(outline.contains("endpoint: node1 node2 node3 node4 node5 after init, join\n"), "{outline}");
    assert_eq!(lines(&plan, "os", "node5", "endpoint").unwrap(), "192.0.2.12 lb.kubesphere.local\n");
    assert_eq!(lines(&plan, "endpoint", "node5", "endpoint").unwrap(), "192.0.2.11 lb.kubesphere.local\n");
}

/// What would stand in a member's `etcd.yaml` of this stage's step on this host.
fn beginning(plan: &Plan, stage: &str, host: &str) -> Vec<String> {
    let stage = plan.stages.iter().find(|candidate| candidate.name == stage);
    let tasks = stage.iter().flat_map(|stage| &stage.tasks);
    let steps = tasks.filter_map(|task| match task {
        Task::Host { host: name, steps } if name == host => Some(steps),
        _ => None,
    });
    let config = steps.flatten().flat_map(|step| &step.parts).find_map(|part| match part {
        Part::File(file) if file.path == "/etc/etcd/etcd.yaml" => Some(file.content.expose().to_owned()),
        _ => None,
    });
    let lines = config.iter().flat_map(|text| text.lines()).filter(|line| line.starts_with("initial-cluster"));
    lines.filter(|line| !line.contains("token")).map(str::to_owned).collect()
}

#[test]
fn members_that_join_one_after_the_other_each_know_those_before_them() {
    let plan = standing_but_for(&["node2", "node3"]);
    assert_eq!(
        beginning(&plan, "etcd-join", "node2"),
        [
            "initial-cluster: node1=https://192.0.2.11:2380,node2=https://192.0.2.12:2380",
            "initial-cluster-state: existing"
        ]
    );
    let all =
        "initial-cluster: node1=https://192.0.2.11:2380,node2=https://192.0.2.12:2380,node3=https://192.0.2.13:2380";
    for (stage, host) in [("etcd-join", "node3"), ("etcd-follow", "node2"), ("etcd-install", "node1")] {
        assert_eq!(beginning(&plan, stage, host), [all, "initial-cluster-state: existing"], "{stage} {host}");
    }
    assert!(beginning(&plan, "etcd-install", "node2").is_empty(), "it is told nothing before the others are");
    let new = planned(|_| NodeState::Absent);
    assert_eq!(beginning(&new, "etcd-install", "node2"), [all, "initial-cluster-state: new"]);
}

#[test]
fn a_host_that_has_begun_to_join_etcd_ends_before_another_begins() {
    let plan = planned_for(&cluster(), |host| Found {
        arch: "amd64".into(),
        node: if host == "node1" { NodeState::Joined } else { NodeState::Absent },
        swap: false,
        etcd: match host {
            "node1" => EtcdState::Member,
            "node3" => EtcdState::Started,
            _ => EtcdState::Absent,
        },
        etcd_runs: host == "node1",
    });
    let outline = outline(&plan);
    assert!(outline.contains("etcd-join: node1 node3 node1 node1 node2 node1 after"), "{outline}");
}
