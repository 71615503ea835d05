//! Bytes that arrive, written and hashed on a thread of their own while the next ones are under way.

use bytes::Bytes;
use futures::{Stream, StreamExt};
use tokio::sync::mpsc;

use super::FetchError;
use super::part::Part;
use crate::event::{Event, Events};

/// Progress is told no more often than after as many bytes.
const TELL_EVERY: u64 = 256 << 10;

/// Chunks between the network and the disk: they bound the memory that one download takes.
const CHUNKS: usize = 4;

/// Why an intake ended before the stream did.
pub(super) enum Stop<E> {
    /// The stream broke.
    Source(E),
    /// More bytes came than there may be.
    TooLong,
    /// The part could not be written.
    Disk(FetchError),
}

/// An intake that ended before the stream did, and what had arrived; nothing if the writing thread was lost.
pub(super) struct Broken<E> {
    pub part: Option<Part>,
    pub why: Stop<E>,
}

/// Appends a stream to a part that may become `limit` bytes long.
pub(super) async fn intake<E>(
    part: Part,
    mut body: impl Stream<Item = Result<Bytes, E>> + Unpin,
    limit: u64,
    events: &Events,
) -> Result<Part, Broken<E>> {
    let mut length = part.len();
    let mut untold = 0;
    let mut outcome = Ok(());
    let (sender, receiver) = mpsc::channel(CHUNKS);
    let writer = tokio::task::spawn_blocking(move || append_all(part, receiver));
    while let Some(chunk) = body.next().await {
        let chunk = match chunk {
            Ok(chunk) => chunk,
            Err(error) => {
                outcome = Err(Stop::Source(error));
                break;
            }
        };
        let count = chunk.len() as u64;
        length = length.saturating_add(count);
        if length > limit {
            outcome = Err(Stop::TooLong);
            break;
        }
        untold += count;
        if untold >= TELL_EVERY {
            events.emit(Event::BytesMoved { bytes: untold });
            untold = 0;
        }
        if sender.send(chunk).await.is_err() {
            // The writer says why itself.
            break;
        }
    }
    drop(sender);
    if untold > 0 {
        events.emit(Event::BytesMoved { bytes: untold });
    }
    match writer.await {
        Ok((part, Ok(()))) => match outcome {
            Ok(()) => Ok(part),
            Err(why) => Err(Broken { part: Some(part), why }),
        },
        Ok((part, Err(error))) => Err(Broken { part: Some(part), why: Stop::Disk(error) }),
        Err(error) => Err(Broken { part: None, why: Stop::Disk(FetchError::Task(error)) }),
    }
}

fn append_all(mut part: Part, mut chunks: mpsc::Receiver<Bytes>) -> (Part, Result<(), FetchError>) {
    while let Some(chunk) = chunks.blocking_recv() {
        if let Err(error) = part.append(&chunk) {
            return (part, Err(error));
        }
    }
    (part, Ok(()))
}

/// Runs what blocks on a thread of its own.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FetchError> + Send + 'static,
) -> Result<T, FetchError> {
    tokio::task::spawn_blocking(work).await.map_err(FetchError::Task)?
}
