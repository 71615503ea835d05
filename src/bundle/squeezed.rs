//! Content that was compressed while it arrived, in the very frames that it will have in a bundle.
//!
//! Where nothing but the bundle may take room on the disk, what is compressed in it cannot lie there uncompressed first. So
//! a file of frames is kept in its place: those of the entry's run but for the header, which is not known yet. Only the
//! first chunk, which the header will be part of, is compressed a second time when the bundle is written.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::frame::{self, CHUNK, Packer, Unpacker};
use super::header::BLOCK;
use super::spelling::Spelling;

/// Bytes of a run that one frame holds.
pub const RUN: u64 = CHUNK as u64;

/// Content bytes of the first frame: its chunk begins with the header.
const FIRST: usize = CHUNK - BLOCK as usize;

/// Compresses content as it arrives.
pub struct Squeezer {
    packer: Packer,
    /// What the next frame will hold.
    chunk: Vec<u8>,
    room: usize,
    size: u64,
}

impl Squeezer {
    /// For the beginning of a content.
    pub fn new(spelling: Spelling) -> io::Result<Self> {
        Self::after(spelling, 0)
    }

    /// For what comes after the first `size` bytes, which whole frames hold already.
    pub fn after(spelling: Spelling, size: u64) -> io::Result<Self> {
        let room = if size == 0 { FIRST } else { CHUNK };
        Ok(Self { packer: Packer::new(spelling)?, chunk: Vec::new(), room, size })
    }

    /// Takes in bytes, and hands on each frame that they fill.
    pub fn push(&mut self, mut bytes: &[u8], mut frame: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        self.size += bytes.len() as u64;
        while !bytes.is_empty() {
            let count = bytes.len().min(self.room - self.chunk.len());
            let (now, rest) = bytes.split_at(count);
            self.chunk.extend_from_slice(now);
            bytes = rest;
            if self.chunk.len() == self.room {
                frame(&self.packer.pack(&self.chunk)?)?;
                self.chunk.clear();
                self.room = CHUNK;
            }
        }
        Ok(())
    }

    /// The last frame, with the padding of the entry; nothing where all bytes are in frames already.
    pub fn finish(mut self) -> io::Result<Vec<u8>> {
        let padding = (BLOCK - self.size % BLOCK) % BLOCK;
        self.chunk.resize(self.chunk.len() + padding as usize, 0);
        if self.chunk.is_empty() { Ok(Vec::new()) } else { self.packer.pack(&self.chunk) }
    }
}

/// Reads frames back, and checks the digest of each.
pub struct Squeezed {
    file: BufReader<File>,
    spelling: Spelling,
    unpacker: Unpacker,
    first: bool,
    /// Bytes of the file that whole and true frames took.
    passed: u64,
}

impl Squeezed {
    pub fn open(path: &Path, spelling: Spelling) -> io::Result<Self> {
        Self::of(File::open(path)?, spelling)
    }

    /// From where the file stands.
    pub fn of(file: File, spelling: Spelling) -> io::Result<Self> {
        let file = BufReader::with_capacity(256 << 10, file);
        Ok(Self { file, spelling, unpacker: Unpacker::new(spelling)?, first: true, passed: 0 })
    }

    /// Where the frame ends that begins at this offset of such a file.
    pub fn end_of(file: &File, spelling: Spelling, at: u64) -> io::Result<u64> {
        let mut head = vec![0; frame::head_length(spelling) as usize];
        file.read_exact_at(&mut head, at)?;
        frame::frame_length(spelling, &head).map(|length| at + length).ok_or_else(damaged)
    }

    /// Bytes of the file that the frames read so far take.
    pub fn passed(&self) -> u64 {
        self.passed
    }

