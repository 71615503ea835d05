//! What a job must know before it plans: a verified bundle, and facts from every host.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use super::demand::{Approval, Demand};
use super::hold;
use super::left_out::LeftOut;
use super::site::{Hosts, Site};
use super::{JobError, Kind};
use crate::bundle::parts::{self, Incomplete, Source};
use crate::bundle::{
    Bundle, Holder, Inventory, OpenError, SignatureCheck, Unverified, Verified, VerifyDepth, VerifyError,
};
use crate::cluster::Cluster;
use crate::digest::Digest;
use crate::event::{self, Event, Events};
use crate::host::MachineError;
use crate::host::facts::{self, Facts};
use crate::install::{EtcdState, Found, NodeState};
use crate::plan::Extent;
use crate::plan::preflight::{self, Needs, Severity};
use crate::trust::Accepted;

/// Opens the bundle that lies in these files or folders: one file, or the parts of one bundle.
pub fn open_bundle(paths: &[PathBuf]) -> Result<Bundle<Unverified>, JobError> {
    Ok(open_demanded(paths, &Demand::default())?.0)
}

/// As [`open_bundle`], if it is signed as demanded: that is looked at before anything else of it is read. Returns by
/// whom it is signed where that was demanded.
pub fn open_demanded(paths: &[PathBuf], demand: &Demand) -> Result<(Bundle<Unverified>, Option<Accepted>), JobError> {
    open_telling(paths, demand, &event::silent())
}

/// As [`open_demanded`], and tells of what lies beside it and was passed over.
pub fn open_telling(
    paths: &[PathBuf],
    demand: &Demand,
    events: &Events,
) -> Result<(Bundle<Unverified>, Option<Accepted>), JobError> {
    let sources = sources(paths, events)?;
    let Some((first, rest)) = sources.split_first() else {
        return Err(JobError::new(Kind::Usage, "name a bundle with -a"));
    };
    let (bundle, accepted) = open_source(first, demand)?;
    if !rest.is_empty() && bundle.inventory().base.is_none() {
        let message = format!("{} is whole and builds upon no other bundle", bundle.path().display());
        return Err(JobError::new(Kind::Usage, message).hint("name one bundle with -a, or the delta first"));
    }
    Ok((bundle, accepted))
}

/// The bundles that were named behind the first, upon which that one builds.
pub fn others(paths: &[PathBuf]) -> Result<Vec<Bundle<Unverified>>, JobError> {
    let sources = sources(paths, &event::silent())?;
    let mut opened = sources.iter().map(|source| Ok(open_source(source, &Demand::default())?.0));
    let Some(first) = opened.next().transpose()? else { return Ok(Vec::new()) };
    let others = opened.collect::<Result<Vec<Bundle<Unverified>>, JobError>>()?;
    let digest = first.inventory().whole_digest();
    let newer = others.iter().find(|other| other.inventory().base.as_ref().map(|base| base.digest) == digest);
    if let Some(newer) = newer {
        let (newer, older) = (newer.path().display(), first.path().display());
        return Err(JobError::new(Kind::Usage, format!("{newer} builds upon {older}, which was named before it"))
            .hint("name the bundle that is to be used first, and those that it builds upon behind it"));
    }
    Ok(others)
}

/// The bundles that lie in these files and folders. Parts of others that lie beside them are told of and left alone.
pub fn sources(paths: &[PathBuf], events: &Events) -> Result<Vec<Source>, JobError> {
    let found = parts::find(paths).map_err(|error| {
        JobError::new(Kind::Bundle, error.to_string()).hint("name the file that kk artifact export wrote with -a FILE")
    })?;
    for stray in &found.strays {
        let message = format!("{} belongs to another bundle and is passed over.", stray.display());
        events.emit(Event::Note { message });
    }
    Ok(found.sources)
}

/// Opens a bundle that was found.
pub fn open_source(source: &Source, demand: &Demand) -> Result<(Bundle<Unverified>, Option<Accepted>), JobError> {
    let open = |check: &SignatureCheck<'_>| match source {
        Source::File(path) => Bundle::open_checked(path, check),
        Source::Parts(parts) => Bundle::open_parts(parts.clone(), check),
    };
    demand.opening(open).map_err(|error| match error {
        OpenError::Signature { .. } => demand.refusal(&error),
        OpenError::Parts(error) => incomplete(&error),
        error => JobError::new(Kind::Bundle, error.to_string())
            .hint("name the file that kk artifact export wrote with -a FILE"),
    })
}

/// Parts that are missing or damaged, each by its number.
pub fn incomplete(error: &Incomplete) -> JobError {
    let mut report = JobError::new(Kind::Bundle, error.to_string());
    if !error.missing.is_empty() {
        report = report.hint("name the folders of all media with -a, once each");
    }
    report.hint(format!("parts that are lost are written again on the connected side: {}", error.remedy()))
}

