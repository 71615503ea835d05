//! `kk certs rotate-ca`: new authorities in the place of those that a site has, while it works.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use time::OffsetDateTime;

use super::{look, renewal};
use crate::cluster::Cluster;
use crate::event::{Event, Events};
use crate::install::certs::on_hosts::KUBELET;
use crate::install::certs::{Authority, Certificate, Keys, Pass, Rotation, read_pem};
use crate::install::kubernetes;
use crate::install::renew::{Due, Renewal};
use crate::install::rotate::Turn;
use crate::jobs::change::Change;
use crate::jobs::site::{Hosts, Site};
use crate::jobs::{JobError, Kind, engine, files};
use crate::plan::expiry::{self, Expiry};
use crate::plan::{self, Plan};
use crate::run::Summary;

pub use crate::jobs::engine::ROTATE_CA as COMMAND;

const PAUSED: &str = "all hosts trust the new authority; start anew whatever talks to the API server, then run the same \
                      command again";

/// What the command was asked to do.
pub struct Options {
    pub cluster_file: PathBuf,
    /// Only these; all of the site's where it is empty.
    pub only: BTreeSet<Authority>,
    /// Pods that are not the cluster's own are left alone, and the command ends when all hosts trust the new authority.
    pub leave_workloads: bool,
    pub change: Change,
}

/// What came of it.
pub struct Outcome {
    /// One for each pass that was gone through; none after a dry run.
    pub runs: Vec<Summary>,
    /// What a dry run would change.
    pub text: String,
    /// The certificates as they are now; `None` where passes are left.
    pub after: Option<Expiry>,
}

/// Goes through the passes that are left, each to its end on all hosts.
pub async fn run(options: Options, events: Events) -> Result<Outcome, JobError> {
    let cluster = files::cluster(&options.cluster_file)?;
    let site = Site::of_cluster(&cluster)?;
    let _lock = engine::lock(&site, COMMAND)?;
    let under_way = site.rotation()?;
    let mut rotation = wanted(&options, &cluster, under_way.as_ref())?;
    let sessions = site.connect(&cluster, &options.change.connect, &events).await?;
    let work = Work { options: &options, cluster: &cluster, site: &site, sessions: &sessions };
    let mut seen = work.look().await;
    if under_way.is_none() {
        refuse_half_made(&cluster, &seen)?;
    }
    let changes = async {
        let keys = site.rotated_keys(&cluster, &rotation, false)?;
        engine::would_change(&work.plan(&rotation, &keys, &seen)?, &sessions, &options.change.connect).await
    };
    if let Some(text) = options.change.shown(COMMAND, &cluster, &[], None, changes).await? {
        return Ok(Outcome { runs: Vec::new(), text, after: None });
    }
    options.change.agree(&question(&cluster, &rotation, under_way.is_some(), options.leave_workloads))?;
    if under_way.is_none() {
        site.clear_rotation(&rotation)?;
    }
    let mut runs = Vec::new();
    loop {
        // Kept before any host gets it.
        let keys = site.rotated_keys(&cluster, &rotation, true)?;
        events.emit(Event::Note { message: title(rotation.pass).into() });
        let plan = work.plan(&rotation, &keys, &seen)?;
        runs.push(engine::execute(COMMAND, &plan, &sessions, None, &site, &options.change.connect, &events).await?);
        seen = work.look().await;
        refuse_leftovers(&rotation, &keys, &seen)?;
        let passed = rotation.pass;
        match passed.next() {
            Some(next) => rotation.pass = next,
            None => break,
        }
        if passed == Pass::Trust && options.leave_workloads && rotation.authorities.contains(&Authority::KubernetesCa) {
            // Said before the next pass can begin.
            events.emit(Event::Note { message: PAUSED.into() });
            site.rotated_keys(&cluster, &rotation, true)?;
            return Ok(Outcome { runs, text: String::new(), after: None });
        }
    }
    site.end_rotation(&rotation)?;
    let now = OffsetDateTime::now_utc().unix_timestamp();
    let after = expiry::expiry(&cluster.name, look::own(&cluster, &site), &seen, now, renewal::DEFAULT_WITHIN);
    Ok(Outcome { runs, text: String::new(), after: Some(after) })
}

/// The rotation that is under way, or the one that is asked for.
fn wanted(options: &Options, cluster: &Cluster, under_way: Option<&Rotation>) -> Result<Rotation, JobError> {
    let mut asked = options.only.clone();
    if let Some(rotation) = under_way {
        if asked.is_empty() || asked == rotation.authorities {
            return Ok(rotation.clone());
        }
        let names: Vec<&str> = rotation.authorities.iter().map(|authority| authority.as_str()).collect();
        let message = format!("{} of cluster {} are being rotated", names.join(", "), cluster.name);
        return Err(JobError::new(Kind::Preflight, message).hint("run the command without --only: it goes on there"));
    }
    let has_registry = !cluster.registry_hosts().is_empty();
    if asked.contains(&Authority::RegistryCa) && !has_registry {
        let message =
            format!("cluster {} has no registry that kk installed, so kk has no authority for it", cluster.name);
        return Err(JobError::new(Kind::Usage, message));
    }
    if asked.is_empty() {
        asked.extend(Authority::ALL.into_iter().filter(|one| *one != Authority::RegistryCa || has_registry));
    }
    Ok(Rotation::new(asked))
}

struct Work<'a> {
    options: &'a Options,
    cluster: &'a Cluster,
    site: &'a Site,
    sessions: &'a Hosts,
}

