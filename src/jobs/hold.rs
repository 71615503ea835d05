//! Who at a site holds what a delta bundle leaves out: proven before anything is touched.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use super::{JobError, Kind};
use crate::bundle::store::{Store, StoreError};
use crate::bundle::{Bundle, Content, Holder, Inventory, Verified};
use crate::digest::Digest;
use crate::event::{Event, Events};
use crate::quantity;

/// The site's store, where it has one.
pub fn store(root: &std::path::Path) -> Result<Option<Store>, JobError> {
    match Store::open(root) {
        Ok(store) => Ok(Some(store)),
        Err(StoreError::NotAStore { .. }) => Ok(None),
        Err(error) => Err(JobError::new(Kind::Internal, error.to_string())),
    }
}

/// The bundle with a store behind it, and what neither it nor another bundle that was named holds.
pub async fn at_site(
    bundle: Arc<Bundle<Verified>>,
    store: Option<Store>,
    events: &Events,
) -> Result<(Arc<Bundle<Verified>>, Vec<Content>), JobError> {
    if bundle.inventory().base.is_none() {
        return Ok((bundle, Vec::new()));
    }
    let holder = store.map(|store| Arc::new(store) as Arc<dyn Holder>);
    let backed = Arc::new(bundle.as_ref().clone().backed_by(holder));
    let (looked_into, events) = (backed.clone(), events.clone());
    let looking = tokio::task::spawn_blocking(move || {
        let title = "Look for what the delta leaves out".to_owned();
        let started = Instant::now();
        events.emit(Event::PhaseStarted { title: title.clone() });
        let lacking = looked_into.not_held(&events);
        events.emit(Event::PhaseDone { title, seconds: started.elapsed().as_secs_f64() });
        lacking
    });
    let lacking = looking.await.map_err(|source| JobError::internal("the search was cut off", source))?;
    Ok((backed, lacking))
}

/// Refuses a delta bundle of which something is nowhere, with all that is missing by what needs it.
pub fn refuse_lacking(inventory: &Inventory, lacking: &[Content]) -> Result<(), JobError> {
    if lacking.is_empty() {
        return Ok(());
    }
    let base = inventory.base.as_ref().map(|base| format!("{} ({})", base.name, base.digest)).unwrap_or_default();
    let bytes = lacking.iter().fold(0u64, |sum, content| sum.saturating_add(content.size));
    let message = format!(
        "this delta bundle builds upon {base}, and {} contents ({}) that it leaves out are not at this site; nothing was changed",
        lacking.len(),
        quantity::bytes(bytes),
    );
    Err(JobError::new(Kind::Bundle, message)
        .details(owners(inventory, lacking))
        .hint(format!("import the base first with kk artifact import, or name it with a further -a: {base}"))
        .hint("or export a whole bundle on the connected side, without --base"))
}

/// What needs these contents: a line for each image, component, chart, set of packages and file.
fn owners(inventory: &Inventory, lacking: &[Content]) -> Vec<String> {
    let sizes: HashMap<Digest, u64> = lacking.iter().map(|content| (content.sha256, content.size)).collect();
    let mut lines = Vec::new();
    for image in &inventory.images {
        let platforms = image.platforms.iter().flat_map(|one| std::iter::once(&one.manifest).chain(&one.blobs));
        let own: BTreeMap<&Digest, u64> = std::iter::once(&image.digest)
            .chain(platforms)
            .filter_map(|digest| sizes.get(digest).map(|size| (digest, *size)))
            .collect();
        if !own.is_empty() {
            let bytes = quantity::bytes(own.values().fold(0, |sum, size| sum.saturating_add(*size)));
            lines.push(format!("image {}: {} blobs, {bytes}", image.reference, own.len()));
        }
    }
    let mut line = |what: String, sha256: &Digest| {
        lines.extend(sizes.get(sha256).map(|size| format!("{what}: {}", quantity::bytes(*size))));
    };
    for one in &inventory.components {
        line(format!("component {} {} {}", one.name, one.version, one.arch), &one.entry.sha256);
    }
    for one in &inventory.charts {
        line(format!("chart {} {}", one.name, one.version), &one.entry.sha256);
    }
    for one in &inventory.packages {
        line(format!("packages of {} {} {}", one.id, one.version, one.arch), &one.entry.sha256);
    }
    for one in &inventory.files {
        line(format!("file {}", one.entry.path), &one.entry.sha256);
    }
    lines
}

/// Of these contents, those that are blobs of images and nothing else.
pub fn blobs(inventory: &Inventory, contents: &[Content]) -> HashSet<Digest> {
    let entries: HashSet<Digest> = inventory.entries().map(|entry| entry.sha256).collect();
    contents.iter().map(|content| content.sha256).filter(|digest| !entries.contains(digest)).collect()
}

/// Tells of a base that is named and is not the one that the delta was made for: what counts is that all is there.
pub fn tell_other_base<State>(bundle: &Bundle<State>, others: &[Digest], events: &Events) {
    if let Some(base) = &bundle.inventory().base
        && !others.is_empty()
        && !others.contains(&base.digest)
    {
        let message = format!(
            "{} was made for another base, {} ({}); what it leaves out is looked for in those that were named.",
            bundle.path().display(),
            base.name,
            base.digest
        );
        events.emit(Event::Note { message });
    }
}
