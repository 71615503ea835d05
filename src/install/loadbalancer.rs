//! HAProxy before the API servers: a static pod on every worker, so that no node depends on one control plane.

use std::time::Duration;

use serde_json::json;

use super::templates::Templates;
use super::{Inputs, InstallError, os};
use crate::cluster::{CONTROL_PLANE, Cluster, Host, WORKER};
use crate::digest::Digest;
use crate::host::Step;
use crate::host::part::Part;

const CONFIG: &str = "/etc/kubekey/haproxy/haproxy.cfg";
const POD: &str = "/etc/kubernetes/manifests/haproxy.yaml";

/// Leads the endpoint's name to where it belongs now that the host is a node, with HAProxy behind it on workers.
pub fn install(inputs: &Inputs, host: &Host) -> Result<Step, InstallError> {
    let mut parts = Vec::new();
    if runs_on(inputs.cluster, host) {
        parts.extend(haproxy(inputs, host)?);
    }
    parts.extend(os::endpoint_after_join(inputs.cluster, host));
    Ok(Step::new("loadbalancer/endpoint", "Lead the endpoint to its load balancer", parts))
}

fn haproxy(inputs: &Inputs, host: &Host) -> Result<Vec<Part>, InstallError> {
    let settings = settings(inputs.cluster, inputs.templates, host)?;
    let image = inputs.image_in("docker.io/library/haproxy")?;
    let checksum = Digest::of(settings.as_bytes()).hex();
    let pod = inputs.templates.render("haproxy.yaml", json!({ "image": image, "checksum": checksum }))?;
    Ok(vec![
        Part::directory("/etc/kubekey/haproxy"),
        Part::file(CONFIG, settings),
        Part::directory("/etc/kubernetes/manifests"),
        Part::file(POD, pod),
        runs_anew(&checksum),
        answers(inputs.cluster),
    ])
}

/// Leads HAProxy to the control planes that are left, without a bundle: of its pod only the checksum of the
/// configuration changes, which starts it anew. `None` on hosts that have none.
pub fn follow(cluster: &Cluster, templates: &Templates, host: &Host) -> Result<Option<Step>, InstallError> {
    if !runs_on(cluster, host) {
        return Ok(None);
    }
    let settings = settings(cluster, templates, host)?;
    let checksum = Digest::of(settings.as_bytes()).hex();
    let parts = vec![
        Part::file(CONFIG, settings),
        Part::command(
            "Start HAProxy with it",
            format!("grep -q 'kk.dev/config-sha256: {checksum}$' {POD}"),
            // Beside its place and then renamed: the kubelet reads the folder at any time.
            format!(
                "sed 's|\\(kk.dev/config-sha256: \\).*|\\1{checksum}|' {POD} > /etc/kubernetes/kk-haproxy.yaml\n\
                 sync -- /etc/kubernetes/kk-haproxy.yaml 2>/dev/null || sync\n\
                 mv -f /etc/kubernetes/kk-haproxy.yaml {POD}"
            ),
        ),
        runs_anew(&checksum),
        answers(cluster),
    ];
    Ok(Some(Step::new("loadbalancer/follow", "Lead HAProxy to the control planes", parts)))
}

/// Whether the host reaches the API servers through an HAProxy of its own.
fn runs_on(cluster: &Cluster, host: &Host) -> bool {
    cluster.spec.control_plane_endpoint.internal_loadbalancer == "haproxy"
        && cluster.has_role(&host.name, WORKER)
        && !cluster.has_role(&host.name, CONTROL_PLANE)
}

/// `haproxy.cfg` of a worker.
fn settings(cluster: &Cluster, templates: &Templates, host: &Host) -> Result<String, InstallError> {
    let port = cluster.spec.control_plane_endpoint.port;
    let servers: Vec<_> = cluster
        .control_planes()
        .iter()
        .map(|server| json!({ "name": server.name, "address": server.internal_ipv4() }))
        .collect();
    templates.render(
        "haproxy.cfg",
        json!({
            "binds": ["127.0.0.1", host.internal_ipv4()], "port": port, "backend_port": port, "servers": servers,
        }),
    )
}

/// The kubelet has seen the pod's new text and started it: before that, the old one answers.
fn runs_anew(checksum: &str) -> Part {
    Part::wait(
        "Wait until HAProxy runs with this configuration",
        format!(
            "crictl pods --name haproxy --state ready -q 2>/dev/null | while read -r pod; do crictl inspectp \"$pod\"; done | grep -q {checksum}"
        ),
        Duration::from_secs(120),
    )
}

fn answers(cluster: &Cluster) -> Part {
    let port = cluster.spec.control_plane_endpoint.port;
    Part::wait(
        "Wait until HAProxy answers for the API server",
        format!(
            "kubectl --kubeconfig /etc/kubernetes/kubelet.conf --server https://127.0.0.1:{port} --request-timeout 3s get --raw /readyz >/dev/null 2>&1"
        ),
        Duration::from_secs(120),
    )
}
