//! Another authority in the place of one that a site has, in three passes, so that at no moment anybody shows what another
//! one does not trust: trust both, sign with the new one, forget the old one.
//!
//! What is kept meanwhile, beside the authority's own files in the site's `pki/`:
//!
//! ```text
//! rotation.json           which authorities, and the pass that is under way
//! NAME.successor.crt/key  the new authority
//! NAME.previous.crt       the old one
//! ```
//!
//! `NAME.crt` holds what is to be trusted, the authority that signs first, and `NAME.key` that one's key. So whatever is
//! made from [`super::Keys`] fits the pass.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::Name;
use super::issue::{self, CertError, Pair};
use super::keys::{KeyStore, keep, kept, load, save};

const FILE: &str = "rotation.json";
const END: &str = "-----END CERTIFICATE-----";

/// An authority of a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Authority {
    KubernetesCa,
    FrontProxyCa,
    EtcdCa,
    RegistryCa,
}

impl Authority {
    pub const ALL: [Self; 4] = [Self::KubernetesCa, Self::FrontProxyCa, Self::EtcdCa, Self::RegistryCa];

    /// The name of its files in the site's folder, as tables show it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::KubernetesCa => "kubernetes-ca",
            Self::FrontProxyCa => "front-proxy-ca",
            Self::EtcdCa => "etcd-ca",
            Self::RegistryCa => "registry-ca",
        }
    }

    /// The common name that its certificate has.
    const fn common_name(self) -> &'static str {
        match self {
            Self::RegistryCa => "kk-registry-ca",
            other => other.as_str(),
        }
    }

    /// The certificates that it signs. Those that kubelets show when they are asked they sign themselves.
    pub const fn signs(self) -> &'static [Name] {
        match self {
            Self::KubernetesCa => &[
                Name::Apiserver,
                Name::ApiserverKubeletClient,
                Name::AdminConf,
                Name::SuperAdminConf,
                Name::ControllerManagerConf,
                Name::SchedulerConf,
                Name::Kubelet,
                Name::Operator,
            ],
            Self::FrontProxyCa => &[Name::FrontProxyClient],
            Self::EtcdCa => &[Name::Etcd, Name::ApiserverEtcdClient],
            Self::RegistryCa => &[Name::Registry],
        }
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for Authority {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|authority| authority.as_str() == text);
        found.ok_or_else(|| format!("it is one of {}", Self::ALL.map(Self::as_str).join(", ")))
    }
}

/// One third of a rotation. A pass has to hold on all hosts before the next one begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pass {
    /// All trust the old authority and the new one; the old one signs.
    Trust,
    /// The new one signs, and has signed everything.
    Sign,
    /// The new one alone is trusted.
    Forget,
}

impl Pass {
    /// The pass after this one.
    pub const fn next(self) -> Option<Self> {
        match self {
            Self::Trust => Some(Self::Sign),
            Self::Sign => Some(Self::Forget),
            Self::Forget => None,
        }
    }
}

/// A rotation that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rotation {
    pub authorities: BTreeSet<Authority>,
    pub pass: Pass,
}

impl Rotation {
    /// One that begins.
    pub fn new(authorities: BTreeSet<Authority>) -> Self {
        Self { authorities, pass: Pass::Trust }
    }

    /// The one that is under way; `None` where there is none.
    pub fn load(store: &dyn KeyStore) -> Result<Option<Self>, CertError> {
        let Some(text) = load(store, FILE)? else { return Ok(None) };
        serde_json::from_str(&text)
            .map(Some)
            .map_err(|error| CertError::Store { name: FILE.into(), source: error.into() })
    }

    /// The certificates that its authorities sign.
    pub fn names(&self) -> BTreeSet<Name> {
        self.authorities.iter().flat_map(|authority| authority.signs()).copied().collect()
    }

    /// Keeps how far it is, then brings what is kept of its authorities to the pass. A second time changes nothing.
    pub fn keep(&self, store: &dyn KeyStore) -> Result<(), CertError> {
        let text = serde_json::to_string(self)
            .map_err(|error| CertError::Store { name: FILE.into(), source: error.into() })?;
        save(store, FILE, &SecretString::from(text + "\n"))?;
        self.authorities.iter().try_for_each(|authority| prepare(store, *authority, self.pass))
    }

    /// Takes away what a rotation that had ended left behind: the successor of that time signs today, and would be taken for
    /// the new authority. For one that begins, before it is kept.
    pub fn clear(&self, store: &dyn KeyStore) -> Result<(), CertError> {
        let ends = ["successor.crt", "successor.next.crt", "successor.key", "previous.crt"];
        let files = self.authorities.iter().flat_map(|authority| ends.map(|end| format!("{authority}.{end}")));
        remove(store, files)
    }

