//! containerd with runc, the CNI plugins and crictl; every source registry mirrored by the private one.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::{Inputs, InstallError, config, registry};
use crate::cluster::Host;
use crate::digest::Digest;
use crate::host::Step;
use crate::host::part::{Archive, Content, Directory, File, Part};

const CERTS: &str = "/etc/containerd/certs.d";

/// containerd, runc, CNI plugins and crictl, running and able to pull from the private registry.
pub fn install(inputs: &Inputs, host: &Host) -> Result<Step, InstallError> {
    let unit = inputs.templates.render("containerd.service", json!({}))?;
    let settings = containerd_config(inputs)?;
    let version = Digest::of(format!("{unit}{settings}{}", inputs.source("containerd", host)?.sha256).as_bytes());
    let mut parts = vec![
        Part::Archive(Archive {
            name: "containerd".into(),
            source: inputs.source("containerd", host)?,
            directory: "/usr/local".into(),
            strip: 0,
            members: Vec::new(),
        }),
        Part::binary("/usr/local/sbin/runc", inputs.source("runc", host)?),
        Part::directory("/opt/cni/bin"),
        Part::Archive(Archive {
            name: "cni".into(),
            source: inputs.source("cni", host)?,
            directory: "/opt/cni/bin".into(),
            strip: 0,
            members: Vec::new(),
        }),
        Part::Archive(Archive {
            name: "crictl".into(),
            source: inputs.source("crictl", host)?,
            directory: "/usr/local/bin".into(),
            strip: 0,
            members: vec!["crictl".into()],
        }),
        Part::file("/etc/crictl.yaml", inputs.templates.render("crictl.yaml", json!({}))?),
        Part::directory("/etc/containerd"),
        Part::file("/etc/containerd/config.toml", settings),
    ];
    parts.extend(mirrors(inputs)?);
    parts.push(Part::file("/etc/systemd/system/containerd.service", unit));
    parts.push(Part::service("containerd.service", version.hex()));
    Ok(Step::new(
        "runtime/containerd",
        format!("Install containerd {}", inputs.component("containerd", host)?.version),
        parts,
    ))
}

/// `config.toml`, configuration version 3 (containerd 2.0 and later), with the user's tables laid over.
fn containerd_config(inputs: &Inputs) -> Result<String, InstallError> {
    let spec = &inputs.cluster.spec;
    let systemd = spec.kubernetes.kubelet_configuration.get("cgroupDriver").and_then(Value::as_str) != Some("cgroupfs");
    let data = match spec.registry.containerd_data_dir.as_str() {
        "" => "/var/lib/containerd",
        folder => folder,
    };
    let base = json!({
        "version": 3,
        "root": data,
        "state": "/run/containerd",
        "plugins": {
            "io.containerd.cri.v1.images": {
                "pinned_images": { "sandbox": inputs.image_of_release("registry.k8s.io/pause")? },
                "registry": { "config_path": CERTS },
                // Without it an image counts as pulled up to half a minute before its files are on the disk, and a host that
                // loses its power meanwhile has empty ones for good.
                "image_pull_with_sync_fs": true,
            },
            "io.containerd.cri.v1.runtime": {
                "cni": { "bin_dirs": ["/opt/cni/bin"], "conf_dir": "/etc/cni/net.d" },
                "containerd": {
                    "default_runtime_name": "runc",
                    "runtimes": {
                        "runc": {
                            "runtime_type": "io.containerd.runc.v2",
                            "options": { "BinaryName": "/usr/local/sbin/runc", "SystemdCgroup": systemd },
                        },
                    },
                },
            },
        },
    });
    let mut settings = base.as_object().cloned().unwrap_or_default();
    config::merge(&mut settings, &spec.kubernetes.containerd.config);
    toml::to_string(&settings).map_err(|source| InstallError::Encode { what: "config.toml", source: Box::new(source) })
}

/// One `hosts.toml` for each registry that the bundle's images come from, one for the private registry under its own
/// name, and one for all others, so that a name that is nowhere mirrored is not looked up outside either.
fn mirrors(inputs: &Inputs) -> Result<Vec<Part>, InstallError> {
    let Some(access) = registry::access(inputs) else { return Ok(Vec::new()) };
    let base = format!("{}://{}", if access.plain_http { "http" } else { "https" }, access.host);
    let mut parts = Vec::new();
    let ca = access.ca_pem.as_ref().map(|pem| {
        parts.push(Part::file(registry::CA_ON_HOSTS, pem.clone()));
        registry::CA_ON_HOSTS
    });
    let authorization = match (&access.username, &access.password) {
        (Some(name), Some(password)) => {
            Some(format!("Basic {}", BASE64.encode(format!("{name}:{}", password.expose_secret()))))
        }
        _ => None,
    };
    let sources: BTreeSet<&str> =
        inputs.inventory.images.iter().filter_map(|image| image.reference.split('/').next()).collect();
    let mut servers: Vec<(String, String)> =
        sources.iter().map(|source| ((*source).to_owned(), format!("{base}/v2/{source}"))).collect();
    servers.retain(|(source, _)| *source != access.host);
    servers.push((access.host.clone(), format!("{base}/v2")));
    servers.push(("_default".into(), format!("{base}/v2")));
    for (source, server) in servers {
        let text = inputs.templates.render(
            "hosts.toml",
            json!({
                "source": source, "server": server, "ca": ca,
                "skip_verify": access.skip_tls_verify, "authorization": authorization,
            }),
        )?;
        parts.push(Part::Directory(Directory { path: format!("{CERTS}/{source}"), mode: 0o700, owner: "root".into() }));
        parts.push(Part::File(File {
            path: format!("{CERTS}/{source}/hosts.toml"),
            content: Content::Secret(SecretString::from(text)),
            mode: 0o600,
            owner: "root".into(),
        }));
    }
    Ok(parts)
}

/// Places images on a host before kubelet asks for them.
pub fn pull(references: &[String]) -> Step {
    let parts = references
        .iter()
        .map(|reference| {
            Part::command(
                format!("Pull {reference}"),
                format!("crictl inspecti -q {reference} >/dev/null 2>&1"),
                format!("crictl --timeout 10m pull {reference}"),
            )
        })
        .collect();
    Step::new("images/pull", "Pull images from the private registry", parts)
}
