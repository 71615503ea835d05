//! The bill of materials: images with real databases of packages, read layer by layer.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use kk::bundle::inventory::{Image, Platform};
use kk::event::silent;
use kk::image::{Client, Pusher, Wanted};
use serde_json::{Value, json};

use crate::images::{Blobs, OCI_MANIFEST};
use crate::server::{PASSWORD, USER};
use crate::world::{MANIFEST, World, failure, success};

/// What lies at a path of a layer; `None` is a link to `usr/lib/os-release`.
type Content<'a> = (&'a str, Option<Vec<u8>>);

#[derive(Clone, Copy)]
enum Packing {
    Plain,
    Gzip,
    Zstd,
}

fn layer(contents: &[Content<'_>], packing: Packing) -> (Vec<u8>, &'static str) {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, content) in contents {
        let mut header = tar::Header::new_gnu();
        match content {
            Some(content) => {
                header.set_size(content.len() as u64);
                archive.append_data(&mut header, path, content.as_slice()).unwrap();
            }
            None => {
                header.set_entry_type(tar::EntryType::Symlink);
                header.set_size(0);
                archive.append_link(&mut header, path, "../usr/lib/os-release").unwrap();
            }
        }
    }
    let plain = archive.into_inner().unwrap();
    match packing {
        Packing::Plain => (plain, "application/vnd.oci.image.layer.v1.tar"),
        Packing::Gzip => {
            let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            packed.write_all(&plain).unwrap();
            (packed.finish().unwrap(), "application/vnd.docker.image.rootfs.diff.tar.gzip")
        }
        Packing::Zstd => {
            (zstd::stream::encode_all(plain.as_slice(), 3).unwrap(), "application/vnd.oci.image.layer.v1.tar+zstd")
        }
    }
}

async fn push(world: &World, repository: &str, layers: &[(Vec<u8>, &str)]) {
    let mut blobs = Blobs::default();
    let config = r#"{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[]}}"#;
    let (config, config_size) = blobs.add(config.as_bytes().to_vec());
    let mut all = vec![config];
    let mut listed = Vec::new();
    for (bytes, media_type) in layers {
        let (digest, size) = blobs.add(bytes.clone());
        all.push(digest);
        listed.push(json!({"mediaType": media_type, "digest": digest, "size": size}));
    }
    let config =
        json!({"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": config_size});
    let manifest = json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": listed});
    let (digest, _) = blobs.add(manifest.to_string().into_bytes());
    let platform = Platform { platform: "linux/amd64".into(), manifest: digest, blobs: all };
    let image = Image { reference: "x/y:z".into(), digest, media_type: OCI_MANIFEST.into(), platforms: vec![platform] };
    let client = Client::new(&world.registry.access_as(USER, PASSWORD)).unwrap();
    let wanted = Wanted { image: &image, repository: repository.into(), tag: Some("v1".into()) };
    Pusher::new(client, 2, silent()).push_image(&blobs, &wanted).await.unwrap();
}

