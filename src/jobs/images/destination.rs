//! The registry that images are pushed to: named on the command line, or a cluster's own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::target::Naming;
use crate::bundle::Inventory;
use crate::image::RegistryAccess;
use crate::install::{Inputs, registry};
use crate::jobs::site::{self, Site};
use crate::jobs::{JobError, Kind, files, logins};

/// Where to push to.
#[derive(Clone, Debug)]
pub enum Destination {
    /// A registry by its name.
    Registry(Registry),
    /// The private registry of this cluster file.
    Cluster(PathBuf),
}

/// A registry that the user names.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    /// `host[:port][/folder…]`
    pub to: String,
    pub username: Option<String>,
    /// File that holds the password alone.
    pub password_file: Option<PathBuf>,
    pub plain_http: bool,
    /// PEM of the authority that signed the registry's certificate.
    pub ca_cert: Option<PathBuf>,
    /// Do not check the certificate.
    pub insecure: bool,
}

impl Destination {
    /// How the registry is reached, and how images are named in it.
    pub fn resolve(&self, inventory: &Inventory, flat: bool) -> Result<(RegistryAccess, Naming), JobError> {
        match self {
            Self::Registry(registry) => registry.resolve(flat),
            Self::Cluster(path) => {
                let access = of_cluster(path, inventory)?;
                let registry = access.host.clone();
                Ok((access, Naming { registry, prefix: String::new(), flat }))
            }
        }
    }
}

impl Registry {
    fn resolve(&self, flat: bool) -> Result<(RegistryAccess, Naming), JobError> {
        let (host, prefix) = self.to.split_once('/').unwrap_or((&self.to, ""));
        let prefix = prefix.trim_matches('/');
        if self.to.contains("://") || host.is_empty() {
            return Err(JobError::new(Kind::Usage, format!("{} is not a registry", self.to))
                .hint("write --to HOST[:PORT][/FOLDER], without a scheme; --plain-http speaks HTTP"));
        }
        let known = logins::of_docker().remove(host).unwrap_or_default();
        let password = self.password_file.as_deref().map(password).transpose()?;
        let own = self.username.is_some();
        let access = RegistryAccess {
            host: host.to_owned(),
            plain_http: self.plain_http,
            skip_tls_verify: self.insecure,
            ca_pem: self.ca_cert.as_deref().map(read).transpose()?,
            username: self.username.clone().or(known.username),
            password: if own { password } else { known.password },
            ..RegistryAccess::default()
        };
        let naming = Naming { registry: host.to_owned(), prefix: prefix.to_owned(), flat };
        Ok((access, naming))
    }
}

/// The registry of a cluster file, with the site's own account and authority.
fn of_cluster(path: &Path, inventory: &Inventory) -> Result<RegistryAccess, JobError> {
    let cluster = files::cluster(path)?;
    let site = Site::open(&cluster)?;
    let inputs = Inputs {
        cluster: &cluster,
        inventory,
        hosts: &BTreeMap::new(),
        registry: &site.registry_login(&cluster)?,
        bootstrap_token: &site::bootstrap_token()?,
        templates: &site.templates()?,
        keys: &site.keys(&cluster)?,
    };
    registry::access(&inputs).ok_or_else(|| {
        JobError::new(Kind::File, format!("{} names no registry", path.display()))
            .hint("name one in spec.registry.privateRegistry, or push with --to")
    })
}

fn read(path: &Path) -> Result<String, JobError> {
    fs::read_to_string(path)
        .map_err(|source| JobError::new(Kind::File, format!("cannot read {}", path.display())).because(source))
}

fn password(path: &Path) -> Result<SecretString, JobError> {
    let text = SecretString::from(read(path)?);
    Ok(SecretString::from(secrecy::ExposeSecret::expose_secret(&text).trim_end_matches(['\r', '\n']).to_owned()))
}
