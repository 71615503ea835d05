//! Which bundles a site has: `deliveries.json` in its folder, the newest last; and the key that signs its receipts.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{Site, store};
use crate::bundle::Inventory;
use crate::digest::Digest;
use crate::install::certs::KeyStore;
use crate::jobs::{JobError, Kind};
use crate::trust::SigningKey;
use crate::trust::receipt::Delivered;

const FILE: &str = "deliveries.json";

/// The secret half of the key that signs receipts, among the site's other keys.
const KEY: &str = "receipt-key";

/// The public half, beside the record.
pub const PUBLIC_KEY: &str = "receipt-key.pub";

/// A record has at most so many deliveries; older ones are dropped.
const MOST: usize = 1000;

/// One bundle that the site has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// Name in the bundle's inventory.
    pub name: String,
    /// Digest of the inventory, made whole: see [`Inventory::whole`].
    pub digest: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<u64>,
    /// Fingerprint and name of the key that signed it, where the site asked for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// In seconds since 1970.
    pub seconds: u32,
    pub result: Delivered,
}

impl Site {
    /// Records that a bundle was delivered; where hosts were brought to it, also what they are now. A delivery that is
    /// repeated is the newest, and recorded once.
    pub fn delivered(
        &self,
        inventory: &Inventory,
        signer: Option<String>,
        result: Delivered,
    ) -> Result<Delivery, JobError> {
        let json = inventory.whole().to_json();
        let json = json.map_err(|source| JobError::internal("the inventory cannot be written", source))?;
        let delivery = Delivery {
            name: inventory.name.clone(),
            digest: Digest::of(&json),
            release: inventory.release,
            signer,
            seconds: u32::try_from(OffsetDateTime::now_utc().unix_timestamp()).unwrap_or_default(),
            result,
        };
        let mut all = self.deliveries()?;
        all.retain(|one| one.digest != delivery.digest || one.result != delivery.result);
        all.push(delivery.clone());
        let from = all.len().saturating_sub(MOST);
        let text = serde_json::to_string_pretty(&all.split_off(from))
            .map_err(|source| JobError::internal("the site's deliveries cannot be written", source))?;
        let path = self.folder.join(FILE);
        store::write_private(&path, &SecretString::from(text + "\n"))
            .map_err(|source| JobError::internal(format!("cannot write {}", path.display()), source))?;
        if result != Delivered::Imported {
            self.keep_installed(&json)?;
        }
        Ok(delivery)
    }

    /// All deliveries, the newest last.
    pub fn deliveries(&self) -> Result<Vec<Delivery>, JobError> {
        let path = self.folder.join(FILE);
        let text = match store::read_bounded(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(JobError::internal(format!("cannot read {}", path.display()), source)),
        };
        serde_json::from_str(&text).map_err(|source| {
            JobError::new(Kind::File, format!("{} is damaged", path.display()))
                .because(source)
                .hint("move it away; the next delivery begins a new one")
        })
    }

    /// The key that signs the site's receipts, made at its first use; and whether it was made now.
    pub fn receipt_key(&self, name: &str) -> Result<(SigningKey, bool), JobError> {
        let keys = store::Folder(self.keys_folder());
        let failed = |source| JobError::internal("cannot keep the site's key for receipts", source);
        let wrong = |source| JobError::new(Kind::File, "the site's key for receipts cannot be used").because(source);
        if let Some(text) = keys.load(KEY).map_err(failed)? {
            return Ok((SigningKey::read(&SecretString::from(text), None).map_err(wrong)?, false));
        }
        let key = SigningKey::generate(name).map_err(wrong)?;
        let public = SecretString::from(key.public().line() + "\n");
        store::write_private(&self.folder.join(PUBLIC_KEY), &public).map_err(failed)?;
        let text = key.to_text(None).map_err(wrong)?;
        keys.save(KEY, &text).map_err(failed)?;
        Ok((key, true))
    }
}
