use std::fs;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use tempfile::TempDir;

use super::super::medium::Medium;
use super::super::{Bundle, Spelling, VerifyDepth, sample};
use super::{Refused, prove, write_sample};
use crate::event::silent;

/// A bundle in memory, with one byte changed.
struct Changed {
    bytes: Arc<Vec<u8>>,
    at: usize,
    mask: u8,
}

impl Medium for Changed {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> std::io::Result<usize> {
        let from = (offset as usize).min(self.bytes.len());
        let count = buffer.len().min(self.bytes.len() - from);
        buffer[..count].copy_from_slice(&self.bytes[from..from + count]);
        if (from..from + count).contains(&self.at) {
            buffer[self.at - from] ^= self.mask;
        }
        Ok(count)
    }

    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }
}

/// Two small entries of each form are enough: every kind of byte is among them.
fn small() -> sample::Sample {
    let mut sample = sample::empty();
    sample.image("a.b/c:1", b"\x1f\x8b layer");
    sample.component("kubeadm", "v1.34.2", "kubeadm", b"a program, a program, a program".repeat(20));
    // Matches of a repeated byte can be encoded in many ways that decompress alike.
    sample.file("zeros", vec![0; 3000]);
    sample.inventory.sort();
    sample
}

/// Changes each byte of a small bundle of each spelling by each of the masks that `masks` gives for its offset.
fn all_found(masks: impl Fn(usize) -> Vec<u8>) {
    let folder = TempDir::new().unwrap();
    for spelling in Spelling::ALL {
        let (path, _) = write_sample(&small(), &folder, spelling);
        let bytes = Arc::new(fs::read(&path).unwrap());
        let open = |at: usize, mask: u8| -> Result<_, Refused> {
            let medium = Arc::new(Changed { bytes: bytes.clone(), at, mask });
            Ok(Bundle::open_medium(&path, medium, spelling)?.verify(VerifyDepth::Blake3, &silent())?)
        };
        assert!(open(0, 0).is_ok());
        for at in 0..bytes.len() {
            for mask in masks(at) {
                assert!(open(at, mask).is_err(), "{spelling}: byte {at} of {} with mask {mask:#x}", bytes.len());
            }
        }
    }
}

#[test]
fn every_flipped_byte_is_found() {
    all_found(|at| vec![1 << (at % 8)]);
}

#[test]
fn every_flipped_byte_before_the_content_of_a_signed_bundle_is_found() {
    let folder = TempDir::new().unwrap();
    for spelling in Spelling::ALL {
        let path = folder.path().join(format!("signed{}", spelling.ending()));
        let sample = small();
        let signature = b"-----BEGIN SSH SIGNATURE-----\n";
        let open = |member: &super::super::Member| sample.open(member);
        super::super::write_signed(&path, spelling, &sample.inventory, Some(signature), &open, &silent()).unwrap();
        let end = Bundle::open(&path).unwrap().shared.start as usize;
        let bytes = Arc::new(fs::read(&path).unwrap());
        let opened = |at: usize, mask: u8| {
            let medium = Arc::new(Changed { bytes: bytes.clone(), at, mask });
            Bundle::open_medium(&path, medium, spelling).is_ok()
        };
        assert!(opened(0, 0));
        for at in 0..end {
            assert!(!opened(at, 1 << (at % 8)), "{spelling}: byte {at} of {end}");
        }
    }
}

#[test]
#[ignore = "takes minutes; the test above changes one bit of each byte"]
fn every_flipped_bit_is_found() {
    all_found(|_| (0..8).map(|bit| 1 << bit).chain([0xff]).collect());
}

