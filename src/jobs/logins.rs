//! Logins that `docker login` left on this machine.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use secrecy::SecretString;
use serde::Deserialize;

use crate::image::RegistryAccess;

/// By host; none where nobody logged in.
pub(super) fn of_docker() -> BTreeMap<String, RegistryAccess> {
    docker_config().map(|path| docker_logins(&path)).unwrap_or_default()
}

fn docker_config() -> Option<PathBuf> {
    let folder = std::env::var_os("DOCKER_CONFIG").map(PathBuf::from);
    let folder = folder.or_else(|| std::env::home_dir().map(|home| home.join(".docker")));
    folder.map(|folder| folder.join("config.json"))
}

/// The part of Docker's `config.json` that is read here; logins kept by credential helpers are not.
#[derive(Default, Deserialize)]
#[serde(default)]
struct DockerConfig {
    auths: BTreeMap<String, DockerAuth>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct DockerAuth {
    /// `user:password` in base64.
    auth: String,
}

/// What cannot be read there is passed over: the file belongs to another program.
fn docker_logins(path: &Path) -> BTreeMap<String, RegistryAccess> {
    let config: DockerConfig =
        fs::read(path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    let login = |(key, auth): (String, DockerAuth)| {
        let bytes = base64::engine::general_purpose::STANDARD.decode(auth.auth.trim()).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let (username, password) = text.trim_end_matches('\0').split_once(':')?;
        let host = key.trim_start_matches("https://").trim_start_matches("http://");
        let host = host.split('/').next().unwrap_or_default();
        let host = if host == "index.docker.io" { "docker.io" } else { host };
        let access = RegistryAccess {
            username: Some(username.to_owned()),
            password: Some(SecretString::from(password)),
            ..RegistryAccess::default()
        };
        Some((host.to_owned(), access))
    };
    config.auths.into_iter().filter_map(login).collect()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn logins_of_docker_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        // me:secret
        let config = r#"{"auths": {"https://index.docker.io/v1/": {"auth": "bWU6c2VjcmV0"},
            "quay.io": {"auth": "bWU6c2VjcmV0"}, "ghcr.io": {}}, "credsStore": "x"}"#;
        fs::write(&path, config).unwrap();
        let logins = docker_logins(&path);
        assert_eq!(logins.keys().collect::<Vec<_>>(), ["docker.io", "quay.io"]);
        assert_eq!(logins["quay.io"].username.as_deref(), Some("me"));
        assert_eq!(logins["quay.io"].password.as_ref().unwrap().expose_secret(), "secret");
        assert!(docker_logins(&folder.path().join("none")).is_empty());
    }
}
