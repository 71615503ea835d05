//! What is planned for hosts in which state.

use super::planned;
use crate::host::Part;
use crate::install::NodeState;
use crate::plan::{Plan, Task, render};

/// Stages with their hosts and what they wait for, a line each.
fn outline(plan: &Plan) -> String {
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
    network: node1 after init
    dns: node1 after init
    token: node1 after init
    join: node2 node3 node4 after init, token
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
    assert!(outline.contains("join: node2 node3 node4 after init, forget, token\n"), "{outline}");
}

/// What a part would write into `/etc/hosts` under this marker.
fn lines(plan: &Plan, stage: &str, host: &str, marker: &str) -> Option<String> {
    let stage = plan.stages.iter().find(|candidate| candidate.name == stage)?;
    let steps = stage.tasks.iter().find_map(|task| match task {
        Task::Host { host: name, steps } if name == host => Some(steps),
        _ => None,
    })?;
    steps.iter().flat_map(|step| &step.parts).find_map(|part| match part {
        Part::Block(block) if block.marker == marker => Some(block.content.clone()),
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