/// Every bad entry of a bundle, one a line.
pub(super) fn damaged(error: &VerifyError) -> JobError {
    let report = JobError::new(Kind::Bundle, format!("the bundle {} is damaged", error.path.display()))
        .details(error.parts.iter().map(ToString::to_string))
        .details(error.bad.iter().map(ToString::to_string));
    if error.parts.is_empty() {
        return report.hint("Copy the bundle again. If it stays damaged, export it again.");
    }
    report.hint(
        "Copy these parts again and no others. If they stay damaged, write them again with kk artifact split --only.",
    )
}

/// When a bundle is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Every byte, before any is used.
    Before,
    /// Each entry while it is read; see [`Bundle::prove_while_reading`].
    WhileRead,
}

/// Opens a bundle and proves it; of a delta bundle also that those named behind it hold what it leaves out.
pub async fn proven_bundle(
    paths: &[PathBuf],
    proof: Proof,
    events: &Events,
) -> Result<Arc<Bundle<Verified>>, JobError> {
    let (bundle, _) = opened_bundle(paths, Demand::default(), proof, events).await?;
    let (bundle, lacking) = hold::at_site(bundle, None, events).await?;
    hold::refuse_lacking(bundle.inventory(), &lacking)?;
    Ok(bundle)
}

/// The same for a site, whose store may hold what a delta bundle leaves out. Blobs of images may be in its registry too,
/// which is not asked here.
pub async fn bundle_for(
    cluster: &Cluster,
    paths: &[PathBuf],
    demand: Demand,
    proof: Proof,
    events: &Events,
) -> Result<Arc<Bundle<Verified>>, JobError> {
    let (bundle, _) = opened_bundle(paths, demand, proof, events).await?;
    let store = hold::store(&Site::bundle_store_of(cluster)?)?;
    let (bundle, mut lacking) = hold::at_site(bundle, store, events).await?;
    let blobs = hold::blobs(bundle.inventory(), &lacking);
    lacking.retain(|content| !blobs.contains(&content.sha256));
    hold::refuse_lacking(bundle.inventory(), &lacking)?;
    Ok(bundle)
}

/// Opens a bundle and checks every byte of it, if it is signed as demanded and not older than what the site has: that
/// comes first. What a delta bundle leaves out may lie elsewhere; see [`hold::at_site`]. [`Approval::record`] keeps what
/// was accepted, once the bundle is put to use.
pub async fn demanded_bundle(
    paths: &[PathBuf],
    demand: Demand,
    events: &Events,
) -> Result<(Arc<Bundle<Verified>>, Approval), JobError> {
    opened_bundle(paths, demand, Proof::Before, events).await
}

async fn opened_bundle(
    paths: &[PathBuf],
    demand: Demand,
    proof: Proof,
    events: &Events,
) -> Result<(Arc<Bundle<Verified>>, Approval), JobError> {
    let (paths, events) = (paths.to_owned(), events.clone());
    let verified = tokio::task::spawn_blocking(move || prove(&paths, &demand, proof, &events)).await;
    verified.map_err(|source| JobError::internal("the check of the bundle was cut off", source))?
}

fn prove(
    paths: &[PathBuf],
    demand: &Demand,
    proof: Proof,
    events: &Events,
) -> Result<(Arc<Bundle<Verified>>, Approval), JobError> {
    let (bundle, accepted) = open_telling(paths, demand, events)?;
    let approval = demand.approve(bundle.inventory(), accepted)?;
    approval.tell(events);
    let prove = |bundle: Bundle<Unverified>| {
        let proven = match proof {
            Proof::Before => bundle.verify(VerifyDepth::Blake3, events),
            Proof::WhileRead => bundle.prove_while_reading(events),
        };
        proven.map_err(|error| damaged(&error))
    };
    let title = "Verify the bundle".to_owned();
    let started = Instant::now();
    if proof == Proof::Before {
        events.emit(Event::PhaseStarted { title: title.clone() });
    }
    let mut proven = prove(bundle)?;
    let others = others(paths)?;
    let digests: Vec<Digest> = others.iter().filter_map(|other| other.inventory().whole_digest()).collect();
    hold::tell_other_base(&proven, &digests, events);
    for other in others {
        proven = proven.backed_by([Arc::new(prove(other)?) as Arc<dyn Holder>]);
    }
    if proof == Proof::Before {
        events.emit(Event::PhaseDone { title, seconds: started.elapsed().as_secs_f64() });
    }
    Ok((Arc::new(proven), approval))
}

