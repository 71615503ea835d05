use std::fs;
use std::io::{self, Read};
use std::sync::Mutex;

use proptest::collection::vec;
use proptest::prelude::*;
use tempfile::TempDir;

use super::super::sample::{self, Sample};
use super::super::{Inventory, Spelling, VerifyDepth, WriteError, write};
use super::{prove, write_sample};
use crate::event::{Event, Sink, silent};

/// Bytes that do not compress.
fn noise(length: usize) -> Vec<u8> {
    let mut out = vec![0u8; length];
    blake3::Hasher::new().finalize_xof().fill(&mut out);
    out
}

fn large() -> Sample {
    let mut sample = sample::sample();
    sample.blob("application/vnd.oci.image.layer.v1.tar+gzip", noise((3 << 20) + 17));
    sample.blob("application/vnd.oci.image.layer.v1.tar", noise(2 << 20));
    // Header, content and padding fill two chunks exactly; then one block more.
    sample.component("exact", "v1.0.0", "exact", b"ab".repeat((1 << 20) - 256));
    sample.component("one-more", "v1.0.0", "one-more", vec![7; (2 << 20) - 511]);
    sample.file("files/os.iso", noise(65535 * 4 - 512));
    sample.inventory.sort();
    sample
}

fn same_back(sample: &Sample, spelling: Spelling) {
    let folder = TempDir::new().unwrap();
    let (path, written) = write_sample(sample, &folder, spelling);
    assert_eq!(fs::metadata(&path).unwrap().len(), written.size);
    assert!(!folder.path().join(format!("sample{}.part", spelling.ending())).exists());
    let bundle = prove(&path, VerifyDepth::Sha256).unwrap();
    assert_eq!(bundle.inventory(), &sample.inventory);
    assert_eq!((bundle.spelling(), bundle.size(), bundle.digest()), (spelling, written.size, written.digest));
    for member in bundle.entries() {
        let mut bytes = Vec::new();
        bundle.open_entry(&member.path).unwrap().read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes.len() as u64, member.size);
        for from in offsets(member.size) {
            let mut part = Vec::new();
            bundle.open_entry_at(&member.path, from).unwrap().read_to_end(&mut part).unwrap();
            assert!(part == bytes[from as usize..], "{} from {from}", member.path);
        }
        if let Some(expected) = sample.content.get(&member.sha256) {
            assert!(&bytes == expected, "{}", member.path);
        }
    }
}

/// Places in a content: its ends, and those of blocks and chunks.
fn offsets(size: u64) -> Vec<u64> {
    let ends = [0, 65535 - 512, (128 << 10) - 512, (1 << 20) - 512, 2 * 65535 - 512, size / 2, size];
    let mut offsets: Vec<u64> = ends.into_iter().flat_map(|end| [end.saturating_sub(1), end, end + 1]).collect();
    offsets.retain(|offset| *offset <= size);
    offsets
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn what_was_written_is_read_back(
        blobs in vec((any::<bool>(), vec(any::<u8>(), 0..2000)), 0..8),
        files in vec((".{0,20}", vec(0u8..3, 0..70_000)), 0..6),
        layers in vec(vec(any::<u8>(), 0..600), 0..3),
    ) {
        let mut sample = sample::empty();
        for (index, layer) in layers.into_iter().enumerate() {
            sample.image(&format!("example.org/image-{index}:v1"), &layer);
        }
        for (compressed, bytes) in blobs {
            sample.blob(if compressed { "application/x+gzip" } else { "application/json" }, bytes);
        }
        for (index, (name, bytes)) in files.into_iter().enumerate() {
            let name: String = name.chars().filter(|char| !char.is_control() && !"/\\".contains(*char)).collect();
            if index % 2 == 0 { sample.file(&format!("other/{index}-{name}"), bytes) } else {
                sample.component("thing", &format!("v1.{index}.0"), &format!("{index}{name}"), bytes)
            }
        }
        sample.inventory.blobs.sort_by_key(|blob| blob.digest);
        sample.inventory.blobs.dedup_by_key(|blob| blob.digest);
        sample.inventory.sort();
        for spelling in Spelling::ALL {
            same_back(&sample, spelling);
        }
    }
}

#[test]
fn entries_of_many_chunks_come_back() {
    let sample = large();
    for spelling in Spelling::ALL {
        same_back(&sample, spelling);
    }
}

#[test]
fn an_empty_bundle_comes_back() {
    for spelling in Spelling::ALL {
        same_back(&sample::empty(), spelling);
    }
}

