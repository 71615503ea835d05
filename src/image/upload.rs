//! Writing one blob into a repository: is it there, can it be mounted, else upload it in one request.

use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use futures::future::BoxFuture;
use futures::stream::unfold;
use reqwest::header::{CONTENT_TYPE, HeaderValue, LOCATION};
use reqwest::{Method, StatusCode, Url};

use crate::digest::Digest;

use super::auth::Scope;
use super::client::Client;
use super::error::{RegistryError, Subject};
use super::retry;
use super::transport::{Body, Call};

/// How much is read and sent at once: an upload then costs four such pieces of memory at most.
const PIECE: usize = 1 << 20;

/// Opens a blob's bytes for reading, from the first on.
pub(super) type Open<'a> = &'a (dyn Fn() -> io::Result<Box<dyn Read + Send>> + Send + Sync);

/// Asked before each piece: how many bytes of a blob are then on their way. It may let the piece wait.
pub(super) type Watch = Arc<dyn Fn(u64) -> BoxFuture<'static, ()> + Send + Sync>;

/// Whether the repository has this blob.
pub(super) async fn has_blob(client: &Client, repository: &str, digest: &Digest) -> Result<bool, RegistryError> {
    let subject = client.subject(repository, format!("looking for blob {digest}"));
    let url = client.transport().url(&format!("{repository}/blobs/{digest}"))?;
    match client.call(&Call::new(Method::HEAD, url, subject), &Scope::push(repository)).await {
        Ok(_) => Ok(true),
        Err(error) if error.is_not_found() => Ok(false),
        Err(error) => Err(error),
    }
}

/// Takes a blob over from another repository of the same registry. Whatever stands in the way, the blob can still be
/// uploaded, so this says only whether it worked (distribution specification, "Mounting a blob from another repository").
pub(super) async fn mount(client: &Client, repository: &str, digest: &Digest, from: &str) -> bool {
    let subject = client.subject(repository, format!("mounting blob {digest}"));
    let Ok(mut url) = client.transport().url(&format!("{repository}/blobs/uploads/")) else { return false };
    url.query_pairs_mut().append_pair("mount", &digest.to_string()).append_pair("from", from);
    let mut call = Call::new(Method::POST, url, subject);
    call.repeat = false;
    let scope = Scope::push(repository).and_pull(from);
    match client.call(&call, &scope).await {
        Ok(response) if response.status() == StatusCode::CREATED => true,
        Ok(response) => {
            // The registry has begun an upload instead; an upload of our own follows, so this one is given up.
            if let Some(location) = response.headers().get(LOCATION)
                && let Ok(url) = client.transport().upload_at(response.url(), location, &call.subject)
            {
                let mut cancel = Call::new(Method::DELETE, url, call.subject.clone());
                cancel.repeat = false;
                let _ = client.call(&cancel, &scope).await;
            }
            false
        }
        Err(_) => false,
    }
}

/// Why an upload did not come about.
pub(super) enum UploadError {
    /// The bytes could not be read on this side.
    Source(io::Error),
    Registry(RegistryError),
}

impl From<RegistryError> for UploadError {
    fn from(error: RegistryError) -> Self {
        Self::Registry(error)
    }
}

/// Uploads a blob in one request, and anew from its first byte where the connection breaks.
pub(super) async fn upload(
    client: &Client,
    repository: &str,
    digest: &Digest,
    size: u64,
    open: Open<'_>,
    watch: &Watch,
) -> Result<(), UploadError> {
    let patience = client.transport().patience;
    let mut attempt = 1;
    loop {
        let error = match upload_once(client, repository, digest, size, open, watch).await {
            Ok(()) => return Ok(()),
            Err(UploadError::Registry(error)) => forgotten(error),
            Err(error) => return Err(error),
        };
        let Some(pause) = retry::next(&patience, &error, attempt, None) else { return Err(error.into()) };
        // The answer to a whole upload may be lost, and the blob be there.
        if has_blob(client, repository, digest).await? {
            return Ok(());
        }
        tokio::time::sleep(pause).await;
        attempt += 1;
    }
}

/// An upload that the registry has forgotten (a restart, a time limit) is a broken one, though it is a 404 in HTTP.
fn forgotten(error: RegistryError) -> RegistryError {
    match error {
        RegistryError::NotFound { subject, said } if said.code == "BLOB_UPLOAD_UNKNOWN" => {
            RegistryError::Transport { subject, source: "the registry has forgotten the upload".into() }
        }
        error => error,
    }
}