#[test]
fn every_cut_is_found() {
    let folder = TempDir::new().unwrap();
    for spelling in Spelling::ALL {
        let (path, _) = write_sample(&small(), &folder, spelling);
        let bytes = fs::read(&path).unwrap();
        for length in (0..bytes.len()).step_by(7).chain([bytes.len() - 1]) {
            fs::write(&path, &bytes[..length]).unwrap();
            assert!(prove(&path, VerifyDepth::Blake3).is_err(), "{spelling}: {length} of {} bytes", bytes.len());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    #[test]
    fn anything_may_be_spliced_in_without_a_panic(
        spelling in proptest::sample::select(Spelling::ALL.to_vec()),
        at in 0usize..20_000,
        cut in 0usize..2_000,
        splice in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let folder = TempDir::new().unwrap();
        let (path, _) = write_sample(&small(), &folder, spelling);
        let mut bytes = fs::read(&path).unwrap();
        let before = bytes.clone();
        let at = at.min(bytes.len());
        let to = (at + cut).min(bytes.len());
        bytes.splice(at..to, splice);
        let accepted = match Spelling::of_start(&bytes) {
            Some(spelling) => {
                let medium = Arc::new(Changed { bytes: Arc::new(bytes.clone()), at: 0, mask: 0 });
                let opened = Bundle::open_medium(&path, medium, spelling);
                opened.map(|bundle| bundle.verify(VerifyDepth::Sha256, &silent())).is_ok_and(|verified| verified.is_ok())
            }
            None => false,
        };
        prop_assert_eq!(accepted, bytes == before);
    }
}

/// Changes the last byte of each needle where it lies in the file.
fn damage(path: &Path, needles: &[&[u8]]) {
    let mut bytes = fs::read(path).unwrap();
    for needle in needles {
        let at = bytes.windows(needle.len()).rposition(|window| window == *needle).unwrap();
        bytes[at + needle.len() - 1] ^= 1;
    }
    fs::write(path, bytes).unwrap();
}

#[test]
fn all_bad_entries_are_named_with_what_needs_them() {
    let folder = TempDir::new().unwrap();
    let (path, _) = write_sample(&sample::sample(), &folder, Spelling::Tar);
    damage(&path, &[b"not really a layer", b"a program, a program", b"kind: Manifest"]);
    let error = prove(&path, VerifyDepth::Blake3).unwrap_err().to_string();
    let error = error.replace(path.to_str().unwrap(), "sample.tar");
    insta::assert_snapshot!(error, @r"
        the bundle sample.tar is damaged: 3 entries are bad
          blobs/sha256/77a1bc49991ce4250c7edd5a28efa0c59757a641e660613c6cfe3c7cadd444cf (image registry.k8s.io/pause:3.10.1): its content has blake3 e9cb37d8279909356a41474319427036ea1420bc89f07007fa9990f0b2ec36da where the inventory says 13daf6718e23e9ec726dfb3deb2663c51d117e2042660d828057a7dd65b8d72b
          files/kubeadm/v1.34.2/amd64/kubeadm (component kubeadm v1.34.2 amd64): its content has blake3 03c9cd989db273448fc9dbbc8059eddee6c96e37d0f1fbe43f8f3b1c66721114 where the inventory says 4b79d75c1d9937506f783d9711ca37f92212fc21518f5e3d7b4cb39a71e48995
          manifest.yaml: its content has blake3 e0c03694fe12d510488c1f7a46c930d04f8dc777d921c81dca9d3a4516394176 where the inventory says 71802bda906cb47bca56186d20078d3fdb03d390d2b0126282ffdf99b3939757
        Copy the bundle again; if it stays damaged, export it again
        ");
}

#[test]
fn a_file_changed_after_it_was_verified_is_noticed() {
    let folder = TempDir::new().unwrap();
    let (path, _) = write_sample(&sample::sample(), &folder, Spelling::Tar);
    let bundle = prove(&path, VerifyDepth::Blake3).unwrap();
    damage(&path, &[b"kind: Manifest"]);
    let error = std::io::read_to_string(bundle.open_entry("manifest.yaml").unwrap()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
    assert!(error.to_string().starts_with("manifest.yaml: its content has blake3"), "{error}");
    assert!(bundle.open_entry("no/such").is_err());
}
