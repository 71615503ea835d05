use std::fs;

use tempfile::TempDir;

use super::super::write::write_signed;
use super::super::{Bundle, OpenError, SignError, Spelling, VerifyDepth, sample, sign};
use crate::event::silent;

/// Writes the sample to `name`, signed or not.
fn written(folder: &TempDir, name: &str, signature: Option<&[u8]>) -> std::path::PathBuf {
    let sample = sample::sample();
    let path = folder.path().join(name);
    let spelling = Spelling::of_name(&path).unwrap();
    write_signed(&path, spelling, &sample.inventory, signature, &|member| sample.open(member), &silent()).unwrap();
    path
}

#[test]
fn signing_later_gives_the_bytes_of_signing_at_once() {
    let folder = TempDir::new().unwrap();
    for spelling in Spelling::ALL {
        let name = |start: &str| format!("{start}{}", spelling.ending());
        let (first, second) = (b"signature".as_slice(), b"another signature\n".repeat(40));
        let at_once = fs::read(written(&folder, &name("once"), Some(first))).unwrap();
        let unsigned = written(&folder, &name("later"), None);
        let before = fs::read(&unsigned).unwrap();

        // Beside it, and the bundle itself stays.
        let beside = folder.path().join(name("beside"));
        let size = sign(&Bundle::open(&unsigned).unwrap(), first, &beside).unwrap();
        assert_eq!(size, at_once.len() as u64);
        assert!(fs::read(&beside).unwrap() == at_once, "{spelling}");
        assert!(fs::read(&unsigned).unwrap() == before, "{spelling}");

        // In its place, and in the place of another signature.
        sign(&Bundle::open(&unsigned).unwrap(), &second, &unsigned).unwrap();
        let signed = Bundle::open(&unsigned).unwrap();
        assert_eq!(signed.signature(), Some(second.as_slice()));
        signed.verify(VerifyDepth::Sha256, &silent()).unwrap();
        sign(&Bundle::open(&unsigned).unwrap(), first, &unsigned).unwrap();
        assert!(fs::read(&unsigned).unwrap() == at_once, "{spelling}");
    }
    let left = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(left.into_iter().all(|name| !name.to_string_lossy().ends_with(".part")));
}

#[test]
fn no_signature_is_larger_than_a_reader_takes() {
    let folder = TempDir::new().unwrap();
    let path = written(&folder, "x.tar", None);
    let bundle = Bundle::open(&path).unwrap();
    assert!(matches!(sign(&bundle, &vec![b'x'; (64 << 10) + 1], &path), Err(SignError::TooLarge { .. })));
    let path = written(&folder, "y.tar", Some(&vec![b'x'; (64 << 10) + 1]));
    assert!(matches!(Bundle::open(&path), Err(OpenError::TooLarge { entry: "bundle.sig", .. })));
}

#[test]
fn the_signature_is_asked_before_the_inventory_is_read() {
    let folder = TempDir::new().unwrap();
    let path = written(&folder, "x.tar", None);
    // An inventory of another format, which would be refused with another word.
    let json = b"{\"format\": 2}\n";
    let mut bytes = Vec::new();
    for member in super::super::layout::front(json, None) {
        let super::super::layout::Kind::Derived(content) = &member.kind else { unreachable!() };
        bytes.extend(member.header().unwrap());
        bytes.extend(content);
        bytes.resize(bytes.len().div_ceil(512) * 512, 0);
    }
    fs::write(&path, bytes).unwrap();
    assert!(matches!(Bundle::open(&path), Err(OpenError::Format { found: 2, .. })));
    let refused = Bundle::open_checked(&path, &|read, signature| {
        assert_eq!((read, signature), (json.as_slice(), None));
        Err("not by us".into())
    });
    assert!(matches!(refused, Err(OpenError::Signature { .. })));
}
