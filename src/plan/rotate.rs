//! The plan of one pass of `kk certs rotate-ca`.

use std::path::PathBuf;

use secrecy::SecretString;

use super::sequence::{Sequence, on};
use super::{OperatorWork, Order, Plan, Task};
use crate::install::certs::{Authority, Pass};
use crate::install::renew::{self, Renewal};
use crate::install::rotate::{self, Turn};
use crate::install::{InstallError, nodes};

/// Stages that make one pass hold: whom hosts trust first, then what they show, and what runs with it, one member of etcd
/// and one control plane at a time.
///
/// In each pass, what a host has of the pass before is trusted by those that are further, and the other way round; so
/// the order within a pass keeps things running, and a pass that was interrupted may be gone through again.
pub fn rotate(
    turn: &Turn,
    renewal: &Renewal,
    kubeconfig: Option<(PathBuf, SecretString)>,
) -> Result<Plan, InstallError> {
    let cluster = turn.cluster;
    let mut stages = Sequence::default();
    let control_planes = || cluster.control_planes().into_iter();
    let kubernetes = turn.has(Authority::KubernetesCa);

    if rotate::has_own_signing(turn) {
        let tasks = control_planes().map(|host| on(host, vec![rotate::sign_with_one(turn)])).collect();
        stages.add("signing", "Tell controller managers which authority signs", &[], Order::OneByOne, tasks);
    }
    let steps = cluster.spec.hosts.iter().map(|host| (host, rotate::trust(turn, host)));
    let tasks = steps.filter(|(_, step)| !step.parts.is_empty()).map(|(host, step)| on(host, vec![step])).collect();
    stages.add("trust", "Place the authorities that are trusted", &["signing"], Order::Parallel, tasks);
    if turn.has(Authority::EtcdCa) {
        let members = cluster.etcd_hosts();
        let files: Result<_, InstallError> =
            members.iter().map(|host| Ok(on(host, vec![renew::etcd_files(renewal, host)?]))).collect();
        stages.add("etcd-files", "Place the certificates of etcd", &["trust"], Order::Parallel, files?);
        let restart = members.iter().map(|host| on(host, vec![renew::restart_etcd(renewal)])).collect();
        stages.add("etcd", "Restart etcd", &["etcd-files"], Order::OneByOne, restart);
    }
    if turn.has(Authority::RegistryCa) {
        let hosts = cluster.registry_hosts();
        let tasks: Result<_, InstallError> =
            hosts.iter().map(|host| Ok(on(host, vec![renew::registry(renewal)?]))).collect();
        stages.add("registry", "Renew the certificate of the registry", &["trust"], Order::Parallel, tasks?);
    }
    if kubernetes {
        let steps = |host| vec![renew::kubelet(renewal, host), rotate::restart_kubelet()];
        let tasks = cluster.nodes().into_iter().map(|host| on(host, steps(host))).collect();
        stages.add("kubelets", "Let kubelets follow", &["trust"], Order::Parallel, tasks);
    }
    if turn.rotation.authorities.iter().any(|authority| *authority != Authority::RegistryCa) {
        let tasks = control_planes().map(|host| {
            let mut steps = vec![renew::control_plane(renewal, host)];
            if kubernetes {
                steps.push(rotate::trust_in_kubeconfigs(turn));
            }
            steps.push(renew::restart_control_plane(renewal, host));
            on(host, steps)
        });
        let tasks = tasks.collect();
        stages.add(
            "control-planes",
            "Let control planes follow",
            &["trust", "etcd", "kubelets"],
            Order::OneByOne,
            tasks,
        );
    }
    if kubernetes && turn.rotation.pass == Pass::Forget {
        let tasks = control_planes().map(|host| on(host, vec![rotate::sign_as_usual()])).collect();
        stages.add(
            "signing-as-usual",
            "Have controller managers sign as usual",
            &["control-planes"],
            Order::OneByOne,
            tasks,
        );
    }
    if let Some((path, content)) = kubeconfig {
        let work = Task::Operator(OperatorWork::KeepFile { path, content });
        stages.add("kubeconfig", "Write the kubeconfig", &["trust"], Order::Parallel, vec![work]);
    }
    if let Some(first) = cluster.control_planes().first() {
        let tell = rotate::tell(turn);
        let mut steps = if tell.parts.is_empty() { Vec::new() } else { vec![tell] };
        steps.push(nodes::all_ready(cluster));
        let after = ["trust", "etcd", "registry", "kubelets", "control-planes", "signing-as-usual"];
        stages.add("cluster", "Wait for the cluster", &after, Order::Parallel, vec![on(first, steps)]);
    }
    Ok(stages.plan(cluster))
}
