//! The plan of an installation: which steps on which hosts, and what waits for what.

use super::{OperatorWork, Order, Plan, PushImages, Stage, Task};
use crate::cluster::Host;
use crate::host::Step;
use crate::install::{
    Inputs, InstallError, dns, etcd, kubernetes, loadbalancer, members, membership, network, nodes, os, registry,
    runtime,
};

/// The stages of `kk create cluster` and `kk add nodes`, from bare hosts to a cluster that is ready.
///
/// The registry and its images go ahead of everything that pulls; hosts get their binaries meanwhile. In a cluster that
/// stands, what new hosts ask of the others is done one host after the other, and each answers before the next one.
pub fn create(inputs: &Inputs, push_images: bool) -> Result<Plan, InstallError> {
    let mut stages = Stages::default();
    let cluster = inputs.cluster;
    let (all, etcd_hosts) = (cluster.spec.hosts.iter().collect::<Vec<_>>(), cluster.hosts_of("etcd"));
    let members = cluster.nodes();
    let control_planes = cluster.control_planes();
    let first = inputs.first_control_plane()?;
    let others: Vec<&Host> = members.iter().copied().filter(|host| host.name != first.name).collect();

    stages.systems(inputs, &all)?;
    stages.registries(inputs, push_images)?;
    stages.each("runtime", "Install the container runtime", &[], &members, |host| runtime::install(inputs, host))?;
    stages.each("etcd-install", "Install etcd", &[], &etcd_hosts, |host| etcd::install(inputs, host))?;
    stages.etcd(inputs, &etcd_hosts)?;
    stages.each("binaries", "Install Kubernetes", &[], &members, |host| kubernetes::install(inputs, host))?;
    stages.each("images", "Pull images", &["registry", "push"], &members, |host| {
        Ok(runtime::pull(&images_of(inputs, host)?))
    })?;
    stages.each("init", "Initialise Kubernetes", &["etcd", "etcd-join", "etcd-follow"], &[first], |host| {
        kubernetes::initialise(inputs, host)
    })?;
    let cluster_configuration = kubernetes::cluster_configuration(cluster);
    stages.some("configuration", "Keep kubeadm's record", &["init"], first, Some(cluster_configuration));
    let standing: Vec<&Host> = cluster.control_planes().into_iter().filter(|host| inputs.is_node(host)).collect();
    stages.each("api-servers", "Let API servers follow", &["configuration"], &standing, |host| {
        Ok(kubernetes::api_server(cluster, host))
    })?;
    stages.last_runs(Order::OneByOne);
    stages.some("network", "Apply the network plugin", &["init"], first, network::apply(inputs)?);
    stages.some("dns", "Fit CoreDNS to the site", &["init"], first, Some(dns::without_upstream()));
    if others.iter().any(|host| !inputs.is_node(host)) {
        stages.some(
            "forget",
            "Forget nodes that joined halfway",
            &["init"],
            first,
            kubernetes::forget_half_joined(inputs),
        );
        stages.some("token", "Let hosts join", &["init"], first, Some(kubernetes::token(inputs)));
    }
    let before_join = ["init", "configuration", "api-servers", "forget", "token"];
    stages.each("join", "Join the cluster", &before_join, &others, |host| kubernetes::join(inputs, host))?;
    stages.each("auto-renew", "Set how certificates are renewed", &["init", "join"], &control_planes, |host| {
        kubernetes::auto_renew(cluster, inputs.templates, host)
    })?;
    // Where the first control plane of the file has only now become a node, hosts that are none are led to it too.
    let moved = cluster.control_planes().first().is_some_and(|host| host.name != first.name);
    let led = if moved { &all } else { &members };
    stages.each("endpoint", "Lead hosts to the endpoint", &["init", "join"], led, |host| {
        loadbalancer::install(inputs, host)
    })?;
    if !standing.is_empty() && members.iter().any(|host| !inputs.is_node(host)) {
        stages.last_runs(Order::OneByOne);
    }
    stages.each("etcd-backup", "Schedule snapshots of etcd", &["etcd", "etcd-follow"], &etcd_hosts, |_| {
        etcd::schedule(inputs)
    })?;
    stages.some("labels", "Label nodes", &["join"], first, nodes::labels(inputs));
    stages.some("ready", "Wait for the cluster", &["endpoint", "network"], first, Some(nodes::ready(inputs)?));
    Ok(stages.plan(inputs))
}

/// The images that a node needs at once, by the names in the bundle.
pub(super) fn images_of(inputs: &Inputs, host: &Host) -> Result<Vec<String>, InstallError> {
    kubernetes::needed_by(inputs.cluster, host).iter().map(|needed| image_of(inputs, needed)).collect()
}