impl Work<'_> {
    /// What lies on the hosts. One look serves the end of a pass and the plan of the next one.
    async fn look(&self) -> Vec<expiry::Host> {
        look::hosts(self.cluster, self.sessions, &BTreeMap::new(), &self.options.change.connect).await
    }

    /// What makes the pass hold, from what lies on the hosts.
    fn plan(&self, rotation: &Rotation, keys: &Keys, seen: &[expiry::Host]) -> Result<Plan, JobError> {
        let (names, due) = (rotation.names(), due(rotation, keys, seen)?);
        let kubelets = renewal::kubelets(keys, &due)?;
        let stamp = renewal::stamp()?;
        let cluster = self.cluster;
        let renewal = Renewal { cluster, keys, names: &names, due: &due, kubelets: &kubelets, stamp: &stamp };
        let turn = Turn { cluster, rotation, keys, leave_workloads: self.options.leave_workloads };
        let fail = |source| JobError::new(Kind::Internal, "no plan can be made").because(source);
        let kubeconfig = match rotation.authorities.contains(&Authority::KubernetesCa) {
            true => {
                let content = kubernetes::kubeconfig(cluster, &keys.kubernetes_ca, &keys.operator).map_err(fail)?;
                Some((self.site.kubeconfig(), content))
            }
            false => None,
        };
        plan::rotate(&turn, &renewal, kubeconfig).map_err(fail)
    }
}

/// A rotation goes through all hosts, so all have to be of the cluster before it begins: from then on none can join.
fn refuse_half_made(cluster: &Cluster, seen: &[expiry::Host]) -> Result<(), JobError> {
    let nodes: BTreeSet<&str> = cluster.nodes().iter().map(|host| host.name.as_str()).collect();
    let joined = |host: &expiry::Host| host.seen.as_ref().is_ok_and(|seen| seen.files.contains_key(KUBELET));
    let missing = seen.iter().filter(|host| nodes.contains(host.name.as_str()) && !joined(host));
    let missing: Vec<&str> = missing.map(|host| host.name.as_str()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let message =
        format!("{} of the cluster file are no nodes of the cluster yet, or cannot be looked at", missing.join(", "));
    Err(JobError::new(Kind::Preflight, message)
        .hint("kk add nodes takes them in; or take them out of the cluster file until the rotation is over"))
}

/// What another authority has signed than the one that signs in this pass; what the operator keeps is placed as it is
/// kept.
fn due(rotation: &Rotation, keys: &Keys, seen: &[expiry::Host]) -> Result<BTreeMap<String, Vec<Due>>, JobError> {
    let mut signers = BTreeMap::new();
    for authority in &rotation.authorities {
        let pair = match authority {
            Authority::KubernetesCa => &keys.kubernetes_ca,
            Authority::FrontProxyCa => &keys.front_proxy_ca,
            Authority::EtcdCa => &keys.etcd_ca,
            Authority::RegistryCa => &keys.registry_ca,
        };
        let read = read_pem(&pair.certificate)
            .map_err(|source| JobError::new(Kind::File, format!("{authority} cannot be read")).because(source))?;
        signers.extend(authority.signs().iter().map(|name| (*name, read.clone())));
    }
    let other = |name, certificate: &Certificate| signers.get(&name).is_some_and(|signer| !certificate.is_of(signer));
    renewal::due(seen, |name| signers.contains_key(&name), other).map_err(|unreadable| {
        JobError::new(Kind::Host, "some certificates cannot be read, and it must be known who signed them")
            .details(unreadable)
            .hint("put the file right, and run the same command again")
    })
}

/// Before the next pass, nothing may be left of what this one does away with: a kubelet may have had its certificate
/// renewed by a controller manager that had not begun anew yet.
fn refuse_leftovers(rotation: &Rotation, keys: &Keys, seen: &[expiry::Host]) -> Result<(), JobError> {
    let due = due(rotation, keys, seen)?;
    if due.is_empty() {
        return Ok(());
    }
    let left = due.iter().flat_map(|(host, due)| due.iter().map(move |one| format!("{host}: {}", one.path)));
    Err(JobError::new(Kind::Host, "some certificates are of the old authority again; nothing forgets it yet")
        .details(left)
        .hint("run the same command again: it goes on here"))
}

fn title(pass: Pass) -> &'static str {
    match pass {
        Pass::Trust => "pass 1 of 3: all trust the new authority as well",
        Pass::Sign => "pass 2 of 3: the new authority signs everything",
        Pass::Forget => "pass 3 of 3: the old authority is forgotten",
    }
}

/// What will happen.
fn question(cluster: &Cluster, rotation: &Rotation, goes_on: bool, leave_workloads: bool) -> String {
    let names: Vec<&str> = rotation.authorities.iter().map(|authority| authority.as_str()).collect();
    let begin = match goes_on {
        true => format!("The rotation of {} goes on with {}.", names.join(", "), title(rotation.pass)),
        false => format!("These authorities of cluster {} are replaced: {}.", cluster.name, names.join(", ")),
    };
    let pods = match (rotation.authorities.contains(&Authority::KubernetesCa), leave_workloads) {
        (false, _) => "Pods go on running.",
        (true, false) => {
            "All Deployments, DaemonSets and StatefulSets start their pods anew, a few at a time, as they do for an update, and \
             are waited for. Left to you are pods of Jobs, of paused Deployments and of workloads that update OnDelete, and \
             those that nothing made."
        }
        (true, true) => {
            "The cluster's own pods start anew; after the first pass the command ends, so that you start yours."
        }
    };
    format!(
        "{begin}\nAll that they signed is made anew. In each of three passes members of etcd and control planes are restarted \
         one after the other, and kubelets. {pods}\nKubeconfigs that others have of this cluster stop working at the end.\n\
         Rotate them?"
    )
}
