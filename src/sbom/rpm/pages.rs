//! A file that is read at any offset.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Bytes at any offset.
pub trait Pages {
    /// Bytes in all.
    fn size(&self) -> io::Result<u64>;

    /// Fills `buffer` from `offset`, or fails.
    fn fill(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
}

impl Pages for File {
    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn fill(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.read_exact_at(buffer, offset)
    }
}

impl Pages for &[u8] {
    fn size(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }

    fn fill(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(|_| io::ErrorKind::UnexpectedEof)?;
        let end = start.checked_add(buffer.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(self.get(start..end).ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}
