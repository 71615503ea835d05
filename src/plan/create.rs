//! The plan of an installation: which steps on which hosts, and what waits for what.

use super::{OperatorWork, Order, Plan, PushImages, Stage, Task};
use crate::cluster::Host;
use crate::host::Step;
use crate::install::{
    Inputs, InstallError, NodeState, dns, etcd, kubernetes, loadbalancer, network, nodes, os, registry, runtime,
};

/// The stages of `kk create cluster`, from bare hosts to a cluster that is ready.
///
/// The registry and its images go ahead of everything that pulls; hosts get their binaries meanwhile.
pub fn create(inputs: &Inputs, push_images: bool) -> Result<Plan, InstallError> {
    let mut stages = Stages::default();
    let cluster = inputs.cluster;
    let (all, etcd_hosts) = (cluster.spec.hosts.iter().collect::<Vec<_>>(), cluster.hosts_of("etcd"));
    let (registries, members) = (cluster.hosts_of("registry"), cluster.nodes());
    let first = inputs.first_control_plane()?;
    let others: Vec<&Host> = members.iter().copied().filter(|host| host.name != first.name).collect();

    stages.each("os", "Configure operating systems", &[], &all, |host| os::configure(inputs, host))?;
    stages.each("registry", "Install the registry", &[], &registries, |host| registry::install(inputs, host))?;
    if push_images {
        stages.push_images(inputs);
    }
    stages.each("runtime", "Install the container runtime", &[], &members, |host| runtime::install(inputs, host))?;
    stages.each("etcd-install", "Install etcd", &[], &etcd_hosts, |host| etcd::install(inputs, host))?;
    stages.each("etcd", "Start etcd", &["etcd-install"], &etcd_hosts, |host| etcd::start(inputs, host))?;
    stages.last_runs_together();
    stages.each("binaries", "Install Kubernetes", &[], &members, |host| kubernetes::install(inputs, host))?;
    stages.each("images", "Pull images", &["registry", "push"], &members, |host| {
        Ok(runtime::pull(&images_of(inputs, host)?))
    })?;
    stages.each("init", "Initialise Kubernetes", &["etcd"], &[first], |host| kubernetes::initialise(inputs, host))?;
    stages.some("network", "Apply the network plugin", &["init"], first, network::apply(inputs)?);
    stages.some("dns", "Fit CoreDNS to the site", &["init"], first, Some(dns::without_upstream()));
    if others.iter().any(|host| inputs.hosts.get(&host.name).is_none_or(|found| found.node != NodeState::Joined)) {
        stages.some(
            "forget",
            "Forget nodes that joined halfway",
            &["init"],
            first,
            kubernetes::forget_half_joined(inputs),
        );
        stages.some("token", "Let hosts join", &["init"], first, Some(kubernetes::token(inputs)));
    }
    stages.each("join", "Join the cluster", &["init", "forget", "token"], &others, |host| {
        kubernetes::join(inputs, host)
    })?;
    stages.each("endpoint", "Lead hosts to the endpoint", &["init", "join"], &members, |host| {
        loadbalancer::install(inputs, host)
    })?;
    stages.each("etcd-backup", "Schedule snapshots of etcd", &["etcd"], &etcd_hosts, |_| etcd::schedule(inputs))?;
    stages.some("labels", "Label nodes", &["join"], first, nodes::labels(inputs));
    stages.some("ready", "Wait for the cluster", &["endpoint", "network"], first, Some(nodes::ready(inputs)?));
    Ok(Plan { cluster: cluster.name.clone(), stages: stages.finish() })
}

/// The images that a node needs at once, by the names in the bundle.
fn images_of(inputs: &Inputs, host: &Host) -> Result<Vec<String>, InstallError> {
    kubernetes::needed_by(inputs.cluster, host)
        .iter()
        .map(|needed| {
            needed
                .in_bundle(inputs.inventory)
                .ok_or_else(|| InstallError::MissingImage { reference: needed.describe() })
        })
        .collect()
}

/// Collects stages; names of stages that turned out empty are dropped from what others wait for.
#[derive(Default)]
struct Stages(Vec<Stage>);

impl Stages {
    /// The same step on several hosts at once.
    fn each(
        &mut self,
        name: &str,
        title: &str,
        after: &[&str],
        hosts: &[&Host],
        step: impl Fn(&Host) -> Result<Step, InstallError>,
    ) -> Result<(), InstallError> {
        let tasks = hosts
            .iter()
            .map(|host| Ok(Task::Host { host: host.name.clone(), steps: vec![step(host)?] }))
            .collect::<Result<Vec<_>, InstallError>>()?;
        self.add(name, title, after, tasks);
        Ok(())
    }

    /// A step on one host, if there is one to do.
    fn some(&mut self, name: &str, title: &str, after: &[&str], host: &Host, step: Option<Step>) {
        let tasks = step.map(|step| Task::Host { host: host.name.clone(), steps: vec![step] });
        self.add(name, title, after, tasks.into_iter().collect());
    }

    /// The hosts of the stage that was added last need each other to come up.
    fn last_runs_together(&mut self) {
        if let Some(stage) = self.0.last_mut() {
            stage.order = Order::Together;
        }
    }

    fn push_images(&mut self, inputs: &Inputs) {
        let Some(access) = registry::access(inputs) else { return };
        let images = inputs
            .inventory
            .images
            .iter()
            .map(|image| (image.reference.clone(), registry::repository(&access.host, &image.reference)))
            .collect();
        let work = OperatorWork::PushImages(PushImages { registry: access, images });
        self.add("push", "Push images to the registry", &["registry"], vec![Task::Operator(work)]);
    }

    fn add(&mut self, name: &str, title: &str, after: &[&str], tasks: Vec<Task>) {
        if !tasks.is_empty() {
            let after = after.iter().map(|name| (*name).to_owned()).collect();
            self.0.push(Stage { name: name.into(), title: title.into(), after, order: Order::Parallel, tasks });
        }
    }

    fn finish(mut self) -> Vec<Stage> {
        let names: Vec<String> = self.0.iter().map(|stage| stage.name.clone()).collect();
        for stage in &mut self.0 {
            stage.after.retain(|name| names.contains(name));
        }
        self.0
    }
}
