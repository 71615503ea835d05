//! What is demanded of a bundle before it is read: by whom it must be signed, and that it is none that was overtaken.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;

use super::site::{Site, TrustRecord};
use super::{JobError, Kind, keys};
use crate::bundle::{Inventory, OpenError, SignatureCheck};
use crate::cluster::Cluster;
use crate::event::{Event, Events};
use crate::trust::{self, Accepted, Namespace, PublicKey, Refusal, SignatureFile, SignatureFileError, Trust};

/// What is demanded of a bundle. Nothing by default.
#[derive(Clone, Debug, Default)]
pub struct Demand {
    /// Keys of which one must have signed; no signature is needed where there are none.
    trust: Trust,
    /// Highest accepted release by bundle name.
    releases: BTreeMap<String, u64>,
    /// Who demands it, for messages: `--key`, `cluster.yaml`.
    by: String,
}

/// Why a bundle's signature is refused.
#[derive(Debug, thiserror::Error)]
pub enum SignatureRefused {
    #[error("it is not signed")]
    Unsigned,
    #[error("its bundle.sig cannot be used: {0}")]
    File(#[from] SignatureFileError),
    #[error(transparent)]
    Signer(#[from] Refusal),
}

/// What was found of a bundle that was accepted.
#[derive(Clone, Debug)]
pub struct Approval {
    /// By whom it is signed, where that was demanded.
    pub accepted: Option<Accepted>,
    name: String,
    release: Option<u64>,
}

impl Demand {
    /// A signature by one of the keys in these files; nothing where there are none.
    pub fn of_key_files(paths: &[PathBuf]) -> Result<Self, JobError> {
        let trusted = keys::trusted(paths, Namespace::Bundle)?;
        Ok(Self { trust: Trust { trusted, ..Trust::default() }, by: "--key".into(), ..Self::default() })
    }

    /// What the cluster file demands, and the site's record of what it accepted before. `allow_downgrade` takes a lower
    /// release than that.
    pub fn of_site(cluster: &Cluster, allow_downgrade: bool, events: &Events) -> Result<Self, JobError> {
        let record = TrustRecord::of(cluster)?;
        let file = cluster.path.display();
        let trusted = keys_of(&cluster.spec.artifact.trusted_keys);
        if trusted.is_empty() && record.required {
            let message = format!(
                "{file} has no spec.artifact.trustedKeys any more: bundles for {} had to be signed before, now any is taken",
                cluster.name
            );
            events.emit(Event::Warning { message });
        }
        let revoked = keys_of(&cluster.spec.artifact.revoked_keys);
        let releases = if allow_downgrade { BTreeMap::new() } else { record.releases.clone() };
        Ok(Self {
            trust: Trust { trusted, known: record.endorsements(), revoked },
            releases,
            by: format!("{file}: spec.artifact.trustedKeys"),
        })
    }

    /// Opens a bundle by way of this demand: `open` hands the check to [`crate::bundle::Bundle::open_checked`]. Returns
    /// by whom the bundle is signed where that was demanded.
    pub fn opening<T>(
        &self,
        open: impl FnOnce(&SignatureCheck<'_>) -> Result<T, OpenError>,
    ) -> Result<(T, Option<Accepted>), OpenError> {
        let accepted = RefCell::new(None);
        let check = |inventory: &[u8], signature: Option<&[u8]>| {
            *accepted.borrow_mut() = self.check(inventory, signature)?;
            Ok(())
        };
        let opened = open(&check)?;
        Ok((opened, accepted.into_inner()))
    }

    fn check(&self, inventory: &[u8], signature: Option<&[u8]>) -> Result<Option<Accepted>, SignatureRefused> {
        if self.trust.trusted.is_empty() {
            return Ok(None);
        }
        let file = SignatureFile::parse(signature.ok_or(SignatureRefused::Unsigned)?)?;
        Ok(Some(trust::accept(&file, inventory, &self.trust)?))
    }

    /// Refuses a bundle that is older than one that was accepted before.
    pub fn approve(&self, inventory: &Inventory, accepted: Option<Accepted>) -> Result<Approval, JobError> {
        let name = inventory.name.clone();
        let release = inventory.release;
        if let Some(highest) = self.releases.get(&name).filter(|highest| release.is_none_or(|one| one < **highest)) {
            let found = release.map_or("has no release number".into(), |release| format!("is release {release}"));
            let message = format!("the bundle {name} {found}, and release {highest} was accepted at this site before");
            return Err(JobError::new(Kind::Bundle, message)
                .hint("an old bundle may bring back what was repaired; --allow-downgrade takes it all the same"));
        }
        Ok(Approval { accepted, name, release })
    }

    /// The error for a bundle whose signature was refused.
    pub fn refusal(&self, error: &OpenError) -> JobError {
        let names: Vec<String> = self.trust.trusted.iter().map(ToString::to_string).collect();
        let wanted = names.join(" or ");
        JobError::new(Kind::Bundle, error.to_string())
            .hint(format!("{} asks for a signature by {wanted}; nothing else of the bundle was read", self.by))
    }
}

impl Approval {
    /// Fingerprint and name of the key that signed, where a signature was demanded.
    pub fn signer(&self) -> Option<String> {
        self.accepted.as_ref().map(|accepted| accepted.signer.to_string())
    }

    /// Tells the operator who signed, and who vouched for that key.
    pub fn tell(&self, events: &Events) {
        let Some(accepted) = &self.accepted else { return };
        let mut message = format!("{} is signed by {}", self.name, accepted.signer);
        accepted.vouchers().iter().rev().for_each(|key| message += &format!(", for which vouches {key}"));
        events.emit(Event::Note { message });
    }

    /// Records at the site what was accepted, before the bundle changes anything there.
    pub fn record(&self, site: &Site) -> Result<(), JobError> {
        site.remember(|record| {
            if let Some(accepted) = &self.accepted {
                record.required = true;
                accepted.chain.iter().for_each(|word| record.remember(word));
            }
            match self.release {
                Some(release) => record.releases.insert(self.name.clone(), release),
                None => record.releases.remove(&self.name),
            };
        })
    }
}

/// Keys of a cluster file, which were checked when it was read.
fn keys_of(lines: &[String]) -> Vec<PublicKey> {
    lines.iter().filter_map(|line| PublicKey::parse(line).ok()).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::bundle::inventory::FORMAT;
    use crate::event::{Sink, silent};
    use crate::trust::{Endorsement, SigningKey};

    fn inventory(release: Option<u64>) -> Inventory {
        Inventory {
            format: FORMAT,
            name: "platform".into(),
            release,
            base: None,
            arches: vec!["amd64".into()],
            components: Vec::new(),
            images: Vec::new(),
            blobs: Vec::new(),
            charts: Vec::new(),
            packages: Vec::new(),
            files: Vec::new(),
        }
    }

    fn cluster(folder: &Path, trusted: &[&SigningKey]) -> Cluster {
        let path = folder.join("cluster.yaml");
        std::fs::write(&path, crate::cluster::sample("east-1", Some("v1.35.4"))).unwrap();
        let mut cluster = crate::cluster::load(&path).unwrap();
        cluster.spec.artifact.trusted_keys = trusted.iter().map(|key| key.public().line()).collect();
        cluster
    }

    /// Runs a bundle past the site's demands and records it, as `kk create cluster` does.
    fn deliver(cluster: &Cluster, json: &[u8], sig: Option<&[u8]>, release: Option<u64>) -> Result<String, String> {
        let demand = Demand::of_site(cluster, false, &silent()).map_err(|error| error.to_string())?;
        let accepted = demand.check(json, sig).map_err(|error| error.to_string())?;
        let approval = demand.approve(&inventory(release), accepted).map_err(|error| error.to_string())?;
        approval.record(&Site::open(cluster).unwrap()).unwrap();
        Ok(approval.signer().unwrap_or_default())
    }

    #[test]
    fn a_site_follows_its_keys_and_remembers_whom_they_vouched_for() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (SigningKey::generate("old").unwrap(), SigningKey::generate("new").unwrap());
        let cluster_file = cluster(folder.path(), &[&old]);
        let sign = |key: &SigningKey, endorsements| {
            let signature = key.sign(Namespace::Bundle, b"{}").unwrap();
            SignatureFile { signature, endorsements }.to_bytes()
        };
        assert!(deliver(&cluster_file, b"{}", None, None).unwrap_err().contains("not signed"));
        assert!(deliver(&cluster_file, b"{}", Some(&sign(&new, Vec::new())), None).is_err());
        let word = Endorsement::sign(&old, new.public()).unwrap();
        assert!(deliver(&cluster_file, b"{}", Some(&sign(&new, vec![word])), None).unwrap().ends_with("(new)"));
        // Known from now on, as long as the old key is listed and the new one is not revoked.
        assert!(deliver(&cluster_file, b"{}", Some(&sign(&new, Vec::new())), None).is_ok());
        let mut revoked = cluster_file.clone();
        revoked.spec.artifact.revoked_keys = vec![new.public().line()];
        assert!(deliver(&revoked, b"{}", Some(&sign(&new, Vec::new())), None).unwrap_err().contains("revoked"));
        let other = SigningKey::generate("other").unwrap();
        assert!(deliver(&cluster(folder.path(), &[&other]), b"{}", Some(&sign(&new, Vec::new())), None).is_err());
    }

    #[test]
    fn releases_do_not_fall() {
        let folder = tempfile::tempdir().unwrap();
        let cluster = cluster(folder.path(), &[]);
        let deliver = |release| deliver(&cluster, b"{}", None, release);
        deliver(None).unwrap();
        deliver(Some(7)).unwrap();
        deliver(Some(7)).unwrap();
        assert!(deliver(Some(6)).unwrap_err().contains("is release 6, and release 7 was accepted at this site before"));
        assert!(deliver(None).unwrap_err().contains("has no release number"));
        deliver(Some(8)).unwrap();
        assert!(deliver(Some(7)).is_err());
        let allowed = Demand::of_site(&cluster, true, &silent()).unwrap();
        allowed.approve(&inventory(Some(7)), None).unwrap().record(&Site::open(&cluster).unwrap()).unwrap();
        deliver(Some(7)).unwrap();
    }

    #[test]
    fn a_demand_that_disappears_is_told() {
        #[derive(Default)]
        struct Warnings(Mutex<Vec<String>>);
        impl Sink for Warnings {
            fn emit(&self, event: Event) {
                if let Event::Warning { message } = event {
                    self.0.lock().unwrap().push(message);
                }
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let key = SigningKey::generate("own").unwrap();
        let signature = key.sign(Namespace::Bundle, b"{}").unwrap();
        let signature = SignatureFile { signature, endorsements: Vec::new() }.to_bytes();
        let warnings = Arc::new(Warnings::default());
        let events: Events = warnings.clone();
        Demand::of_site(&cluster(folder.path(), &[]), false, &events).unwrap();
        assert!(warnings.0.lock().unwrap().is_empty());
        deliver(&cluster(folder.path(), &[&key]), b"{}", Some(&signature), None).unwrap();
        Demand::of_site(&cluster(folder.path(), &[]), false, &events).unwrap();
        assert!(warnings.0.lock().unwrap()[0].contains("has no spec.artifact.trustedKeys any more"));
        std::fs::write(folder.path().join(".kk/east-1/trust.json"), "{").unwrap();
        assert!(Demand::of_site(&cluster(folder.path(), &[]), false, &events).is_err());
    }
}
