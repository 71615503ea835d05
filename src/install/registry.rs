//! The private registry: the distribution registry as a systemd service with TLS and a password, and how it is reached.

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::certs::Keys;
use super::{Inputs, InstallError, started};
use crate::cluster::{Cluster, Host};
use crate::digest::Digest;
use crate::host::Step;
use crate::host::part::{Archive, Content, Directory, File, Part};
use crate::image::registry::RegistryAccess;

/// Where hosts keep the CA of the registry's certificate.
pub const CA_ON_HOSTS: &str = "/etc/containerd/registry-ca.crt";

/// What the registry shows.
pub const CERTIFICATES: &[&str] = &["/etc/registry/ssl/registry.crt", "/etc/registry/ssl/registry.key"];

/// The distribution registry, running.
pub fn install(inputs: &Inputs, host: &Host) -> Result<Step, InstallError> {
    let component = inputs.component("docker-registry", host)?;
    let data = &inputs.cluster.spec.registry.registry_data_dir;
    let unit = inputs.templates.render("registry.service", json!({}))?;
    // Signs upload sessions; any text that stays the same and is not to be guessed serves.
    let secret = Digest::of(inputs.registry.htpasswd.expose_secret().as_bytes()).hex();
    let settings = inputs
        .templates
        .render("registry.yaml", json!({ "data": data, "port": port(inputs.cluster), "secret": secret }))?;
    let version = Digest::of(format!("{unit}{settings}{}", inputs.source("docker-registry", host)?.sha256).as_bytes());
    let private = |path: &str| Part::Directory(Directory { path: path.into(), mode: 0o700, owner: "root".into() });
    let mut parts = vec![
        Part::Archive(Archive {
            name: "registry".into(),
            source: inputs.source("docker-registry", host)?,
            directory: "/usr/local/bin".into(),
            strip: 0,
            members: vec!["registry".into()],
        }),
        private("/etc/registry"),
        private("/etc/registry/ssl"),
    ];
    parts.extend(pair(inputs.keys)?);
    parts.extend([
        Part::secret_file("/etc/registry/htpasswd", inputs.registry.htpasswd.clone()),
        Part::File(File {
            path: "/etc/registry/config.yml".into(),
            content: Content::Secret(SecretString::from(settings)),
            mode: 0o600,
            owner: "root".into(),
        }),
        Part::directory(data.clone()),
        Part::file("/etc/systemd/system/registry.service", unit),
        Part::service("registry.service", version.hex()),
        started::restart_unit("registry.service", CERTIFICATES),
        listening(inputs.cluster),
    ]);
    Ok(Step::new("registry/install", format!("Install the registry {}", component.version), parts))
}

/// The registry's certificate and its key.
pub fn pair(keys: &Keys) -> Result<Vec<Part>, InstallError> {
    let pair = keys.registry()?;
    Ok(vec![
        Part::file("/etc/registry/ssl/registry.crt", pair.certificate.clone()),
        Part::secret_file("/etc/registry/ssl/registry.key", pair.key.clone()),
    ])
}

/// systemd calls the service active before it listens.
pub fn listening(cluster: &Cluster) -> Part {
    Part::wait(
        "Wait until the registry listens",
        format!(
            "grep -qi ':{:04X} 0* *[0-9A-F:]* 0A' /proc/net/tcp /proc/net/tcp6 || grep -qiE ':{:04X} [0-9A-F]+:0000 0A' /proc/net/tcp /proc/net/tcp6",
            port(cluster),
            port(cluster)
        ),
        std::time::Duration::from_secs(30),
    )
}

/// The port that the registry's name asks for.
pub fn port(cluster: &Cluster) -> u16 {
    let name = cluster.registry_name().unwrap_or_default();
    name.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(443)
}

/// How hosts and the operator's machine reach the registry; `None` where the cluster file names none.
pub fn access(inputs: &Inputs) -> Option<RegistryAccess> {
    let cluster = inputs.cluster;
    let host = cluster.registry_name()?;
    let auth = cluster.spec.registry.auths.get(&host).cloned().unwrap_or_default();
    let ours = cluster.hosts_of("registry");
    let mut access = RegistryAccess {
        address: ours.first().and_then(|host| host.address.parse().ok()),
        plain_http: auth.plain_http,
        skip_tls_verify: auth.skip_tls_verify,
        host,
        ..RegistryAccess::default()
    };
    if ours.is_empty() {
        access.username = (!auth.username.is_empty()).then_some(auth.username);
        access.password = auth.password;
        access.ca_pem = inputs.keys.foreign_registry_ca.clone();
    } else {
        access.username = Some(inputs.registry.username.clone());
        access.password = Some(inputs.registry.password.clone());
        access.ca_pem = Some(inputs.keys.registry_ca.certificate.clone());
    }
    Some(access)
}

/// Where an image of the bundle lies in the registry: the name of its source registry becomes the first folder, so
/// images of the same name from two registries stay apart.
///
/// `registry.k8s.io/pause:3.10.1` → `registry.k8s.io/pause:3.10.1`; an image whose source is the private registry's own
/// name (KubeKey's manifests name images so) loses that name.
pub fn repository(registry: &str, reference: &str) -> String {
    match reference.split_once('/') {
        Some((host, rest)) if host == registry => rest.to_owned(),
        _ => reference.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_of_two_registries_stay_apart() {
        assert_eq!(repository("reg.local", "docker.io/calico/cni:v3"), "docker.io/calico/cni:v3");
        assert_eq!(repository("reg.local", "quay.io/calico/cni:v3"), "quay.io/calico/cni:v3");
        assert_eq!(repository("reg.local", "reg.local/kubesphere/etcd:v3"), "kubesphere/etcd:v3");
    }
}
