//! What every renewal needs beside its plan.

use std::collections::BTreeMap;

use time::OffsetDateTime;
use time::macros::format_description;

use crate::install::certs::{Keys, Name, Pair};
use crate::install::renew::Due;
use crate::jobs::{JobError, Kind};

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
