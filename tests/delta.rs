//! Delta bundles and a site's store, as commands: export `--base`, import, and what is told when something is missing.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// Bytes that do not compress, told apart by `seed`.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..length).map(|_| next()).collect()
}

const LARGE: usize = 300_000;
const SMALL: usize = 40_000;

/// A folder with `old.tar.gz`, which holds a large and a small file, and `manifest.yaml` with another small one.
fn world() -> TempDir {
    let folder = TempDir::new().unwrap();
    let path = folder.path();
    fs::write(path.join("large.gz"), noise(1, LARGE)).unwrap();
    fs::write(path.join("small.gz"), noise(2, SMALL)).unwrap();
    write_manifest(path, "old.yaml");
    export(&folder, "old.yaml", "old.tar.gz", &[]);
    fs::write(path.join("small.gz"), noise(3, SMALL)).unwrap();
    write_manifest(path, "manifest.yaml");
    folder
}

fn write_manifest(folder: &Path, name: &str) {
    let text = "apiVersion: kubekey.kubesphere.io/v1alpha2\nkind: Manifest\nmetadata: {name: site}\n\
                spec: {files: [{name: large.gz, localPath: large.gz}, {name: small.gz, localPath: small.gz}]}\n";
    fs::write(folder.join(name), text).unwrap();
}

fn export(folder: &TempDir, manifest: &str, output: &str, more: &[&str]) -> String {
    let arguments = ["artifact", "export", "--sbom", "none", "-m", manifest, "-o", output];
    succeeds(folder, &[&arguments[..], more].concat())
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

fn import(folder: &TempDir, bundles: &[&str]) -> String {
    let bundles = bundles.iter().flat_map(|bundle| ["-a", bundle]);
    let arguments: Vec<&str> = ["artifact", "import", "--store", "store"].into_iter().chain(bundles).collect();
    succeeds(folder, &arguments)
}

/// The contents of the store, by name; all are what their names say.
fn blobs(folder: &TempDir) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.path().join("store/blobs/sha256")).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in &paths {
        let hex = kk::digest::Digest::of(&fs::read(path).unwrap()).hex();
        assert_eq!(path.file_name().unwrap().to_str().unwrap(), hex);
    }
    paths
}

fn digest_line(text: &str) -> String {
    text.lines().find(|line| line.starts_with("digest ")).unwrap().to_owned()
}

#[test]
fn a_delta_carries_what_changed_whatever_names_its_base() {
    let folder = world();
    let told = export(&folder, "manifest.yaml", "delta.tar.gz", &["--base", "old.tar.gz"]);
    assert!(told.contains("of this delta are left out: site has them."), "{told}");
    let size = fs::metadata(folder.path().join("delta.tar.gz")).unwrap().len();
    assert!(size < (SMALL + 20_000) as u64, "{size} bytes");
    succeeds(&folder, &["artifact", "verify", "-a", "delta.tar.gz"]);

    // The inventory, and a part, say the same of the base as the bundle does.
    let json = kk(&folder, &["artifact", "inspect", "-a", "old.tar.gz", "--output", "json"]).stdout;
    fs::write(folder.path().join("old.json"), json).unwrap();
    fs::create_dir(folder.path().join("usb")).unwrap();
    succeeds(&folder, &["artifact", "split", "-a", "old.tar.gz", "--size", "100K", "-o", "usb"]);
    let delta = fs::read(folder.path().join("delta.tar.gz")).unwrap();
    for base in ["old.json", "usb/old.tar.gz.002", "usb"] {
        export(&folder, "manifest.yaml", "again.tar.gz", &["--yes", "--base", base]);
        assert!(fs::read(folder.path().join("again.tar.gz")).unwrap() == delta, "{base}");
    }
    fs::write(folder.path().join("notes.txt"), "no receipt").unwrap();
    let arguments = ["artifact", "export", "-m", "manifest.yaml", "-o", "x.tar.gz", "--base", "notes.txt"];
    let error = fails(&folder, &arguments);
    assert!(error.contains("notes.txt is no bundle, no inventory and no receipt"), "{error}");
}

