//! `kk artifact split`, `join` and reading parts in place, as commands.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A folder with a bundle of about 300 kB, `site.tar.gz`, and an empty folder `usb`.
fn world() -> TempDir {
    let folder = TempDir::new().unwrap();
    let noise: Vec<u8> = (0..300_000u64).map(|at| (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u8).collect();
    fs::write(folder.path().join("noise.gz"), noise).unwrap();
    let text = "apiVersion: kubekey.kubesphere.io/v1alpha2\nkind: Manifest\nmetadata: {name: site}\n\
                spec: {files: [{name: noise.gz, localPath: noise.gz}]}\n";
    fs::write(folder.path().join("manifest.yaml"), text).unwrap();
    fs::create_dir(folder.path().join("usb")).unwrap();
    succeeds(&folder, &["artifact", "export", "-m", "manifest.yaml", "-o", "site.tar.gz"]);
    folder
}

fn kk(folder: &TempDir, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kk"))
        .args(arguments)
        .current_dir(folder.path())
        .env("KK_CACHE", folder.path().join("cache"))
        .output()
        .unwrap()
}

fn succeeds(folder: &TempDir, arguments: &[&str]) -> String {
    let output = kk(folder, arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).into_owned() + &errors
}

fn fails(folder: &TempDir, arguments: &[&str]) -> String {
    let output = kk(folder, arguments);
    assert!(!output.status.success(), "{arguments:?} should fail");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn part(folder: &TempDir, number: u32) -> PathBuf {
    folder.path().join(format!("usb/site.tar.gz.{number:03}"))
}

fn split(folder: &TempDir) {
    succeeds(folder, &["artifact", "split", "-a", "site.tar.gz", "--size", "100K", "-o", "usb"]);
}

fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn parts_are_read_in_place_and_joined_to_the_same_file() {
    let folder = world();
    split(&folder);
    assert_eq!(fs::read_dir(folder.path().join("usb")).unwrap().count(), 4);
    for path in ["usb", "usb/site.tar.gz.003"] {
        assert!(succeeds(&folder, &["artifact", "verify", "-a", path]).contains("site.tar.gz is whole"));
    }
    let whole = succeeds(&folder, &["artifact", "inspect", "-a", "site.tar.gz", "--output", "json"]);
    assert_eq!(succeeds(&folder, &["artifact", "inspect", "-a", "usb", "--output", "json"]), whole);
    // From several folders, in any order, media read-only.
    fs::create_dir(folder.path().join("second")).unwrap();
    fs::rename(part(&folder, 2), folder.path().join("second/B.002")).unwrap();
    let missing = fails(&folder, &["artifact", "verify", "-a", "usb"]);
    assert!(missing.contains("part 2 of 4 of site.tar.gz is missing"), "{missing}");
    assert!(missing.contains("kk artifact split -a site.tar.gz --size 100K --only 2"), "{missing}");
    succeeds(&folder, &["artifact", "verify", "-a", "second", "-a", "usb"]);
    succeeds(&folder, &["artifact", "join", "-a", "usb", "-a", "second", "-o", "joined.tar.gz"]);
    assert!(
        fs::read(folder.path().join("joined.tar.gz")).unwrap() == fs::read(folder.path().join("site.tar.gz")).unwrap()
    );
    assert!(fails(&folder, &["artifact", "join", "-a", "usb", "-a", "second", "-o", "x.tar"]).contains(".tar.gz"));
}

#[test]
fn a_damaged_part_is_named_and_written_again_alone() {
    let folder = world();
    split(&folder);
    let before = fs::read(part(&folder, 3)).unwrap();
    flip(&part(&folder, 3));
    let error = fails(&folder, &["artifact", "verify", "-a", "usb"]);
    assert!(error.contains("part 3 of 4 (usb/site.tar.gz.003) is damaged; copy it again"), "{error}");
    let error = fails(&folder, &["artifact", "verify", "--parts", "-a", "usb"]);
    assert!(error.contains("part 3 of 4 (usb/site.tar.gz.003) is damaged"), "{error}");
    let untouched = fs::metadata(part(&folder, 2)).unwrap().modified().unwrap();
    succeeds(&folder, &["artifact", "split", "-a", "site.tar.gz", "--size", "100K", "--only", "3", "-o", "usb"]);
    assert!(fs::read(part(&folder, 3)).unwrap() == before);
    assert_eq!(fs::metadata(part(&folder, 2)).unwrap().modified().unwrap(), untouched);
    fs::remove_file(part(&folder, 1)).unwrap();
    let text = succeeds(&folder, &["artifact", "verify", "--parts", "--sha256", "-a", "usb"]);
    assert!(text.contains("whole: 2 to 4 of 4 parts of site.tar.gz; not here: 1"), "{text}");
}

#[test]
fn files_of_others_stay_what_they_are() {
    let folder = world();
    fs::write(part(&folder, 2), "somebody's notes").unwrap();
    let error = fails(&folder, &["artifact", "split", "-a", "site.tar.gz", "--size", "100K", "-o", "usb"]);
    assert!(error.contains("usb/site.tar.gz.002 exists and is no part of this bundle"), "{error}");
    assert_eq!(fs::read_dir(folder.path().join("usb")).unwrap().count(), 1);
    let error = fails(&folder, &["artifact", "split", "-a", "site.tar.gz", "--size", "1K"]);
    assert!(error.contains("too small"), "{error}");
    let error = fails(&folder, &["artifact", "split", "-a", "site.tar.gz", "--only", "7"]);
    assert!(error.contains("there is no part 7"), "{error}");
}
