//! What stands in the way of an upgrade, and what is planned for one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::*;
use crate::cluster::Cluster;
use crate::host::Part;
use crate::install::upgrade_facts::{Budget, Deprecated, Node, UpgradeFacts};
use crate::plan::tests::{cluster, outline, with_inputs};
use crate::plan::{Plan, Task};

fn upgraded() -> Cluster {
    let mut cluster = cluster();
    cluster.spec.role_groups.0.get_mut("worker").unwrap().push("node5".into());
    cluster
}

fn planned(max_unavailable: usize) -> (Plan, Plan) {
    planned_through(&[], max_unavailable)
}

fn planned_through(etcd_through: &[String], max_unavailable: usize) -> (Plan, Plan) {
    with_inputs(&upgraded(), |inputs| {
        let drain = Duration::from_secs(120);
        let asked = Hop { inputs, etcd_through, push_images: true, max_unavailable, drain, force: false };
        (place(&asked).unwrap(), hop(&asked).unwrap())
    })
}

#[test]
fn images_are_placed_before_anything_is_disturbed() {
    insta::assert_snapshot!(outline(&planned(1).0), @"
    os: node1 node2 node3 node4 node5
    registry: node5 after os
    push: operator after registry
    images: node1 node2 node3 node4 node5 after push
    ");
}

#[test]
fn control_planes_go_one_by_one_and_workers_in_batches() {
    insta::assert_snapshot!(outline(&planned(1).1), @"
    etcd: node1 node2 node3
    control-plane-node1: node1 after etcd
    drain-node1: node1 after control-plane-node1
    node-node1: node1 after drain-node1
    back-node1: node1 after node-node1
    settled-node1: node1 after back-node1
    control-plane-node2: node2 after settled-node1
    drain-node2: node1 after control-plane-node2
    node-node2: node2 after drain-node2
    back-node2: node1 after node-node2
    settled-node2: node2 after back-node2
    control-plane-node3: node3 after settled-node2
    drain-node3: node1 after control-plane-node3
    node-node3: node3 after drain-node3
    back-node3: node1 after node-node3
    settled-node3: node3 after back-node3
    addons: node1 after settled-node3
    drain-node4: node1 after addons
    node-node4: node4 after drain-node4
    back-node4: node1 after node-node4
    drain-node5: node1 after back-node4
    node-node5: node5 after drain-node5
    back-node5: node1 after node-node5
    network: node1 after back-node5
    dns: node1 after network
    endpoint: node1 node2 node3 node4 node5 after dns
    labels: node1 after endpoint
    ready: node1 after labels
    ");
    let both = outline(&planned(2).1);
    assert!(both.contains("node-node4-node5: node4 node5 after drain-node4-node5\n"), "{both}");
}

#[test]
fn all_members_of_etcd_are_of_what_lies_on_the_way_before_one_is_of_the_bundles() {
    let plan = planned_through(&["v3.6.15".into()], 1).1;
    let outline = outline(&plan);
    assert!(
        outline.starts_with("etcd-v3.6.15: node1 node2 node3\netcd: node1 node2 node3 after etcd-v3.6.15\n"),
        "{outline}"
    );
    assert_eq!(plan.stages[0].order, crate::plan::Order::OneByOne);
}

#[test]
fn the_kubelet_comes_last_and_no_text_holds_what_shells_would_read() {
    let (_, plan) = planned(1);
    let stage = plan.stages.iter().find(|stage| stage.name == "node-node4").unwrap();
    let Task::Host { steps, .. } = &stage.tasks[0] else { panic!("a stage of hosts") };
    let ids: Vec<&str> = steps.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(ids, ["upgrade/node", "runtime/containerd", "upgrade/kubelet"]);
    for step in plan.stages.iter().flat_map(|stage| &stage.tasks).flat_map(|task| match task {
        Task::Host { steps, .. } => steps.as_slice(),
        Task::Operator(_) => &[],
    }) {
        for part in &step.parts {
            if let Part::Command(command) = part {
                for text in [&command.check, &command.apply] {
                    let checked = std::process::Command::new("sh").args(["-n", "-c", text]).output().unwrap();
                    assert!(checked.status.success(), "{}: {text}", command.title);
                }
            }
        }
    }
}

/// A cluster as it should be before an upgrade.
fn facts() -> BTreeMap<String, UpgradeFacts> {
    let mut all: BTreeMap<String, UpgradeFacts> = BTreeMap::new();
    for host in cluster().nodes() {
        all.insert(host.name.clone(), UpgradeFacts { kubelet: Some("v1.35.4".into()), ..UpgradeFacts::default() });
    }
    let nodes = cluster()
        .nodes()
        .iter()
        .map(|host| Node {
            name: host.name.clone(),
            ready: true,
            kubelet: "v1.35.4".into(),
            cordoned: false,
            by_kk: false,
        })
        .collect();
    all.get_mut("node1").unwrap().nodes = nodes;
    all
}

fn found(facts: &BTreeMap<String, UpgradeFacts>, sick: &[String], expired: &[String]) -> String {
    found_without(facts, sick, expired, &BTreeSet::new())
}

fn found_without(
    facts: &BTreeMap<String, UpgradeFacts>,
    sick: &[String],
    expired: &[String],
    left_out: &BTreeSet<String>,
) -> String {
    let (cluster, target) = (cluster(), Release::parse("v1.36.3").unwrap());
    let scene = Scene { cluster: &cluster, facts, target: &target, sick_members: sick, etcd: None, expired, left_out };
    let lines = findings(&scene).into_iter().map(|finding| match finding.soft {
        Some(soft) => format!("{} [{soft:?}]", finding.message),
        None => finding.message,
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn nothing_stands_in_the_way_of_a_cluster_that_is_well() {
    assert_eq!(found(&facts(), &[], &[]), "");
}

#[test]
fn everything_that_stands_in_the_way_is_told_at_once() {
    let mut facts = facts();
    let lead = facts.get_mut("node1").unwrap();
    lead.nodes[3].ready = false;
    lead.nodes[1].name = "stranger".into();
    let budget = |name: &str, allowed, expected| Budget { name: name.into(), allowed, expected, healthy: expected };
    lead.budgets = vec![budget("shop/web", 0, 3), budget("shop/cart", 1, 2), budget("shop/none", 0, 0)];
    let used = |name: &str, removed| Deprecated { name: name.into(), removed };
    lead.deprecated = vec![used("example.org/v1beta1 things", 36), used("example.org/v1beta2 things", 38)];
    facts.get_mut("node3").unwrap().deprecated = vec![used("example.org/v1beta1 things", 36)];
    let text = found(&facts, &["node2: etcd.service is inactive".into()], &["apiserver (node1)".into()]);
    insta::assert_snapshot!(text, @"
    node2 is no node of the cluster yet
    node node4 is not ready
    stranger is a node of the cluster, and the cluster file does not name it
    etcd: node2: etcd.service is inactive
    example.org/v1beta1 things was asked for, and Kubernetes 1.36 does not have it any more [RemovedApis]
    PodDisruptionBudget shop/web lets no pod go: 3 of its 3 are healthy [Budgets]
    certificate apiserver (node1) has expired [Certificates]
    ");
}

#[test]
fn budgets_stand_in_nobodys_way_where_no_node_is_emptied() {
    let mut facts = facts();
    let lead = facts.get_mut("node1").unwrap();
    lead.budgets = vec![Budget { name: "shop/web".into(), allowed: 0, expected: 3, healthy: 3 }];
    lead.nodes.iter_mut().for_each(|node| node.kubelet = "v1.36.3".into());
    assert_eq!(found(&facts, &[], &[]), "");
}

#[test]
fn a_node_that_an_earlier_run_left_halfway_is_no_obstacle() {
    let mut facts = facts();
    facts.get_mut("node1").unwrap().nodes[3].ready = false;
    facts.get_mut("node4").unwrap().begun = Some("v1.35.4".into());
    assert_eq!(found(&facts, &[], &[]), "node node4 is not ready");
    facts.get_mut("node4").unwrap().begun = Some("v1.36.3".into());
    assert_eq!(found(&facts, &[], &[]), "");
}

#[test]
fn a_node_whose_host_answers_is_waited_for_unless_the_upgrade_itself_is_what_it_needs() {
    let mut facts = facts();
    let none = BTreeSet::new();
    assert_eq!(sleepy(&cluster(), &facts, &none), Vec::<String>::new());
    facts.get_mut("node1").unwrap().nodes[3].ready = false;
    assert_eq!(sleepy(&cluster(), &facts, &none), ["node4"]);
    assert_eq!(sleepy(&cluster(), &facts, &["node4".to_owned()].into()), Vec::<String>::new());
    facts.get_mut("node4").unwrap().begun = Some("v1.36.3".into());
    assert_eq!(sleepy(&cluster(), &facts, &none), Vec::<String>::new());
    facts.remove("node4");
    assert_eq!(sleepy(&cluster(), &facts, &none), Vec::<String>::new());
}

#[test]
fn a_node_that_is_left_out_is_no_obstacle() {
    let mut facts = facts();
    facts.get_mut("node1").unwrap().nodes[3].ready = false;
    facts.remove("node4");
    assert_eq!(found(&facts, &[], &[]), "node node4 is not ready");
    assert_eq!(found_without(&facts, &[], &[], &BTreeSet::from(["node4".to_owned()])), "");
}

#[test]
fn where_nobody_lists_the_nodes_nothing_is_begun() {
    assert_eq!(found(&BTreeMap::new(), &[], &[]), "no control plane lists the cluster's nodes");
}
