//! Package URLs, the names by which scanners know packages (ECMA-427, and the definitions of its types `deb`, `apk`,
//! `rpm`, `oci` and `generic`).

use super::package::{Family, Package};
use super::release::Release;
use crate::digest::Digest;

/// Of a package inside an image. Without a release nobody can say whose package it is.
pub fn of_package(package: &Package, release: Option<&Release>) -> String {
    let kind = match package.family {
        Family::Apk => "apk",
        Family::Deb => "deb",
        Family::Rpm => "rpm",
    };
    // Names of rpm keep their case, the others have none.
    let name = if package.family == Family::Rpm { package.name.clone() } else { package.name.to_lowercase() };
    let distro = release.map(Release::distro).unwrap_or_default();
    let epoch = package.epoch.map(|epoch| epoch.to_string()).unwrap_or_default();
    // An rpm's source is the name of a file; of the others it is that of a package.
    let source = if package.source == package.name { "" } else { package.source.as_str() };
    let upstream = if package.family == Family::Rpm { &package.source } else { source };
    let qualifiers = [("arch", package.arch.as_str()), ("distro", &distro), ("epoch", &epoch), ("upstream", upstream)];
    let namespace = release.map(|release| release.id.as_str()).unwrap_or_default();
    purl(kind, namespace, &name, &package.version, &qualifiers)
}

/// Of an image, or of one of its platforms, in a repository such as `registry.k8s.io/pause`.
pub fn of_image(repository: &str, digest: &Digest, tag: &str, arch: &str) -> String {
    let name = repository.rsplit('/').next().unwrap_or_default().to_lowercase();
    let qualifiers = [("arch", arch), ("repository_url", repository), ("tag", tag)];
    purl("oci", "", &name, &digest.to_string(), &qualifiers)
}

/// Of what comes from no package manager.
pub fn of_download(name: &str, version: &str, source: &str, sha256: &Digest) -> String {
    let url = if source.starts_with("http://") || source.starts_with("https://") { source } else { "" };
    purl("generic", "", name, version, &[("checksum", &sha256.to_string()), ("download_url", url)])
}

/// Qualifiers are sorted by key already; empty ones are left out.
fn purl(kind: &str, namespace: &str, name: &str, version: &str, qualifiers: &[(&str, &str)]) -> String {
    let mut out = format!("pkg:{kind}/");
    if !namespace.is_empty() {
        out += &format!("{}/", escaped(namespace));
    }
    out += &escaped(name);
    if !version.is_empty() {
        out += &format!("@{}", escaped(version));
    }
    let mut mark = '?';
    for (key, value) in qualifiers.iter().filter(|(_, value)| !value.is_empty()) {
        out += &format!("{mark}{key}={}", escaped(value));
        mark = '&';
    }
    out
}

/// All but letters, digits and `.-_~:` as percent signs and hex digits.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b".-_~:".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out += &format!("%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_definitions() {
        let release =
            |id: &str, version: &str| Release { id: id.into(), version: version.into(), title: String::new() };
        let package = |family, name: &str, version: &str, arch: &str| Package {
            name: name.into(),
            version: version.into(),
            arch: arch.into(),
            ..Package::unknown(family)
        };
        let debian = Package { source: "gcc-12".into(), ..package(Family::Deb, "libstdc++6", "12.2.0-14", "amd64") };
        let rpm = Package { epoch: Some(1), ..package(Family::Rpm, "openssl-libs", "3.0.7-27.el9", "x86_64") };
        let apk = package(Family::Apk, "musl", "1.2.5-r9", "x86_64");
        let digest = Digest::of(b"");
        insta::assert_snapshot!([
            of_package(&debian, Some(&release("debian", "12"))),
            of_package(&rpm, Some(&release("rhel", "9.4"))),
            of_package(&apk, None),
            of_image("registry.k8s.io/pause", &digest, "3.10.1", "amd64"),
            of_download("kubeadm", "v1.34.2", "https://dl.k8s.io/kubeadm", &digest),
        ].join("\n"), @r"
        pkg:deb/debian/libstdc%2B%2B6@12.2.0-14?arch=amd64&distro=debian-12&upstream=gcc-12
        pkg:rpm/rhel/openssl-libs@3.0.7-27.el9?arch=x86_64&distro=rhel-9.4&epoch=1
        pkg:apk/musl@1.2.5-r9?arch=x86_64
        pkg:oci/pause@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855?arch=amd64&repository_url=registry.k8s.io%2Fpause&tag=3.10.1
        pkg:generic/kubeadm@v1.34.2?checksum=sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855&download_url=https:%2F%2Fdl.k8s.io%2Fkubeadm
        ");
    }
}
