//! `kk key list`: whom a site trusts.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::site::TrustRecord;
use super::{JobError, files};
use crate::trust::{LONGEST_CHAIN, PublicKey};

/// Whom a site trusts, and how far releases have come.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    pub keys: Vec<Key>,
    /// Highest accepted release by name of the bundle.
    pub releases: BTreeMap<String, u64>,
}

/// One key.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Key {
    pub fingerprint: String,
    pub name: String,
    /// `trusted`, `revoked`, or who vouched for it.
    pub standing: String,
}

/// The keys of the cluster file, and those that they vouched for in bundles that the site accepted.
pub fn run(cluster_file: &Path) -> Result<Listed, JobError> {
    let cluster = files::cluster(cluster_file)?;
    let record = TrustRecord::of(&cluster)?;
    let parsed =
        |lines: &[String]| -> Vec<PublicKey> { lines.iter().filter_map(|line| PublicKey::parse(line).ok()).collect() };
    let revoked = parsed(&cluster.spec.artifact.revoked_keys);
    let mut reached = parsed(&cluster.spec.artifact.trusted_keys);
    let entry = |key: &PublicKey, standing: String| Key {
        fingerprint: key.fingerprint(),
        name: key.comment().to_owned(),
        standing,
    };
    let mut keys: Vec<Key> = reached.iter().map(|key| entry(key, "trusted".into())).collect();
    let words = record.endorsements();
    for _ in 0..LONGEST_CHAIN {
        for word in &words {
            let by = reached.iter().find(|key| key.is(word.by())).cloned();
            let known = reached.iter().chain(&revoked).any(|key| key.is(word.key()));
            if let Some(by) = by.filter(|_| !known && word.check().is_ok()) {
                keys.push(entry(word.key(), format!("vouched for by {by}")));
                reached.push(word.key().clone());
            }
        }
    }
    keys.extend(revoked.iter().map(|key| entry(key, "revoked".into())));
    Ok(Listed { keys, releases: record.releases })
}
