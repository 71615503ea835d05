//! What every renewal needs beside its plan.

use std::collections::BTreeMap;

use time::OffsetDateTime;
use time::macros::format_description;

use crate::install::certs::on_hosts::PLACES;
use crate::install::certs::{Certificate, Keys, Name, Pair};
use crate::install::renew::Due;
use crate::jobs::{JobError, Kind};
use crate::plan::expiry;

/// What ends within so many seconds is told of where nobody says otherwise: 30 days.
pub const DEFAULT_WITHIN: i64 = 30 * 86_400;

/// New pairs for the kubelets that are due.
pub fn kubelets(keys: &Keys, due: &BTreeMap<String, Vec<Due>>) -> Result<BTreeMap<String, Pair>, JobError> {
    let mut kubelets = BTreeMap::new();
    for (host, due) in due {
        if due.iter().any(|due| due.name == Name::Kubelet) {
            let pair = keys
                .kubelet(host)
                .map_err(|source| JobError::new(Kind::Internal, format!("cannot sign for {host}")).because(source))?;
            kubelets.insert(host.clone(), pair);
        }
    }
    Ok(kubelets)
}

/// Now, as kubelets write it into names of files.
pub fn stamp() -> Result<String, JobError> {
    OffsetDateTime::now_utc()
        .format(format_description!("[year]-[month]-[day]-[hour]-[minute]-[second]"))
        .map_err(|source| JobError::internal("cannot write the time", source))
}

/// What is made anew on hosts: of the certificates that are `asked` for those that are `old`. What the operator keeps is
/// placed as it is kept.
///
/// # Errors
/// Those that are asked for and cannot be read, a line each.
pub fn due(
    hosts: &[expiry::Host],
    asked: impl Fn(Name) -> bool,
    old: impl Fn(Name, &Certificate) -> bool,
) -> Result<BTreeMap<String, Vec<Due>>, Vec<String>> {
    let mut due: BTreeMap<String, Vec<Due>> = BTreeMap::new();
    let mut unreadable = Vec::new();
    for host in hosts {
        let seen = match &host.seen {
            Ok(seen) => seen,
            Err(reason) => {
                unreadable.push(format!("{}: {reason}", host.name));
                continue;
            }
        };
        for place in PLACES {
            let (Some(name), Some(file)) = (place.renewable, seen.files.get(place.path)) else { continue };
            if !asked(name) || name.is_kept() {
                continue;
            }
            match &file.certificate {
                Ok(certificate) if old(name, certificate) => {
                    let one = Due { name, path: place.path, digest: file.digest };
                    due.entry(host.name.clone()).or_default().push(one);
                }
                Ok(_) => {}
                Err(problem) => unreadable.push(format!("{}: {}: {problem}", host.name, place.path)),
            }
        }
    }
    if unreadable.is_empty() { Ok(due) } else { Err(unreadable) }
}
