//! Passwords and tokens: from the cluster file, or random and kept. None has a default value.

use ring::rand::{SecureRandom, SystemRandom};
use secrecy::{ExposeSecret, SecretString};

use super::store::Folder;
use crate::cluster::Cluster;
use crate::install::RegistryLogin;
use crate::install::certs::KeyStore;
use crate::jobs::JobError;

/// Of bcrypt: about 50 ms a login.
const COST: u32 = 10;

/// Lower-case letters and digits, as bootstrap tokens want them (Kubernetes, "Bootstrap Tokens": `[a-z0-9]`).
const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// The registry's account. The bcrypt hash has a random salt and is kept, so that the file on the host stays the same.
pub fn registry_login(cluster: &Cluster, store: &Folder) -> Result<RegistryLogin, JobError> {
    let auth = cluster.registry_name().and_then(|name| cluster.spec.registry.auths.get(&name).cloned());
    let auth = auth.unwrap_or_default();
    let username = if auth.username.is_empty() { "admin".to_owned() } else { auth.username };
    let password = match auth.password {
        Some(password) => password,
        None => kept_password(store)?,
    };
    let htpasswd = match load(store, "registry.htpasswd")? {
        Some(line) if fits(&line, &username, &password) => SecretString::from(line),
        _ => {
            let hash = bcrypt::hash(password.expose_secret(), COST)
                .map_err(|source| JobError::internal("cannot hash the registry's password", source))?;
            let line = SecretString::from(format!("{username}:{hash}\n"));
            save(store, "registry.htpasswd", &line)?;
            line
        }
    };
    Ok(RegistryLogin { username, password, htpasswd })
}

fn fits(line: &str, username: &str, password: &SecretString) -> bool {
    line.trim_end()
        .split_once(':')
        .is_some_and(|(name, hash)| name == username && bcrypt::verify(password.expose_secret(), hash).unwrap_or(false))
}

fn kept_password(store: &Folder) -> Result<SecretString, JobError> {
    if let Some(text) = load(store, "registry.password")? {
        return Ok(SecretString::from(text.trim_end().to_owned()));
    }
    let password = SecretString::from(random_text(24)?);
    save(store, "registry.password", &password)?;
    Ok(password)
}

/// A new bootstrap token: six characters, a dot, sixteen characters.
pub fn bootstrap_token() -> Result<SecretString, JobError> {
    Ok(SecretString::from(format!("{}.{}", random_text(6)?, random_text(16)?)))
}

/// Random letters and digits; bytes that would favour some of them are drawn again.
fn random_text(length: usize) -> Result<String, JobError> {
    let random = SystemRandom::new();
    let mut text = String::with_capacity(length);
    let mut byte = [0u8; 1];
    while text.len() < length {
        random
            .fill(&mut byte)
            .map_err(|_| JobError::new(crate::jobs::Kind::Internal, "this machine gives no random numbers"))?;
        if let Some(letter) = (byte[0] < 252).then(|| ALPHABET.get(usize::from(byte[0]) % 36)).flatten() {
            text.push(char::from(*letter));
        }
    }
    Ok(text)
}

fn load(store: &Folder, name: &str) -> Result<Option<String>, JobError> {
    store.load(name).map_err(|source| JobError::internal(format!("cannot read the site's {name}"), source))
}

fn save(store: &Folder, name: &str, text: &SecretString) -> Result<(), JobError> {
    store.save(name, text).map_err(|source| JobError::internal(format!("cannot keep the site's {name}"), source))
}
