//! `spec.kubernetes.autoRenewCerts`: a timer on control planes that renews kubeadm's certificates in their last month.

use serde_json::json;

use super::kubeadm::bind_port;
use crate::cluster::{Cluster, Host};
use crate::digest::Digest;
use crate::host::Step;
use crate::host::part::{Absent, Part, Unit};
use crate::install::InstallError;
use crate::install::templates::Templates;

const SCRIPT: &str = "/usr/local/sbin/kk-renew-certs";
const SERVICE: &str = "/etc/systemd/system/kk-renew-certs.service";
const TIMER: &str = "/etc/systemd/system/kk-renew-certs.timer";
const UNIT: &str = "kk-renew-certs.timer";
/// systemd's own note of when the timer last went off.
const STAMP: &str = "/var/lib/systemd/timers/stamp-kk-renew-certs.timer";

/// The timer, or that there is none.
pub fn auto_renew(cluster: &Cluster, templates: &Templates, host: &Host) -> Result<Step, InstallError> {
    let id = "kubernetes/auto-renew";
    if !cluster.spec.kubernetes.auto_renew_certs {
        return Ok(Step::new(id, "Leave the renewal of certificates to people", no_timer()));
    }
    let place = cluster.control_planes().iter().position(|one| one.name == host.name).unwrap_or_default();
    let script = templates.render(
        "renew-certs.sh",
        json!({ "name": host.name, "address": host.internal_ipv4(), "port": bind_port(cluster) }),
    )?;
    let timer = templates.render("renew-certs.timer", json!({ "hour": format!("{:02}", place % 24) }))?;
    let parts = vec![
        Part::script(SCRIPT, script),
        Part::file(SERVICE, templates.render("renew-certs.service", json!({}))?),
        Part::file(TIMER, timer.clone()),
        Part::service(UNIT, Digest::of(timer.as_bytes()).hex()),
    ];
    Ok(Step::new(id, "Renew certificates by a timer", parts))
}

/// Neither timer nor script is there.
pub fn no_timer() -> Vec<Part> {
    let stopped = Part::Unit(Unit {
        name: UNIT.into(),
        enabled: false,
        running: false,
        version: String::new(),
        timeout: std::time::Duration::from_secs(120),
    });
    let files = [TIMER, SERVICE, SCRIPT, STAMP].map(|path| Part::Absent(Absent { path: path.into() }));
    std::iter::once(stopped).chain(files).collect()
}
