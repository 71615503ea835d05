//! Makes a bundle in one pass, in a fixed order, with the same bytes whatever the number of cores.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::slice;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

use super::check::InventoryError;
use super::frame::{self, CHUNK, Packer, StoredWriter};
use super::header::{END, PathTooLong};
use super::inventory::Inventory;
use super::layout::{self, Kind, Member};
use super::spelling::Spelling;
use super::squeezed::Squeezed;
use crate::digest::Digest;
use crate::event::{Event, Events};

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Bytes of the file.
    pub size: u64,
    /// Digest of `bundle.json`, and so of the whole bundle; see [`super::Bundle::digest`].
    pub digest: Digest,
}

/// Why a bundle was not written. The file that was begun is removed.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error("the bundle {} cannot be written: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("the bundle was not begun: {source}")]
    Inventory { source: InventoryError },
    #[error("the bundle's inventory cannot be written: {source}")]
    Json { source: serde_json::Error },
    #[error("{entry} cannot be put into the bundle: {source}")]
    Open { entry: String, source: io::Error },
    #[error("{entry} has {found} bytes where the inventory says {expected}; its source changed since it was measured")]
    Size { entry: String, expected: u64, found: u64 },
    #[error("{entry} has blake3 {found} where the inventory says {expected}; its source changed since it was measured")]
    Content { entry: String, expected: String, found: String },
    #[error(transparent)]
    PathTooLong(#[from] PathTooLong),
}

/// Gives the content of an entry: a blob, a component or a file, by [`Member::sha256`] or [`Member::path`].
pub type Open<'a> = dyn Fn(&Member) -> io::Result<Box<dyn Read + Send>> + 'a;

/// Gives what goes into a bundle.
pub trait Supply {
    /// The content of an entry.
    fn open(&self, member: &Member) -> io::Result<Box<dyn Read + Send>>;

    /// The frames of an entry that is compressed in the bundle, where they were made beforehand.
    fn frames(&self, _member: &Member) -> io::Result<Option<Squeezed>> {
        Ok(None)
    }

    /// Who gives up what is written. Where there is somebody, a file that was begun stays even if it is not finished: it is
    /// the only one that has it.
    fn watch(&self) -> Option<&dyn Watch> {
        None
    }
}

/// Is told what is in the file.
pub trait Watch: Sync {
    /// The file has the first `run` bytes of the entry's header, content and padding, and everything before it.
    fn written(&self, member: &Member, run: u64);
}

struct Opener<'a>(&'a Open<'a>);

impl Supply for Opener<'_> {
    fn open(&self, member: &Member) -> io::Result<Box<dyn Read + Send>> {
        (self.0)(member)
    }
}

/// Writes the bundle of this inventory to `path`, by way of `<path>.part`. As with `cp` and `tar`, the operating system
/// brings it to the medium in its own time; [`flush`] waits for that.
///
/// Every entry's bytes are checked against size and BLAKE3 digest while they pass (both digests were taken together, so
/// one of them suffices), so a bundle that disagrees with its inventory is never made. Memory is bounded, whatever the
/// sizes: at most two dozen chunks of 1 MiB are under way.
pub fn write(
    path: &Path,
    spelling: Spelling,
    inventory: &Inventory,
    open: &Open<'_>,
    events: &Events,
) -> Result<Written, WriteError> {
    write_signed(path, spelling, inventory, None, open, events)
}

/// As [`write`](fn@write), with a signature over [`Inventory::to_json`] that the bundle carries as `bundle.sig`.
pub fn write_signed(
    path: &Path,
    spelling: Spelling,
    inventory: &Inventory,
    signature: Option<&[u8]>,
    open: &Open<'_>,
    events: &Events,
) -> Result<Written, WriteError> {
    write_supplied(path, spelling, inventory, signature, &Opener(open), events)
}