    /// The next frame as it lies there; `None` at the end. One that is cut or altered is an error.
    pub fn frame(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut frame = vec![0; frame::head_length(self.spelling) as usize];
        let mut filled = 0;
        while filled < frame.len() {
            match self.file.read(&mut frame[filled..])? {
                0 if filled == 0 => return Ok(None),
                0 => return Err(damaged()),
                count => filled += count,
            }
        }
        let length = frame::frame_length(self.spelling, &frame).ok_or_else(damaged)? as usize;
        frame.resize(length, 0);
        self.file.read_exact(&mut frame[filled..]).map_err(|_| damaged())?;
        if !frame::is_true(self.spelling, &frame) {
            return Err(damaged());
        }
        self.passed += length as u64;
        Ok(Some(frame))
    }

    /// What a frame holds. Only the last of a content may hold less than its place asks for; `most` is the room that is
    /// left, in bytes of content and padding, where that is known.
    pub fn unpack(&mut self, frame: &[u8], most: Option<u64>) -> io::Result<Vec<u8>> {
        let room = if self.first { FIRST } else { CHUNK };
        let count = most.map_or(room, |most| usize::try_from(most).unwrap_or(usize::MAX).min(room));
        self.first = false;
        let body = frame.get(frame::head_length(self.spelling) as usize..).unwrap_or_default();
        let mut chunk = vec![0; count];
        if self.unpacker.unpack(body, &mut chunk) { Ok(chunk) } else { Err(damaged()) }
    }

    /// The content, `size` bytes.
    pub fn content(self, size: u64) -> impl Read + Send {
        Content { frames: self, left: size, chunk: Vec::new(), from: 0 }
    }
}

struct Content {
    frames: Squeezed,
    /// Bytes that were not read yet, but for those in the chunk.
    left: u64,
    chunk: Vec<u8>,
    from: usize,
}

impl Read for Content {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.from == self.chunk.len() && self.left > 0 {
            let Some(frame) = self.frames.frame()? else { return Err(damaged()) };
            let padded = self.left.div_ceil(BLOCK).saturating_mul(BLOCK);
            self.chunk = self.frames.unpack(&frame, Some(padded))?;
            self.chunk.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
            self.left -= self.chunk.len() as u64;
            self.from = 0;
        }
        let rest = self.chunk.get(self.from..).unwrap_or_default();
        let count = rest.len().min(out.len());
        out[..count].copy_from_slice(&rest[..count]);
        self.from += count;
        Ok(count)
    }
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a compressed frame is not what it was")
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn what_was_squeezed_reads_back() {
        for spelling in [Spelling::TarGz, Spelling::TarZst] {
            for size in [0, 1, 511, FIRST - 1, FIRST, FIRST + 1, CHUNK, FIRST + CHUNK, 3 * CHUNK + 77] {
                let content: Vec<u8> = (0..size).map(|at| (at / 7 % 251) as u8).collect();
                let mut file = tempfile::NamedTempFile::new().unwrap();
                let mut squeezer = Squeezer::new(spelling).unwrap();
                for piece in content.chunks(300_001) {
                    squeezer.push(piece, |frame| file.write_all(frame)).unwrap();
                }
                file.write_all(&squeezer.finish().unwrap()).unwrap();
                let mut read = Vec::new();
                let squeezed = Squeezed::open(file.path(), spelling).unwrap();
                squeezed.content(size as u64).read_to_end(&mut read).unwrap();
                assert!(read == content, "{spelling} {size}");
            }
        }
    }

    #[test]
    fn a_changed_frame_is_refused() {
        let mut bytes = Vec::new();
        let mut squeezer = Squeezer::new(Spelling::TarGz).unwrap();
        squeezer.push(&[7; 5000], |_| Ok(())).unwrap();
        bytes.extend(squeezer.finish().unwrap());
        for at in [0, bytes.len() / 2, bytes.len() - 1] {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), &changed).unwrap();
            let mut squeezed = Squeezed::open(file.path(), Spelling::TarGz).unwrap();
            assert!(squeezed.frame().is_err(), "{at}");
        }
    }
}
