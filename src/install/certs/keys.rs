//! All keys of a site: made once, kept by the operator, the same in every run.

use std::collections::{BTreeMap, BTreeSet};

use rcgen::{KeyPair, PublicKeyData};
use secrecy::SecretString;

use super::Name;
use super::issue::{self, CertError, Pair, Request, Usage};
use super::read::read_pem;
use crate::cluster::Cluster;
use crate::install::InstallError;

/// Where keys are kept between runs; the job gives the site's folder.
pub trait KeyStore {
    /// The text kept under this file name, if there is one.
    fn load(&self, name: &str) -> Result<Option<String>, std::io::Error>;
    /// Keeps a text, readable by the operator alone.
    fn save(&self, name: &str, text: &SecretString) -> Result<(), std::io::Error>;
    /// Keeps it no longer; nothing happens where there is none.
    fn remove(&self, name: &str) -> Result<(), std::io::Error>;
}

/// Which kept certificates are made anew though they would still do.
#[derive(Clone, Debug, Default)]
pub struct Renew {
    pub names: BTreeSet<Name>,
    /// Those that end before this time, in seconds since 1970.
    pub before: i64,
}

impl Renew {
    fn wants(&self, name: Name, certificate: &str) -> bool {
        self.names.contains(&name) && read_pem(certificate).map_or(true, |read| read.not_after < self.before)
    }
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
        Self::renewed(cluster, store, &Renew::default())
    }

    /// The same, and makes anew what `renew` says.
    pub fn renewed(cluster: &Cluster, store: &dyn KeyStore, renew: &Renew) -> Result<Self, CertError> {
        let leaf = |name: Name, file: &str, authority: &Pair, request: &Request| {
            leaf(store, file, authority, request, |certificate| renew.wants(name, certificate))
        };
        let kubernetes_ca = authority(store, "kubernetes-ca", "kubernetes-ca")?;
        let etcd_ca = authority(store, "etcd-ca", "etcd-ca")?;
        let registry_ca = authority(store, "registry-ca", "kk-registry-ca")?;
        let mut etcd_members = BTreeMap::new();
        for host in cluster.hosts_of("etcd") {
            let names =
                vec![host.name.clone(), "localhost".into(), "127.0.0.1".into(), host.internal_ipv4().to_owned()];
            let request = request(&host.name, names, Usage::Both, YEARS_10);
            etcd_members
                .insert(host.name.clone(), leaf(Name::Etcd, &format!("etcd-{}", host.name), &etcd_ca, &request)?);
        }
        let registry = match (cluster.registry_name(), cluster.hosts_of("registry").first()) {
            (Some(name), Some(host)) => {
                let name = name.split(':').next().unwrap_or_default().to_owned();
                let mut names = vec![name.clone(), host.name.clone(), host.internal_ipv4().to_owned()];
                if host.address != host.internal_ipv4() {
                    names.push(host.address.clone());
                }
                names.dedup();
                Some(leaf(Name::Registry, "registry", &registry_ca, &request(&name, names, Usage::Server, YEARS_10))?)
            }
            _ => None,
        };
        Ok(Self {
            front_proxy_ca: authority(store, "front-proxy-ca", "front-proxy-ca")?,
            service_account: service_account(store)?,
            operator: leaf(Name::Operator, "operator", &kubernetes_ca, &operator_request())?,
            etcd_client: leaf(
                Name::ApiserverEtcdClient,
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

    /// The authority of Kubernetes and the operator's own pair alone; the pair is made anew as [`Keys::prepare`] does it.
    pub fn operators(store: &dyn KeyStore) -> Result<(Pair, Pair), CertError> {
        let kubernetes_ca = authority(store, "kubernetes-ca", "kubernetes-ca")?;
        let operator = leaf(store, "operator", &kubernetes_ca, &operator_request(), |_| false)?;
        Ok((kubernetes_ca, operator))
    }

    /// A new certificate with which a node's kubelet shows itself to API servers (Kubernetes, "Using Node Authorization").
    /// It is not kept: from then on the kubelet has it renewed by itself.
    pub fn kubelet(&self, node: &str) -> Result<Pair, CertError> {
        let request = Request {
            organization: Some("system:nodes".into()),
            ..request(&format!("system:node:{node}"), Vec::new(), Usage::Client, YEAR)
        };
        issue::leaf(&self.kubernetes_ca, &request)
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

fn operator_request() -> Request {
    Request {
        organization: Some("system:masters".into()),
        ..request("kubernetes-admin", Vec::new(), Usage::Client, YEAR)
    }
}

fn request(common_name: &str, names: Vec<String>, usage: Usage, days: i64) -> Request {
    Request { common_name: common_name.to_owned(), organization: None, names, usage, days }
}

fn authority(store: &dyn KeyStore, name: &str, common_name: &str) -> Result<Pair, CertError> {
    match kept(store, name)? {
        Some(pair) => Ok(pair),
        // A site that stands must not get another authority by mistake.
        None if load(store, &format!("{name}.key"))?.is_some() => Err(CertError::Store {
            name: name.to_owned(),
            source: std::io::Error::other("the key and the certificate that lie there do not belong together"),
        }),
        None => keep(store, name, issue::authority(common_name)?),
    }
}

fn leaf(
    store: &dyn KeyStore,
    name: &str,
    authority: &Pair,
    request: &Request,
    renew: impl Fn(&str) -> bool,
) -> Result<Pair, CertError> {
    match kept(store, name)? {
        Some(pair)
            if issue::covers(&pair.certificate, request)
                && is_of(&pair.certificate, authority)
                && !renew(&pair.certificate) =>
        {
            Ok(pair)
        }
        _ => keep(store, name, issue::leaf(authority, request)?),
    }
}

/// Whether this authority signed a kept certificate; after a rotation it is another one.
fn is_of(certificate: &str, authority: &Pair) -> bool {
    match (read_pem(certificate), read_pem(&authority.certificate)) {
        (Ok(certificate), Ok(authority)) => certificate.is_of(&authority),
        _ => false,
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

/// The new pair takes the old one's place in the moment in which its key is written: the certificate lies beside it
/// already, and whoever finds the key with another certificate takes that one.
pub(super) fn keep(store: &dyn KeyStore, name: &str, pair: Pair) -> Result<Pair, CertError> {
    let certificate = SecretString::from(pair.certificate.clone());
    save(store, &format!("{name}.next.crt"), &certificate)?;
    save(store, &format!("{name}.key"), &pair.key)?;
    save(store, &format!("{name}.crt"), &certificate)?;
    Ok(pair)
}

pub(super) fn kept(store: &dyn KeyStore, name: &str) -> Result<Option<Pair>, CertError> {
    let Some(key) = load(store, &format!("{name}.key"))? else { return Ok(None) };
    for file in [format!("{name}.crt"), format!("{name}.next.crt")] {
        match load(store, &file)? {
            Some(certificate) if matches(&key, &certificate) => {
                return Ok(Some(Pair { certificate, key: SecretString::from(key) }));
            }
            _ => {}
        }
    }
    Ok(None)
}

/// Whether key and certificate belong together; they do not after a run that was killed between writing the two.
fn matches(key: &str, certificate: &str) -> bool {
    let Ok(key) = KeyPair::from_pem(key) else { return false };
    let Ok((_, pem)) = x509_parser::pem::parse_x509_pem(certificate.as_bytes()) else { return false };
    pem.parse_x509().is_ok_and(|certificate| certificate.public_key().raw == key.subject_public_key_info())
}

pub(super) fn load(store: &dyn KeyStore, name: &str) -> Result<Option<String>, CertError> {
    store.load(name).map_err(|source| CertError::Store { name: name.to_owned(), source })
}

pub(super) fn save(store: &dyn KeyStore, name: &str, text: &SecretString) -> Result<(), CertError> {
    store.save(name, text).map_err(|source| CertError::Store { name: name.to_owned(), source })
}

#[cfg(test)]
pub(super) mod tests {
    use std::cell::RefCell;

    use secrecy::ExposeSecret;

    use super::*;

    /// Keeps in memory, and can be made to stop after some writes, as a kill does.
    #[derive(Default)]
    pub struct Memory {
        files: RefCell<BTreeMap<String, String>>,
        writes_left: RefCell<Option<usize>>,
    }

    impl KeyStore for Memory {
        fn load(&self, name: &str) -> Result<Option<String>, std::io::Error> {
            Ok(self.files.borrow().get(name).cloned())
        }

        fn save(&self, name: &str, text: &SecretString) -> Result<(), std::io::Error> {
            if let Some(left) = self.writes_left.borrow_mut().as_mut() {
                *left = left.checked_sub(1).ok_or_else(|| std::io::Error::other("killed"))?;
            }
            self.files.borrow_mut().insert(name.to_owned(), text.expose_secret().to_owned());
            Ok(())
        }

        fn remove(&self, name: &str) -> Result<(), std::io::Error> {
            if let Some(left) = self.writes_left.borrow_mut().as_mut() {
                *left = left.checked_sub(1).ok_or_else(|| std::io::Error::other("killed"))?;
            }
            self.files.borrow_mut().remove(name);
            Ok(())
        }
    }

    impl Memory {
        /// Fails from then on, or never.
        pub fn stop_after(&self, writes: Option<usize>) {
            self.writes_left.replace(writes);
        }

        pub fn names(&self) -> Vec<String> {
            self.files.borrow().keys().cloned().collect()
        }
    }

    fn always(_: &str) -> bool {
        true
    }

    #[test]
    fn a_pair_is_the_old_or_the_new_one_wherever_a_run_is_killed() {
        let ca = issue::authority("test-ca").unwrap();
        let request = request("node1", vec!["node1".into()], Usage::Both, 30);
        for writes in 0..4 {
            let store = Memory::default();
            let old = leaf(&store, "x", &ca, &request, always).unwrap();
            store.writes_left.replace(Some(writes));
            let new = leaf(&store, "x", &ca, &request, always);
            assert_eq!(new.is_ok(), writes == 3);
            let found = kept(&store, "x").unwrap().expect("there is a pair");
            assert_eq!(found.certificate == old.certificate, writes < 2, "{writes}");
        }
    }

    #[test]
    fn only_what_is_named_and_near_its_end_is_renewed() {
        let store = Memory::default();
        let ca = issue::authority("test-ca").unwrap();
        let request = request("x", Vec::new(), Usage::Client, 100);
        let pair = leaf(&store, "x", &ca, &request, always).unwrap();
        let end = read_pem(&pair.certificate).unwrap().not_after;
        let renew = |name, before| Renew { names: BTreeSet::from([name]), before };
        assert!(renew(Name::Etcd, end + 1).wants(Name::Etcd, &pair.certificate));
        assert!(!renew(Name::Etcd, end).wants(Name::Etcd, &pair.certificate));
        assert!(!renew(Name::Etcd, end + 1).wants(Name::Registry, &pair.certificate));
    }
}