/// As [`write_signed`], from a supply that may have frames already and give up what is written.
pub fn write_supplied(
    path: &Path,
    spelling: Spelling,
    inventory: &Inventory,
    signature: Option<&[u8]>,
    supply: &dyn Supply,
    events: &Events,
) -> Result<Written, WriteError> {
    inventory.check().map_err(|source| WriteError::Inventory { source })?;
    let json = inventory.to_json().map_err(|source| WriteError::Json { source })?;
    let digest = Digest::of(&json);
    let mut members = layout::front(&json, signature);
    members.extend(layout::body(inventory));
    let total = members.iter().map(Member::length).sum::<u64>() + END.len() as u64;
    events.emit(Event::BytesTotal { total });

    let part = part_of(path);
    let at_part = |source| WriteError::Io { path: part.clone(), source };
    let file = File::create(&part).map_err(at_part)?;
    let result = pack_all(&file, spelling, &members, supply, events, &part).and_then(|size| {
        fs::rename(&part, path).map_err(|source| WriteError::Io { path: path.to_owned(), source })?;
        Ok(Written { size, digest })
    });
    if result.is_err() && supply.watch().is_none() {
        // Best effort: the first error is the one to report.
        let _ = fs::remove_file(&part);
    }
    result
}

/// Waits until a bundle is on its medium, name and all.
pub fn flush(path: &Path) -> Result<(), WriteError> {
    let flushing = File::open(path).and_then(|file| file.sync_all()).and_then(|()| sync_folder(path));
    flushing.map_err(|source| WriteError::Io { path: path.to_owned(), source })
}

/// Where a bundle grows before it gets its name.
pub(super) fn part_of(path: &Path) -> PathBuf {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    PathBuf::from(part)
}

/// Makes the renaming itself durable.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// A piece of the file, ready to be written.
struct Piece {
    bytes: Vec<u8>,
    /// Bytes of tar that it stands for.
    run: u64,
}

/// Buffers that were written, to be filled again: new ones would have to be cleared by the kernel.
#[derive(Default)]
struct Buffers(Mutex<Vec<Vec<u8>>>);

impl Buffers {
    /// An empty one, with room for a chunk or its frame.
    fn take(&self) -> Vec<u8> {
        let used = self.0.lock().ok().and_then(|mut buffers| buffers.pop());
        used.unwrap_or_else(|| Vec::with_capacity(frame::ROOM))
    }

    fn give(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        if buffer.capacity() >= frame::ROOM
            && let Ok(mut buffers) = self.0.lock()
        {
            buffers.push(buffer);
        }
    }
}

/// A chunk to compress, and where its frame goes.
struct Chunk {
    bytes: Vec<u8>,
    done: SyncSender<io::Result<Piece>>,
}

/// More threads than this are not fed by one reader.
const MAX_THREADS: usize = 16;

/// Reads, compresses and writes at the same time. Pieces are queued for writing in order before they are compressed,
/// so the order never depends on which thread is done first.
fn pack_all(
    file: &File,
    spelling: Spelling,
    members: &[Member],
    supply: &dyn Supply,
    events: &Events,
    part: &Path,
) -> Result<u64, WriteError> {
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get()).min(MAX_THREADS);
    let (queue, in_order) = sync_channel::<Receiver<io::Result<Piece>>>(threads + 4);
    let (work, chunks) = sync_channel::<Chunk>(threads);
    let chunks = Arc::new(Mutex::new(chunks));
    let buffers = &Buffers::default();
    std::thread::scope(|scope| {
        let packers = if spelling == Spelling::Tar { 0 } else { threads };
        for _ in 0..packers {
            let chunks = chunks.clone();
            scope.spawn(move || compress(spelling, &chunks, buffers));
        }
        drop(chunks);
        let told = Told { watch: supply.watch(), members: members.iter(), run: 0 };
        let writer = scope.spawn(move || write_in_order(file, spelling, in_order, buffers, events, told));
        let mut feed = Feed { spelling, queue, work, supply, buffers };
        let fed = members.iter().try_for_each(|member| feed.entry(member)).and_then(|()| feed.end());
        drop(feed);
        let written = match writer.join() {
            Ok(written) => written,
            Err(_) => Err(io::Error::other("the writing thread failed")),
        };
        match (fed, written) {
            (Ok(()), Ok(size)) => Ok(size),
            (Err(Stop::Error(error)), _) => Err(error),
            (_, Err(source)) => Err(WriteError::Io { path: part.to_owned(), source }),
            (Err(Stop::WriterGone), Ok(_)) => {
                Err(WriteError::Io { path: part.to_owned(), source: io::Error::other("writing ended early") })
            }
        }
    })
}

