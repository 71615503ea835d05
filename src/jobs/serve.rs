//! `kk artifact serve`: a bundle as a read-only registry, straight from its file.

use std::io::{self, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::{JobError, Kind, gather};
use crate::bundle::{Bundle, Verified};
use crate::digest::Digest;
use crate::event::{Event, Events};
use crate::image::manifest::LARGEST_DOCUMENT;
use crate::image::serve::listen::{BlobSource, Watch};
use crate::image::serve::shelf::Referrer;
use crate::image::serve::{Served, Server, Shelf, tls};
use crate::quantity;

/// What the command was asked to do.
pub struct Options {
    /// The bundle, or the parts of one; see [`gather::open_bundle`].
    pub bundle: Vec<PathBuf>,
    pub listen: SocketAddr,
    /// Files of the certificate and of its key, PEM.
    pub tls: Option<(PathBuf, PathBuf)>,
}

/// A registry that answers.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Serving {
    pub path: PathBuf,
    /// Digest of the inventory, and so of the whole bundle.
    pub digest: Digest,
    /// `http://127.0.0.1:5000`
    pub url: String,
    /// The same as clients name it.
    pub address: SocketAddr,
    pub tls: bool,
    /// Names of repositories, with their source registry.
    pub repositories: Vec<String>,
    pub images: usize,
}

/// Verifies the bundle, serves it, and stops in good order at SIGINT or SIGTERM. `ready` is called once it answers.
pub async fn run(
    options: Options,
    events: Events,
    ready: impl FnOnce(&Serving) -> Result<(), JobError>,
) -> Result<(), JobError> {
    let tls = options.tls.as_ref().map(|(certificate, key)| certificate_of(certificate, key)).transpose()?;
    // Before the bundle is read, so that a port that is taken is known at once.
    let listener = TcpListener::bind(options.listen).await.map_err(|source| {
        JobError::internal(format!("cannot listen on {}", options.listen), source)
            .hint("--listen 127.0.0.1:0 takes any port that is free")
    })?;
    let address = listener.local_addr().map_err(|source| JobError::internal("cannot tell the port", source))?;
    let mut stop = stopped()?;
    let bundle = tokio::select! {
        bundle = gather::proven_bundle(&options.bundle, gather::Proof::Before, &events) => bundle?,
        _ = stop.wait_for(|stop| *stop) => return Ok(()),
    };
    let shelf = shelf(&bundle)?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let serving = Serving {
        path: bundle.path().to_owned(),
        digest: bundle.digest(),
        url: format!("{scheme}://{address}"),
        address,
        tls: tls.is_some(),
        repositories: shelf.names().into_iter().map(str::to_owned).collect(),
        images: bundle.inventory().images.len(),
    };
    if !address.ip().is_loopback() && tls.is_none() {
        let message = format!("Everyone who reaches {address} can read the images, over plain HTTP.");
        events.emit(Event::Warning { message });
    }
    ready(&serving)?;
    Server { shelf, source: Arc::new(BundleBlobs(bundle)), tls, watch: tell(events) }.run(listener, stop).await;
    Ok(())
}

fn certificate_of(certificate: &Path, key: &Path) -> Result<Arc<rustls::ServerConfig>, JobError> {
    let read = |path: &Path| {
        std::fs::read_to_string(path)
            .map_err(|source| JobError::new(Kind::File, format!("cannot read {}", path.display())).because(source))
    };
    let (chain, key_text) = (read(certificate)?, SecretString::from(read(key)?));
    tls::server_config(&chain, &key_text).map_err(|error| {
        let message = format!("{} and {} cannot be served with", certificate.display(), key.display());
        JobError::new(Kind::File, message).because(error)
    })
}

/// Becomes true at SIGINT or SIGTERM.
fn stopped() -> Result<watch::Receiver<bool>, JobError> {
    use tokio::signal::unix::{SignalKind, signal};
    let handle = |kind| signal(kind).map_err(|source| JobError::internal("cannot watch for signals", source));
    let (mut interrupt, mut terminate) = (handle(SignalKind::interrupt())?, handle(SignalKind::terminate())?);
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        let _ = sender.send(true);
    });
    Ok(receiver)
}