    /// Has the new authorities alone from now on, where there are some: no host trusts any of them any more.
    pub fn abandon(&self, store: &dyn KeyStore) -> Result<(), CertError> {
        for authority in &self.authorities {
            if kept(store, &format!("{authority}.successor"))?.is_some() {
                prepare(store, *authority, Pass::Forget)?;
            }
        }
        self.end(store)
    }

    /// Forgets what was kept of the old authorities: every host is through the last pass.
    pub fn end(&self, store: &dyn KeyStore) -> Result<(), CertError> {
        remove(store, [FILE.to_owned()])?;
        remove(store, self.authorities.iter().map(|authority| format!("{authority}.next.crt")))?;
        self.clear(store)
    }
}

fn remove(store: &dyn KeyStore, names: impl IntoIterator<Item = String>) -> Result<(), CertError> {
    names
        .into_iter()
        .try_for_each(|name| store.remove(&name).map_err(|source| CertError::Store { name: name.clone(), source }))
}

fn prepare(store: &dyn KeyStore, authority: Authority, pass: Pass) -> Result<(), CertError> {
    let name = authority.as_str();
    let missing = |file: &str| CertError::Store {
        name: file.to_owned(),
        source: std::io::Error::new(std::io::ErrorKind::NotFound, "it is not there, or its key is another one's"),
    };
    let (successor_name, previous_name) = (format!("{name}.successor"), format!("{name}.previous.crt"));
    let successor = match (kept(store, &successor_name)?, pass) {
        (Some(pair), _) => pair,
        (None, Pass::Trust) => keep(store, &successor_name, issue::authority(authority.common_name())?)?,
        (None, Pass::Sign | Pass::Forget) => return Err(missing(&successor_name)),
    };
    let previous = match (load(store, &previous_name)?, pass) {
        (Some(previous), _) => previous,
        (None, Pass::Trust) => {
            let own = kept(store, name)?.ok_or_else(|| missing(name))?;
            let previous = first(&own.certificate).to_owned();
            save(store, &previous_name, &SecretString::from(previous.clone()))?;
            previous
        }
        (None, Pass::Sign) => return Err(missing(&previous_name)),
        (None, Pass::Forget) => String::new(),
    };
    let (trusted, key) = match pass {
        Pass::Trust => (format!("{previous}{}", successor.certificate), None),
        Pass::Sign => (format!("{}{previous}", successor.certificate), Some(successor.key)),
        Pass::Forget => (successor.certificate, Some(successor.key)),
    };
    let own = kept(store, name)?;
    match (own, key) {
        (Some(own), _) if own.certificate == trusted => Ok(()),
        (_, Some(key)) => keep(store, name, Pair { certificate: trusted, key }).map(drop),
        (_, None) => save(store, &format!("{name}.crt"), &SecretString::from(trusted)),
    }
}