#[test]
fn two_writes_are_the_same_bytes() {
    let sample = large();
    for spelling in Spelling::ALL {
        let (one, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let (one, other) = (write_sample(&sample, &one, spelling), write_sample(&sample, &other, spelling));
        assert_eq!(one.1, other.1);
    }
    let (one, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    for spelling in Spelling::ALL {
        let (one, _) = write_sample(&sample, &one, spelling);
        let (other, _) = write_sample(&sample, &other, spelling);
        assert!(fs::read(one).unwrap() == fs::read(other).unwrap(), "{spelling}");
    }
}

#[test]
fn what_is_compressed_already_is_not_compressed_again_and_what_is_not_is() {
    let sample = large();
    let folder = TempDir::new().unwrap();
    let plain = write_sample(&sample, &folder, Spelling::Tar).1.size;
    for spelling in [Spelling::TarGz, Spelling::TarZst] {
        let packed = write_sample(&sample, &folder, spelling).1.size;
        // Nearly 4 MiB are a repetition of two bytes or one.
        assert!(packed < plain - (7 << 19), "{spelling}: {packed} of {plain}");
    }
}

#[test]
fn several_readers_work_at_once() {
    let sample = large();
    let folder = TempDir::new().unwrap();
    for spelling in Spelling::ALL {
        let bundle = prove(&write_sample(&sample, &folder, spelling).0, VerifyDepth::Blake3).unwrap();
        std::thread::scope(|scope| {
            for member in bundle.entries() {
                let bundle = &bundle;
                scope.spawn(move || io::copy(&mut bundle.open_entry(&member.path).unwrap(), &mut io::sink()).unwrap());
            }
        });
    }
}

#[test]
fn progress_adds_up() {
    struct Count(Mutex<(u64, u64)>);
    impl Sink for Count {
        fn emit(&self, event: Event) {
            let mut count = self.0.lock().unwrap();
            match event {
                Event::BytesTotal { total } => count.0 = total,
                Event::BytesMoved { bytes } => count.1 += bytes,
                _ => {}
            }
        }
    }
    let sample = large();
    let folder = TempDir::new().unwrap();
    for spelling in Spelling::ALL {
        let path = folder.path().join(format!("x{}", spelling.ending()));
        let count = std::sync::Arc::new(Count(Mutex::new((0, 0))));
        let events: crate::event::Events = count.clone();
        write(&path, spelling, &sample.inventory, &|member| sample.open(member), &events).unwrap();
        let (total, moved) = *count.0.lock().unwrap();
        assert_eq!(total, moved);
        let count = std::sync::Arc::new(Count(Mutex::new((0, 0))));
        let events: crate::event::Events = count.clone();
        super::Bundle::open(&path).unwrap().verify(VerifyDepth::Blake3, &events).unwrap();
        let (total, moved) = *count.0.lock().unwrap();
        assert!(moved <= total && total - moved < 16 << 10, "{spelling}: {moved} of {total}");
    }
}

/// Writes the sample with this content for `manifest.yaml` and returns the refusal.
fn refusal(content: Option<&'static [u8]>) -> WriteError {
    let sample = sample::sample();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("x.tar.gz");
    let open = |member: &super::super::Member| -> io::Result<Box<dyn Read + Send>> {
        match content {
            Some(bytes) if member.path == "manifest.yaml" => Ok(Box::new(bytes)),
            None if member.path == "manifest.yaml" => Err(io::Error::other("the cache is empty")),
            _ => sample.open(member),
        }
    };
    let error = write(&path, Spelling::TarGz, &sample.inventory, &open, &silent()).unwrap_err();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
    error
}

#[test]
fn a_bundle_that_is_wrong_is_never_made() {
    insta::assert_snapshot!(refusal(Some(b"kind: Manifest")), @"manifest.yaml has 14 bytes where the inventory says 15; its source changed since it was measured");
    insta::assert_snapshot!(refusal(Some(b"kind: Manifest\nx")), @"manifest.yaml has 16 bytes where the inventory says 15; its source changed since it was measured");
    assert!(matches!(refusal(Some(b"kind: manifest\n")), WriteError::Content { .. }));
    insta::assert_snapshot!(refusal(None), @"manifest.yaml cannot be put into the bundle: the cache is empty");
}

#[test]
fn an_inventory_that_disagrees_with_itself_is_not_begun() {
    let inventory = Inventory { format: 2, ..sample::sample().inventory };
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("x.tar");
    let open = |_: &super::super::Member| -> io::Result<Box<dyn Read + Send>> { Ok(Box::new(io::empty())) };
    assert!(matches!(write(&path, Spelling::Tar, &inventory, &open, &silent()), Err(WriteError::Inventory { .. })));
}

#[test]
fn a_full_medium_is_an_error() {
    let sample = large();
    let path = std::path::Path::new("/proc/kk-no-such-place/x.tar");
    let result = write(path, Spelling::Tar, &sample.inventory, &|member| sample.open(member), &silent());
    assert!(matches!(result, Err(WriteError::Io { .. })));
}
