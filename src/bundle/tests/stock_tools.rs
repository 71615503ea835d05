use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::super::inventory::{Entry, File};
use super::super::write::{write, write_signed};
use super::super::{Bundle, Spelling, VerifyDepth, sample};
use super::{prove, write_sample};
use crate::event::silent;

/// Runs a command that must succeed without a word of warning, and returns its output.
fn run(program: &str, arguments: &[&str], folder: &Path) -> String {
    let output = Command::new(program).args(arguments).current_dir(folder).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "{program} {arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn stock_tar_unpacks_every_spelling() {
    let mut sample = sample::sample();
    sample.component("big", "v1.0.0", "big", b"many words ".repeat(300_000));
    sample.file(&format!("charts/{}/{}", "deep".repeat(20), "大".repeat(30)), b"x".to_vec());
    sample.inventory.sort();
    for spelling in Spelling::ALL {
        let folder = TempDir::new().unwrap();
        let (path, _) = write_sample(&sample, &folder, spelling);
        let bundle = prove(&path, VerifyDepth::Blake3).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        let listed = run("tar", &["tf", name, "--quoting-style=literal"], folder.path());
        let expected: Vec<&str> = bundle.entries().iter().map(|member| member.path.as_str()).collect();
        assert_eq!(listed.lines().skip(2).collect::<Vec<_>>(), expected);
        run("tar", &["xf", name], folder.path());
        for member in bundle.entries() {
            if let Some(content) = sample.content.get(&member.sha256) {
                assert!(&fs::read(folder.path().join(&member.path)).unwrap() == content, "{}", member.path);
            }
        }
        run("sha256sum", &["--quiet", "-c", "bundle.sha256"], folder.path());
    }
}

#[test]
fn stock_decompressors_give_the_plain_tar() {
    let folder = TempDir::new().unwrap();
    let sample = sample::sample();
    let (plain, _) = write_sample(&sample, &folder, Spelling::Tar);
    write_sample(&sample, &folder, Spelling::TarGz);
    write_sample(&sample, &folder, Spelling::TarZst);
    run("gzip", &["-t", "sample.tar.gz"], folder.path());
    run("zstd", &["-q", "-t", "sample.tar.zst"], folder.path());
    run("sh", &["-c", "gzip -dc sample.tar.gz > from-gz && zstd -q -dc sample.tar.zst > from-zst"], folder.path());
    for name in ["from-gz", "from-zst"] {
        assert!(fs::read(folder.path().join(name)).unwrap() == fs::read(&plain).unwrap(), "{name}");
    }
}

#[test]
fn skopeo_reads_the_unpacked_layout() {
    let mut sample = sample::sample();
    sample.image(
        "docker.io/library/busybox@sha256:0000000000000000000000000000000000000000000000000000000000000000",
        b"\x1f\x8b1",
    );
    sample.image("registry.k8s.io/coredns/coredns:v1.12.1", b"\x1f\x8b2");
    sample.inventory.sort();
    let folder = TempDir::new().unwrap();
    let (path, _) = write_sample(&sample, &folder, Spelling::TarGz);
    run("tar", &["xf", path.file_name().unwrap().to_str().unwrap()], folder.path());
    for image in &sample.inventory.images {
        let source = format!("oci:.:{}", image.reference);
        let manifest = run("skopeo", &["inspect", "--raw", &source], folder.path());
        assert_eq!(crate::digest::Digest::of(manifest.as_bytes()), image.digest);
    }
}

#[test]
fn a_signature_is_carried() {
    let folder = TempDir::new().unwrap();
    let sample = sample::sample();
    for spelling in Spelling::ALL {
        let path = folder.path().join(format!("signed{}", spelling.ending()));
        let open = |member: &super::super::Member| sample.open(member);
        write_signed(&path, spelling, &sample.inventory, Some(b"a signature\n"), &open, &silent()).unwrap();
        let bundle = Bundle::open(&path).unwrap();
        assert_eq!(bundle.signature(), Some(&b"a signature\n"[..]));
        assert_eq!(bundle.inventory_bytes(), sample.inventory.to_json().unwrap());
        bundle.verify(VerifyDepth::Blake3, &silent()).unwrap();
        run("tar", &["xf", path.file_name().unwrap().to_str().unwrap()], folder.path());
        run("sha256sum", &["--quiet", "-c", "bundle.sha256"], folder.path());
    }
}