/// Facts from all hosts, in one round trip each.
pub async fn facts(hosts: &Hosts, events: &Events) -> Result<BTreeMap<String, Facts>, JobError> {
    let title = "Look at the hosts".to_owned();
    let started = Instant::now();
    events.emit(Event::PhaseStarted { title: title.clone() });
    let (found, failures) = facts_of(hosts).await;
    if !failures.is_empty() {
        return Err(JobError::new(Kind::Host, "some hosts cannot be looked at; nothing was changed")
            .details(failures.values().map(ToString::to_string)));
    }
    events.emit(Event::PhaseDone { title, seconds: started.elapsed().as_secs_f64() });
    Ok(found)
}

/// The same without a word: by host what it says, and why others say nothing.
pub async fn facts_of(hosts: &Hosts) -> (BTreeMap<String, Facts>, BTreeMap<String, MachineError>) {
    let asked = hosts.iter().map(|(host, machine)| async move { (host, facts::gather(machine.as_ref()).await) });
    let (mut found, mut failures) = (BTreeMap::new(), BTreeMap::new());
    for (host, facts) in futures::future::join_all(asked).await {
        match facts {
            Ok(facts) => drop(found.insert(host.clone(), facts)),
            Err(error) => drop(failures.insert(host.clone(), error)),
        }
    }
    (found, failures)
}

/// The checks before an installation that goes so far, on the hosts of which there are facts. Warnings are told; errors
/// stop the job before any host was changed, but for those of hosts that may be left out, which are.
pub fn preflight(
    extent: Extent,
    cluster: &Cluster,
    bundle: &Bundle<Verified>,
    facts: &BTreeMap<String, Facts>,
    left_out: &mut LeftOut,
    events: &Events,
) -> Result<(), JobError> {
    let needs = Needs::within(extent, cluster, bundle.inventory());
    let mut findings = preflight::check(cluster, facts, &needs);
    findings.retain(|finding| match &finding.host {
        Some(host) if finding.severity == Severity::Error && left_out.may(host) => {
            left_out.add(host, &finding.to_string(), events);
            false
        }
        _ => true,
    });
    let (errors, warnings): (Vec<_>, Vec<_>) =
        findings.into_iter().partition(|finding| finding.severity == Severity::Error);
    for warning in warnings {
        events.emit(Event::Warning { message: warning.to_string() });
    }
    if errors.is_empty() {
        return Ok(());
    }
    // Hosts often share a finding; each piece of advice is given once.
    let mut hints: Vec<String> = Vec::new();
    for hint in errors.iter().filter_map(|finding| finding.hint.as_ref()) {
        if !hints.contains(hint) {
            hints.push(hint.clone());
        }
    }
    let message = format!("{} checks failed; no host was changed", errors.len());
    let mut error = JobError::new(Kind::Preflight, message).details(errors.iter().map(ToString::to_string));
    error.hints = hints;
    Err(error
        .hint("a check that does not apply to this site is turned into a warning by spec.preflight.ignore: [NAME]"))
}

/// What steps depend on.
pub fn found(cluster: &Cluster, facts: &Facts) -> Found {
    let swap_allowed =
        cluster.spec.kubernetes.kubelet_configuration.get("failSwapOn") == Some(&serde_json::Value::Bool(false));
    let node = match (facts.joined, facts.kubelet_conf) {
        (true, true) => NodeState::Joined,
        (false, false) => NodeState::Absent,
        _ => NodeState::Partial,
    };
    let etcd = match (facts.etcd_member, facts.kk_units.contains("etcd.service")) {
        (true, _) => EtcdState::Member,
        (false, true) => EtcdState::Started,
        (false, false) => EtcdState::Absent,
    };
    Found {
        arch: facts.arch.clone(),
        node,
        swap: facts.swap_in_use() && !swap_allowed,
        etcd,
        etcd_runs: facts.unit("etcd.service").is_some_and(|unit| unit.active),
    }
}

/// The same of all hosts, those that were left out before they could be asked included.
pub fn all_found(
    cluster: &Cluster,
    facts: &BTreeMap<String, Facts>,
    left_out: &LeftOut,
    inventory: &Inventory,
) -> BTreeMap<String, Found> {
    let unseen = left_out.names().into_iter().map(|host| (host, unseen(inventory)));
    unseen.chain(facts.iter().map(|(host, facts)| (host.clone(), found(cluster, facts)))).collect()
}

/// A host that cannot be asked is taken for a member: what the others hold must not seem wrong because of it.
pub fn unseen(inventory: &Inventory) -> Found {
    Found {
        arch: inventory.arches.first().cloned().unwrap_or_default(),
        node: NodeState::Joined,
        swap: false,
        etcd: EtcdState::Member,
        etcd_runs: true,
    }
}
