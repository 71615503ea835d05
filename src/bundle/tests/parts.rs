//! Bundles in parts: read where they lie, joined, damaged, incomplete.

use std::fs;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::super::parts::{self, Cut, FindError, PartHeader, Source, join};
use super::super::{Bundle, OpenError, Spelling, Verified, VerifyDepth, sample};
use super::{Refused, write_sample};
use crate::event::silent;

/// Parts of this size give a dozen of the sample.
const SIZE: u64 = 1025;

fn small() -> sample::Sample {
    let mut sample = sample::empty();
    sample.image("a.b/c:1", b"\x1f\x8b layer");
    sample.component("kubeadm", "v1.34.2", "kubeadm", b"a program, a program, a program".repeat(20));
    sample.file("zeros", vec![0; 3000]);
    sample.inventory.sort();
    sample
}

/// Cuts the bundle into parts of `size`, into this folder.
fn split(bundle: &Path, size: u64, folder: &Path) -> Vec<PathBuf> {
    let opened = Bundle::open(bundle).unwrap();
    let cut = Cut::new(opened.size(), size).unwrap();
    let name = bundle.file_name().unwrap().to_str().unwrap();
    let set = opened.set(name, cut);
    let write = |index| {
        let path = folder.join(parts::cut::file_name(name, index));
        parts::write(opened.medium(), &set, index, &path, &silent()).unwrap();
        path
    };
    (1..=cut.count()).map(write).collect()
}

fn open(paths: &[&Path]) -> Result<Bundle<Verified>, Refused> {
    let paths: Vec<PathBuf> = paths.iter().map(|path| path.to_path_buf()).collect();
    let found = parts::find(&paths).unwrap();
    match found.sources.as_slice() {
        [Source::Parts(parts)] => {
            Ok(Bundle::open_parts(parts.clone(), &|_, _| Ok(()))?.verify(VerifyDepth::Blake3, &silent())?)
        }
        other => panic!("{other:?}"),
    }
}

fn refusal(paths: &[&Path], folder: &Path) -> String {
    open(paths).unwrap_err().to_string().replace(folder.to_str().unwrap(), "MEDIA")
}

/// A bundle of this spelling in one folder, its parts in another.
fn cut_sample(spelling: Spelling, size: u64) -> (TempDir, PathBuf, Vec<PathBuf>) {
    let folder = TempDir::new().unwrap();
    let (bundle, _) = write_sample(&small(), &folder, spelling);
    let media = folder.path().join("media");
    fs::create_dir(&media).unwrap();
    let parts = split(&bundle, size, &media);
    (folder, bundle, parts)
}

#[test]
fn parts_are_read_where_they_lie_in_any_order_and_from_several_folders() {
    for spelling in Spelling::ALL {
        let (folder, bundle, parts) = cut_sample(spelling, SIZE);
        let other = folder.path().join("other");
        fs::create_dir(&other).unwrap();
        for part in parts.iter().step_by(2) {
            fs::rename(part, other.join("renamed ".to_owned() + part.file_name().unwrap().to_str().unwrap())).unwrap();
        }
        let media = folder.path().join("media");
        for paths in [[media.as_path(), &other], [&other, &media], [&parts[1], &other]] {
            let read = open(&paths).unwrap();
            assert_eq!(read.digest(), Bundle::open(&bundle).unwrap().digest());
            let mut content = Vec::new();
            read.open_entry("zeros").unwrap().read_to_end(&mut content).unwrap();
            assert_eq!(content, vec![0; 3000]);
        }
    }
}

#[test]
fn the_same_bundle_and_size_give_the_same_parts_and_join_gives_the_bundle() {
    let (folder, bundle, parts) = cut_sample(Spelling::TarGz, SIZE);
    let again = folder.path().join("again");
    fs::create_dir(&again).unwrap();
    for (one, other) in parts.iter().zip(split(&bundle, SIZE, &again)) {
        assert!(fs::read(one).unwrap() == fs::read(other).unwrap());
        assert!(fs::metadata(one).unwrap().len() < SIZE);
    }
    let found = parts::find(&[parts[2].clone()]).unwrap();
    let [Source::Parts(set)] = found.sources.as_slice() else { panic!("{found:?}") };
    let joined = folder.path().join("joined.tar.gz");
    join(set, &joined, &silent()).unwrap();
    assert!(fs::read(&joined).unwrap() == fs::read(&bundle).unwrap());
    flip(&parts[4], 600);
    let error = join(set, &joined, &silent()).unwrap_err().to_string();
    assert!(error.starts_with("part 5 of ") && error.ends_with("is damaged; copy it again"), "{error}");
}

#[test]
fn stock_tools_join_parts_and_check_their_sums() {
    let (folder, bundle, parts) = cut_sample(Spelling::TarZst, SIZE);
    let list: Vec<&str> = parts.iter().map(|part| part.to_str().unwrap()).collect();
    let script = format!("for part in {}; do tail -c +513 $part; done", list.join(" "));
    let joined = std::process::Command::new("sh").args(["-c", &script]).output().unwrap().stdout;
    assert!(joined == fs::read(&bundle).unwrap());
    let script = format!("tail -c +513 {} | sha256sum", list[0]);
    let sum = std::process::Command::new("sh").args(["-c", &script]).output().unwrap().stdout;
    let header = PartHeader::parse(&fs::read(&parts[0]).unwrap()).unwrap();
    let hex: String = header.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(String::from_utf8(sum).unwrap().starts_with(&hex));
    drop(folder);
}

