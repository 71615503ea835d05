//! Finishing touches: what a bundle carries beyond what was fetched.

use super::assemble::Assembled;
use super::source::Source;
use super::{Options, network, one_line};
use crate::event::{Event, Events};
use crate::fetch::{Cache, exports, staging};
use crate::jobs::JobError;
use crate::jobs::sign::Signer;
use crate::manifest::Lock;
use crate::yaml;

/// The manifest and the lock, so that a site sees what it was asked for and can have it made again.
pub(super) fn manifest_and_lock(assembled: &mut Assembled, source: &Source, lock: &Lock) -> Result<(), JobError> {
    let lock = lock.to_json().map_err(|error| JobError::internal("the lock cannot be written", error))?;
    assembled.add_file("manifest.yaml", carried_manifest(source)?.as_bytes())?;
    assembled.add_file("manifest.lock", &lock)
}

/// Keeps the inventory for later exports. An export without a cache leaves this alone behind, and goes without it where there
/// is no folder; what an earlier one without a cache left beside the output goes.
pub(super) fn record(assembled: &Assembled, options: &Options, events: &Events) -> Result<(), JobError> {
    staging::remove(&options.output).map_err(network)?;
    if !options.no_cache {
        exports::record(assembled.cache.root(), &assembled.inventory).map_err(network)?;
        return Ok(());
    }
    let Some(root) = options.inputs.cache.clone().or_else(Cache::default_root) else { return Ok(()) };
    if let Err(error) = exports::record(&root, &assembled.inventory) {
        let message = format!("What was exported is not on record here: {}.", one_line(&error));
        events.emit(Event::Warning { message });
    }
    Ok(())
}

/// The manifest as written, unless it holds secrets: these stay on this side.
fn carried_manifest(source: &Source) -> Result<String, JobError> {
    if source.manifest.spec.registry.auths.values().all(|auth| auth.password.is_none()) {
        return Ok(source.text.clone());
    }
    yaml::to_string(&source.manifest)
        .map_err(|error| JobError::internal("the manifest cannot be written without its secrets", error))
}

/// The content of `bundle.sig` for what was assembled, which must not change any more.
pub(super) fn signature(assembled: &Assembled, signer: &Signer) -> Result<Vec<u8>, JobError> {
    let json = assembled.inventory.to_json();
    signer.sign(&json.map_err(|error| JobError::internal("the inventory cannot be written", error))?)
}
