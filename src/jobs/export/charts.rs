//! Charts of the connected side: found in repositories and registries, and looked into once they are here.

use std::collections::HashMap;
use std::fs::File;
use std::sync::Arc;

use tokio::sync::{Mutex, OnceCell};

use super::one_line;
use super::place::{Found, Locked, Place};
use super::registries::Registries;
use crate::chart::archive::LARGEST;
use crate::chart::repository::{self, ARCHIVE_MEDIA_TYPE, LARGEST_INDEX};
use crate::chart::{Archive, ChartError};
use crate::digest::Digest;
use crate::fetch::{Cached, Client};
use crate::image::manifest::{self, Content};
use crate::image::pull::fetch_manifest;
use crate::image::{Reference, RegistryError};

/// The repositories that were asked in this export: each index is fetched once.
#[derive(Default)]
pub(super) struct Charts {
    indexes: Mutex<HashMap<String, Arc<OnceCell<Arc<String>>>>>,
}

impl Charts {
    /// Where a repository's index says that a chart lies.
    pub async fn in_repository(
        &self,
        client: &Client,
        address: &str,
        name: &str,
        version: &str,
    ) -> Found<(Place, Option<Digest>)> {
        let named = |reason: String| format!("chart {name} {version} of {address}: {reason}");
        let cell = self.indexes.lock().await.entry(address.to_owned()).or_default().clone();
        let url = repository::index_url(address);
        let fetching = cell.get_or_try_init(async || client.text_up_to(&url, LARGEST_INDEX).await.map(Arc::new));
        let index = fetching.await.map_err(|error| named(one_line(&error)))?.clone();
        // A long index takes a second or two, in which others go on.
        let asked = (address.to_owned(), name.to_owned(), version.to_owned());
        let finding = tokio::task::spawn_blocking(move || repository::find(&index, &asked.0, &asked.1, &asked.2));
        let found = finding.await.map_err(|error| named(error.to_string()))?;
        let found = found.map_err(|error| named(error.to_string()))?;
        Ok((Place::Url(found.url), found.digest))
    }
}

/// The blob that is a chart in a registry, by the manifest that its tag names today; by the lock's digest where there is one.
pub(super) async fn in_registry(
    registries: &Registries,
    address: &str,
    name: &str,
    version: &str,
    locked: Option<&Locked>,
) -> Found<(Place, Option<Digest>)> {
    let named = |reason: String| format!("chart {name} {version} of {address}: {reason}");
    let place = address.strip_prefix("oci://").unwrap_or(address).trim_end_matches('/');
    let reference: Reference =
        format!("{place}/{name}:{}", repository::tag(version)).parse().map_err(|error| named(format!("{error}")))?;
    if let Some(locked) = locked {
        return Ok((Place::Blob { reference, digest: locked.sha256, size: locked.size }, None));
    }
    let asking = async {
        let (client, repository) = registries.client(&reference)?;
        fetch_manifest(&client, &repository, &reference.target(), None).await
    };
    let document = asking.await.map_err(|error: RegistryError| named(one_line(&error)))?;
    let layers = match manifest::read(&document.bytes, &document.media_type) {
        Ok(Content::Image(content)) => content.layers,
        Ok(Content::Index(_)) => return Err(named("the registry has an index of images there, not a chart".into())),
        Err(error) => return Err(named(one_line(&error))),
    };
    let archive = layers.into_iter().find(|layer| layer.media_type == ARCHIVE_MEDIA_TYPE);
    let archive = archive.ok_or_else(|| named("the registry has something else than a chart there".into()))?;
    if archive.size > LARGEST {
        return Err(named(format!("it is larger than {} MiB", LARGEST >> 20)));
    }
    Ok((Place::Blob { reference, digest: archive.digest, size: archive.size }, Some(archive.digest)))
}

/// Whether what was fetched is the chart that the manifest names.
pub(super) fn check(cached: &Cached, name: &str, version: &str) -> Result<(), ChartError> {
    let file = File::open(&cached.path).map_err(ChartError::Form)?;
    Archive::read(file)?.is(name, version)
}