/// A database of rpm with as many packages as make several pages of it, each larger than a page.
fn rpm_database(folder: &Path) -> Vec<u8> {
    let mut spec = String::from(
        "Name: hello\nVersion: 1.2\nRelease: 3.el9\nEpoch: 2\nSummary: x\nLicense: MIT\nBuildArch: noarch\n%description\nx\n%files\n",
    );
    for number in 0..40 {
        spec += &format!(
            "%package part{number}\nSummary: x\n%description part{number}\n{}\n%files part{number}\n",
            "words ".repeat(1500)
        );
    }
    fs::write(folder.join("hello.spec"), spec).unwrap();
    let top = format!("_topdir {}", folder.join("build").display());
    let built =
        Command::new("rpmbuild").args(["--quiet", "--define", &top, "-bb"]).arg(folder.join("hello.spec")).output();
    let built = built.unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let packages = fs::read_dir(folder.join("build/RPMS/noarch")).unwrap().map(|entry| entry.unwrap().path());
    let root = folder.join("root");
    let rpm = |arguments: &[&str], packages: &[std::path::PathBuf]| {
        let output = Command::new("rpm")
            .arg("--root")
            .arg(&root)
            .args(["--define", "_db_backend sqlite", "--define", "_dbpath /var/lib/rpm"])
            .args(arguments)
            .args(packages)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    fs::create_dir_all(&root).unwrap();
    rpm(&["--initdb"], &[]);
    rpm(&["-i", "--nodeps", "--justdb"], &packages.collect::<Vec<_>>());
    fs::read(root.join("var/lib/rpm/rpmdb.sqlite")).unwrap()
}

const ALPINE: &str = "ID=alpine\nVERSION_ID=3.22.1\nPRETTY_NAME=\"Alpine Linux v3.22\"\n";
const INSTALLED: &str = "C:Q1x=\nP:musl\nV:1.2.5-r10\nA:x86_64\nL:MIT\no:musl\nF:lib\nR:ld-musl-x86_64.so.1\n\n";
const GONE: &str = "C:Q1y=\nP:apk-tools\nV:2.14.9-r2\nA:x86_64\nL:GPL-2.0-only\no:apk-tools\n\n";

async fn world() -> World {
    let world = World::new().await;
    let status = fs::read("/var/lib/dpkg/status").unwrap();
    let release = fs::read("/usr/lib/os-release").unwrap();
    let debian = [
        layer(&[("usr/lib/os-release", Some(release)), ("etc/os-release", None)], Packing::Gzip),
        layer(&[("./var/lib/dpkg/status", Some(status))], Packing::Zstd),
    ];
    push(&world, "team/debian", &debian).await;
    let alpine = [
        layer(
            &[
                ("etc/os-release", Some(ALPINE.into())),
                ("lib/apk/db/installed", Some(format!("{INSTALLED}{GONE}").into())),
                ("var/lib/dpkg/status.d/base", Some(b"Package: base\nVersion: 1\n".to_vec())),
            ],
            Packing::Plain,
        ),
        layer(
            &[("lib/apk/db/installed", Some(INSTALLED.into())), ("var/lib/.wh.dpkg", Some(Vec::new()))],
            Packing::Gzip,
        ),
    ];
    push(&world, "team/alpine", &alpine).await;
    let database = rpm_database(world.folder.path());
    let centos = [
        layer(&[("etc/os-release", Some(b"ID=\"centos\"\nVERSION_ID=\"9\"\n".to_vec()))], Packing::Gzip),
        layer(
            &[("var/lib/rpm/rpmdb.sqlite", Some(database)), ("var/lib/rpm/rpmdb.sqlite-wal", Some(vec![]))],
            Packing::Gzip,
        ),
    ];
    push(&world, "team/centos", &centos).await;
    push(&world, "team/old", &[layer(&[("var/lib/rpm/Packages", Some(vec![1]))], Packing::Gzip)]).await;
    push(&world, "team/wrong", &[(b"\x1f\x8b no gzip".to_vec(), "application/vnd.oci.image.layer.v1.tar+gzip")]).await;
    let images =
        ["debian", "alpine", "centos", "old", "wrong"].map(|name| format!("    - registry.test/team/{name}:v1\n"));
    let start = MANIFEST.split("    - registry.test").next().unwrap();
    world.write("manifest.yaml", &format!("{start}{}", images.concat()));
    world
}

fn components<'a>(document: &'a Value, field: &str, start: &str) -> Vec<&'a Value> {
    let all = document["components"].as_array().unwrap();
    all.iter().filter(|one| one[field].as_str().is_some_and(|text| text.starts_with(start))).collect()
}

