//! Whether a host may leave. Pure; every refusal comes before anything is changed.

use super::Leaving;
use crate::cluster::Cluster;
use crate::install::membership::Member;
use crate::yaml::nearest;

/// Why a host may not leave.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the cluster file has no host {name}")]
    Unknown {
        name: String,
        /// The host that was probably meant.
        near: Option<String>,
        known: Vec<String>,
    },
    #[error("{name} runs the registry that all hosts pull from, and cannot leave")]
    Registry { name: String },
    #[error("{name} is the last control plane, and cannot leave")]
    LastControlPlane { name: String },
    #[error("{name} is the last member of etcd, and cannot leave")]
    LastMember { name: String },
    #[error("etcd answers on none of the hosts that would stay, so its members cannot be changed")]
    Silent,
    #[error("etcd has {healthy} healthy members of {all}, which is no majority: its members cannot be changed")]
    NoMajority { healthy: usize, all: usize },
    #[error("etcd would lose its majority: without {name}, {healthy} of {left} members would be healthy")]
    WouldLoseMajority {
        name: String,
        healthy: usize,
        left: usize,
        /// Members that stay and do not answer.
        down: Vec<String>,
    },
    #[error("{} on {name} belong to nothing that would start them again elsewhere", count(pods.len()))]
    BarePods { name: String, pods: Vec<String> },
}

fn count(pods: usize) -> String {
    if pods == 1 { "1 pod".into() } else { format!("{pods} pods") }
}

impl Refusal {
    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::Unknown { near: Some(near), .. } => format!("did you mean \"{near}\"?"),
            Self::Unknown { known, .. } => format!("its hosts are {}", known.join(", ")),
            Self::Registry { .. } => {
                "move the registry first; kk delete cluster --all removes it with the cluster".into()
            }
            Self::LastControlPlane { .. } | Self::LastMember { .. } => {
                "add another one first with kk add nodes, or remove the whole cluster with kk delete cluster".into()
            }
            Self::Silent | Self::NoMajority { .. } => {
                "start the members that are down; where too many are lost, etcd comes back from a backup only".into()
            }
            Self::WouldLoseMajority { down, .. } => format!("start etcd on {} first", down.join(", ")),
            Self::BarePods { .. } => "--force deletes them for good".into(),
        }
    }

    /// Further lines, each a finding of its own.
    pub fn details(&self) -> &[String] {
        match self {
            Self::BarePods { pods, .. } => pods,
            _ => &[],
        }
    }
}

/// What the cluster file alone forbids.
pub fn may_leave(cluster: &Cluster, name: &str) -> Result<(), Refusal> {
    let named = || name.to_owned();
    if cluster.host(name).is_none() {
        let known: Vec<String> = cluster.spec.hosts.iter().map(|host| host.name.clone()).collect();
        let near = nearest(name, known.iter().map(String::as_str)).map(str::to_owned);
        return Err(Refusal::Unknown { name: named(), near, known });
    }
    let rest = cluster.without(name);
    if cluster.registry_hosts().iter().any(|host| host.name == name) {
        return Err(Refusal::Registry { name: named() });
    }
    if rest.control_planes().is_empty() {
        return Err(Refusal::LastControlPlane { name: named() });
    }
    if rest.etcd_hosts().is_empty() && !cluster.etcd_hosts().is_empty() {
        return Err(Refusal::LastMember { name: named() });
    }
    Ok(())
}

/// What may be done and should be known.
pub fn warnings(cluster: &Cluster, name: &str) -> Vec<String> {
    let rest = cluster.without(name);
    let mut warnings = Vec::new();
    if rest.workers().is_empty() && !cluster.workers().is_empty() {
        warnings.push(format!("{name} is the last worker: pods have nowhere to go but control planes that take them"));
    }
    let members = rest.etcd_hosts().len();
    if members.is_multiple_of(2) && members != cluster.etcd_hosts().len() {
        warnings.push(format!(
            "etcd is left with {members} members, which survive no more failures than {}",
            members.saturating_sub(1)
        ));
    }
    warnings
}

/// What the hosts as they are now forbid.
pub fn may_leave_now(leaving: &Leaving) -> Result<(), Refusal> {
    if leaving.cluster.etcd_hosts().iter().any(|host| host.name == leaving.name) {
        let Some(etcd) = leaving.etcd else { return Err(Refusal::Silent) };
        keeps_majority(leaving, &etcd.members)?;
    }
    let bare: Vec<String> = leaving.pods.iter().filter(|pod| pod.is_bare()).map(ToString::to_string).collect();
    if !bare.is_empty() && !leaving.force && !leaving.gone {
        return Err(Refusal::BarePods { name: leaving.name.to_owned(), pods: bare });
    }
    Ok(())
}

/// A change of members needs a majority of those that there are; and those that stay must have one of their own.
fn keeps_majority(leaving: &Leaving, members: &[Member]) -> Result<(), Refusal> {
    let voters: Vec<&Member> = members.iter().filter(|member| !member.learner).collect();
    let healthy = voters.iter().filter(|member| member.healthy).count();
    if healthy < majority(voters.len()) {
        return Err(Refusal::NoMajority { healthy, all: voters.len() });
    }
    let leaves = |member: &&&Member| member.is(leaving.cluster, leaving.name);
    if !voters.iter().any(|member| leaves(&member)) {
        return Ok(());
    }
    let stay: Vec<&&Member> = voters.iter().filter(|member| !leaves(member)).collect();
    if stay.is_empty() {
        return Err(Refusal::LastMember { name: leaving.name.to_owned() });
    }
    let down: Vec<String> = stay.iter().filter(|member| !member.healthy).map(|member| member.to_string()).collect();
    let healthy = stay.len() - down.len();
    if healthy < majority(stay.len()) {
        let (name, left) = (leaving.name.to_owned(), stay.len());
        return Err(Refusal::WouldLoseMajority { name, healthy, left, down });
    }
    Ok(())
}

fn majority(members: usize) -> usize {
    members / 2 + 1
}
