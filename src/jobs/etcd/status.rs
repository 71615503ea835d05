//! `kk etcd status`: how every member is.

use std::path::PathBuf;

use super::cluster_with_etcd;
use super::look::look;
use crate::install::etcd::Report;
use crate::jobs::site::{ConnectOptions, Site};
use crate::jobs::{JobError, Kind};

/// What the command was asked to do.
pub struct Options {
    pub cluster_file: PathBuf,
    pub connect: ConnectOptions,
}

/// Reads the file, asks the hosts of role etcd. Changes nothing, and waits for no other kk.
pub async fn run(options: &Options) -> Result<Report, JobError> {
    let cluster = cluster_with_etcd(&options.cluster_file)?;
    let site = Site::open(&cluster)?;
    let (hosts, unreached) = site.reach(&cluster, &cluster.hosts_of("etcd"), &options.connect).await?;
    Ok(look(&cluster, &hosts, &unreached).await)
}

/// The error of a command that has told how etcd is, and not all is well.
pub fn verdict(report: &Report) -> Result<(), JobError> {
    if report.healthy {
        return Ok(());
    }
    let (all, sick) = (report.members.len(), report.members.iter().filter(|member| !member.healthy));
    let details: Vec<String> =
        sick.map(|member| format!("{}: {}", member.host, member.trouble.as_deref().unwrap_or("not well"))).collect();
    let mut error = JobError::new(Kind::Unwell, format!("{} of {all} members of etcd are not well", details.len()));
    if 2 * details.len() > all {
        error = error
            .hint("most members must be well for etcd to work; kk etcd restore makes all of them anew from a snapshot");
    }
    Err(error.details(details))
}
