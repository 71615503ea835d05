//! A blob on its way to a client: read piece by piece as the client takes it, in bounded memory whatever the size.

use std::io::{self, Read};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::stream::{self, Stream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::digest::Digest;

/// Where the served blobs lie.
pub trait BlobSource: Send + Sync {
    /// Opens a blob from this byte on. A reader that is opened from the first byte reports bytes that are not the blob's
    /// as an error, at the latest at their end.
    fn open(&self, digest: &Digest, from: u64) -> io::Result<Box<dyn Read + Send>>;

    /// Bytes of memory that such a reader holds.
    fn reader_memory(&self, digest: &Digest) -> u64;
}

/// Bytes that are read at once.
const PIECE: usize = 128 << 10;

/// Of a body besides its reader: a piece that was read, and what the connection holds.
const PIECES: u64 = 3 * PIECE as u64;

/// In which memory for bodies is given out.
const UNIT: u64 = 64 << 10;

/// Memory that all bodies share; a client waits until there is some for its own.
pub(super) struct Memory {
    permits: Arc<Semaphore>,
    units: u32,
}

impl Memory {
    pub fn new(bytes: u64) -> Self {
        let units = u32::try_from(bytes / UNIT).unwrap_or(u32::MAX).max(1);
        Self { permits: Arc::new(Semaphore::new(units as usize)), units }
    }

    /// Memory for one body. `None` never happens: the semaphore is not closed.
    async fn take(&self, bytes: u64) -> Option<OwnedSemaphorePermit> {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX).clamp(1, self.units);
        self.permits.clone().acquire_many_owned(units).await.ok()
    }
}

/// What is left to be sent.
struct Sending {
    reader: Box<dyn Read + Send>,
    left: u64,
    _memory: Option<OwnedSemaphorePermit>,
}

/// Exactly `length` bytes of a blob from `from` on, or an error.
pub(super) async fn open(
    source: Arc<dyn BlobSource>,
    memory: &Memory,
    digest: Digest,
    from: u64,
    length: u64,
) -> io::Result<impl Stream<Item = io::Result<Bytes>> + Send + 'static> {
    let memory = memory.take(source.reader_memory(&digest) + PIECES.min(length)).await;
    let opened = tokio::task::spawn_blocking(move || source.open(&digest, from)).await;
    let reader = opened.map_err(io::Error::other)??;
    let sending = Sending { reader, left: length, _memory: memory };
    Ok(stream::try_unfold(sending, |sending| async move {
        if sending.left == 0 {
            return Ok(None);
        }
        // Made here, where it is let go again: allocators keep what one thread takes and another one gives back.
        let piece = BytesMut::zeroed(usize::try_from(sending.left).unwrap_or(usize::MAX).min(PIECE));
        let read = tokio::task::spawn_blocking(move || next(sending, piece)).await;
        read.map_err(io::Error::other)?.map(Some)
    }))
}

/// The next piece. The last one is given only after the reader said that this is the end, since it is then that a blob's
/// digest is checked: a client never gets the whole of a blob that is not what it should be.
fn next(mut sending: Sending, mut piece: BytesMut) -> io::Result<(Bytes, Sending)> {
    sending.reader.read_exact(&mut piece)?;
    sending.left -= piece.len() as u64;
    if sending.left == 0 {
        let _ = sending.reader.read(&mut [0u8; 1])?;
    }
    Ok((piece.freeze(), sending))
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt;

    use super::*;

    /// A blob of sevens that is found to be wrong at its end.
    struct Sevens {
        wrong: bool,
    }

    impl BlobSource for Sevens {
        fn open(&self, _: &Digest, from: u64) -> io::Result<Box<dyn Read + Send>> {
            let end: Box<dyn Read + Send> = if self.wrong { Box::new(Broken) } else { Box::new(io::empty()) };
            Ok(Box::new(io::repeat(7).take((1 << 20) - from).chain(end)))
        }

        fn reader_memory(&self, _: &Digest) -> u64 {
            0
        }
    }

    struct Broken;

    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("not the blob"))
        }
    }

    async fn sent(wrong: bool, from: u64, length: u64) -> (u64, bool) {
        let memory = Memory::new(1 << 20);
        let stream = open(Arc::new(Sevens { wrong }), &memory, Digest::of(b""), from, length).await.unwrap();
        let mut stream = std::pin::pin!(stream);
        let mut bytes = 0;
        loop {
            match stream.try_next().await {
                Ok(Some(piece)) => bytes += piece.len() as u64,
                Ok(None) => return (bytes, true),
                Err(_) => return (bytes, false),
            }
        }
    }

    #[tokio::test]
    async fn a_wrong_blob_never_arrives_whole() {
        assert_eq!(sent(false, 0, 1 << 20).await, (1 << 20, true));
        assert_eq!(sent(false, 5, 300_000).await, (300_000, true));
        assert_eq!(sent(false, 0, 0).await, (0, true));
        let (bytes, whole) = sent(true, 0, 1 << 20).await;
        assert!(!whole && bytes < 1 << 20, "{bytes}");
    }

    #[tokio::test]
    async fn bodies_wait_for_memory() {
        let memory = Memory::new(5 * PIECE as u64);
        let source: Arc<dyn BlobSource> = Arc::new(Sevens { wrong: false });
        let body = || open(source.clone(), &memory, Digest::of(b""), 0, 1 << 20);
        let first = body().await.unwrap();
        let mut second = std::pin::pin!(body());
        assert!(futures::poll!(second.as_mut()).is_pending(), "there is memory for one body");
        drop(first);
        assert!(second.await.is_ok());
    }
}
