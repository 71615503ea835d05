//! HAProxy before the API servers: a static pod on every worker, so that no node depends on one control plane.

use std::time::Duration;

use serde_json::json;

use super::{Inputs, InstallError, os};
use crate::cluster::Host;
use crate::digest::Digest;
use crate::host::Step;
use crate::host::part::Part;

/// Leads the endpoint's name to where it belongs now that the host is a node, with HAProxy behind it on workers.
pub fn install(inputs: &Inputs, host: &Host) -> Result<Step, InstallError> {
    let mut parts = Vec::new();
    if inputs.cluster.spec.control_plane_endpoint.internal_loadbalancer == "haproxy"
        && !inputs.cluster.has_role(&host.name, "control-plane")
    {
        parts.extend(haproxy(inputs, host)?);
    }
    parts.extend(os::endpoint_after_join(inputs, host)?);
    Ok(Step::new("loadbalancer/endpoint", "Lead the endpoint to its load balancer", parts))
}

fn haproxy(inputs: &Inputs, host: &Host) -> Result<Vec<Part>, InstallError> {
    let port = inputs.cluster.spec.control_plane_endpoint.port;
    let servers: Vec<_> = inputs
        .cluster
        .hosts_of("control-plane")
        .iter()
        .map(|server| json!({ "name": server.name, "address": server.internal_ipv4() }))
        .collect();
    let settings = inputs.templates.render(
        "haproxy.cfg",
        json!({
            "binds": ["127.0.0.1", host.internal_ipv4()], "port": port, "backend_port": port, "servers": servers,
        }),
    )?;
    let image = inputs.image_in("docker.io/library/haproxy")?;
    let checksum = Digest::of(settings.as_bytes()).hex();
    let pod = inputs.templates.render("haproxy.yaml", json!({ "image": image, "checksum": checksum }))?;
    let mut answers = Part::command(
        "Wait until HAProxy answers for the API server",
        format!(
            "kubectl --kubeconfig /etc/kubernetes/kubelet.conf --server https://127.0.0.1:{port} --request-timeout 3s get --raw /readyz >/dev/null 2>&1"
        ),
        ":",
    );
    if let Part::Command(command) = &mut answers {
        command.settle = Duration::from_secs(120);
    }
    Ok(vec![
        Part::directory("/etc/kubekey/haproxy"),
        Part::file("/etc/kubekey/haproxy/haproxy.cfg", settings),
        Part::directory("/etc/kubernetes/manifests"),
        Part::file("/etc/kubernetes/manifests/haproxy.yaml", pod),
        answers,
    ])
}