/// The first certificate of a PEM text, with a newline behind it: of an authority's file, the one that signs.
pub fn first(text: &str) -> &str {
    match text.find(END) {
        Some(at) => {
            let end = at + END.len();
            let newline = usize::from(text[end..].starts_with('\n'));
            &text[..end + newline]
        }
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Keys;
    use super::super::keys::tests::Memory;
    use super::super::read::read_pem;
    use super::*;
    use crate::cluster::Cluster;
    use crate::plan::tests::cluster;

    fn count(text: &str) -> usize {
        text.matches(END).count()
    }

    /// A site with keys, and a rotation that is about to begin.
    fn site(authority: Authority) -> (Memory, Cluster, Rotation) {
        let (store, cluster) = (Memory::default(), cluster());
        Keys::prepare(&cluster, &store).unwrap();
        (store, cluster, Rotation::new(BTreeSet::from([authority])))
    }

    /// Each pass fits what a host may still have of the pass before.
    #[test]
    fn nobody_shows_what_another_does_not_trust() {
        let (store, cluster) = (Memory::default(), cluster());
        let old = Keys::prepare(&cluster, &store).unwrap();
        let mut rotation = Rotation::new(BTreeSet::from([Authority::EtcdCa]));
        let mut before = old.clone();
        for pass in [Pass::Trust, Pass::Sign, Pass::Forget] {
            rotation.pass = pass;
            rotation.keep(&store).unwrap();
            assert_eq!(Rotation::load(&store).unwrap(), Some(rotation.clone()));
            let keys = Keys::prepare(&cluster, &store).unwrap();
            let trusted = |keys: &Keys| -> Vec<_> {
                let text = keys.etcd_ca.certificate.clone();
                let second = &text[first(&text).len()..];
                let all = [first(&text), second].into_iter().filter(|text| !text.is_empty());
                all.map(|text| read_pem(text).unwrap()).collect()
            };
            for (shown, asked) in [(&keys, &before), (&before, &keys), (&keys, &keys)] {
                let shown = read_pem(&shown.etcd_member("node1").unwrap().certificate).unwrap();
                assert!(trusted(asked).iter().any(|authority| shown.is_of(authority)), "{pass:?}");
            }
            assert_eq!(count(&keys.etcd_ca.certificate), if pass == Pass::Forget { 1 } else { 2 });
            // Repeated, nothing is made anew, and the others are left alone.
            rotation.keep(&store).unwrap();
            let again = Keys::prepare(&cluster, &store).unwrap();
            assert_eq!(again.etcd_member("node1").unwrap().certificate, keys.etcd_member("node1").unwrap().certificate);
            assert_eq!(keys.kubernetes_ca.certificate, old.kubernetes_ca.certificate);
            before = keys;
        }
        assert_ne!(first(&before.etcd_ca.certificate), first(&old.etcd_ca.certificate));
        rotation.end(&store).unwrap();
        assert_eq!(Rotation::load(&store).unwrap(), None);
        let ended = Keys::prepare(&cluster, &store).unwrap();
        assert_eq!(ended.etcd_ca.certificate, before.etcd_ca.certificate);
        assert!(!store.names().iter().any(|name| name.contains("successor") || name.contains("previous")));
    }

    /// Wherever it is killed, the same command goes on with the same new authority.
    #[test]
    fn a_rotation_that_is_killed_goes_on() {
        for pass in [Pass::Trust, Pass::Sign, Pass::Forget] {
            for writes in 0..8 {
                let (store, cluster, mut rotation) = site(Authority::EtcdCa);
                while rotation.pass != pass {
                    rotation.keep(&store).unwrap();
                    rotation.pass = rotation.pass.next().unwrap();
                }
                store.stop_after(Some(writes));
                let killed = rotation.keep(&store).is_err();
                store.stop_after(None);
                rotation.keep(&store).unwrap();
                let keys = Keys::prepare(&cluster, &store).unwrap();
                let member = read_pem(&keys.etcd_member("node1").unwrap().certificate).unwrap();
                assert!(member.is_of(&read_pem(&keys.etcd_ca.certificate).unwrap()), "{pass:?} {writes} {killed}");
                let expected = if pass == Pass::Forget { 1 } else { 2 };
                assert_eq!(count(&keys.etcd_ca.certificate), expected);
            }
        }
    }

    /// A rotation that was killed at its very end is over: the next one has a new authority, and not the one that signs.
    #[test]
    fn what_one_rotation_left_is_not_taken_for_the_next_ones() {
        for removals in 0..6 {
            let (store, cluster, mut rotation) = site(Authority::EtcdCa);
            while let Some(next) = rotation.pass.next() {
                rotation.keep(&store).unwrap();
                rotation.pass = next;
            }
            rotation.keep(&store).unwrap();
            store.stop_after(Some(removals));
            let _ = rotation.end(&store);
            store.stop_after(None);
            let signs = Keys::prepare(&cluster, &store).unwrap().etcd_ca.certificate;
            if Rotation::load(&store).unwrap().is_some() {
                continue;
            }
            let second = Rotation::new(BTreeSet::from([Authority::EtcdCa]));
            second.clear(&store).unwrap();
            second.keep(&store).unwrap();
            let keys = Keys::prepare(&cluster, &store).unwrap();
            assert_eq!(first(&keys.etcd_ca.certificate), signs, "{removals}");
            assert_eq!(count(&keys.etcd_ca.certificate), 2);
            assert!(!keys.etcd_ca.certificate[signs.len()..].contains(&signs), "{removals}");
        }
    }

    /// Without hosts that trust anybody, one authority is left, whatever the pass was.
    #[test]
    fn a_rotation_may_be_abandoned() {
        for passes in 0..3 {
            let (store, cluster, mut rotation) = site(Authority::KubernetesCa);
            rotation.keep(&store).unwrap();
            for _ in 0..passes {
                rotation.pass = rotation.pass.next().unwrap();
                rotation.keep(&store).unwrap();
            }
            rotation.abandon(&store).unwrap();
            assert_eq!(Rotation::load(&store).unwrap(), None);
            let keys = Keys::prepare(&cluster, &store).unwrap();
            assert_eq!(count(&keys.kubernetes_ca.certificate), 1);
            let operator = read_pem(&keys.operator.certificate).unwrap();
            assert!(operator.is_of(&read_pem(&keys.kubernetes_ca.certificate).unwrap()));
        }
    }

    #[test]
    fn authorities_are_read_as_they_are_written() {
        for authority in Authority::ALL {
            assert_eq!(authority.to_string().parse(), Ok(authority));
        }
        assert!("ca".parse::<Authority>().unwrap_err().contains("kubernetes-ca, "));
    }
}
