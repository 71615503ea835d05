//! The bundle that a job works from, proven.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use super::demand::{Approval, Demand};
use super::hold;
use super::site::Site;
use super::{JobError, Kind};
use crate::bundle::parts::{self, Incomplete, Source};
use crate::bundle::{Bundle, Holder, OpenError, SignatureCheck, Unverified, Verified, VerifyDepth, VerifyError};
use crate::cluster::Cluster;
use crate::digest::Digest;
use crate::event::{self, Event, Events};
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
