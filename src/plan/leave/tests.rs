//! Who may leave, and what is planned then.

use std::collections::BTreeMap;

use super::*;
use crate::plan::Task;
use crate::plan::tests::{cluster, outline, render};

fn member(name: &str, healthy: bool) -> Member {
    let number = name.trim_start_matches("node");
    let peer_urls = vec![format!("https://192.0.2.1{number}:2380")];
    Member { name: name.into(), peer_urls, learner: false, healthy }
}

/// etcd with these members, of which those with a `-` do not answer.
fn view(members: &[&str]) -> EtcdView {
    let members = members.iter().map(|name| member(name.trim_start_matches('-'), !name.starts_with('-'))).collect();
    EtcdView { via: "node3".into(), members }
}

fn with<T>(cluster: &Cluster, name: &str, etcd: Option<&EtcdView>, then: impl FnOnce(Leaving) -> T) -> T {
    let templates = Templates::new(&BTreeMap::new()).unwrap();
    then(Leaving {
        cluster,
        name,
        gone: false,
        force: false,
        drain: Duration::from_secs(120),
        lead: "node3",
        etcd,
        pods: &[],
        templates: &templates,
        kubeconfig: Some(("kubeconfig".into(), SecretString::from("hush".to_owned()))),
    })
}

fn now(name: &str, members: &[&str]) -> Result<(), String> {
    with(&cluster(), name, Some(&view(members)), |leaving| may_leave_now(&leaving)).map_err(|no| no.to_string())
}

#[test]
fn what_the_file_alone_forbids() {
    let cluster = cluster();
    let refusal = may_leave(&cluster, "nod4").unwrap_err();
    assert_eq!(
        (refusal.to_string().as_str(), refusal.hint().as_str()),
        ("the cluster file has no host nod4", "did you mean \"node4\"?")
    );
    let refusal = may_leave(&cluster, "other").unwrap_err();
    assert_eq!(refusal.hint(), "its hosts are node1, node2, node3, node4, node5");
    assert!(matches!(may_leave(&cluster, "node5"), Err(Refusal::Registry { .. })));
    assert_eq!(may_leave(&cluster, "node1"), Ok(()), "the first control plane may leave too");
    let one = cluster.without("node1").without("node2");
    assert!(matches!(may_leave(&one, "node3"), Err(Refusal::LastControlPlane { .. })));
}

#[test]
fn the_last_worker_leaves_with_a_warning() {
    let cluster = cluster();
    assert_eq!(may_leave(&cluster, "node4"), Ok(()));
    assert_eq!(
        warnings(&cluster, "node4"),
        ["node4 is the last worker: pods have nowhere to go but control planes that take them"]
    );
    assert_eq!(warnings(&cluster, "node1"), ["etcd is left with 2 members, which survive no more failures than 1"]);
}

#[test]
fn etcd_keeps_its_majority() {
    let healthy = ["node1", "node2", "node3"];
    assert_eq!(now("node1", &healthy), Ok(()));
    assert_eq!(now("node1", &["-node1", "node2", "node3"]), Ok(()), "one that is down leaves");
    let refused = now("node1", &["node1", "-node2", "node3"]).unwrap_err();
    assert_eq!(refused, "etcd would lose its majority: without node1, 1 of 2 members would be healthy");
    let refused = now("node1", &["-node1", "-node2", "node3"]).unwrap_err();
    assert_eq!(refused, "etcd has 1 healthy members of 3, which is no majority: its members cannot be changed");
    assert_eq!(now("node1", &["node1"]).unwrap_err(), "node1 is the last member of etcd, and cannot leave");
    assert_eq!(now("node1", &["node2", "node3"]), Ok(()), "it has left etcd already");
    assert_eq!(now("node1", &["node1", "-node2", "node3", "node4", "node5"]), Ok(()));
    let silent = with(&cluster(), "node1", None, |leaving| may_leave_now(&leaving));
    assert_eq!(silent, Err(Refusal::Silent));
    assert_eq!(with(&cluster(), "node4", None, |leaving| may_leave_now(&leaving)), Ok(()), "it is no member");
}

