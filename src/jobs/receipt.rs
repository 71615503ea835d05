//! `kk receipt`: a site's signed word that it has a bundle.

use std::path::PathBuf;

use serde::Serialize;

use super::passphrase::Passphrase;
use super::site::{Delivery, RECEIPT_KEY, Site};
use super::{JobError, Kind, files, keys};
use crate::event::{Event, Events};
use crate::trust::receipt::{Receipt, SignedReceipt};

/// What the command was asked to do.
pub struct Options {
    pub cluster_file: PathBuf,
    /// In place of the site's own key.
    pub key: Option<PathBuf>,
    pub passphrase: Passphrase,
}

/// A receipt, and what it is about.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    pub site: String,
    #[serde(flatten)]
    pub delivery: Delivery,
    /// The whole receipt in one run of letters, as in the QR code.
    pub receipt: String,
    /// Public half of the key that signed it.
    pub public_key: String,
    #[serde(skip)]
    pub signed: SignedReceipt,
}

/// Signs a receipt for the newest delivery.
pub fn run(options: &Options, events: &Events) -> Result<Told, JobError> {
    let cluster = files::cluster(&options.cluster_file)?;
    let site = Site::open(&cluster)?;
    let Some(delivery) = site.deliveries()?.pop() else {
        return Err(JobError::new(Kind::Bundle, format!("no bundle was delivered to {} yet", cluster.name))
            .hint("a delivery is recorded when kk create cluster or kk artifact import has succeeded"));
    };
    let key = match &options.key {
        Some(path) => keys::signing_key(path, &options.passphrase)?,
        None => {
            let (key, made) = site.receipt_key(&cluster.name)?;
            if made {
                let public = site.folder().join(RECEIPT_KEY);
                let message = format!(
                    "this site signs its receipts with a new key; register {} on the connected side",
                    public.display()
                );
                events.emit(Event::Note { message });
            }
            key
        }
    };
    let receipt = Receipt {
        site: cluster.name.clone(),
        digest: delivery.digest,
        seconds: delivery.seconds,
        result: delivery.result,
    };
    let signed = receipt.sign(&key).map_err(|source| JobError::internal("the key cannot sign", source))?;
    let (receipt, public_key) = (signed.compact(), key.public().line());
    Ok(Told { site: cluster.name, delivery, receipt, public_key, signed })
}
