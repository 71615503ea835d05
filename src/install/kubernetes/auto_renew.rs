//! `spec.kubernetes.autoRenewCerts`: a timer on control planes that renews kubeadm's certificates in their last month.

use serde_json::json;

use super::kubeadm::bind_port;
use crate::cluster::Host;
use crate::digest::Digest;
use crate::host::Step;
use crate::host::part::{Absent, Part, Unit};
use crate::install::{Inputs, InstallError};

const SCRIPT: &str = "/usr/local/sbin/kk-renew-certs";
const SERVICE: &str = "/etc/systemd/system/kk-renew-certs.service";
const TIMER: &str = "/etc/systemd/system/kk-renew-certs.timer";
const UNIT: &str = "kk-renew-certs.timer";

/// The timer, or that there is none.
pub fn auto_renew(inputs: &Inputs, host: &Host) -> Result<Step, InstallError> {
    let id = "kubernetes/auto-renew";
    if !inputs.cluster.spec.kubernetes.auto_renew_certs {
        return Ok(Step::new(id, "Leave the renewal of certificates to people", no_timer()));
    }
    let etcd = inputs.cluster.etcd_hosts().into_iter();
    let etcd: Vec<String> =
        etcd.map(|host| format!("https://{}:{}", host.internal_ipv4(), inputs.cluster.spec.etcd.port)).collect();
    let place = inputs.cluster.control_planes().iter().position(|one| one.name == host.name).unwrap_or_default();
    let script = inputs.templates.render(
        "renew-certs.sh",
        json!({
            "name": host.name, "address": host.internal_ipv4(), "port": bind_port(inputs.cluster), "etcd": etcd,
        }),
    )?;
    let timer = inputs.templates.render("renew-certs.timer", json!({ "hour": format!("{:02}", place % 24) }))?;
    let parts = vec![
        Part::script(SCRIPT, script),
        Part::file(SERVICE, inputs.templates.render("renew-certs.service", json!({}))?),
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
    let files = [TIMER, SERVICE, SCRIPT].map(|path| Part::Absent(Absent { path: path.into() }));
    std::iter::once(stopped).chain(files).collect()
}
