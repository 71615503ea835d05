//! Members of etcd. They read their files at every handshake, so new pairs are placed on all of them first: where all
//! have run out, none could be healthy alone.

use std::time::Duration;

use super::Renewal;
use crate::cluster::Host;
use crate::host::Step;
use crate::install::started::restart_unit;
use crate::install::{InstallError, etcd};

/// The member's new pair.
pub fn files(renewal: &Renewal, host: &Host) -> Result<Step, InstallError> {
    let parts = etcd::pair(renewal.keys, host)?;
    Ok(Step::new("renew/etcd-files", "Place the certificate of etcd", parts))
}

/// The member runs with it, and all members are healthy.
pub fn restart(renewal: &Renewal) -> Step {
    let healthy = etcd::healthy(renewal.cluster).settling(Duration::from_secs(180));
    let parts = vec![restart_unit("etcd.service", etcd::CERTIFICATES), healthy];
    Step::new("renew/etcd", "Restart etcd", parts)
}
