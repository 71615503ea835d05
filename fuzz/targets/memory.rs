//! A bundle in memory, read as one in a file.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use kk::bundle::medium::Medium;
use kk::bundle::{Bundle, Spelling, Verified, VerifyDepth};
use kk::event::silent;

struct Memory(Vec<u8>);

impl Medium for Memory {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.0.get(offset..)).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn size(&self) -> u64 {
        self.0.len() as u64
    }
}

#[allow(dead_code, reason = "parts are read from files")]
/// Opens and proves these bytes; of what is proven every entry can be read, with the size that was promised.
pub fn read(bytes: &[u8]) {
    let Some(spelling) = Spelling::of_start(bytes) else { return };
    let medium = Arc::new(Memory(bytes.to_vec()));
    let Ok(bundle) = Bundle::open_medium(Path::new("fuzzed"), medium, spelling) else { return };
    let Ok(verified) = bundle.verify(VerifyDepth::Sha256, &silent()) else { return };
    read_entries(&verified);
}

/// Reads every entry of a proven bundle.
pub fn read_entries(verified: &Bundle<Verified>) {
    for member in verified.entries() {
        let entry = verified.open_entry(&member.path).expect("an entry of a proven bundle can be opened");
        let count = io::copy(&mut entry.take(u64::MAX), &mut io::sink()).expect("and read");
        assert_eq!(count, member.size);
    }
}
