//! All keys of a site: made once, kept by the operator, the same in every run.

use std::collections::BTreeMap;

use rcgen::{KeyPair, PublicKeyData};
use secrecy::SecretString;

use super::issue::{self, CertError, Pair, Request, Usage};
use crate::cluster::Cluster;
use crate::install::InstallError;

/// Where keys are kept between runs; the job gives the site's folder.
pub trait KeyStore {
    /// The text kept under this file name, if there is one.
    fn load(&self, name: &str) -> Result<Option<String>, std::io::Error>;
    /// Keeps a text, readable by the operator alone.
    fn save(&self, name: &str, text: &SecretString) -> Result<(), std::io::Error>;
}

/// The key pair that signs service accounts' tokens.
#[derive(Clone, Debug)]
pub struct ServiceAccount {
    pub private: SecretString,
    pub public: String,
}

/// All keys of a site.
#[derive(Clone, Debug)]
pub struct Keys {
    pub kubernetes_ca: Pair,
    pub front_proxy_ca: Pair,
    pub service_account: ServiceAccount,
    /// The operator's own, of group `system:masters`.
    pub operator: Pair,
    pub etcd_ca: Pair,
    /// The API servers' certificate for etcd.
    pub etcd_client: Pair,
    etcd_members: BTreeMap<String, Pair>,
    pub registry_ca: Pair,
    registry: Option<Pair>,
    /// CA of a registry that kk does not run, from the cluster file.
    pub foreign_registry_ca: Option<String>,
}

const YEARS_10: i64 = 3650;
const YEAR: i64 = 365;

impl Keys {
    /// Loads what is kept and makes what is missing or does not fit the cluster file any more.
    pub fn prepare(cluster: &Cluster, store: &dyn KeyStore) -> Result<Self, CertError> {
        let kubernetes_ca = authority(store, "kubernetes-ca", "kubernetes-ca")?;
        let etcd_ca = authority(store, "etcd-ca", "etcd-ca")?;
        let registry_ca = authority(store, "registry-ca", "kk-registry-ca")?;
        let mut etcd_members = BTreeMap::new();
        for host in cluster.hosts_of("etcd") {
            let names =
                vec![host.name.clone(), "localhost".into(), "127.0.0.1".into(), host.internal_ipv4().to_owned()];
            let request = request(&host.name, names, Usage::Both, YEARS_10);
            etcd_members.insert(host.name.clone(), leaf(store, &format!("etcd-{}", host.name), &etcd_ca, &request)?);
        }
        let registry = match (cluster.registry_name(), cluster.hosts_of("registry").first()) {
            (Some(name), Some(host)) => {
                let name = name.split(':').next().unwrap_or_default().to_owned();
                let mut names = vec![name.clone(), host.name.clone(), host.internal_ipv4().to_owned()];
                if host.address != host.internal_ipv4() {
                    names.push(host.address.clone());
                }
                names.dedup();
                Some(leaf(store, "registry", &registry_ca, &request(&name, names, Usage::Server, YEARS_10))?)
            }
            _ => None,
        };
        let operator = Request {
            organization: Some("system:masters".into()),
            ..request("kubernetes-admin", Vec::new(), Usage::Client, YEAR)
        };
        Ok(Self {
            front_proxy_ca: authority(store, "front-proxy-ca", "front-proxy-ca")?,
            service_account: service_account(store)?,
            operator: leaf(store, "operator", &kubernetes_ca, &operator)?,
            etcd_client: leaf(
                store,
                "apiserver-etcd-client",
                &etcd_ca,
                &request("kube-apiserver-etcd-client", Vec::new(), Usage::Client, YEARS_10),
            )?,
            kubernetes_ca,
            etcd_ca,
            etcd_members,
            registry_ca,
            registry,
            foreign_registry_ca: None,
        })
    }