#[test]
fn a_learner_has_no_say() {
    let mut etcd = view(&["node1", "node2", "-node3"]);
    etcd.members[2].learner = true;
    let now = |name: &str| with(&cluster(), name, Some(&etcd), |leaving| may_leave_now(&leaving));
    assert_eq!((now("node3"), now("node1")), (Ok(()), Ok(())));
}

#[test]
fn bare_pods_want_force() {
    let pods = crate::install::nodes::read_pods("default alone <none> Running\n");
    let cluster = cluster();
    with(&cluster, "node4", None, |leaving| {
        let mut leaving = leaving;
        leaving.pods = &pods;
        let refusal = may_leave_now(&leaving).unwrap_err();
        assert_eq!(refusal.to_string(), "1 pod on node4 belong to nothing that would start them again elsewhere");
        assert_eq!(
            (refusal.details().join("\n").as_str(), refusal.hint().as_str()),
            ("pod default/alone", "--force deletes them for good")
        );
        leaving.force = true;
        assert_eq!(may_leave_now(&leaving), Ok(()));
        (leaving.force, leaving.gone) = (false, true);
        assert_eq!(may_leave_now(&leaving), Ok(()), "they are lost with the host");
    });
}

#[test]
fn a_worker_leaves() {
    let plan = with(&cluster(), "node4", None, |leaving| leave(&leaving)).unwrap();
    insta::assert_snapshot!(outline(&plan), @"
    drain: node3
    kubelet: node4 after drain
    node: node3 after kubelet
    clean: node4 after node
    configuration: node3 after clean
    hosts: node1 node2 node3 node5 after configuration
    kubeconfig: operator after hosts
    ");
}

#[test]
fn the_first_control_plane_leaves_with_its_member_of_etcd() {
    let etcd = view(&["node1", "node2", "node3"]);
    let plan = with(&cluster(), "node1", Some(&etcd), |leaving| leave(&leaving)).unwrap();
    insta::assert_snapshot!(outline(&plan), @"
    drain: node3
    begin: node1 after drain
    etcd: node3 after begin
    kubelet: node1 after etcd
    node: node3 after kubelet
    endpoint: node2 node3 node4 node5 after node
    clean: node1 after endpoint
    etcd-follow: node2 node3 after clean
    configuration: node3 after etcd-follow
    api-servers: node2 node3 after configuration
    balancers: node4 after api-servers
    hosts: node2 node3 node4 node5 after balancers
    kubeconfig: operator after hosts
    ");
    let text = render(&plan);
    assert!(!text.contains("hush"), "{text}");
}

#[test]
fn nothing_is_done_on_a_host_that_is_gone() {
    let etcd = view(&["-node1", "node2", "node3"]);
    let plan = with(&cluster(), "node1", Some(&etcd), |leaving| leave(&Leaving { gone: true, ..leaving })).unwrap();
    let on_it = |task: &Task| matches!(task, Task::Host { host, .. } if host == "node1");
    assert!(!plan.stages.iter().flat_map(|stage| &stage.tasks).any(on_it));
    insta::assert_snapshot!(outline(&plan), @"
    endpoint: node2 node3 node4 node5
    etcd: node3 after endpoint
    node: node3 after etcd
    etcd-follow: node2 node3 after node
    configuration: node3 after etcd-follow
    api-servers: node2 node3 after configuration
    balancers: node4 after api-servers
    hosts: node2 node3 node4 node5 after balancers
    kubeconfig: operator after hosts
    ");
}

#[test]
fn without_a_balancer_hosts_are_led_away_before_the_first_control_plane_ends() {
    let mut cluster = cluster();
    cluster.spec.control_plane_endpoint.internal_loadbalancer = String::new();
    let etcd = view(&["node1", "node2", "node3"]);
    let outline = outline(&with(&cluster, "node1", Some(&etcd), |leaving| leave(&leaving)).unwrap());
    assert!(
        outline.contains("endpoint: node2 node3 node4 node5 after node\nclean: node1 after endpoint\n"),
        "{outline}"
    );
}
