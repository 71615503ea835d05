//! Role groups: that they name hosts that are there, and enough of them.

use crate::cluster::{CONTROL_PLANE, ClusterSpec, ETCD, REGISTRY, WORKER, ranges};
use crate::yaml::{Path, Problem, nearest};

use super::Problems;

/// KubeKey's older name of the role of control planes.
pub const MASTER: &str = "master";

pub fn check(spec: &ClusterSpec, problems: &mut Problems) {
    let all = Path::of("spec.roleGroups");
    let known: Vec<&str> = spec.hosts.iter().map(|host| host.name.as_str()).collect();
    for (role, members) in &spec.role_groups.0 {
        let mut seen: Vec<String> = Vec::new();
        for (index, member) in members.iter().enumerate() {
            let path = all.key(role).index(index);
            let names = match ranges::expand(member) {
                Ok(names) => names,
                Err(error) => {
                    let hint = "a range looks like node[1:10]";
                    problems.push(Problem::new(path, error.to_string()).hint(hint));
                    continue;
                }
            };
            for name in names {
                if seen.contains(&name) {
                    problems.add(path.clone(), format!("role {role} names host {name:?} twice"));
                } else if !known.contains(&name.as_str()) {
                    let message = format!("role {role} names host {name:?}, which is not in spec.hosts");
                    problems.push(Problem::new(path.clone(), message).did_you_mean(&name, known.iter().copied()));
                }
                seen.push(name);
            }
        }
        misspelt(spec, role, problems);
    }

    if members(spec, CONTROL_PLANE).is_empty() {
        let hint = "name at least one host in spec.roleGroups.control-plane";
        problems.push(Problem::new(all.clone(), "the cluster has no control plane").hint(hint));
    }
    if spec.etcd.kind == "kubekey" {
        // That a new etcd has an odd number of them is seen with its hosts: one that stands may have lost a member.
        if members(spec, ETCD).is_empty() {
            let hint = "name one, three or five hosts in spec.roleGroups.etcd";
            problems.push(Problem::new(all.clone(), "the cluster has no etcd").hint(hint));
        }
    }
}

/// The hosts of a role, ranges expanded; control planes include KubeKey's role `master`.
pub fn members(spec: &ClusterSpec, role: &str) -> Vec<String> {
    let mut members: Vec<String> = Vec::new();
    let older = (role == CONTROL_PLANE).then_some(MASTER);
    for role in [Some(role), older].into_iter().flatten() {
        for name in spec.role_groups.0.get(role).into_iter().flatten() {
            for name in ranges::expand(name).unwrap_or_default() {
                if !members.contains(&name) {
                    members.push(name);
                }
            }
        }
    }
    members
}

/// A role of the user's own is for scripts; one that no script names may be a slip of the pen.
fn misspelt(spec: &ClusterSpec, role: &str, problems: &mut Problems) {
    let known = [CONTROL_PLANE, MASTER, WORKER, ETCD, REGISTRY];
    let system = &spec.system;
    let scripts = system.pre_install.iter().chain(&system.post_cluster_install).chain(&system.post_install);
    if known.contains(&role) || scripts.into_iter().any(|script| script.role == role) {
        return;
    }
    if let Some(near) = nearest(role, known) {
        let message = format!("there is no role {role:?}, and no script is for it");
        let path = Path::of("spec.roleGroups").key(role);
        problems.push(Problem::new(path, message).hint(format!("did you mean \"{near}\"?")));
    }
}