fn compress(spelling: Spelling, chunks: &Mutex<Receiver<Chunk>>, buffers: &Buffers) {
    let mut packer = Packer::new(spelling);
    loop {
        let Ok(Ok(Chunk { bytes, done })) = chunks.lock().map(|chunks| chunks.recv()) else { return };
        let run = bytes.len() as u64;
        let mut frame = buffers.take();
        let packed = match &mut packer {
            Ok(packer) => packer.pack_into(&bytes, &mut frame),
            Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
        };
        buffers.give(bytes);
        // The writer is gone only after an error of its own, which is the one that is reported.
        let _ = done.send(packed.map(|()| Piece { bytes: frame, run }));
    }
}

fn write_in_order(
    mut file: &File,
    spelling: Spelling,
    pieces: Receiver<Receiver<io::Result<Piece>>>,
    buffers: &Buffers,
    events: &Events,
    mut told: Told<'_>,
) -> io::Result<u64> {
    let start = frame::start(spelling);
    file.write_all(start)?;
    let mut size = start.len() as u64;
    for piece in pieces {
        let piece = piece.recv().map_err(|_| io::Error::other("a compressing thread failed"))??;
        file.write_all(&piece.bytes)?;
        size += piece.bytes.len() as u64;
        buffers.give(piece.bytes);
        told.tell(piece.run);
        events.emit(Event::BytesMoved { bytes: piece.run });
    }
    Ok(size)
}

/// Why reading stopped.
enum Stop {
    Error(WriteError),
    /// The writer ended, with an error that says more.
    WriterGone,
}

impl<E: Into<WriteError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

/// Tells what of each entry is in the file.
struct Told<'a> {
    watch: Option<&'a dyn Watch>,
    /// Those that are not in the file as a whole.
    members: slice::Iter<'a, Member>,
    /// Bytes of the first of them that are.
    run: u64,
}

impl Told<'_> {
    /// A piece stands for `run` bytes of one entry, or of the end.
    fn tell(&mut self, run: u64) {
        let (Some(watch), Some(member)) = (self.watch, self.members.as_slice().first()) else { return };
        self.run += run;
        watch.written(member, self.run);
        if self.run >= member.length() {
            self.members.next();
            self.run = 0;
        }
    }
}

/// Cuts entries into pieces and hands them on.
struct Feed<'a> {
    spelling: Spelling,
    queue: SyncSender<Receiver<io::Result<Piece>>>,
    work: SyncSender<Chunk>,
    supply: &'a dyn Supply,
    buffers: &'a Buffers,
}