/// The names of packages that lie in an image.
fn packages_of(document: &Value, image: &str) -> BTreeSet<String> {
    let held = |reference: &str| {
        let dependencies = document["dependencies"].as_array().unwrap();
        let one = dependencies.iter().find(|one| one["ref"] == reference);
        one.map(|one| one["dependsOn"].as_array().unwrap().clone()).unwrap_or_default()
    };
    let platforms = held(&format!("image:registry.test/team/{image}:v1"));
    assert_eq!(platforms.len(), 1);
    held(platforms[0].as_str().unwrap()).iter().map(|one| one.as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn packages_inside_images_are_listed() {
    let world = world().await;
    success(world.export(&["-o", "one.tar.gz", "--sbom", "packages"]));
    let text = success(world.run(&["artifact", "sbom", "-a", "one.tar.gz"]));
    check(&world, &text);
    let document: Value = serde_json::from_str(&text).unwrap();

    let query = Command::new("dpkg-query").args(["-W", "-f", "${db:Status-Status} ${Package} ${Version}\n"]).output();
    let query = String::from_utf8(query.unwrap().stdout).unwrap();
    let expected = query.lines().filter_map(|line| line.strip_prefix("installed ")).collect::<BTreeSet<_>>();
    let found = components(&document, "purl", "pkg:deb/").into_iter();
    let found: BTreeSet<String> =
        found.map(|one| format!("{} {}", one["name"].as_str().unwrap(), one["version"].as_str().unwrap())).collect();
    assert_eq!(found.iter().map(String::as_str).collect::<BTreeSet<_>>(), expected);

    let alpine = packages_of(&document, "alpine");
    let expected =
        ["pkg:apk/alpine/musl@1.2.5-r10?arch=x86_64&distro=alpine-3.22.1", "system:alpine-3.22.1:Alpine Linux v3.22"];
    assert_eq!(alpine, expected.map(str::to_owned).into());

    let centos = packages_of(&document, "centos");
    let hello = "pkg:rpm/centos/hello@1.2-3.el9?arch=noarch&distro=centos-9&epoch=2&upstream=hello-1.2-3.el9.src.rpm";
    assert!(centos.contains(hello), "{centos:?}");
    assert_eq!(centos.len(), 42);

    let unread = text
        .lines()
        .filter(|line| line.contains("\"value\"") && (line.contains("not read") || line.contains("cannot")));
    let unread: Vec<&str> = unread.collect();
    assert_eq!(unread.len(), 2, "{unread:?}");
    assert!(unread.iter().any(|line| line.contains("var/lib/rpm/Packages: a database of rpm in Berkeley DB")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_lock_gives_the_same_bill() {
    let world = world().await;
    success(world.export(&["-o", "one.tar.gz", "--sbom", "packages"]));
    // From what is kept of each layer; from the layers; and from the bundle.
    success(world.export(&["-o", "two.tar.gz", "--sbom", "packages"]));
    assert!(world.read("one.tar.gz") == world.read("two.tar.gz"));
    fs::remove_dir_all(world.path("cache/export/layers")).unwrap();
    success(world.export(&["-o", "three.tar.gz", "--sbom", "packages", "--concurrency", "1"]));
    assert!(world.read("one.tar.gz") == world.read("three.tar.gz"));
    success(world.run(&["artifact", "sbom", "-a", "one.tar.gz", "-o", "carried.json"]));
    success(world.run(&["artifact", "sbom", "-a", "one.tar.gz", "-o", "anew.json", "--recompute"]));
    assert!(world.read("carried.json") == world.read("anew.json"));

    success(world.export(&["-o", "images.tar"]));
    success(world.run(&["artifact", "sbom", "-a", "one.tar.gz", "-o", "small.json", "--recompute=images"]));
    let carried = success(world.run(&["artifact", "sbom", "-a", "images.tar"]));
    check(&world, &carried);
    assert!(carried.as_bytes() == world.read("small.json"));
    assert!(!carried.contains("pkg:deb/") && carried.contains("pkg:oci/debian@sha256:"));

    success(world.export(&["-o", "none.tar", "--sbom", "none"]));
    let (code, stderr) = failure(world.run(&["artifact", "sbom", "-a", "none.tar"]));
    assert_eq!(code, 4);
    assert!(stderr.contains("none.tar carries no bill of materials\nhint: --recompute"), "{stderr}");
}

/// Fields that CycloneDX asks for, and references that lead somewhere. Where `KK_TEST_CYCLONEDX` names a Python with
/// CycloneDX's own library, its schema as well.
fn check(world: &World, text: &str) {
    let document: Value = serde_json::from_str(text).unwrap();
    assert_eq!((&document["bomFormat"], &document["specVersion"]), (&"CycloneDX".into(), &"1.6".into()));
    let mut references: BTreeSet<&str> = [document["metadata"]["component"]["bom-ref"].as_str().unwrap()].into();
    for component in document["components"].as_array().unwrap() {
        assert!(component["type"].is_string() && component["name"].is_string(), "{component}");
        assert!(references.insert(component["bom-ref"].as_str().unwrap()), "{component}");
    }
    for dependency in document["dependencies"].as_array().unwrap() {
        let held = dependency["dependsOn"].as_array().unwrap().iter();
        for reference in held.chain([&dependency["ref"]]) {
            assert!(references.contains(reference.as_str().unwrap()), "{reference}");
        }
    }
    let Some(python) = std::env::var_os("KK_TEST_CYCLONEDX") else { return };
    world.write("checked.json", text);
    let script = "import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(open(sys.argv[1]).read())
sys.exit(error and str(error)[:2000])";
    let output = Command::new(python).args(["-c", script]).arg(world.path("checked.json")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bill_of_a_delta_is_that_of_the_whole() {
    let world = world().await;
    success(world.export(&["-o", "one.tar", "--sbom", "packages"]));
    success(world.export(&["-o", "delta.tar", "--sbom", "packages", "--base", "one.tar"]));
    success(world.run(&["artifact", "sbom", "-a", "one.tar", "-o", "whole.json"]));
    for anew in [&[][..], &["--recompute"]] {
        let arguments = ["artifact", "sbom", "-a", "delta.tar", "-a", "one.tar", "-o", "delta.json"];
        success(world.run(&[&arguments, anew].concat()));
        assert!(world.read("delta.json") == world.read("whole.json"));
    }

    // What the cache does not know is not guessed.
    let arguments =
        ["artifact", "export", "-m", "manifest.yaml", "-o", "two.tar", "--sbom", "packages", "--base", "one.tar"];
    let cold = world.kk(&arguments).env("KK_CACHE", world.path("other")).output().unwrap();
    let (code, stderr) = failure(cold);
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("cannot be listed: the base has it, and the cache has not"), "{stderr}");
}