/// The image that serves a need, by its name in the bundle.
pub(super) fn image_of(inputs: &Inputs, needed: &kubernetes::Needed) -> Result<String, InstallError> {
    let found = needed.in_bundle(inputs.inventory);
    found.ok_or_else(|| InstallError::MissingImage { reference: needed.describe() })
}

/// All images of the bundle, into the registry that the cluster file names.
pub(super) fn push_images(inputs: &Inputs) -> Option<OperatorWork> {
    let access = registry::access(inputs)?;
    let images = inputs.inventory.images.iter();
    let images = images.map(|image| (image.reference.clone(), registry::repository(&access.host, &image.reference)));
    let images = images.collect();
    let own = inputs.cluster.registry_hosts();
    let runs_on = own.first().map(|host| (host.name.clone(), registry::port(inputs.cluster)));
    Some(OperatorWork::PushImages(Box::new(PushImages { registry: access, runs_on, images })))
}

/// Collects stages; names of stages that turned out empty are dropped from what others wait for.
#[derive(Default)]
pub(super) struct Stages(Vec<Stage>);

impl Stages {
    /// The operating systems of these hosts.
    pub(super) fn systems(&mut self, inputs: &Inputs, hosts: &[&Host]) -> Result<(), InstallError> {
        let names = os::hosts_file(inputs.cluster);
        self.each("os", "Configure operating systems", &[], hosts, |host| os::configure(inputs, &names, host))
    }

    /// The registry that the cluster runs, and the bundle's images in it or in the site's own.
    pub(super) fn registries(&mut self, inputs: &Inputs, push_images: bool) -> Result<(), InstallError> {
        let hosts = inputs.cluster.registry_hosts();
        self.each("registry", "Install the registry", &[], &hosts, |host| registry::install(inputs, host))?;
        if push_images {
            let work = self::push_images(inputs).map(Task::Operator);
            self.add("push", "Push images to the registry", &["registry"], work.into_iter().collect());
        }
        Ok(())
    }

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

    /// The stage that was added last runs in this order.
    fn last_runs(&mut self, order: Order) {
        if let Some(stage) = self.0.last_mut() {
            stage.order = order;
        }
    }

    /// Members that need each other to come up are started together, those that all run one by one; then new ones join
    /// them, each through one that was there, and each whole before the next.
    fn etcd(&mut self, inputs: &Inputs, hosts: &[&Host]) -> Result<(), InstallError> {
        let cluster = inputs.cluster;
        let members = members::of(inputs);
        let known = members.as_ref().map_or(hosts, |members| members.known.as_slice());
        self.each("etcd", "Start etcd", &["etcd-install"], known, |host| etcd::start(inputs, host))?;
        let all_run = members.as_ref().is_some_and(|members| members.all_run);
        self.last_runs(if all_run { Order::OneByOne } else { Order::Together });
        let Some(members) = members else { return Ok(()) };
        let Some(via) = members.known.first() else { return Ok(()) };
        let on = |host: &Host, step: Step| Task::Host { host: host.name.clone(), steps: vec![step] };
        let mut tasks = Vec::new();
        let mut so_far = members.known.clone();
        for host in &members.joining {
            so_far.push(*host);
            tasks.push(on(via, membership::announce(cluster, host)));
            tasks.push(on(host, etcd::start_learner(inputs, host, &so_far)?));
            tasks.push(on(via, membership::promote(cluster, host)));
        }
        if tasks.is_empty() {
            return Ok(());
        }
        self.add("etcd-join", "Join etcd", &["etcd-install", "etcd"], tasks);
        self.last_runs(Order::OneByOne);
        self.each("etcd-follow", "Keep etcd's members", &["etcd-join"], &members.joining, |host| {
            membership::follow(cluster, inputs.templates, host)
        })
    }

    fn add(&mut self, name: &str, title: &str, after: &[&str], tasks: Vec<Task>) {
        if !tasks.is_empty() {
            let after = after.iter().map(|name| (*name).to_owned()).collect();
            self.0.push(Stage { name: name.into(), title: title.into(), after, order: Order::Parallel, tasks });
        }
    }

    /// What was collected, as a plan.
    pub(super) fn plan(mut self, inputs: &Inputs) -> Plan {
        let names: Vec<String> = self.0.iter().map(|stage| stage.name.clone()).collect();
        for stage in &mut self.0 {
            stage.after.retain(|name| names.contains(name));
        }
        Plan { cluster: inputs.cluster.name.clone(), stages: self.0 }
    }
}
