//! Parts of a bundle. The input is cut into up to three files at lines of `----`; in each the header's own checksum is put
//! right, so that what it says is believed.
#![no_main]

mod memory;

use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};

use kk::bundle::parts::{PartHeader, Source, find};
use kk::bundle::{Bundle, VerifyDepth};
use kk::event::silent;
use libfuzzer_sys::fuzz_target;

/// Where the checksum of a header lies.
const CHECKED: usize = 480;

const MARK: &[u8] = b"\n----\n";

static RUNS: AtomicU32 = AtomicU32::new(0);

fuzz_target!(|bytes: &[u8]| {
    let mut files: Vec<Vec<u8>> = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(MARK.len()).position(|window| window == MARK).filter(|_| files.len() < 2) {
        files.push(rest[..at].to_vec());
        rest = &rest[at + MARK.len()..];
    }
    files.push(rest.to_vec());
    for file in &mut files {
        if let Some(header) = file.first_chunk_mut::<512>() {
            let sum = blake3::hash(&header[..CHECKED]);
            header[CHECKED..].copy_from_slice(sum.as_bytes());
        }
    }
    let mut believed = 0;
    for file in &files {
        let Ok(header) = PartHeader::parse(file) else { continue };
        believed += 1;
        assert_eq!(header.to_bytes(), file[..512]);
        assert!(header.offset() + header.length() <= header.set.cut.total);
        let _ = (header.file_size(), header.set.cut.size(), header.set.cut.index_at(header.offset()));
    }
    if believed > 0 {
        read(&files);
    }
});

fn read(files: &[Vec<u8>]) {
    let run = RUNS.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("kk-fuzz-{}-{run}", std::process::id()));
    fs::create_dir(&folder).expect("a folder for the parts");
    for (number, file) in files.iter().enumerate() {
        fs::write(folder.join(format!("{number}.tar.gz.{number:03}")), file).expect("a part");
    }
    if let Ok(found) = find(std::slice::from_ref(&folder)) {
        for source in found.sources {
            if let Source::Parts(parts) = source
                && let Ok(bundle) = Bundle::open_parts(parts, &|_, _| Ok(()))
                && let Ok(verified) = bundle.verify(VerifyDepth::Blake3, &silent())
            {
                memory::read_entries(&verified);
            }
        }
    }
    let _ = fs::remove_dir_all(&folder);
}
