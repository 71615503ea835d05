//! Reads a run of tar bytes back from its frames and checks every framing byte on the way.

use std::sync::Arc;

use flate2::Crc;

use super::{packed, stored};
use crate::bundle::fault::Fault;
use crate::bundle::medium::{Medium, Window};
use crate::bundle::spelling::Spelling;

/// A run, read forwards: [`Stream::fill`] shows bytes, [`Stream::consume`] passes over them.
pub(in crate::bundle) struct Stream {
    window: Window,
    spelling: Spelling,
    length: u64,
    remaining: u64,
    form: Form,
}

enum Form {
    Stored { in_block: u64, crc: Crc, ended: bool },
    Packed { unpacker: packed::Unpacker, chunk: Vec<u8>, from: usize },
}

impl Stream {
    /// The run of `length` bytes whose frames lie from `start` to `end` of the medium.
    pub(in crate::bundle) fn new(
        medium: Arc<dyn Medium>,
        spelling: Spelling,
        stored: bool,
        length: u64,
        start: u64,
        end: u64,
    ) -> Result<Self, Fault> {
        let form = if stored {
            Form::Stored { in_block: 0, crc: Crc::new(), ended: false }
        } else {
            let unpacker =
                packed::Unpacker::new(spelling).map_err(|source| Fault::Unreadable { offset: start, source })?;
            Form::Packed { unpacker, chunk: Vec::new(), from: 0 }
        };
        Ok(Self { window: Window::new(medium, start, end), spelling, length, remaining: length, form })
    }

    /// The next bytes of the run, none at its end; the same until they are consumed.
    pub(in crate::bundle) fn fill(&mut self) -> Result<&[u8], Fault> {
        let Self { window, spelling, length, remaining, form } = self;
        match form {
            Form::Stored { in_block, crc, ended } => {
                if *in_block == 0 && *remaining == *length {
                    window.expect(&stored::head(*spelling, *length), "frame header")?;
                }
                if *remaining == 0 {
                    if !*ended {
                        window.expect(&stored::tail(*spelling, crc, *length), "gzip trailer")?;
                        *ended = true;
                    }
                    return Ok(&[]);
                }
                if *in_block == 0 {
                    *in_block = (*remaining).min(stored::block(*spelling));
                    let head = stored::block_head(*spelling, *in_block, *in_block == *remaining);
                    window.expect(&head, "block header")?;
                }
                window.some(usize::try_from(*in_block).unwrap_or(usize::MAX))
            }
            Form::Packed { unpacker, chunk, from } => {
                if *from == chunk.len() {
                    let count = (*remaining).min(packed::CHUNK as u64) as usize;
                    chunk.resize(count, 0);
                    *from = 0;
                    if count > 0 {
                        next_chunk(window, *spelling, unpacker, chunk)?;
                    }
                }
                Ok(&chunk[*from..])
            }
        }
    }

    /// Passes over bytes that [`Stream::fill`] showed.
    pub(in crate::bundle) fn consume(&mut self, count: usize) {
        self.remaining -= (count as u64).min(self.remaining);
        match &mut self.form {
            Form::Stored { in_block, crc, .. } => {
                if self.spelling == Spelling::TarGz
                    && let Ok(bytes) = self.window.some(count)
                {
                    crc.update(bytes);
                }
                *in_block -= (count as u64).min(*in_block);
                self.window.consume(count);
            }
            Form::Packed { from, chunk, .. } => *from = (*from + count).min(chunk.len()),
        }
    }

    /// Passes over bytes of the run, without reading those of whole blocks and frames. What is passed over is not checked,
    /// and so the run's end can no longer be.
    pub(in crate::bundle) fn skip(&mut self, count: u64) -> Result<(), Fault> {
        let mut left = count.min(self.remaining);
        while left > 0 {
            let mut passed = self.hop(left)?;
            if passed == 0 {
                passed = left.min(self.fill()?.len() as u64);
                self.consume(passed as usize);
            } else {
                self.remaining -= passed;
            }
            left -= passed;
        }
        Ok(())
    }

    /// Passes over at most `most` bytes of which none need be read; 0 where some must be.
    fn hop(&mut self, most: u64) -> Result<u64, Fault> {
        let Self { window, spelling, length, remaining, form } = self;
        match form {
            Form::Stored { in_block, .. } if *in_block > 0 => {
                let count = most.min(*in_block);
                window.skip(count);
                *in_block -= count;
                Ok(count)
            }
            // What stands before the first block is checked first.
            Form::Stored { .. } if *remaining == *length => Ok(0),
            Form::Stored { .. } => {
                let block = stored::block(*spelling);
                let head = stored::block_head(*spelling, block, false).len() as u64;
                let blocks = most / block;
                window.skip(blocks * (head + block));
                Ok(blocks * block)
            }
            Form::Packed { chunk, from, .. } => {
                let next = (*remaining).min(packed::CHUNK as u64);
                if *from < chunk.len() || most < next {
                    return Ok(0);
                }
                let offset = window.offset();
                let head = window.take(packed::head_length(*spelling) as usize)?;
                let known = head.len() as u64;
                let frame = packed::frame_length(*spelling, head);
                let frame = frame.ok_or(Fault::Frame { offset, what: "frame header" })?;
                window.skip(frame - known);
                Ok(next)
            }
        }
    }

    /// Fills `out` with the run's next bytes.
    pub(in crate::bundle) fn read_exact(&mut self, out: &mut [u8]) -> Result<(), Fault> {
        let mut filled = 0;
        while filled < out.len() {
            let bytes = self.fill()?;
            let count = bytes.len().min(out.len() - filled);
            if count == 0 {
                return Err(Fault::Truncated { offset: self.window.offset() });
            }
            out[filled..filled + count].copy_from_slice(&bytes[..count]);
            filled += count;
            self.consume(count);
        }
        Ok(())
    }

    /// Checks that the run ends here, and its last frame where the file's next begins.
    pub(in crate::bundle) fn finish(&mut self) -> Result<(), Fault> {
        let more = !self.fill()?.is_empty();
        let offset = self.window.offset();
        if more || offset != self.window.end() {
            Err(Fault::Frame { offset, what: "end of the frame" })
        } else {
            Ok(())
        }
    }
}

/// Reads the next frame and fills `chunk` with what it holds.
fn next_chunk(
    window: &mut Window,
    spelling: Spelling,
    unpacker: &mut packed::Unpacker,
    chunk: &mut [u8],
) -> Result<(), Fault> {
    let offset = window.offset();
    let damaged = |what| Fault::Frame { offset, what };
    let head = window.take(packed::head_length(spelling) as usize)?.to_vec();
    let length = packed::frame_length(spelling, &head).ok_or(damaged("frame header"))?;
    let body = window.take((length - head.len() as u64) as usize)?;
    if packed::head(spelling, body) != head {
        return Err(damaged("compressed frame"));
    }
    if !unpacker.unpack(body, chunk) {
        return Err(damaged("compressed frame (it does not decompress to what its place asks for)"));
    }
    Ok(())
}
