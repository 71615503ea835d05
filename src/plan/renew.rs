//! The plan of `kk certs renew`.

use std::path::PathBuf;

use secrecy::SecretString;

use super::sequence::{Sequence, on};
use super::{OperatorWork, Order, Plan, Task};
use crate::host::Step;
use crate::install::certs::Name;
use crate::install::renew::{self, Renewal};
use crate::install::{InstallError, nodes};

/// Stages that renew what is due, and see to it that what runs uses what lies there.
///
/// What others depend upon comes first: etcd, and kubelets, which have to start what is stopped on control planes. Only
/// one member of etcd and one control plane is restarted at a time, and the next not before it is well again.
pub fn renew(renewal: &Renewal, kubeconfig: Option<(PathBuf, SecretString)>) -> Result<Plan, InstallError> {
    let cluster = renewal.cluster;
    let mut stages = Sequence::default();

    if renewal.any([Name::Etcd]) {
        let members = cluster.etcd_hosts();
        let files: Result<_, InstallError> =
            members.iter().map(|host| Ok(on(host, vec![renew::etcd_files(renewal, host)?]))).collect();
        stages.add("etcd-files", "Place the certificates of etcd", &[], Order::Parallel, files?);
        let restart = members.iter().map(|host| on(host, vec![renew::restart_etcd(renewal)])).collect();
        stages.add("etcd", "Restart etcd", &["etcd-files"], Order::OneByOne, restart);
    }
    if renewal.any([Name::Registry]) {
        let hosts = cluster.registry_hosts();
        let tasks: Result<_, InstallError> =
            hosts.iter().map(|host| Ok(on(host, vec![renew::registry(renewal)?]))).collect();
        stages.add("registry", "Renew the certificate of the registry", &[], Order::Parallel, tasks?);
    }
    if renewal.any([Name::Kubelet, Name::KubeletServing]) {
        let tasks = cluster.nodes().iter().map(|host| on(host, vec![renew::kubelet(renewal, host)])).collect();
        stages.add("kubelets", "Renew the certificates of kubelets", &[], Order::Parallel, tasks);
    }
    if renewal.any(Name::ALL.into_iter().filter(|name| name.is_kubeadms() || *name == Name::ApiserverEtcdClient)) {
        let steps = |host| vec![renew::control_plane(renewal, host), renew::restart_control_plane(renewal, host)];
        let tasks = cluster.control_planes().into_iter().map(|host| on(host, steps(host))).collect();
        stages.add("control-planes", "Renew the control planes", &["etcd", "kubelets"], Order::OneByOne, tasks);
    }
    if let Some((path, content)) = kubeconfig {
        let work = Task::Operator(OperatorWork::KeepFile { path, content });
        stages.add("kubeconfig", "Write the kubeconfig", &[], Order::Parallel, vec![work]);
    }
    // Asked with the administrator's certificate, which may have run out where it is not renewed.
    if renewal.any([Name::AdminConf])
        && let Some(first) = cluster.control_planes().first()
    {
        let ready = Step::new("renew/ready", "Wait for the cluster", vec![nodes::nodes_ready(cluster)]);
        let task = on(first, vec![ready]);
        stages.add("ready", "Wait for the cluster", &["control-planes", "kubelets"], Order::Parallel, vec![task]);
    }
    Ok(stages.plan(cluster))
}
