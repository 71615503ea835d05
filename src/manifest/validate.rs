//! What a manifest must obey beyond its schema. Pure: problems carry addresses in the file, not positions.

use semver::Version;

use super::{Etcd, Iso, ManifestFile, ManifestSpec};
use crate::cluster::names;
use crate::cluster::validate::{Problems, architecture, auths, header};
use crate::yaml::{Path, Problem};

/// Everything that is wrong with a manifest.
pub fn validate(file: &ManifestFile) -> Vec<Problem> {
    let spec = &file.spec;
    let all = Path::of("spec");
    let mut problems = Problems::default();
    header(&file.api_version, &file.metadata.name, &mut problems);
    for (index, arch) in spec.arches.iter().enumerate() {
        architecture(all.key("arches").index(index), arch, &mut problems);
    }
    operating_systems(spec, &mut problems);
    distributions(spec, &mut problems);
    for (index, runtime) in spec.components.container_runtimes.iter().enumerate() {
        let path = all.key("components").key("containerRuntimes").index(index);
        problems.one_of(path.key("type"), &runtime.kind, &["containerd", "docker"]);
        if runtime.version.is_empty() {
            problems.add(path.key("version"), format!("{path}.version is empty"));
        }
    }
    for (name, version) in spec.components.wanted() {
        // Versions become parts of paths and addresses.
        if !version.is_empty() && !names::is_label_value(&version.replace('+', "-")) {
            let path = all.key("components").key(&name);
            problems.add(path, format!("{version:?} cannot be a version of {name}"));
        }
    }
    etcd_via(&spec.components.etcd, &mut problems);
    for (index, image) in spec.images.iter().enumerate() {
        let path = all.key("images").index(index);
        if let Err(reason) = image_trouble(image) {
            // What stands before an @ in the host's place may be a password.
            let (host, _) = image.split_once('/').unwrap_or_default();
            let shown = &image[host.rfind('@').map_or(0, |at| at + 1)..];
            problems.add(path, format!("{shown:?} is not the reference of an image: {reason}"));
        }
    }
    auths(&all.key("registry").key("auths"), &spec.registry.auths, &mut problems);
    charts(spec, &mut problems);
    files(spec, &mut problems);
    problems.0
}

/// Of several versions of etcd the highest is what hosts get, so what lies on the way to it must be lower.
fn etcd_via(etcd: &Etcd, problems: &mut Problems) {
    let path = Path::of("spec.components.etcd");
    let read = |text: &str| Version::parse(text.strip_prefix('v').unwrap_or(text)).ok();
    let version = read(&etcd.version);
    for (index, via) in etcd.via.iter().enumerate() {
        if read(via).is_none_or(|via| version.as_ref().is_none_or(|version| via >= *version)) {
            let message = match etcd.version.is_empty() {
                true => format!("{path}.via names {via:?}, and there is no version to which it would be the way"),
                false => format!("{via:?} is no version of etcd before {}", etcd.version),
            };
            problems.add(path.key("via").index(index), message);
        }
    }
}

fn operating_systems(spec: &ManifestSpec, problems: &mut Problems) {
    for (index, system) in spec.operating_systems.iter().enumerate() {
        let path = Path::of("spec.operatingSystems").index(index);
        architecture(path.key("arch"), &system.arch, problems);
        for (key, text) in [("id", &system.id), ("version", &system.version)] {
            if text.is_empty() || !names::is_label_value(text) {
                problems.add(path.key(key), format!("{path}.{key} must be that of os-release, not {text:?}"));
            }
        }
        // KubeKey writes the fields of an ISO that is not there yet and leaves them empty.
        let named = |iso: &&Iso| !iso.local_path.is_empty() || !iso.url.is_empty() || !iso.checksum.is_empty();
        if let Some(iso) = system.repository.iso.as_ref().filter(named) {
            let path = path.key("repository").key("iso");
            let Iso { local_path, url, checksum } = iso;
            source(&path, local_path, url, checksum, problems);
        }
    }
}

fn distributions(spec: &ManifestSpec, problems: &mut Problems) {
    let distributions = &spec.kubernetes_distributions;
    for (index, distribution) in distributions.iter().enumerate() {
        let path = Path::of("spec.kubernetesDistributions").index(index);
        problems.one_of(path.key("type"), &distribution.kind, &["kubernetes", "k3s", "k8e"]);
        if let Some(hint) = names::version_trouble(&distribution.version) {
            let message = format!("{:?} is not a version of Kubernetes", distribution.version);
            problems.push(Problem::new(path.key("version"), message).hint(hint));
        }
        if let Some(other) = distributions.first().filter(|first| first.kind != distribution.kind) {
            let message = format!("{path} is of type {}, and the one before of {}", distribution.kind, other.kind);
            problems.push(Problem::new(path, message).hint("write a manifest for each type"));
        }
    }
}

