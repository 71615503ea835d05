//! The plan of `kk delete node`.

use super::Leaving;
use crate::cluster::{Cluster, Host};
use crate::host::Step;
use crate::install::{InstallError, kubernetes, loadbalancer, membership, nodes, os, remove};
use crate::plan::{OperatorWork, Order, Plan, Stage, Task};

/// The node is emptied, etcd and Kubernetes forget it, the host is cleaned, and all others follow. What others follow is
/// the cluster file without the host, so that a create with that file has nothing to change.
///
/// Each stage waits for the one before. Every step holds or is made to hold: a run that was cut off is continued by the
/// same command.
pub fn leave(leaving: &Leaving) -> Result<Plan, InstallError> {
    let (before, name) = (leaving.cluster, leaving.name);
    let after = before.without(name);
    let unknown = || InstallError::UnknownHost { host: name.to_owned() };
    let host = before.host(name).ok_or_else(unknown)?;
    let is_node = before.nodes().iter().any(|node| node.name == name);
    let [was_control_plane, was_member] = ["control-plane", "etcd"].map(|role| before.has_role(name, role));
    let mut stages = Stages::default();

    // Hosts that reach the API through this control plane alone are led to another one before it ends; where it has ended
    // already, before anything is asked of the API.
    let endpoint = was_control_plane && before.endpoint_address() == host.internal_ipv4();
    if endpoint && leaving.gone {
        stages.endpoint(&after)?;
    }
    if is_node && !leaving.gone {
        let step = nodes::drain(name, leaving.drain, leaving.force);
        stages.on("drain", "Empty the node", leaving.lead, vec![step]);
    }
    if let Some(etcd) = leaving.etcd.filter(|_| was_member) {
        stages.on("etcd", "Take the host out of etcd", &etcd.via, vec![membership::remove(before, host)]);
    }
    if is_node && !leaving.gone {
        stages.on("kubelet", "Stop the kubelet", name, vec![remove::kubelet()]);
    }
    if is_node {
        stages.on("node", "Take the node out of the cluster", leaving.lead, vec![nodes::forget(name)]);
    }
    if endpoint && !leaving.gone {
        stages.endpoint(&after)?;
    }
    if !leaving.gone {
        let mut steps = Vec::new();
        steps.extend(is_node.then(|| remove::kubernetes(before)));
        steps.extend(was_member.then(|| remove::etcd(before, false)));
        steps.push(remove::system(before, host, true));
        stages.on("clean", "Clean the host", name, steps);
    }
    if was_member {
        stages.each("etcd-follow", "Keep etcd's members", Order::Parallel, &owned(after.etcd_hosts()), |host| {
            membership::follow(&after, leaving.templates, host).map(Some)
        })?;
    }
    if is_node || was_member {
        let step = kubernetes::cluster_configuration(&after);
        stages.on("configuration", "Keep kubeadm's record", leaving.lead, vec![step]);
    }
    if was_member {
        let control_planes = owned(after.control_planes());
        stages.each("api-servers", "Let API servers follow", Order::OneByOne, &control_planes, |host| {
            Ok(Some(kubernetes::api_server(&after, host)))
        })?;
    }
    if was_control_plane && after.spec.kubernetes.auto_renew_certs {
        // Each has an hour by its place among them.
        stages.each(
            "auto-renew",
            "Set when certificates are renewed",
            Order::Parallel,
            &owned(after.control_planes()),
            |host| kubernetes::auto_renew(&after, leaving.templates, host).map(Some),
        )?;
    }
    if was_control_plane {
        stages.each("balancers", "Let load balancers follow", Order::OneByOne, &owned(after.workers()), |host| {
            loadbalancer::follow(&after, leaving.templates, host)
        })?;
    }
    stages.each("hosts", "Forget the host's name", Order::Parallel, &after.spec.hosts, |host| {
        let parts = [Some(os::hosts_file(&after)), os::endpoint_after_join(&after, host)];
        Ok(Some(step_of_endpoint(parts.into_iter().flatten().collect())))
    })?;
    if let Some((path, content)) = leaving.kubeconfig.clone() {
        let work = OperatorWork::KeepFile { path, content };
        stages.add("kubeconfig", "Write the kubeconfig", Order::Parallel, vec![Task::Operator(work)]);
    }
    Ok(Plan { cluster: before.name.clone(), stages: stages.0 })
}

fn step_of_endpoint(parts: Vec<crate::host::Part>) -> Step {
    Step::new("os/hosts", "Keep /etc/hosts", parts)
}

fn owned(hosts: Vec<&Host>) -> Vec<Host> {
    hosts.into_iter().cloned().collect()
}

/// Stages, each of which waits for the one before it.
#[derive(Default)]
struct Stages(Vec<Stage>);

impl Stages {
    /// Steps on one host.
    fn on(&mut self, name: &str, title: &str, host: &str, steps: Vec<Step>) {
        self.add(name, title, Order::Parallel, vec![Task::Host { host: host.to_owned(), steps }]);
    }

    /// Leads all hosts that stay to a control plane that stays.
    fn endpoint(&mut self, after: &Cluster) -> Result<(), InstallError> {
        let steps = |host: &Host| Ok(os::endpoint_after_join(after, host).map(|part| step_of_endpoint(vec![part])));
        self.each("endpoint", "Lead hosts to another control plane", Order::Parallel, &after.spec.hosts, steps)
    }

    /// A step on each of several hosts, where it has one to do.
    fn each(
        &mut self,
        name: &str,
        title: &str,
        order: Order,
        hosts: &[Host],
        step: impl Fn(&Host) -> Result<Option<Step>, InstallError>,
    ) -> Result<(), InstallError> {
        let mut tasks = Vec::new();
        for host in hosts {
            tasks.extend(step(host)?.map(|step| Task::Host { host: host.name.clone(), steps: vec![step] }));
        }
        self.add(name, title, order, tasks);
        Ok(())
    }

    fn add(&mut self, name: &str, title: &str, order: Order, tasks: Vec<Task>) {
        if tasks.is_empty() {
            return;
        }
        let after = self.0.last().map(|stage| stage.name.clone()).into_iter().collect();
        self.0.push(Stage { name: name.into(), title: title.into(), after, order, tasks });
    }
}
