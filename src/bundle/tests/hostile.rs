use std::fs;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::super::header::{END, Header, header};
use super::super::inventory::Inventory;
use super::super::layout;
use super::super::sample::{self, Sample};
use super::super::{Spelling, VerifyDepth};
use super::{Refused, prove};

/// One entry of a tar that is made by hand.
type Made = (Header, Vec<u8>);

/// The entries of the sample as the writer would write them.
fn made(sample: &Sample, inventory: &Inventory) -> Vec<Made> {
    let json = inventory.to_json().unwrap();
    let mut members = layout::front(&json, None);
    members.extend(layout::body(inventory));
    let content = |member: &layout::Member| match &member.kind {
        layout::Kind::Derived(bytes) => bytes.clone(),
        _ => sample.content.get(&member.sha256).cloned().unwrap_or_default(),
    };
    members.iter().map(|member| (member.header().unwrap(), content(member))).collect()
}

fn tar(entries: &[Made]) -> Vec<u8> {
    let mut out = Vec::new();
    for (header, content) in entries {
        out.extend(header);
        out.extend(content);
        out.resize(out.len().div_ceil(512) * 512, 0);
    }
    out.extend(END);
    out
}

/// What is said of a tar of these entries.
fn verdict(entries: &[Made]) -> String {
    verdict_of_bytes(&tar(entries))
}

fn verdict_of_bytes(bytes: &[u8]) -> String {
    let folder = TempDir::new().unwrap();
    let path: PathBuf = folder.path().join("x.tar");
    fs::write(&path, bytes).unwrap();
    let text = match prove(&path, VerifyDepth::Blake3) {
        Ok(_) => "accepted".to_owned(),
        Err(Refused::Open(error)) => format!("at open: {error}"),
        Err(Refused::Verify(error)) => {
            format!("at verify: {} bad; {}", error.bad.len(), error.bad[0])
        }
    };
    text.replace(path.to_str().unwrap(), "x.tar")
}

fn start() -> (Sample, Vec<Made>) {
    let sample = sample::sample();
    let entries = made(&sample, &sample.inventory);
    (sample, entries)
}

/// The entries with a changed `bundle.json` and its right checksum.
fn with_json(json: &[u8]) -> Vec<Made> {
    let (_, mut entries) = start();
    for (index, member) in layout::front(json, None).iter().enumerate() {
        let layout::Kind::Derived(bytes) = &member.kind else { unreachable!() };
        entries[index] = (member.header().unwrap(), bytes.clone());
    }
    entries
}

