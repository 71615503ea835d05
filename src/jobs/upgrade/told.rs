//! What an upgrade tells a person: what it is about to do, and where things stand.

use std::collections::BTreeMap;

use super::look::Scene;
use crate::cluster::Cluster;
use crate::install::upgrade_facts::UpgradeFacts;
use crate::jobs::site::{Hosts, Site};
use crate::jobs::summary;
use crate::plan::upgrade::Release;

/// What will be done, in full, before a yes.
pub(super) fn question(cluster: &Cluster, scene: &Scene, hops: &[Release]) -> String {
    let from = scene.standing.api_servers.values().min().map_or_else(String::new, ToString::to_string);
    let way: Vec<&str> = [from.as_str()].into_iter().chain(hops.iter().map(Release::as_str)).collect();
    let mut text = format!("This upgrades cluster {}: {}\n", cluster.name, way.join(" -> "));
    text.push_str("  before each hop the images are placed on all nodes, and a snapshot of etcd is fetched\n");
    text.push_str(
        "  control planes go one by one, then workers in batches; their pods move to other nodes meanwhile\n",
    );
    text.push_str("Upgrade it?");
    text
}

/// Which release each host runs, one line each.
pub(super) fn standing(cluster: &Cluster, facts: &BTreeMap<String, UpgradeFacts>) -> Vec<String> {
    let nodes: Vec<_> = facts.values().flat_map(|facts| &facts.nodes).collect();
    let line = |host: &str| {
        let Some(facts) = facts.get(host) else { return format!("{host}: does not answer") };
        let mut parts = Vec::new();
        parts.extend(facts.api_server.as_ref().map(|version| format!("API server {version}")));
        parts.extend(facts.kubelet.as_ref().map(|version| format!("kubelet {version}")));
        match nodes.iter().find(|node| node.name == host) {
            Some(node) if node.ready => parts.push("ready".into()),
            Some(_) => parts.push("not ready".into()),
            None => {}
        }
        parts.extend(nodes.iter().find(|node| node.name == host && node.cordoned).map(|node| match node.by_kk {
            true => "takes no pods until kk upgrade has gone on".to_owned(),
            false => "cordoned".to_owned(),
        }));
        format!("{host}: {}", parts.join(", "))
    };
    let mut lines = vec!["where things stand:".to_owned()];
    lines.extend(cluster.nodes().iter().map(|host| line(&host.name)));
    lines
}

/// What stands after an upgrade.
pub(super) async fn stands(cluster: &Cluster, hosts: &Hosts, site: &Site) -> String {
    let mut text = summary::of(cluster, hosts).await;
    text.push_str(&format!("\nkubeconfig   {}\n", site.kubeconfig().display()));
    text
}