/// What the bundle offers, and which of its manifests refer to others.
fn shelf(bundle: &Bundle<Verified>) -> Result<Shelf, JobError> {
    let inventory = bundle.inventory();
    // What a delta bundle leaves out is held by the others that were named, or it would have been refused.
    let mut shelf = Shelf::of(inventory, |_| true);
    let mut found = Vec::new();
    for (digest, object) in shelf.manifests().filter(|(_, object)| object.size <= LARGEST_DOCUMENT) {
        let unreadable = |source: io::Error| {
            JobError::new(Kind::Bundle, format!("the bundle {} cannot be read", bundle.path().display()))
                .because(source)
        };
        let mut bytes = Vec::new();
        let reader = bundle.open_blob(&digest).map_err(|error| unreadable(io::Error::other(error)))?;
        reader.take(LARGEST_DOCUMENT).read_to_end(&mut bytes).map_err(unreadable)?;
        found.extend(referrer(digest, &object.media_type, &bytes));
    }
    for (subject, referrer) in &found {
        shelf.refer(*subject, referrer);
    }
    Ok(shelf)
}

/// The fields of a manifest by which it is listed among the referrers of its subject (distribution specification,
/// "Listing Referrers").
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Referring {
    subject: Option<Subject>,
    artifact_type: Option<String>,
    config: Option<Config>,
    #[serde(default)]
    annotations: std::collections::BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Subject {
    digest: Digest,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    media_type: String,
}

/// The subject of a manifest, and the manifest as what refers to it; `None` where it names none.
fn referrer(digest: Digest, media_type: &str, bytes: &[u8]) -> Option<(Digest, Referrer)> {
    let read: Referring = serde_json::from_slice(bytes).ok()?;
    let artifact_type = read.artifact_type.or(read.config.map(|config| config.media_type));
    let (media_type, size) = (media_type.to_owned(), bytes.len() as u64);
    Some((read.subject?.digest, Referrer { media_type, digest, size, artifact_type, annotations: read.annotations }))
}

/// Tells of requests as events.
fn tell(events: Events) -> Watch {
    Arc::new(move |served: Served| {
        let Served { peer, method, address, status, bytes, failure } = served;
        let title = format!("{method} {address}");
        if let Some(failure) = failure {
            events.emit(Event::Warning { message: format!("{title} of {peer} was cut off: {failure}") });
        }
        events.emit(Event::ItemDone { title, detail: format!("{status}, {} to {peer}", quantity::bytes(bytes)) });
    })
}

/// A bundle as the source of what is served.
struct BundleBlobs(Arc<Bundle<Verified>>);

impl BlobSource for BundleBlobs {
    fn open(&self, digest: &Digest, from: u64) -> io::Result<Box<dyn Read + Send>> {
        if from == 0 {
            return Ok(Box::new(self.0.open_blob(digest).map_err(io::Error::other)?));
        }
        Ok(Box::new(self.0.open_blob_at(digest, from).map_err(io::Error::other)?))
    }

    fn reader_memory(&self, digest: &Digest) -> u64 {
        self.0.reader_memory(&crate::bundle::inventory::blob_path(digest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_with_a_subject_refers_to_it() {
        let subject = Digest::of(b"image");
        let text = format!(
            r#"{{"schemaVersion":2,"config":{{"mediaType":"application/vnd.example+json","digest":"x","size":1}},
            "subject":{{"mediaType":"m","digest":"{subject}","size":3}},"annotations":{{"a":"b"}}}}"#
        );
        let (found, referrer) = referrer(Digest::of(b"x"), "m", text.as_bytes()).unwrap();
        assert_eq!((found, referrer.artifact_type.as_deref()), (subject, Some("application/vnd.example+json")));
        assert!(super::referrer(Digest::of(b"x"), "m", br#"{"schemaVersion":2}"#).is_none());
        assert!(super::referrer(Digest::of(b"x"), "m", b"no JSON").is_none());
    }
}
