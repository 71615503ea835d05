//! Members of etcd. They read their files at every handshake, so new pairs are placed on all of them first: where all
//! have run out, none could be healthy alone.

use std::time::Duration;

use super::Renewal;
use crate::cluster::Host;
use crate::host::Step;
use crate::host::part::Part;
use crate::install::started::{restart_unit, settling};
use crate::install::{InstallError, etcd};

/// The member's new pair.
pub fn files(renewal: &Renewal, host: &Host) -> Result<Step, InstallError> {
    let parts = etcd::pair(renewal.keys, host)?;
    Ok(Step::new("renew/etcd-files", "Place the certificate of etcd", parts))
}

/// The member runs with it, and all members are healthy.
pub fn restart(renewal: &Renewal) -> Step {
    let healthy = Part::command(
        "Wait until every member of etcd is healthy",
        format!("{} endpoint health --cluster >/dev/null 2>&1", etcd::etcdctl_at(renewal.cluster.spec.etcd.port)),
        ":",
    );
    let parts = vec![restart_unit("etcd.service", etcd::CERTIFICATES), settling(healthy, Duration::from_secs(180))];
    Step::new("renew/etcd", "Restart etcd", parts)
}
