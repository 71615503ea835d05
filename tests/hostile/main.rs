//! Bundles that are made to exhaust: each is refused with a sentence, and `kk` gets by with little memory.
//!
//! `kk` runs under a limit of its data, so one that took more would be stopped by the kernel and fail these tests. What is
//! wrong in other ways than by size is tested in `src/bundle/tests`.

mod archive;

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;
use std::process::Command;

use archive::{END, entry, front, header};
use kk::bundle::inventory::{Blob, Image, Inventory, Platform};
use kk::bundle::{Member, Spelling, layout};
use kk::digest::{Digest, Hasher};
use kk::event::silent;
use tempfile::TempDir;

/// Exit code, standard output and standard error of `kk` with these arguments in this folder, which may have as many MiB
/// of memory.
fn kk(folder: &TempDir, arguments: &str, mebibytes: u64) -> (i32, String, String) {
    let script = format!("ulimit -d {}; exec \"$0\" {arguments}", mebibytes << 10);
    let output = Command::new("bash")
        .args(["-c", &script, env!("CARGO_BIN_EXE_kk")])
        .current_dir(folder)
        .env("MALLOC_ARENA_MAX", "2")
        .env("TOKIO_WORKER_THREADS", "2")
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

/// What inspect and verify say of a bundle that both refuse with the exit code for bundles.
fn refused(folder: &TempDir, name: &str, mebibytes: u64) -> String {
    let (code, _, told) = kk(folder, &format!("artifact inspect -a {name}"), mebibytes);
    assert_eq!(code, 4, "{told}");
    let (code, _, again) = kk(folder, &format!("artifact verify -a {name}"), mebibytes);
    assert_eq!((code, &again), (4, &told));
    told
}

fn with_inventory(folder: &TempDir, json: &str) {
    fs::write(folder.path().join("x.tar"), [front(json.as_bytes()), END.to_vec()].concat()).unwrap();
}

const START: &str = "{\n  \"format\": 1,\n  \"name\": \"x\",\n";

#[test]
fn an_inventory_of_millions_of_texts_is_refused() {
    let folder = TempDir::new().unwrap();
    with_inventory(&folder, &format!("{START}\"arches\": [{}\"\"]", "\"\",".repeat(20_000_000)));
    let told = refused(&folder, "x.tar", 256);
    assert!(told.contains("invalid length 65, expected a list of at most 64 texts"), "{told}");
}

#[test]
fn an_inventory_of_too_many_blobs_is_refused() {
    let folder = TempDir::new().unwrap();
    let mut json = format!("{START}\"arches\": [], \"components\": [], \"images\": [], \"files\": [], \"blobs\": [");
    let blake3 = "0".repeat(64);
    for number in 0..300_000 {
        let comma = if number == 0 { "" } else { "," };
        json += &format!(
            "{comma}{{\"digest\":\"sha256:{number:064x}\",\"size\":1,\"blake3\":\"{blake3}\",\"mediaType\":\"x\"}}"
        );
    }
    with_inventory(&folder, &(json + "]}"));
    let told = refused(&folder, "x.tar", 384);
    assert!(told.contains("it lists 300000 entries; at most 200000 are allowed"), "{told}");
}

#[test]
fn json_a_hundred_levels_deep_is_refused() {
    let folder = TempDir::new().unwrap();
    for depth in [100, 1_000_000] {
        let deep = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        for json in [deep.clone(), format!("{{\"x\": {deep}}}"), format!("{START}\"arches\": {deep}}}")] {
            with_inventory(&folder, &json);
            let told = refused(&folder, "x.tar", 128);
            assert!(told.contains("bundle.json of the bundle x.tar cannot be understood: "), "{told}");
        }
    }
}

fn empty() -> Inventory {
    serde_json::from_value(serde_json::json!({
        "format": 1, "name": "x", "arches": [], "components": [], "images": [], "blobs": [], "files": [],
    }))
    .unwrap()
}

#[test]
fn entries_without_end_after_the_last_are_refused() {
    let folder = TempDir::new().unwrap();
    let inventory = empty();
    let mut file = BufWriter::new(File::create(folder.path().join("x.tar")).unwrap());
    file.write_all(&front(&inventory.to_json().unwrap())).unwrap();
    file.write_all(&entry("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)).unwrap();
    file.write_all(&entry("index.json", &layout::index(&inventory))).unwrap();
    let extra = entry("extra", b"");
    for _ in 0..500_000 {
        file.write_all(&extra).unwrap();
    }
    file.write_all(&END).unwrap();
    drop(file);
    let (code, _, told) = kk(&folder, "artifact verify -a x.tar", 128);
    assert_eq!(code, 4, "{told}");
    assert!(told.contains("a file named \"extra\" of 0 bytes, which the inventory does not list"), "{told}");
}

#[test]
fn files_that_decompress_to_much_are_refused_without_it() {
    let folder = TempDir::new().unwrap();
    let zeros = || io::repeat(0).take(1 << 28);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    io::copy(&mut zeros(), &mut gzip).unwrap();
    fs::write(folder.path().join("x.tar.gz"), gzip.finish().unwrap()).unwrap();
    let mut packed = Vec::new();
    zstd::stream::copy_encode(zeros(), &mut packed, 1).unwrap();
    fs::write(folder.path().join("x.tar.zst"), packed).unwrap();
    for name in ["x.tar.gz", "x.tar.zst"] {
        let told = refused(&folder, name, 128);
        assert!(told.contains("is not a bundle of kk"), "{told}");
    }
}

/// Writes a bundle with one image for each of these layers, which are gzipped.
fn with_layers(path: &Path, layers: &[(&str, Vec<u8>)]) {
    let mut inventory = empty();
    let mut contents: HashMap<Digest, Vec<u8>> = HashMap::new();
    let mut blob = |inventory: &mut Inventory, bytes: Vec<u8>, media_type: &str| {
        let mut hasher = Hasher::new();
        hasher.update(&bytes);
        let measured = hasher.finish();
        let media_type = media_type.to_owned();
        let (digest, size) = (measured.sha256, measured.size);
        if contents.insert(digest, bytes).is_none() {
            inventory.blobs.push(Blob { digest, size, blake3: measured.blake3, media_type, absent: false });
        }
        digest
    };
    for (name, layer) in layers {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(layer).unwrap();
        let layer = blob(&mut inventory, packed.finish().unwrap(), "application/vnd.oci.image.layer.v1.tar+gzip");
        let config = blob(&mut inventory, b"{}".to_vec(), "application/vnd.oci.image.config.v1+json");
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        let manifest = blob(&mut inventory, name.as_bytes().to_vec(), media_type);
        let platform = Platform { platform: "linux/amd64".into(), manifest, blobs: vec![config, layer] };
        let (reference, media_type) = (format!("example.org/{name}:v1"), media_type.to_owned());
        inventory.images.push(Image { reference, digest: manifest, media_type, platforms: vec![platform] });
    }
    inventory.sort();
    let open = |member: &Member| -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(io::Cursor::new(contents[&member.sha256].clone())))
    };
    kk::bundle::write(path, Spelling::Tar, &inventory, &open, &silent()).unwrap();
}

#[test]
fn layers_that_are_made_to_exhaust_say_so_in_the_bill_of_materials() {
    let folder = TempDir::new().unwrap();
    let hidden = (0..70_000).flat_map(|number| entry(&format!("var/lib/dpkg/status.d/.wh.{number}"), b""));
    let packages: String = (0..60_000).map(|number| format!("Package: p{number}\nVersion: 1\n\n")).collect();
    let layers = [
        ("long-name", header("././@LongLink", 8 << 30, b'L')),
        ("one-line", [entry("var/lib/dpkg/status", &vec![b'a'; 100 << 20]), END.to_vec()].concat()),
        ("one-name", entry("etc/os-release", format!("ID={}\n", "x".repeat(1 << 20)).as_bytes())),
        ("packages", [entry("var/lib/dpkg/status", packages.as_bytes()), END.to_vec()].concat()),
        ("whiteouts", hidden.collect()),
        ("cut", header("var/lib/dpkg/status", 1 << 40, b'0')),
    ];
    with_layers(&folder.path().join("x.tar"), &layers);
    drop(layers);
    let (code, bill, told) = kk(&folder, "artifact sbom -a x.tar --recompute", 128);
    assert_eq!(code, 0, "{told}");
    for said in [
        "it is not a tar: an extended header is too large",
        "var/lib/dpkg/status: it lists more than 50000 packages",
        "it tells of more than 60000 packages and files of theirs",
        "it is not a tar: it ends in the middle of an entry",
    ] {
        assert!(bill.contains(said), "{said}: {}", &bill[..bill.len().min(5000)]);
    }
    assert!(bill.len() < 64 << 10, "{}", bill.len());
}