    /// The certificate of an etcd member.
    pub fn etcd_member(&self, host: &str) -> Result<&Pair, InstallError> {
        self.etcd_members
            .get(host)
            .ok_or_else(|| InstallError::MissingCertificate { name: format!("for etcd on {host}") })
    }

    /// The registry's certificate.
    pub fn registry(&self) -> Result<&Pair, InstallError> {
        self.registry.as_ref().ok_or_else(|| InstallError::MissingCertificate { name: "for the registry".into() })
    }

    /// kubeadm's `caCertHashes` entry: SHA-256 of the authority's public key information (kubeadm join,
    /// "token-based discovery with CA pinning").
    pub fn discovery_hash(&self) -> Option<String> {
        let (_, pem) = x509_parser::pem::parse_x509_pem(self.kubernetes_ca.certificate.as_bytes()).ok()?;
        let certificate = pem.parse_x509().ok()?;
        Some(crate::digest::Digest::of(certificate.public_key().raw).to_string())
    }
}

fn request(common_name: &str, names: Vec<String>, usage: Usage, days: i64) -> Request {
    Request { common_name: common_name.to_owned(), organization: None, names, usage, days }
}

fn authority(store: &dyn KeyStore, name: &str, common_name: &str) -> Result<Pair, CertError> {
    match kept(store, name)? {
        Some(pair) => Ok(pair),
        None => keep(store, name, issue::authority(common_name)?),
    }
}

fn leaf(store: &dyn KeyStore, name: &str, authority: &Pair, request: &Request) -> Result<Pair, CertError> {
    match kept(store, name)? {
        Some(pair) if issue::covers(&pair.certificate, request) => Ok(pair),
        _ => keep(store, name, issue::leaf(authority, request)?),
    }
}

fn service_account(store: &dyn KeyStore) -> Result<ServiceAccount, CertError> {
    let fail = |source| CertError::Issue { name: "service accounts".into(), source };
    let key = match load(store, "sa.key")? {
        Some(text) => KeyPair::from_pem(&text).map_err(fail)?,
        None => {
            let key = KeyPair::generate().map_err(fail)?;
            save(store, "sa.key", &SecretString::from(key.serialize_pem()))?;
            key
        }
    };
    Ok(ServiceAccount { private: SecretString::from(key.serialize_pem()), public: key.public_key_pem() })
}

/// Keys are written before certificates: a certificate without its key would never be replaced.
fn keep(store: &dyn KeyStore, name: &str, pair: Pair) -> Result<Pair, CertError> {
    save(store, &format!("{name}.key"), &pair.key)?;
    save(store, &format!("{name}.crt"), &SecretString::from(pair.certificate.clone()))?;
    Ok(pair)
}

fn kept(store: &dyn KeyStore, name: &str) -> Result<Option<Pair>, CertError> {
    let (key, certificate) = (load(store, &format!("{name}.key"))?, load(store, &format!("{name}.crt"))?);
    Ok(match (key, certificate) {
        (Some(key), Some(certificate)) if matches(&key, &certificate) => {
            Some(Pair { certificate, key: SecretString::from(key) })
        }
        _ => None,
    })
}

/// Whether key and certificate belong together; they do not after a run that was killed between writing the two.
fn matches(key: &str, certificate: &str) -> bool {
    let Ok(key) = KeyPair::from_pem(key) else { return false };
    let Ok((_, pem)) = x509_parser::pem::parse_x509_pem(certificate.as_bytes()) else { return false };
    pem.parse_x509().is_ok_and(|certificate| certificate.public_key().raw == key.subject_public_key_info())
}

fn load(store: &dyn KeyStore, name: &str) -> Result<Option<String>, CertError> {
    store.load(name).map_err(|source| CertError::Store { name: name.to_owned(), source })
}

fn save(store: &dyn KeyStore, name: &str, text: &SecretString) -> Result<(), CertError> {
    store.save(name, text).map_err(|source| CertError::Store { name: name.to_owned(), source })
}