#[test]
#[ignore = "writes 25 GB"]
fn entries_above_8_gib_are_carried() {
    let size = (8 << 30) + 1;
    let mut hasher = crate::digest::Hasher::new();
    std::io::copy(&mut std::io::repeat(0).take(size), &mut hasher_of(&mut hasher)).unwrap();
    let measured = hasher.finish();
    let mut sample = sample::empty();
    let entry =
        Entry { path: "packages/os.iso".into(), size, sha256: measured.sha256, blake3: measured.blake3, absent: false };
    sample.inventory.files.push(File { entry });
    for spelling in Spelling::ALL {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join(format!("huge{}", spelling.ending()));
        let open = |_: &super::super::Member| -> std::io::Result<Box<dyn Read + Send>> {
            Ok(Box::new(std::io::repeat(0).take(size)))
        };
        write(&path, spelling, &sample.inventory, &open, &silent()).unwrap();
        prove(&path, VerifyDepth::Blake3).unwrap();
        let listed = run("tar", &["tvf", path.to_str().unwrap()], folder.path());
        assert!(listed.contains(&format!(" {size} 1980-01-01 00:00 packages/os.iso")), "{listed}");
        match spelling {
            Spelling::Tar => String::new(),
            Spelling::TarGz => run("gzip", &["-t", path.to_str().unwrap()], folder.path()),
            Spelling::TarZst => run("zstd", &["-q", "-t", path.to_str().unwrap()], folder.path()),
        };
    }
}

/// Lets bytes be copied into a hasher.
fn hasher_of(hasher: &mut crate::digest::Hasher) -> impl Write + '_ {
    struct Into<'a>(&'a mut crate::digest::Hasher);
    impl Write for Into<'_> {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.update(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    Into(hasher)
}

/// A containerd of our own, in a folder of its own.
struct Containerd {
    process: std::process::Child,
    folder: TempDir,
}

impl Containerd {
    fn start() -> Self {
        let folder = TempDir::new().unwrap();
        fs::write(
            folder.path().join("config.toml"),
            "version = 2\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n",
        )
        .unwrap();
        let process = Command::new("containerd")
            .args([
                "--config",
                "config.toml",
                "--root",
                "root",
                "--state",
                "state",
                "--log-level",
                "error",
                "--address",
            ])
            .arg(folder.path().join("sock"))
            .current_dir(folder.path())
            .spawn()
            .unwrap();
        for _ in 0..200 {
            if folder.path().join("sock").exists() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        Self { process, folder }
    }

    fn ctr(&self, arguments: &[&str]) -> String {
        let socket = self.folder.path().join("sock");
        let arguments: Vec<&str> =
            ["--address", socket.to_str().unwrap()].into_iter().chain(arguments.to_vec()).collect();
        run("ctr", &arguments, self.folder.path())
    }
}

impl Drop for Containerd {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
#[ignore = "needs root and containerd"]
fn containerd_imports_the_bundle_as_it_is() {
    let mut sample = sample::sample();
    sample.image("docker.io/calico/node:v3.30.0", b"\x1f\x8b2");
    sample.inventory.sort();
    let folder = TempDir::new().unwrap();
    let (path, _) = write_sample(&sample, &folder, Spelling::Tar);
    let containerd = Containerd::start();
    containerd.ctr(&["images", "import", "--no-unpack", path.to_str().unwrap()]);
    let listed = containerd.ctr(&["images", "list"]);
    for image in &sample.inventory.images {
        let is_it = |line: &str| line.starts_with(&image.reference) && line.contains(&image.digest.to_string());
        assert!(listed.lines().any(is_it), "{} is not in\n{listed}", image.reference);
    }
}