impl Feed<'_> {
    fn entry(&mut self, member: &Member) -> Result<(), Stop> {
        let header = member.header()?;
        let failed = |source| WriteError::Open { entry: member.path.clone(), source };
        let supply = self.supply;
        let derived = matches!(member.kind, Kind::Derived(_));
        if !derived
            && !member.is_stored(self.spelling)
            && let Some(frames) = supply.frames(member).map_err(failed)?
        {
            return self.frames(member, &header, frames);
        }
        let content: Box<dyn Read + Send> = match &member.kind {
            Kind::Derived(bytes) => Box::new(io::Cursor::new(bytes.clone())),
            _ => supply.open(member).map_err(failed)?,
        };
        let mut content =
            Content { source: content.take(member.size), left: member.size, hasher: blake3::Hasher::new() };
        let mut stored = member.is_stored(self.spelling).then(|| StoredWriter::new(self.spelling, member.length()));
        let mut chunk = self.buffers.take();
        chunk.extend(header);
        loop {
            content.fill(&mut chunk).map_err(failed)?;
            if content.left == 0 {
                break;
            }
            if chunk.len() < CHUNK {
                return Err(content.too_short(member).into());
            }
            self.send(std::mem::replace(&mut chunk, self.buffers.take()), &mut stored)?;
        }
        content.finish(member)?;
        chunk.resize(chunk.len() + member.padding() as usize, 0);
        while chunk.len() > CHUNK {
            let rest = chunk.split_off(CHUNK);
            self.send(std::mem::replace(&mut chunk, rest), &mut stored)?;
        }
        self.send(chunk, &mut stored)
    }

    /// Frames that were made beforehand go as they are, but for the first, which the header is part of.
    fn frames(&mut self, member: &Member, header: &[u8], mut frames: Squeezed) -> Result<(), Stop> {
        let failed = |source| WriteError::Open { entry: member.path.clone(), source };
        let mut left = member.length() - header.len() as u64;
        let mut chunk = header.to_vec();
        if left > 0 {
            let first = frames.frame().map_err(failed)?.ok_or_else(|| failed(io::ErrorKind::UnexpectedEof.into()))?;
            chunk.extend(frames.unpack(&first, Some(left)).map_err(failed)?);
            left = member.length() - chunk.len() as u64;
        }
        self.send(chunk, &mut None)?;
        while left > 0 {
            let bytes = frames.frame().map_err(failed)?.ok_or_else(|| failed(io::ErrorKind::UnexpectedEof.into()))?;
            let run = left.min(CHUNK as u64);
            left -= run;
            let (done, piece) = sync_channel(1);
            self.queue.send(piece).map_err(|_| Stop::WriterGone)?;
            done.send(Ok(Piece { bytes, run })).map_err(|_| Stop::WriterGone)?;
        }
        Ok(())
    }

    /// The blocks of zeros that end the archive.
    fn end(&mut self) -> Result<(), Stop> {
        let mut stored = Some(StoredWriter::new(self.spelling, END.len() as u64));
        self.send(END.to_vec(), &mut stored)
    }

    fn send(&mut self, bytes: Vec<u8>, stored: &mut Option<StoredWriter>) -> Result<(), Stop> {
        let (done, piece) = sync_channel(1);
        self.queue.send(piece).map_err(|_| Stop::WriterGone)?;
        match stored {
            Some(stored) => {
                let run = bytes.len() as u64;
                let bytes = self.framed(bytes, stored);
                done.send(Ok(Piece { bytes, run })).map_err(|_| Stop::WriterGone)
            }
            None => self.work.send(Chunk { bytes, done }).map_err(|_| Stop::WriterGone),
        }
    }

    /// The bytes of the file for these of a stored run.
    fn framed(&self, bytes: Vec<u8>, stored: &mut StoredWriter) -> Vec<u8> {
        if self.spelling == Spelling::Tar {
            return bytes;
        }
        let mut framed = self.buffers.take();
        stored.push(&bytes, &mut framed);
        self.buffers.give(bytes);
        framed
    }
}

/// The content of one entry, measured while it is read.
struct Content {
    source: io::Take<Box<dyn Read + Send>>,
    left: u64,
    hasher: blake3::Hasher,
}

impl Content {
    /// Fills the chunk up to [`CHUNK`] bytes, or to the content's end.
    fn fill(&mut self, chunk: &mut Vec<u8>) -> io::Result<()> {
        let from = chunk.len();
        let room = (CHUNK.saturating_sub(from)) as u64;
        let count = self.source.by_ref().take(room).read_to_end(chunk)?;
        self.hasher.update(&chunk[from..]);
        self.left -= (count as u64).min(self.left);
        Ok(())
    }

    fn too_short(&self, member: &Member) -> WriteError {
        WriteError::Size { entry: member.path.clone(), expected: member.size, found: member.size - self.left }
    }

    /// Checks that the source ends here and that its bytes were the expected ones.
    fn finish(self, member: &Member) -> Result<(), WriteError> {
        let entry = || member.path.clone();
        let mut source = self.source.into_inner();
        let more = source.by_ref().take(1).read_to_end(&mut Vec::new());
        match more {
            Ok(0) => {}
            Ok(_) => return Err(WriteError::Size { entry: entry(), expected: member.size, found: member.size + 1 }),
            Err(source) => return Err(WriteError::Open { entry: entry(), source }),
        }
        let found = self.hasher.finalize().to_hex().to_string();
        if found != member.blake3.0 {
            return Err(WriteError::Content { entry: entry(), expected: member.blake3.0.clone(), found });
        }
        Ok(())
    }
}
