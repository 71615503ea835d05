//! Plans of installations that end early.

use std::collections::BTreeMap;

use super::{bare, beginnings, cluster, inventory, outline, with_inputs};
use crate::install::Inputs;
use crate::plan::suffice::missing;
use crate::plan::{Extent, Plan, Task, init_os, init_registry};

#[test]
fn nothing_follows_what_was_asked_for() {
    let [systems, registry, with_images] = beginnings(&cluster());
    insta::assert_snapshot!(outline(&systems), @"os: node1 node2 node3 node4 node5");
    insta::assert_snapshot!(outline(&registry), @"
    os: node5
    registry: node5
    ");
    insta::assert_snapshot!(outline(&with_images), @"
    os: node5
    registry: node5
    push: operator after registry
    ");
}

/// What is done on a host in a stage; keys and passwords differ between two plans, and `Debug` leaves them out.
fn work(plan: &Plan, stage: &str, host: &str) -> Option<String> {
    let stage = plan.stages.iter().find(|candidate| candidate.name == stage)?;
    stage.tasks.iter().find_map(|task| match task {
        Task::Host { host: name, steps } if name == host => Some(format!("{steps:?}")),
        _ => None,
    })
}

#[test]
fn a_whole_installation_finds_done_what_was_done() {
    with_inputs(&cluster(), |inputs| {
        let whole = crate::plan::create(inputs, true).unwrap();
        for begun in [init_os(inputs).unwrap(), init_registry(inputs, true).unwrap()] {
            for stage in &begun.stages {
                for task in &stage.tasks {
                    let Task::Host { host, .. } = task else { continue };
                    assert_eq!(work(&begun, &stage.name, host), work(&whole, &stage.name, host), "{host}");
                }
            }
        }
    });
    assert_eq!(work(&beginnings(&cluster())[0], "os", "node4"), work(&bare(&cluster()), "os", "node4"));
}

#[test]
fn hosts_that_nobody_looked_at_are_no_hindrance_to_a_registry() {
    with_inputs(&cluster(), |inputs| {
        let known: BTreeMap<_, _> = inputs.hosts.iter().filter(|(host, _)| *host == "node5").collect();
        let hosts = known.into_iter().map(|(host, found)| (host.clone(), found.clone())).collect();
        let inputs = Inputs {
            cluster: inputs.cluster,
            inventory: inputs.inventory,
            hosts: &hosts,
            keys: inputs.keys,
            registry: inputs.registry,
            bootstrap_token: inputs.bootstrap_token,
            templates: inputs.templates,
        };
        assert!(init_registry(&inputs, false).is_ok());
        assert!(init_os(&inputs).is_err());
    });
}

#[test]
fn a_bundle_must_bring_no_more_than_is_used() {
    let mut inventory = inventory();
    inventory.images.clear();
    inventory.components.clear();
    let lacks = |extent: Extent| {
        let missing = missing(extent, &cluster(), &inventory, |_| "amd64".to_owned());
        missing.iter().map(|one| format!("{} ({})\n", one.what, one.because)).collect::<String>()
    };
    assert_eq!(lacks(Extent::Os), "");
    assert_eq!(lacks(Extent::Registry), "component docker-registry for amd64 (role registry)\n");
    assert!(lacks(Extent::Cluster).contains("kubelet"));
}
