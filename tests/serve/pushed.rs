//! `kk artifact images push` into a real registry.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use kk::bundle::Spelling;
use kk::bundle::inventory::Image;
use kk::digest::Digest;

use crate::process::run;
use crate::server::{Options, PASSWORD, Server, USER};
use crate::world::World;

impl World {
    /// Bytes of the blobs of these images, each counted once.
    fn bytes<'a>(&self, images: impl IntoIterator<Item = &'a Image>) -> u64 {
        let blobs: BTreeSet<&Digest> =
            images.into_iter().flat_map(|image| &image.platforms).flat_map(|platform| &platform.blobs).collect();
        blobs.into_iter().map(|digest| self.blobs.0[digest].len() as u64).sum()
    }
}

#[test]
fn a_registry_gets_what_it_lacks_and_nothing_twice() {
    let world = World::new();
    let server = Server::plain();
    world.bundle(Spelling::TarGz);
    let to = format!("127.0.0.1:{}/mirror", server.port);
    let push =
        |more: &[&str]| world.result(&[&["push", "-a", "images.tar.gz", "--to", &to, "--plain-http"], more].concat());
    let all = [
        "mirror/docker.io/library/nginx:1.29",
        "mirror/registry.k8s.io/pause:3.10",
        "mirror/registry.k8s.io/pause:3.9",
    ];
    let dry = push(&["--dry-run"]);
    assert_eq!((&dry["missing"], &dry["sent"]), (&serde_json::json!(all), &0.into()));

    let first = push(&["pause:3.9"]);
    assert_eq!(first["sent"], world.bytes(&world.images[2..]));
    let rest = push(&[]);
    assert_eq!(rest["missing"], serde_json::json!(&all[..2]));
    let shared = world.bytes(&world.images) - world.bytes(&world.images[2..]);
    assert_eq!(rest["sent"], shared, "what another repository has from an earlier run is mounted");
    let again = push(&[]);
    assert_eq!((&again["missing"], &again["sent"]), (&serde_json::json!([]), &0.into()));
    for image in &world.images {
        let address = format!("docker://{to}/{}", image.reference);
        let raw = run("skopeo", &["inspect", "--tls-verify=false", "--raw", &address]);
        assert_eq!(Digest::of(&raw), image.digest, "{}", image.reference);
    }
}

#[test]
fn flat_names_are_made_where_they_do_not_clash() {
    let world = World::new();
    let server = Server::plain();
    world.bundle(Spelling::Tar);
    let to = format!("127.0.0.1:{}", server.port);
    let outcome = world.result(&["push", "-a", "images.tar", "--to", &to, "--plain-http", "--flat", "*pause*"]);
    assert_eq!(outcome["missing"], serde_json::json!(["pause:3.10", "pause:3.9"]));
}

#[test]
fn logins_are_taken_from_flags_and_from_docker() {
    let world = World::new();
    let server = Server::start(&Options { login: true, ..Options::default() });
    world.bundle(Spelling::Tar);
    let to = format!("127.0.0.1:{}", server.port);
    let arguments = ["push", "-a", "images.tar", "--to", &to, "--plain-http", "pause"];
    let refused = world.images(&arguments);
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(6), "{told}");
    assert!(told.contains("--password-file"), "{told}");
    std::fs::write(world.path("password"), format!("{PASSWORD}\n")).unwrap();
    let login = ["--username", USER, "--password-file", "password"];
    assert_eq!(world.result(&[&arguments[..], &login].concat())["images"], 2);
    std::fs::create_dir(world.path("docker")).unwrap();
    // kk:right horse
    let config = format!(r#"{{"auths": {{"{to}": {{"auth": "a2s6cmlnaHQgaG9yc2U="}}}}}}"#);
    std::fs::write(world.path("docker/config.json"), config).unwrap();
    assert_eq!(world.result(&arguments)["missing"], serde_json::json!([]));
}

#[test]
fn a_push_that_was_killed_is_finished_by_the_next() {
    let world = World::new();
    let server = Server::plain();
    world.bundle(Spelling::TarGz);
    let to = format!("127.0.0.1:{}", server.port);
    let arguments = ["push", "-a", "images.tar.gz", "--to", &to, "--plain-http", "--concurrency", "1"];
    for moment in [50, 150, 300] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_kk"))
            .args(["artifact", "images"])
            .args(arguments)
            .current_dir(world.folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(moment));
        let _ = child.kill();
        let _ = child.wait();
    }
    world.result(&arguments);
    assert_eq!(world.result(&arguments)["missing"], serde_json::json!([]));
    let address = format!("docker://{to}/{}", world.images[0].reference);
    let copy = format!("dir:{}", world.path("copy").display());
    run("skopeo", &["copy", "--src-tls-verify=false", "--all", &address, &copy]);
}

#[test]
fn a_damaged_blob_never_gets_into_a_registry() {
    let world = World::new();
    let server = Server::plain();
    let path = world.bundle(Spelling::Tar);
    let layer = &world.blobs.0[&world.layer()];
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(64).position(|window| window == &layer[layer.len() - 64..]).unwrap();
    bytes[at + 63] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let to = format!("127.0.0.1:{}", server.port);
    let pushed = world.images(&["push", "-a", "images.tar", "--to", &to, "--plain-http"]);
    let told = String::from_utf8_lossy(&pushed.stderr).into_owned();
    assert_eq!(pushed.status.code(), Some(4), "{told}");
    assert!(told.contains(&world.layer().hex()) && told.contains("kk artifact verify"), "{told}");
    let image = &world.images[0].reference;
    let address = format!("docker://{to}/{image}");
    let found = Command::new("skopeo").args(["inspect", "--tls-verify=false", "--raw", &address]).output().unwrap();
    assert!(!found.status.success(), "{image} must not be there");
}