/// The header with another type and the right checksum.
fn retyped(mut header: Header, kind: u8) -> Header {
    header[156] = kind;
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

#[test]
fn the_bundle_made_by_hand_is_right() {
    assert_eq!(verdict(&start().1), "accepted");
}

#[test]
fn names_and_types_that_do_not_belong_are_refused() {
    let (_, entries) = start();
    let last = entries.len() - 1;
    let with = |header: Header| {
        let mut entries = entries.clone();
        entries[last].0 = header;
        verdict(&entries)
    };
    let size = entries[last].1.len() as u64;
    insta::assert_snapshot!(with(header("../../etc/passwd", size, 0o644).unwrap()), @r#"at verify: 1 bad; manifest.yaml: its place holds a file named "../../etc/passwd" of 15 bytes, which the inventory does not list"#);
    insta::assert_snapshot!(with(header("/etc/passwd", size, 0o644).unwrap()), @r#"at verify: 1 bad; manifest.yaml: its place holds a file named "/etc/passwd" of 15 bytes, which the inventory does not list"#);
    insta::assert_snapshot!(with(header("manifest.yaml", 1 << 50, 0o644).unwrap()), @r#"at verify: 1 bad; manifest.yaml: its place holds a file named "manifest.yaml" of 1125899906842624 bytes"#);
    insta::assert_snapshot!(with(header("manifest.yaml", size, 0o4755).unwrap()), @"at verify: 1 bad; manifest.yaml: its tar header has another owner, mode or time than kk writes");
    for (kind, said) in
        [(b'1', "a hard link"), (b'2', "a symbolic link"), (b'3', "a device"), (b'x', "an extended header")]
    {
        let verdict = with(retyped(entries[last].0, kind));
        assert!(verdict.contains(said), "{verdict}");
    }
}

#[test]
fn a_tar_that_disagrees_with_its_inventory_is_refused() {
    let (_, entries) = start();
    let mut more = entries.clone();
    more.push((header("extra", 1, 0o644).unwrap(), b"x".to_vec()));
    insta::assert_snapshot!(verdict(&more), @r#"at verify: 1 bad; the end of the archive: its place holds a file named "extra" of 1 bytes, which the inventory does not list"#);
    let mut twice = entries.clone();
    twice.push(entries[entries.len() - 1].clone());
    insta::assert_snapshot!(verdict(&twice), @r#"at verify: 1 bad; the end of the archive: its place holds a file named "manifest.yaml" of 15 bytes, whose place is elsewhere"#);
    let mut fewer = entries.clone();
    fewer.pop();
    insta::assert_snapshot!(verdict(&fewer), @"at verify: 2 bad; manifest.yaml: its place holds the end of the archive");
    let mut swapped = entries.clone();
    let last = swapped.len() - 1;
    swapped.swap(last - 1, last);
    insta::assert_snapshot!(verdict(&swapped), @r#"at verify: 2 bad; charts/empty: its place holds a file named "manifest.yaml" of 15 bytes, whose place is elsewhere"#);
    let mut first = entries.clone();
    first.swap(0, 1);
    insta::assert_snapshot!(verdict(&first), @r#"at open: x.tar is not a bundle of kk: its first entry should be bundle.json, but there is a file named "bundle.sha256" of 78 bytes"#);
    let mut trailing = tar(&entries);
    trailing.extend(b"garbage");
    insta::assert_snapshot!(verdict_of_bytes(&trailing), @"at verify: 1 bad; the end of the archive: 7 bytes follow the end of the archive");
    let whole = tar(&entries);
    insta::assert_snapshot!(verdict_of_bytes(&whole[..whole.len() - 2048]), @"at verify: 1 bad; manifest.yaml: the file ends at byte 12800, in the middle of it");
    insta::assert_snapshot!(verdict_of_bytes(b""), @"at open: x.tar is not a tar, a tar.gz or a tar.zst, and so not a bundle of kk");
    insta::assert_snapshot!(verdict_of_bytes(b"\x1f\x8bnot a gzip"), @"at open: x.tar is not a bundle of kk: its first entry should be bundle.json, but there is nothing");
    insta::assert_snapshot!(verdict_of_bytes(&END), @"at open: x.tar is not a tar, a tar.gz or a tar.zst, and so not a bundle of kk");
}

#[test]
fn inventories_that_lie_are_refused() {
    let json = String::from_utf8(sample::sample().inventory.to_json().unwrap()).unwrap();
    let with = |json: String| verdict(&with_json(json.as_bytes()));
    insta::assert_snapshot!(with(json.replace("\"format\": 1", "\"format\": 2")), @"at open: the bundle x.tar has format 2, this kk reads format 1: use the kk that came with the bundle");
    insta::assert_snapshot!(with(json.replace("\"files\": [", "\"extra\": 1,\n  \"files\": [")), @"at open: bundle.json of the bundle x.tar cannot be understood: unknown field `extra`, expected one of `format`, `name`, `release`, `base`, `arches`, `components`, `images`, `blobs`, `charts`, `packages`, `files` at line 66 column 9. If a newer kk wrote it, use the kk that came with the bundle");
    insta::assert_snapshot!(with(json.replace("\"path\": \"manifest.yaml\"", "\"path\": \"../manifest.yaml\"")), @r#"
        at open: bundle.json of the bundle x.tar is refused: the inventory does not agree with itself
          the list of files is not sorted, or repeats an item, at "../manifest.yaml"
          the path "../manifest.yaml" is not allowed: it has ..
        "#);
    insta::assert_snapshot!(with(json.replace("\"path\": \"manifest.yaml\"", "\"path\": \"a\",\n      \"path\": \"manifest.yaml\"")), @"at open: bundle.json of the bundle x.tar cannot be understood: duplicate field `path` at line 79 column 5. If a newer kk wrote it, use the kk that came with the bundle");
    insta::assert_snapshot!(with(json.replace("\"path\": \"manifest.yaml\"", "\"more\": 1,\n      \"path\": \"manifest.yaml\"")), @"at open: bundle.json of the bundle x.tar cannot be understood: unknown field `more` at line 79 column 5. If a newer kk wrote it, use the kk that came with the bundle");
    insta::assert_snapshot!(with(json.replace("  ", " ")), @"at open: bundle.json of the bundle x.tar is not written as kk writes it");
    insta::assert_snapshot!(with("[".repeat(100_000)), @"at open: bundle.json of the bundle x.tar cannot be understood: invalid type: sequence, expected u32 at line 1 column 1. If a newer kk wrote it, use the kk that came with the bundle");
    insta::assert_snapshot!(with(format!("{{\"format\":1,\"name\":{}", "[".repeat(100_000))), @"at open: bundle.json of the bundle x.tar cannot be understood: invalid type: sequence, expected a string at line 1 column 19. If a newer kk wrote it, use the kk that came with the bundle");
    insta::assert_snapshot!(with(String::new()), @"at open: bundle.json of the bundle x.tar cannot be understood: EOF while parsing a value at line 1 column 0. If a newer kk wrote it, use the kk that came with the bundle");
    insta::assert_snapshot!(with(json.replace("\"size\": 15,", "\"size\": 1099511627776,")), @"at verify: 1 bad; manifest.yaml: the file ends at byte 14848, in the middle of it");
    insta::assert_snapshot!(with(json.replace("\"size\": 15,", "\"size\": 18446744073709551615,")), @r"
        at open: bundle.json of the bundle x.tar is refused: the inventory does not agree with itself
          manifest.yaml: 18446744073709551615 bytes are more than any entry may have
        ");
    insta::assert_snapshot!(with(json.replace("\"size\": 15,", "\"size\": -1,")), @"at open: bundle.json of the bundle x.tar cannot be understood: invalid value: integer `-1`, expected u64 at line 78 column 5. If a newer kk wrote it, use the kk that came with the bundle");
}

#[test]
fn an_inventory_that_claims_to_be_huge_is_not_read() {
    let (_, mut entries) = start();
    entries[0].0 = header("bundle.json", 1 << 40, 0o644).unwrap();
    insta::assert_snapshot!(verdict(&entries), @"at open: bundle.json of the bundle x.tar claims 1099511627776 bytes; at most 67108864 are allowed");
    entries[0].0 = header("bundle.json", 1 << 25, 0o644).unwrap();
    insta::assert_snapshot!(verdict(&entries), @"at open: the bundle x.tar is damaged: bundle.json: the file ends at byte 14848, in the middle of it. Copy it again");
}

#[test]
fn a_tar_that_is_not_ours_is_refused() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("bundle.json"), "{}").unwrap();
    for (spelling, flag) in [(Spelling::Tar, "-cf"), (Spelling::TarGz, "-czf"), (Spelling::TarZst, "--zstd -cf")] {
        let path = folder.path().join(format!("foreign{}", spelling.ending()));
        let flags = flag.split(' ');
        let status =
            Command::new("tar").args(flags).arg(&path).arg("-C").arg(folder.path()).arg("bundle.json").status();
        assert!(status.unwrap().success());
        assert!(matches!(prove(&path, VerifyDepth::Blake3), Err(Refused::Open(_))), "{spelling}");
    }
    assert!(matches!(prove(folder.path(), VerifyDepth::Blake3), Err(Refused::Open(_))));
    assert!(matches!(prove(&folder.path().join("absent"), VerifyDepth::Blake3), Err(Refused::Open(_))));
}
