//! The registries that images come from: one client for each host, with the login that the user gave for it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::cluster::RegistryAuth;
use crate::fetch::mirror::MirrorRules;
use crate::image::{Client, Reference, RegistryAccess, RegistryError};
use crate::jobs::{JobError, Kind, logins};
use crate::manifest::ManifestFile;

/// The registries of one export.
pub(super) struct Registries {
    mirrors: MirrorRules,
    /// By host: `auths` of the manifest.
    own: BTreeMap<String, RegistryAccess>,
    /// By host: logins that `docker login` left.
    docker: BTreeMap<String, RegistryAccess>,
    clients: Mutex<BTreeMap<String, Client>>,
}

impl Registries {
    pub fn new(manifest: &ManifestFile, folder: &Path, mirrors: MirrorRules) -> Result<Self, JobError> {
        let mut mistakes = Vec::new();
        let mut own = BTreeMap::new();
        for (host, auth) in &manifest.spec.registry.auths {
            match access(host, auth, folder) {
                Ok(access) => {
                    own.insert(host.clone(), access);
                }
                Err(mistake) => mistakes.push(format!("registry.auths of {host}: {mistake}")),
            }
        }
        if !mistakes.is_empty() {
            return Err(JobError::new(Kind::File, "the manifest's registries cannot be used").details(mistakes));
        }
        let docker = logins::of_docker();
        Ok(Self { mirrors, own, docker, clients: Mutex::default() })
    }

    /// The client for an image, and the image's repository there: on its mirror, if it has one.
    pub fn client(&self, reference: &Reference) -> Result<(Client, String), RegistryError> {
        let (host, plain_http, repository) = match self.mirrors.image(reference.host(), reference.repository()) {
            Some(mirror) => (mirror.host, mirror.plain_http, mirror.repository),
            None => (reference.host().to_owned(), false, reference.repository().to_owned()),
        };
        let mut clients = self.clients.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(client) = clients.get(&host) {
            return Ok((client.clone(), repository));
        }
        let known = self.own.get(&host).or_else(|| self.docker.get(&host));
        let mut access = known.cloned().unwrap_or_default();
        access.host = host.clone();
        access.plain_http |= plain_http;
        access.connected = true;
        let client = Client::new(&access)?;
        clients.insert(host, client.clone());
        Ok((client, repository))
    }
}

fn access(host: &str, auth: &RegistryAuth, folder: &Path) -> Result<RegistryAccess, String> {
    if !auth.cert_file.is_empty() || !auth.key_file.is_empty() {
        return Err("certFile and keyFile (a client certificate) are not supported; use username and password".into());
    }
    let read = |path: PathBuf| {
        fs::read_to_string(&path).map_err(|error| format!("{} cannot be read: {error}", path.display()))
    };
    let mut ca_pem = String::new();
    if !auth.ca_file.is_empty() {
        ca_pem += &read(folder.join(&auth.ca_file))?;
    }
    if !auth.certs_path.is_empty() {
        // As Docker's certs.d: every .crt is a CA, a .cert with a .key is a client certificate.
        let path = folder.join(&auth.certs_path);
        let entries = fs::read_dir(&path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
        let mut files: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
        files.sort();
        let ends = |path: &Path, ending: &str| path.extension().is_some_and(|extension| extension == ending);
        if let Some(cert) = files.iter().find(|path| ends(path, "cert")) {
            return Err(format!("{} is a client certificate; these are not supported", cert.display()));
        }
        for file in files.into_iter().filter(|path| ends(path, "crt")) {
            ca_pem += &read(file)?;
            ca_pem.push('\n');
        }
    }
    Ok(RegistryAccess {
        host: host.to_owned(),
        plain_http: auth.plain_http,
        skip_tls_verify: auth.skip_tls_verify,
        ca_pem: Some(ca_pem).filter(|pem| !pem.is_empty()),
        username: Some(auth.username.clone()).filter(|name| !name.is_empty()),
        password: auth.password.clone(),
        ..RegistryAccess::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_come_from_files_and_folders() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("certs")).unwrap();
        fs::write(folder.path().join("ca.pem"), "one\n").unwrap();
        fs::write(folder.path().join("certs/ca.crt"), "two").unwrap();
        let auth = RegistryAuth { ca_file: "ca.pem".into(), certs_path: "certs".into(), ..RegistryAuth::default() };
        assert_eq!(access("x", &auth, folder.path()).unwrap().ca_pem.as_deref(), Some("one\ntwo\n"));
        fs::write(folder.path().join("certs/client.cert"), "three").unwrap();
        assert!(access("x", &auth, folder.path()).unwrap_err().contains("client certificate"));
        let auth = RegistryAuth { ca_file: "none.pem".into(), ..RegistryAuth::default() };
        assert!(access("x", &auth, folder.path()).unwrap_err().contains("none.pem cannot be read"));
    }
}