async fn upload_once(
    client: &Client,
    repository: &str,
    digest: &Digest,
    size: u64,
    open: Open<'_>,
    watch: &Watch,
) -> Result<(), UploadError> {
    let subject = client.subject(repository, format!("uploading blob {digest}"));
    let scope = Scope::push(repository);
    let mut url = begin(client, repository, &subject, &scope).await?;
    url.query_pairs_mut().append_pair("digest", &digest.to_string());
    let failed: Arc<Mutex<Option<io::Error>>> = Arc::default();
    let body = |moved: Arc<AtomicU64>| match open() {
        Ok(reader) => body(reader, size, moved, watch.clone(), failed.clone()),
        Err(error) => {
            let text = error.to_string();
            *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            reqwest::Body::wrap_stream(futures::stream::iter([Err::<Bytes, _>(io::Error::other(text))]))
        }
    };
    let mut call =
        Call::new(Method::PUT, url, subject).header(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    call.repeat = false;
    call.body = if size == 0 { Body::Bytes(Bytes::new()) } else { Body::Stream { open: &body, size } };
    let outcome = client.call(&call, &scope).await;
    drop(call);
    match (outcome, failed.lock().unwrap_or_else(PoisonError::into_inner).take()) {
        (Ok(_), _) => Ok(()),
        (Err(_), Some(error)) => Err(UploadError::Source(error)),
        (Err(error), None) => Err(error.into()),
    }
}

/// Begins an upload and gives the address to which its bytes go.
async fn begin(client: &Client, repository: &str, subject: &Subject, scope: &Scope) -> Result<Url, RegistryError> {
    let url = client.transport().url(&format!("{repository}/blobs/uploads/"))?;
    let response = client.call(&Call::new(Method::POST, url, subject.clone()), scope).await?;
    match response.headers().get(LOCATION) {
        Some(location) => client.transport().upload_at(response.url(), location, subject),
        None => Err(RegistryError::Protocol {
            subject: Box::new(subject.clone()),
            reason: "it began an upload and did not say where".into(),
        }),
    }
}

/// A body that is read on a thread of its own, at most two pieces ahead of the connection.
fn body(
    mut reader: Box<dyn Read + Send>,
    size: u64,
    moved: Arc<AtomicU64>,
    watch: Watch,
    failed: Arc<Mutex<Option<io::Error>>>,
) -> reqwest::Body {
    let (sender, receiver) = tokio::sync::mpsc::channel::<io::Result<Bytes>>(2);
    tokio::task::spawn_blocking(move || {
        let mut left = size;
        while left > 0 {
            let want = left.min(PIECE as u64) as usize;
            // The last piece is sent only when the source has said that all its bytes were right, which it does at its end.
            let piece = read_piece(&mut reader, want)
                .and_then(|piece| if want as u64 == left { ends(&mut reader).map(|()| piece) } else { Ok(piece) });
            let piece = match piece {
                Ok(piece) => piece,
                Err(error) => {
                    let text = error.to_string();
                    *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                    let _ = sender.blocking_send(Err(io::Error::other(text)));
                    return;
                }
            };
            left -= want as u64;
            // Nobody takes the pieces any more: the call has ended.
            if sender.blocking_send(Ok(piece)).is_err() {
                return;
            }
        }
    });
    let pieces = unfold((receiver, moved, watch), |(mut receiver, moved, watch)| async move {
        let piece = receiver.recv().await?;
        if let Ok(piece) = &piece {
            let length = piece.len() as u64;
            watch(moved.fetch_add(length, Ordering::Relaxed) + length).await;
        }
        Some((piece, (receiver, moved, watch)))
    });
    reqwest::Body::wrap_stream(pieces)
}

fn ends(reader: &mut dyn Read) -> io::Result<()> {
    match reader.read(&mut [0])? {
        0 => Ok(()),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "it is longer than its size says")),
    }
}

fn read_piece(reader: &mut dyn Read, length: usize) -> io::Result<Bytes> {
    let mut piece = BytesMut::zeroed(length);
    reader.read_exact(&mut piece)?;
    Ok(piece.freeze())
}
