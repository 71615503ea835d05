//! One site: the folder beside the cluster file with its keys, known hosts and journal, and the sessions to its hosts.

mod connect;
mod deliveries;
mod installed;
mod rotation;
mod secrets;
pub(super) mod store;
mod trust;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use connect::{ConfigFile, ConnectOptions, Hosts, reason};
pub use deliveries::{Delivery, PUBLIC_KEY as RECEIPT_KEY};
pub use secrets::bootstrap_token;
pub use trust::TrustRecord;

use super::{JobError, Kind};
use crate::cluster::Cluster;
use crate::install::RegistryLogin;
use crate::install::certs::{CertError, KeyStore, Keys, Pair, Renew};
use crate::install::templates::{BUILT_IN, Templates};

/// Folder of the store in the site's.
const STORE: &str = "store";

/// The folder of one site, `.kk/<cluster>/` beside the cluster file. Everything in it is the operator's alone.
pub struct Site {
    folder: PathBuf,
}

impl Site {
    /// Opens the site's folder, making it where it is not there.
    pub fn open(cluster: &Cluster) -> Result<Self, JobError> {
        let site = Self { folder: Self::folder_of(cluster)? };
        for folder in [site.folder.clone(), site.keys_folder(), site.journal()] {
            store::private_folder(&folder)
                .map_err(|source| JobError::internal(format!("cannot make the folder {}", folder.display()), source))?;
        }
        Ok(site)
    }

    /// Opens the folder of a site from which a cluster was installed: its authorities are there.
    ///
    /// # Errors
    /// There are none. Whoever works on a cluster that stands must not make new ones.
    pub fn of_cluster(cluster: &Cluster) -> Result<Self, JobError> {
        let folder = Self::folder_of(cluster)?;
        let mut needed = vec!["sa.key".to_owned()];
        for authority in ["kubernetes-ca", "front-proxy-ca", "etcd-ca", "registry-ca"] {
            needed.extend([format!("{authority}.key"), format!("{authority}.crt")]);
        }
        needed.retain(|name| !folder.join("pki").join(name).is_file());
        if needed.is_empty() {
            return Self::open(cluster);
        }
        let message = format!("the keys of cluster {} are not in {}", cluster.name, folder.join("pki").display());
        let missing = format!("missing: {}", needed.join(", "));
        Err(JobError::new(Kind::File, message)
            .details([missing])
            .hint("run it with the cluster file on the machine that the cluster was installed from, or bring its .kk folder here"))
    }

    /// Where the folder of this cluster's site is, or will be.
    fn folder_of(cluster: &Cluster) -> Result<PathBuf, JobError> {
        let beside = cluster.path.parent().filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let beside = beside.canonicalize().map_err(|source| {
            JobError::internal(format!("cannot find the folder of {}", cluster.path.display()), source)
        })?;
        Ok(beside.join(".kk").join(&cluster.name))
    }

    /// `.kk/<cluster>/`
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// One file for each run.
    pub fn journal(&self) -> PathBuf {
        self.folder.join("journal")
    }

    /// Where the journals of a cluster's site are, whether the folder is there or not; nothing is made.
    pub fn journal_of(cluster: &Cluster) -> Result<PathBuf, JobError> {
        Ok(Self::folder_of(cluster)?.join("journal"))
    }

    /// Held by the run that is at work.
    pub fn lock(&self) -> PathBuf {
        self.folder.join("lock")
    }

    /// Hosts that were trusted on the first contact.
    pub fn known_hosts(&self) -> PathBuf {
        self.folder.join("known_hosts")
    }

    /// The kubeconfig for the operator.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.join("kubeconfig")
    }

    /// The store of a cluster's site, whether it is there or not; nothing is made.
    pub fn bundle_store_of(cluster: &Cluster) -> Result<PathBuf, JobError> {
        Ok(Self::folder_of(cluster)?.join(STORE))
    }

    /// What was delivered, by digest.
    pub fn bundle_store(&self) -> PathBuf {
        self.folder.join(STORE)
    }

    /// Snapshots of etcd that were fetched.
    pub fn etcd_backups(&self) -> PathBuf {
        self.folder.join("etcd-backups")
    }

    fn keys_folder(&self) -> PathBuf {
        self.folder.join("pki")
    }

    /// All keys of the site; what is missing is made and kept.
    pub fn keys(&self, cluster: &Cluster) -> Result<Keys, JobError> {
        self.renewed_keys(cluster, &Renew::default(), true)
    }

    /// The same, and what `renew` says is made anew. With `keep` false, nothing of it is kept: for looking ahead.
    pub fn renewed_keys(&self, cluster: &Cluster, renew: &Renew, keep: bool) -> Result<Keys, JobError> {
        self.prepared_keys(cluster, keep, |store| Keys::renewed(cluster, store, renew))
    }

    fn prepared_keys(
        &self,
        cluster: &Cluster,
        keep: bool,
        prepare: impl Fn(&dyn KeyStore) -> Result<Keys, CertError>,
    ) -> Result<Keys, JobError> {
        let folder = store::Folder(self.keys_folder());
        let keys = if keep { prepare(&folder) } else { prepare(&store::Draft::over(folder)) };
        let mut keys = keys.map_err(no_keys)?;
        keys.foreign_registry_ca = self.foreign_registry_ca(cluster)?;
        Ok(keys)
    }

    /// The authority of Kubernetes and the operator's own pair, which is made anew in its last week.
    pub fn operators_keys(&self) -> Result<(Pair, Pair), JobError> {
        Keys::operators(&store::Folder(self.keys_folder()))
            .map_err(|source| JobError::new(Kind::Internal, "cannot prepare the operator's keys").because(source))
    }

    /// A certificate that is kept under this name, such as `etcd-ca`, with its path.
    pub fn kept_certificate(&self, name: &str) -> (PathBuf, std::io::Result<String>) {
        let path = self.keys_folder().join(format!("{name}.crt"));
        let text = store::read_bounded(&path);
        (path, text)
    }

    /// The CA file that the cluster file names for a registry that kk does not run.
    fn foreign_registry_ca(&self, cluster: &Cluster) -> Result<Option<String>, JobError> {
        let auth = cluster.registry_name().and_then(|name| cluster.spec.registry.auths.get(&name));
        let Some(path) = auth.map(|auth| auth.ca_file.as_str()).filter(|path| !path.is_empty()) else {
            return Ok(None);
        };
        store::read_bounded(Path::new(path)).map(Some).map_err(|source| {
            JobError::new(Kind::File, format!("cannot read the registry's caFile {path}")).because(source)
        })
    }

    /// The registry's account: from the cluster file, or made once and kept.
    pub fn registry_login(&self, cluster: &Cluster) -> Result<RegistryLogin, JobError> {
        secrets::registry_login(cluster, &store::Folder(self.keys_folder()))
    }

    /// The templates: built in, or replaced by files in `.kk/<cluster>/templates/`.
    pub fn templates(&self) -> Result<Templates, JobError> {
        let mut overrides = BTreeMap::new();
        for (name, _) in BUILT_IN {
            let path = self.folder.join("templates").join(name);
            match store::read_bounded(&path) {
                Ok(text) => {
                    overrides.insert((*name).to_owned(), text);
                }
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(source) => {
                    let message = format!("cannot read the template {}", path.display());
                    return Err(JobError::new(Kind::File, message).because(source));
                }
            }
        }
        Templates::new(&overrides)
            .map_err(|source| JobError::new(Kind::File, "a template of the site is faulty").because(source))
    }
}

fn no_keys(source: CertError) -> JobError {
    JobError::new(Kind::Internal, "cannot prepare the site's keys").because(source)
}
