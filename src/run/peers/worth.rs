//! Which files are worth a way around the operator's link: pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::digest::Digest;
use crate::plan::{Plan, Task};

/// Below this, the scripts of a fetch take as long as an upload over a slow link does.
const SMALLEST: u64 = 8 << 20;

/// The files of a plan that several hosts want and that peers should serve; none where bringing the program of so many
/// bytes to those hosts would cost half of what it saves.
pub fn shared(plan: &Plan, program: u64) -> BTreeSet<Digest> {
    let mut wanted: BTreeMap<Digest, (u64, BTreeSet<&str>)> = BTreeMap::new();
    for task in plan.stages.iter().flat_map(|stage| &stage.tasks) {
        let Task::Host { host, steps } = task else { continue };
        for source in steps.iter().flat_map(|step| &step.parts).filter_map(|part| part.source()) {
            wanted.entry(source.sha256).or_insert((source.size, BTreeSet::new())).1.insert(host);
        }
    }
    wanted.retain(|_, (size, hosts)| *size >= SMALLEST && hosts.len() > 1);
    let hosts: BTreeSet<&str> = wanted.values().flat_map(|(_, hosts)| hosts.iter().copied()).collect();
    let saved: u64 = wanted.values().map(|(size, hosts)| size.saturating_mul(hosts.len() as u64 - 1)).sum();
    let cost = program.saturating_mul(hosts.len() as u64);
    match saved >= cost.saturating_mul(2) {
        true => wanted.into_keys().collect(),
        false => BTreeSet::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Step;
    use crate::host::part::{Artifact, Part, Source};
    use crate::plan::{Order, Stage};

    fn plan(hosts: &[(&str, &[(&str, u64)])]) -> Plan {
        let part = |(name, size): &(&str, u64)| {
            let source = Source { path: format!("files/{name}"), sha256: Digest::of(name.as_bytes()), size: *size };
            Part::Artifact(Artifact { path: "/x".into(), source, mode: 0o755, owner: "root".into() })
        };
        let tasks = hosts.iter().map(|(host, files)| Task::Host {
            host: host.to_string(),
            steps: vec![Step::new("s", "S", files.iter().map(part).collect())],
        });
        let (name, title) = ("stage".to_owned(), "Stage".to_owned());
        let stage = Stage { name, title, after: vec![], order: Order::Parallel, tasks: tasks.collect() };
        Plan { cluster: "sample".into(), stages: vec![stage] }
    }

    #[test]
    fn large_files_of_several_hosts() {
        let (large, small) = (("large", 100 << 20), ("small", 1 << 20));
        let plan = plan(&[("a", &[large, small, ("own", 100 << 20)]), ("b", &[small, large])]);
        assert_eq!(Vec::from_iter(shared(&plan, 20 << 20)), [Digest::of(b"large")]);
        // The program would have to go to two hosts, to save one upload.
        assert!(shared(&plan, 30 << 20).is_empty());
    }

    #[test]
    fn one_host_has_no_peers() {
        assert!(shared(&plan(&[("a", &[("large", 1 << 30)])]), 20 << 20).is_empty());
        assert!(shared(&plan(&[]), 0).is_empty());
    }
}
