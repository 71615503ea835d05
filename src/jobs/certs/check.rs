//! `kk certs check-expiration`: every certificate there is, and how long it is valid. Changes nothing.

use std::path::PathBuf;
use std::time::Duration;

use time::OffsetDateTime;

use super::look;
use crate::event::Events;
use crate::jobs::site::{ConnectOptions, Site};
use crate::jobs::{JobError, Kind, files};
use crate::plan::expiry::{self, Expiry};

/// What the command was asked to do.
pub struct Options {
    pub cluster_file: PathBuf,
    /// What ends within this time is told of.
    pub within: Duration,
    pub connect: ConnectOptions,
}

/// Looks at the hosts that can be reached; the others are told of.
pub async fn run(options: &Options, events: &Events) -> Result<Expiry, JobError> {
    let cluster = files::cluster(&options.cluster_file)?;
    let site = Site::of_cluster(&cluster)?;
    let (sessions, unreachable) = site.reach_all(&cluster, &options.connect, events).await?;
    let hosts = look::hosts(&cluster, &sessions, &unreachable, &options.connect).await;
    let within = i64::try_from(options.within.as_secs()).unwrap_or(i64::MAX);
    let now = OffsetDateTime::now_utc().unix_timestamp();
    Ok(expiry::expiry(&cluster.name, look::own(&cluster, &site), &hosts, now, within))
}

/// What makes a monitoring system speak up: something expires, or could not be looked at.
pub fn verdict(found: &Expiry, cluster_file: &std::path::Path) -> Result<(), JobError> {
    let (expired, expiring) = found.count();
    let days = found.within / 86_400;
    if expired + expiring > 0 {
        let message = match (expired, expiring) {
            (0, _) => format!("{expiring} certificates expire within {days} days"),
            (_, 0) => format!("{expired} certificates have expired"),
            _ => format!("{expired} certificates have expired, and {expiring} expire within {days} days"),
        };
        return Err(
            JobError::new(Kind::Expiring, message).hint(format!("kk certs renew -f {}", cluster_file.display()))
        );
    }
    let mut unseen: Vec<String> =
        found.unseen.iter().map(|unseen| format!("{}: {}", unseen.host, unseen.reason)).collect();
    unseen.extend(found.unreadable());
    if unseen.is_empty() {
        return Ok(());
    }
    Err(JobError::new(Kind::Host, "some certificates could not be looked at").details(unseen))
}