#[test]
fn missing_parts_are_named_by_number() {
    let (folder, _, parts) = cut_sample(Spelling::TarGz, 2049);
    fs::remove_file(&parts[1]).unwrap();
    fs::write(&parts[3], &fs::read(&parts[3]).unwrap()[..700]).unwrap();
    insta::assert_snapshot!(refusal(&[&folder.path().join("media")], folder.path()), @"part 2 of 6 of sample.tar.gz is missing; part 4 of 6 (MEDIA/media/sample.tar.gz.004) is damaged: the file has 700 bytes and should have 2048; copy it again");
}

#[test]
fn parts_of_other_bundles_are_passed_over_or_asked_about() {
    let (folder, bundle, parts) = cut_sample(Spelling::TarGz, SIZE);
    let media = folder.path().join("media");
    // The same bundle cut otherwise is another set, and so is the one of last month.
    let renamed = folder.path().join("last-month.tar.gz");
    fs::copy(&bundle, &renamed).unwrap();
    let strays = split(&renamed, 2049, &media);
    fs::write(media.join("holiday.jpg"), b"\xff\xd8\xff").unwrap();
    let found = parts::find(&[parts[0].clone()]).unwrap();
    assert_eq!(found.strays, strays);
    assert_eq!(found.sources.len(), 1);
    let error = parts::find(std::slice::from_ref(&media)).unwrap_err().to_string();
    assert!(error.contains("several bundles lie in") && error.contains("last-month.tar.gz, sample.tar.gz"), "{error}");
    // A folder with parts of one alone decides.
    let other = folder.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::rename(&parts[0], other.join("sample.tar.gz.001")).unwrap();
    assert!(open(&[&media, &other]).is_ok());
    assert!(matches!(parts::find(&[folder.path().join("none")]), Err(FindError::Io { .. })));
}

#[test]
fn a_good_copy_takes_the_place_of_a_damaged_part() {
    let (folder, _, parts) = cut_sample(Spelling::TarGz, SIZE);
    let other = folder.path().join("other");
    fs::create_dir(&other).unwrap();
    for at in [0, 5] {
        let copy = other.join(parts[at].file_name().unwrap());
        fs::copy(&parts[at], &copy).unwrap();
        flip(&parts[at], 700);
    }
    let media = folder.path().join("media");
    assert!(open(&[&media, &other]).is_ok());
    flip(&other.join(parts[5].file_name().unwrap()), 512);
    let error = refusal(&[&media, &other], folder.path());
    for copy in ["MEDIA/media/sample.tar.gz.006", "MEDIA/other/sample.tar.gz.006"] {
        assert!(error.contains(&format!("part 6 of 16 ({copy}) is damaged; copy it again")), "{error}");
    }
}

/// Changes one bit of a file.
fn flip(path: &Path, at: usize) {
    let file = fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at as u64).unwrap();
    file.write_all_at(&[byte[0] ^ 1 << (at % 8)], at as u64).unwrap();
}

/// Flips one bit at each of these places of each part, one at a time.
fn all_found(spelling: Spelling, places: impl Fn(&usize) -> bool) {
    let (folder, _, parts) = cut_sample(spelling, 4097);
    let media = folder.path().join("media");
    for (index, part) in (1u32..).zip(&parts) {
        let length = fs::metadata(part).unwrap().len() as usize;
        for at in (0..length).filter(&places) {
            flip(part, at);
            let error = match open(&[&media]) {
                Ok(_) => panic!("{spelling}: byte {at} of part {index} was not found"),
                Err(error) => error,
            };
            flip(part, at);
            let named = match &error {
                Refused::Open(OpenError::Parts(incomplete)) => incomplete.damaged.clone(),
                Refused::Verify(error) => error.parts.clone(),
                Refused::Open(_) => Vec::new(),
            };
            let numbers: Vec<u32> = named.iter().map(|part| part.index).collect();
            assert_eq!(numbers, [index], "{spelling}: byte {at}: {error}");
        }
    }
}

#[test]
fn every_flipped_byte_of_headers_is_found_and_its_part_named() {
    // Each byte of what follows is found as in a bundle in one piece; here some are tried for the part's number.
    for spelling in Spelling::ALL {
        all_found(spelling, |at| *at < 512 || at % 61 == 0);
    }
}

#[test]
#[ignore = "takes minutes; the test above tries every byte of the headers, and flipped.rs every byte of bundles"]
fn every_flipped_byte_of_every_part_is_found_and_its_part_named() {
    for spelling in Spelling::ALL {
        all_found(spelling, |_| true);
    }
}

#[test]
fn a_header_that_lies_about_its_bundle_is_refused() {
    let (folder, _, parts) = cut_sample(Spelling::Tar, SIZE);
    for part in &parts {
        let mut bytes = fs::read(part).unwrap();
        let mut header = PartHeader::parse(&bytes).unwrap();
        header.set.bundle = [9; 32];
        bytes[..512].copy_from_slice(&header.to_bytes());
        fs::write(part, bytes).unwrap();
    }
    let error = open(&[&folder.path().join("media")]).unwrap_err();
    assert!(matches!(error, Refused::Open(OpenError::OtherBundle { .. })), "{error}");
}
