//! A cluster without one of its hosts, and what its file must lose for that.

use super::{Cluster, ClusterFile, ranges};
use crate::yaml::{Path, Source};

impl Cluster {
    /// The cluster as it will be once this host has left it: the file without the host and without its roles.
    pub fn without(&self, name: &str) -> Self {
        let mut rest = self.clone();
        rest.spec.hosts.retain(|host| host.name != name);
        for members in rest.spec.role_groups.0.values_mut() {
            members.retain(|member| member != name);
        }
        rest
    }
}

/// What has to leave a cluster file with a host, place by place in the order of the file. `source` is the file, `file`
/// what was read from it. No line's content is repeated: a host's may hold a password.
pub fn lines_to_take_out(source: &Source, file: &ClusterFile, name: &str) -> Vec<String> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut add = |path: &Path, what: String| {
        found.extend(source.locate(path).map(|at| (at.line, format!("line {}: {what}", at.line))));
    };
    for (index, _) in file.spec.hosts.iter().enumerate().filter(|(_, host)| host.name == name) {
        add(&Path::of("spec.hosts").index(index), format!("the host {name} in spec.hosts"));
    }
    for (role, members) in &file.spec.role_groups.0 {
        for (index, member) in members.iter().enumerate() {
            let names = ranges::expand(member).unwrap_or_default();
            if !names.iter().any(|expanded| expanded == name) {
                continue;
            }
            let path = Path::of("spec.roleGroups").key(role);
            let rest: Vec<&str> = names.iter().map(String::as_str).filter(|expanded| *expanded != name).collect();
            let what = match rest.is_empty() {
                true => format!("{name} in {path}"),
                false => format!("in {path}, {member} becomes {}", rest.join(", ")),
            };
            add(&path.index(index), what);
        }
    }
    found.sort();
    found.into_iter().map(|(_, line)| line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{filled, read};
    use crate::yaml;

    const FILE: &str = r#"apiVersion: kubekey.kubesphere.io/v1alpha2
kind: Cluster
metadata: {name: sample}
spec:
  hosts:
    - {name: node1, address: 192.0.2.11}
    - name: node2
      address: 192.0.2.12
      password: "do not show this"
    - {name: node3, address: 192.0.2.13}
    - {name: node4, address: 192.0.2.14}
  roleGroups:
    etcd: [node1]
    control-plane:
      - node1
      - node2
    worker: ["node[2:4]"]
    registry: [node4]
  controlPlaneEndpoint: {internalLoadbalancer: haproxy}
"#;

    #[test]
    fn what_the_file_must_lose_is_named_by_its_lines() {
        let source = yaml::parse("cluster.yaml", FILE.as_bytes()).unwrap();
        let file = read(&source).unwrap();
        insta::assert_snapshot!(lines_to_take_out(&source, &file, "node2").join("\n"), @"
        line 7: the host node2 in spec.hosts
        line 16: node2 in spec.roleGroups.control-plane
        line 17: in spec.roleGroups.worker, node[2:4] becomes node3, node4
        ");
        assert!(lines_to_take_out(&source, &file, "node9").is_empty());
    }

    #[test]
    fn a_host_leaves_with_all_its_roles() {
        let source = yaml::parse("cluster.yaml", FILE.as_bytes()).unwrap();
        let file = filled(read(&source).unwrap());
        let cluster = Cluster { name: "sample".into(), spec: file.spec, path: "cluster.yaml".into() };
        let rest = cluster.without("node2");
        assert!(rest.host("node2").is_none() && rest.roles_of("node2").is_empty());
        assert_eq!(rest.nodes().iter().map(|host| host.name.as_str()).collect::<Vec<_>>(), ["node1", "node3", "node4"]);
        assert_eq!(cluster.nodes().len(), 4, "the cluster itself stays as it is");
    }
}