#[test]
fn a_delta_is_made_whole_by_the_store_or_by_its_base() {
    let folder = world();
    export(&folder, "manifest.yaml", "delta.tar.gz", &["--base", "old.tar.gz"]);
    export(&folder, "manifest.yaml", "new.tar.gz", &[]);

    let error = fails(&folder, &["artifact", "import", "-a", "delta.tar.gz", "--store", "store"]);
    assert!(error.contains("file files/large.gz: 293.0 KiB"), "{error}");
    assert!(error.contains("builds upon site (sha256:"), "{error}");
    assert!(blobs(&folder).is_empty(), "nothing is written before all is known to be there");
    let error = fails(&folder, &["artifact", "import", "-a", "old.tar.gz", "-a", "delta.tar.gz", "--store", "store"]);
    assert!(error.contains("old.tar.gz is whole and builds upon no other bundle"), "{error}");

    let whole = digest_line(&import(&folder, &["new.tar.gz"]));
    let expected = blobs(&folder);
    fs::remove_dir_all(folder.path().join("store")).unwrap();
    assert_eq!(digest_line(&import(&folder, &["delta.tar.gz", "old.tar.gz"])), whole);
    assert_eq!(blobs(&folder), expected, "of the base, only what the delta leaves out");

    fs::remove_dir_all(folder.path().join("store")).unwrap();
    import(&folder, &["old.tar.gz"]);
    assert_eq!(digest_line(&import(&folder, &["delta.tar.gz"])), whole);
    let listed = succeeds(&folder, &["artifact", "store", "list", "--store", "store"]);
    assert_eq!(listed.lines().count(), 3, "{listed}");
    assert!(listed.lines().last().unwrap().ends_with(whole.strip_prefix("digest ").unwrap()), "{listed}");

    // The old small file goes, and nothing that the newest bundle needs.
    succeeds(&folder, &["artifact", "store", "prune", "--store", "store", "--yes"]);
    assert_eq!(blobs(&folder), expected);
    assert!(import(&folder, &["delta.tar.gz"]).contains("0 contents written"));
}

#[test]
fn another_base_with_the_same_contents_will_do() {
    let folder = world();
    export(&folder, "manifest.yaml", "delta.tar.gz", &["--base", "old.tar.gz"]);
    let text = fs::read_to_string(folder.path().join("old.yaml")).unwrap().replace("name: site", "name: other");
    fs::write(folder.path().join("other.yaml"), text).unwrap();
    fs::copy(folder.path().join("old.lock"), folder.path().join("other.lock")).unwrap();
    fs::write(folder.path().join("small.gz"), noise(2, SMALL)).unwrap();
    export(&folder, "other.yaml", "other.tar.gz", &[]);
    let told = import(&folder, &["delta.tar.gz", "other.tar.gz"]);
    assert!(told.contains("delta.tar.gz was made for another base, site (sha256:"), "{told}");
}

#[test]
fn an_import_goes_on_where_it_was() {
    let folder = world();
    import(&folder, &["old.tar.gz"]);
    let before = blobs(&folder);
    let large = before.iter().find(|path| fs::metadata(path).unwrap().len() == LARGE as u64).unwrap();
    let small = before.iter().find(|path| fs::metadata(path).unwrap().len() == SMALL as u64).unwrap();
    let untouched = fs::metadata(large).unwrap().ino();
    // As a loss of power leaves it: a file of the right size without its bytes, and one that was half written.
    fs::write(small, vec![0; SMALL]).unwrap();
    fs::remove_dir_all(folder.path().join("store/bundles")).unwrap();
    fs::create_dir(folder.path().join("store/bundles")).unwrap();
    assert!(import(&folder, &["old.tar.gz"]).contains("1 contents written"));
    assert_eq!(blobs(&folder), before);
    assert_eq!(fs::metadata(large).unwrap().ino(), untouched);

    let mut half = noise(1, LARGE / 2);
    half.extend(b"and then the power went");
    fs::remove_file(large).unwrap();
    fs::write(large.with_extension("new"), half).unwrap();
    import(&folder, &["old.tar.gz"]);
    assert_eq!(blobs(&folder), before);
}

#[test]
fn a_damaged_bundle_leaves_no_trace_of_itself() {
    let folder = world();
    let path = folder.path().join("old.tar.gz");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    let error = fails(&folder, &["artifact", "import", "-a", "old.tar.gz", "--store", "store"]);
    assert!(error.contains("old.tar.gz is damaged"), "{error}");
    assert_eq!(fs::read_dir(folder.path().join("store/bundles")).unwrap().count(), 0);
    // A folder of other things is not made a store.
    let error = fails(&folder, &["artifact", "import", "-a", "old.tar.gz", "--store", "."]);
    assert!(error.contains("is no store of kk"), "{error}");
}