fn charts(spec: &ManifestSpec, problems: &mut Problems) {
    for (index, chart) in spec.charts.iter().enumerate() {
        let path = Path::of("spec.charts").index(index);
        // Both become parts of a path.
        if !names::is_label_value(&chart.name) || chart.name.is_empty() {
            problems.add(path.key("name"), format!("{:?} cannot be the name of a chart", chart.name));
        }
        let bare = chart.version.strip_prefix('v').unwrap_or(&chart.version);
        if semver::Version::parse(bare).is_err() {
            let message = format!("{:?} is not the version of a chart", chart.version);
            let hint = "charts have versions such as 1.2.3; name one of them, not a range";
            problems.push(Problem::new(path.key("version"), message).hint(hint));
        }
        if chart.repo.is_empty() == chart.path.is_empty() {
            let which = if chart.repo.is_empty() { "neither repo nor path" } else { "both repo and path; name one" };
            problems.add(path.clone(), format!("{path} has {which}"));
        }
        let schemes = ["https://", "http://", "oci://"];
        if !chart.repo.is_empty() && !schemes.iter().any(|scheme| chart.repo.starts_with(scheme)) {
            problems.add(path.key("repo"), format!("{path}.repo must begin with https://, http:// or oci://"));
        }
        checksum_of(&path, &chart.checksum, problems);
    }
}

fn files(spec: &ManifestSpec, problems: &mut Problems) {
    let mut seen: Vec<&str> = Vec::new();
    for (index, file) in spec.files.iter().enumerate() {
        let path = Path::of("spec.files").index(index);
        let part = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains(['\\', '\0']);
        if !file.name.split('/').all(part) {
            problems.add(path.key("name"), format!("{:?} cannot be the name of a file below files/", file.name));
        } else if seen.contains(&file.name.as_str()) {
            problems.add(path.key("name"), format!("there is another file of name {:?}", file.name));
        }
        seen.push(&file.name);
        source(&path, &file.local_path, &file.url, &file.checksum, problems);
    }
}

/// Checks where a file comes from, and its checksum.
fn source(path: &Path, local_path: &str, url: &str, checksum: &str, problems: &mut Problems) {
    if local_path.is_empty() && url.is_empty() {
        problems.add(path.clone(), format!("{path} has neither localPath nor url"));
    }
    if !url.is_empty() && !url.starts_with("https://") && !url.starts_with("http://") {
        problems.add(path.key("url"), format!("{path}.url must begin with https:// or http://"));
    }
    checksum_of(path, checksum, problems);
}

fn checksum_of(path: &Path, checksum: &str, problems: &mut Problems) {
    let hex = checksum.strip_prefix("sha256:").unwrap_or(checksum);
    if !hex.is_empty() && !is_hex(hex, 64) {
        problems.add(path.key("checksum"), format!("{path}.checksum must be the 64 hex digits of a SHA-256"));
    }
}

/// Why a text is not the reference of an image, if it is not (grammar of the distribution project's references).
fn image_trouble(text: &str) -> Result<(), &'static str> {
    if text.contains("://") {
        return Err("it must not have a scheme");
    }
    let (rest, digest) = match text.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest)),
        None => (text, None),
    };
    if let Some(digest) = digest
        && !digest.strip_prefix("sha256:").is_some_and(|hex| is_hex(hex, 64) && hex.to_lowercase() == hex)
    {
        return Err("its digest must be sha256: and 64 hex digits in small letters");
    }
    let last = rest.rsplit('/').next().unwrap_or_default();
    let (name, tag) = match last.split_once(':') {
        Some((_, tag)) => (&rest[..rest.len() - tag.len() - 1], Some(tag)),
        None => (rest, None),
    };
    if let Some(tag) = tag {
        let ordinary = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        if tag.is_empty() || tag.len() > 128 || !tag.bytes().all(ordinary) || tag.starts_with(['.', '-']) {
            return Err("its tag is not one");
        }
    }
    // The first part is a host where it looks like one; Docker's own rule.
    let path = match name.split_once('/') {
        Some((host, path)) if host.contains(['.', ':']) || host == "localhost" || host.starts_with('[') => {
            if !names::is_host_with_port(host) {
                return Err("its registry is not a host name");
            }
            path
        }
        _ => name,
    };
    let part = |part: &str| {
        let edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        let ordinary = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
        edge(part.bytes().next()) && edge(part.bytes().last()) && part.bytes().all(ordinary)
    };
    match path.split('/').all(part) {
        true => Ok(()),
        false => Err("its name must consist of small letters, digits and \".\", \"_\", \"-\" between them"),
    }
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_that_kubekey_refuses_are_legal() {
        let digest = format!("registry.k8s.io/pause@sha256:{}", "0".repeat(64));
        for good in [
            "registry.k8s.io/pause:3.10.1",
            "nginx",
            "localhost:5000/a/b/c:1",
            "10.0.0.1:5000/x",
            "registry:5000/x__y/z-w:v1_2",
            "[fd00::1]:5000/x:1",
            &digest,
        ] {
            assert_eq!(image_trouble(good), Ok(()), "{good}");
        }
        for bad in ["", "https://x/y", "x:", "x/", "X/y:1", "x:-a", "a@sha256:00", "host:port/x", "a//b", "a/../b"] {
            assert!(image_trouble(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_lies_on_the_way_to_an_etcd_is_lower_than_it() {
        let told = |version: &str, via: &[&str]| {
            let mut problems = Problems::default();
            let via = via.iter().map(ToString::to_string).collect();
            etcd_via(&Etcd { version: version.into(), via }, &mut problems);
            problems.0.into_iter().map(|problem| problem.message).collect::<Vec<_>>().join("\n")
        };
        assert_eq!(told("v3.6.15", &["v3.5.26"]), "");
        assert_eq!(told("v3.5.26", &["v3.6.15"]), "\"v3.6.15\" is no version of etcd before v3.5.26");
        assert!(told("", &["v3.5.26"]).contains("there is no version to which it would be the way"));
    }
}
