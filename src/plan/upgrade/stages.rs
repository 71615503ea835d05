//! The plans of one hop. Each stage waits for the one before: one host at a time is not what it was.

use super::Hop;
use crate::cluster::{CONTROL_PLANE, Cluster, Host};
use crate::host::Step;
use crate::install::{
    Inputs, InstallError, cordon, dns, etcd, kubernetes, loadbalancer, network, nodes, os, registry, runtime,
};
use crate::plan::chain::Chain;
use crate::plan::{Order, Plan, create};

/// What disturbs nobody: the registry has the images of the release, and every node has pulled its own.
pub fn place(hop: &Hop) -> Result<Plan, InstallError> {
    let inputs = hop.inputs;
    let cluster = inputs.cluster;
    let mut stages = Chain::default();
    let names = os::hosts_file(cluster);
    stages.each("os", "Configure operating systems", Order::Parallel, &cluster.spec.hosts, |host| {
        Ok(vec![os::configure(inputs, &names, host)?])
    })?;
    stages.each("registry", "Install the registry", Order::OneByOne, cluster.registry_hosts(), |host| {
        Ok(vec![registry::install(inputs, host)?])
    })?;
    if let Some(work) = create::push_images(inputs).filter(|_| hop.push_images) {
        stages.operator("push", "Push images to the registry", work);
    }
    stages.each("images", "Pull images", Order::Parallel, cluster.nodes(), |host| {
        let mut images = create::images_of(inputs, host)?;
        images.push(create::image_of(inputs, &kubernetes::dns(cluster))?);
        Ok(vec![runtime::pull(&images)])
    })?;
    Ok(Plan { cluster: cluster.name.clone(), stages: stages.finish() })
}

/// The hop itself: etcd, control planes one by one, addons, workers in batches, and what goes over all nodes.
pub fn hop(hop: &Hop) -> Result<Plan, InstallError> {
    let inputs = hop.inputs;
    let cluster = inputs.cluster;
    let lead = inputs.first_control_plane()?;
    let mut stages = Chain::default();
    for version in hop.etcd_through {
        let (name, title) = (format!("etcd-{version}"), format!("Upgrade etcd to {version}, which lies on the way"));
        stages.each(&name, &title, Order::OneByOne, cluster.etcd_hosts(), |host| {
            etcd::go_through(inputs, host, version)
        })?;
    }
    stages.each("etcd", "Upgrade etcd", Order::OneByOne, cluster.etcd_hosts(), |host| {
        Ok(vec![etcd::install(inputs, host)?, etcd::start(inputs, host)?])
    })?;
    let others = cluster.control_planes().into_iter().filter(|host| host.name != lead.name);
    for host in [lead].into_iter().chain(others) {
        let name = &host.name;
        let step = match host.name == lead.name {
            true => kubernetes::upgrade::first_control_plane(inputs, host)?,
            false => kubernetes::upgrade::node(inputs, host)?,
        };
        stages.on(&format!("control-plane-{name}"), &format!("Upgrade the control plane on {name}"), name, vec![step]);
        batch(&mut stages, hop, lead, &[host], name, &|host| node_steps(inputs, host))?;
        let settled = kubernetes::upgrade::settled(inputs, host);
        stages.on(&format!("settled-{name}"), &format!("Wait for the control plane on {name}"), name, vec![settled]);
    }
    stages.on("addons", "Upgrade CoreDNS and kube-proxy", &lead.name, vec![kubernetes::upgrade::addons(inputs)?]);
    let workers: Vec<&Host> =
        cluster.nodes().into_iter().filter(|host| !cluster.has_role(&host.name, CONTROL_PLANE)).collect();
    for hosts in workers.chunks(hop.max_unavailable.max(1)) {
        let names: Vec<&str> = hosts.iter().map(|host| host.name.as_str()).collect();
        batch(&mut stages, hop, lead, hosts, &names.join(", "), &|host| {
            let mut steps = vec![kubernetes::upgrade::node(inputs, host)?];
            steps.extend(node_steps(inputs, host)?);
            Ok(steps)
        })?;
    }
    stages.some("network", "Apply the network plugin", lead, network::apply(inputs)?);
    stages.some("dns", "Fit CoreDNS to the site", lead, Some(dns::without_upstream()));
    stages.each("endpoint", "Lead hosts to the endpoint", Order::OneByOne, cluster.nodes(), |host| {
        Ok(vec![loadbalancer::install(inputs, host)?])
    })?;
    stages.some("labels", "Label nodes", lead, nodes::labels(inputs));
    stages.some("ready", "Wait for the cluster", lead, Some(nodes::ready(inputs)?));
    Ok(Plan { cluster: cluster.name.clone(), stages: stages.finish() })
}

/// Nodes that were emptied and not upgraded take pods again.
pub fn put_back(cluster: &Cluster, lead: &str) -> Plan {
    let version = &cluster.spec.kubernetes.version;
    let steps = cluster.nodes().iter().map(|host| cordon::put_back(&host.name, version)).collect();
    let mut stages = Chain::default();
    stages.on("put-back", "Put nodes back", lead, steps);
    Plan { cluster: cluster.name.clone(), stages: stages.finish() }
}

/// What is done on a node while it is empty.
fn node_steps(inputs: &Inputs, host: &Host) -> Result<Vec<Step>, InstallError> {
    Ok(vec![runtime::install(inputs, host)?, kubernetes::upgrade::kubelet(inputs, host)?])
}

/// These nodes are emptied, changed side by side, and take pods again when they are ready.
fn batch(
    stages: &mut Chain,
    hop: &Hop,
    lead: &Host,
    hosts: &[&Host],
    names: &str,
    steps: &dyn Fn(&Host) -> Result<Vec<Step>, InstallError>,
) -> Result<(), InstallError> {
    let version = &hop.inputs.cluster.spec.kubernetes.version;
    let id: Vec<&str> = hosts.iter().map(|host| host.name.as_str()).collect();
    let id = id.join("-");
    let on_lead = |step: &dyn Fn(&str) -> Step| hosts.iter().map(|host| step(&host.name)).collect();
    let empty = on_lead(&|node| cordon::empty(node, version, hop.drain, hop.force));
    stages.on(&format!("drain-{id}"), &format!("Empty {names}"), &lead.name, empty);
    stages.each(&format!("node-{id}"), &format!("Upgrade {names}"), Order::Parallel, hosts.iter().copied(), steps)?;
    let back = on_lead(&|node| cordon::back(node, version));
    stages.on(&format!("back-{id}"), &format!("Let {names} take pods again"), &lead.name, back);
    Ok(())
}
