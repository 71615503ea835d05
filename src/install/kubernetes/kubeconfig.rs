//! The operator's kubeconfig.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::cluster::{Cluster, Host};
use crate::install::certs::Pair;
use crate::install::{InstallError, config};

/// A kubeconfig with one context for the endpoint, current, and one for each control plane by itself.
///
/// Addresses are the ones that the operator's machine reaches hosts by; certificates are checked against the
/// endpoint's name, which every API server's certificate holds.
pub fn kubeconfig(cluster: &Cluster, authority: &Pair, operator: &Pair) -> Result<SecretString, InstallError> {
    let name = cluster.name.as_str();
    let endpoint = &cluster.spec.control_plane_endpoint;
    let mut entries = vec![(name.to_owned(), server(cluster))];
    for host in cluster.hosts_of("control-plane") {
        entries.push((format!("{name}-{}", host.name), format!("https://{}:{}", host.address, endpoint.port)));
    }
    let encode = |text: &str| BASE64.encode(text.as_bytes());
    let clusters: Vec<Value> = entries
        .iter()
        .map(|(name, server)| {
            json!({ "name": name, "cluster": {
                "server": server,
                "tls-server-name": endpoint.domain,
                "certificate-authority-data": encode(&authority.certificate),
            }})
        })
        .collect();
    let user = format!("kubernetes-admin@{name}");
    let contexts: Vec<Value> =
        entries.iter().map(|(name, _)| json!({ "name": name, "context": { "cluster": name, "user": user } })).collect();
    let document = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": clusters,
        "contexts": contexts,
        "users": [{ "name": user, "user": {
            "client-certificate-data": encode(&operator.certificate),
            "client-key-data": encode(operator.key.expose_secret()),
        }}],
    });
    Ok(SecretString::from(config::yaml_stream("kubeconfig", &[document])?))
}

/// The endpoint as the operator reaches it: the site's own load balancer, or HAProxy on the first worker that runs it,
/// or the first control plane.
fn server(cluster: &Cluster) -> String {
    let endpoint = &cluster.spec.control_plane_endpoint;
    let balanced = (endpoint.internal_loadbalancer == "haproxy")
        .then(|| cluster.hosts_of("worker").into_iter().find(|host| !cluster.has_role(&host.name, "control-plane")))
        .flatten();
    let first = cluster.hosts_of("control-plane").first().copied();
    let address = match (endpoint.external_dns, endpoint.address.as_str()) {
        (true, _) => endpoint.domain.as_str(),
        (false, "") => balanced.or(first).map(|host: &Host| host.address.as_str()).unwrap_or_default(),
        (false, address) => address,
    };
    format!("https://{address}:{}", endpoint.port)
}
