//! What is missing, refused or interrupted.

use std::fs;
use std::time::{Duration, Instant};

use crate::fileserver::Fault;
use crate::images::noise;
use crate::server::{PASSWORD, USER};
use crate::world::{HELM, HELM_BYTES, MANIFEST, World, failure, success};

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_cannot_be_had_is_named_at_once() {
    let world = World::new().await;
    world.write(
        "manifest.yaml",
        "apiVersion: kubekey.kubesphere.io/v1alpha2
kind: Manifest
metadata: {name: broken}
spec:
  arches: [amd64, arm64]
  components: {helm: {version: v3.22.0}, etcd: {version: v3.99.0}}
  images: [registry.test/team/none:v1, registry.test/team/other:v1, registry.test/team/app:v1]
",
    );
    let (code, stderr) = failure(world.export(&["-o", "one.tar"]));
    assert_eq!(code, 6);
    let base = world.files.base();
    let stderr = stderr.replace(&base, "MIRROR").replace(&world.registry.port.to_string(), "PORT");
    insta::assert_snapshot!(stderr, @r"
    ==> Resolve versions and tags
    error: 5 of 7 components, images and files cannot be had
      etcd v3.99.0 for amd64: MIRROR/github.com/etcd-io/etcd/releases/download/v3.99.0/etcd-v3.99.0-linux-amd64.tar.gz answered 404
      etcd v3.99.0 for arm64: MIRROR/github.com/etcd-io/etcd/releases/download/v3.99.0/etcd-v3.99.0-linux-arm64.tar.gz answered 404
      helm v3.22.0 for arm64: MIRROR/get.helm.sh/helm-v3.22.0-linux-arm64.tar.gz answered 404
      registry.test/team/none:v1: registry 127.0.0.1:PORT does not have it (reading manifest v1 of team/none): MANIFEST_UNKNOWN: manifest unknown
      registry.test/team/other:v1 is not there for linux/arm64; it is there for linux/amd64
    hint: Check the names and versions in the manifest, and the mirrors and proxies that are in force.
    ");
    assert!(!world.path("one.tar").exists());
    assert!(!world.path("manifest.lock").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_export_is_continued() {
    let world = World::new().await;
    world.files.fail(HELM, &[Fault::StallAfter(2_000_000)]);
    let mut killed = world.kk(&["artifact", "export", "-m", "manifest.yaml", "-o", "one.tar.gz"]).spawn().unwrap();
    let end = Instant::now() + Duration::from_secs(60);
    let arrived = || {
        let parts = fs::read_dir(world.path("cache/export/parts")).into_iter().flatten().flatten();
        parts.filter_map(|part| part.metadata().ok()).map(|part| part.len()).max().unwrap_or(0)
    };
    while arrived() < 2_000_000 {
        assert!(Instant::now() < end, "nothing arrived");
        std::thread::sleep(Duration::from_millis(20));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert!(!world.path("one.tar.gz").exists());

    world.files.take_log();
    success(world.export(&["-o", "one.tar.gz"]));
    let log = world.files.take_log();
    assert!(log.contains(&format!("GET {HELM} bytes=2000000-")), "{log:?}");
    success(world.run(&["artifact", "verify", "-a", "one.tar.gz"]));
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_says_how_to_go_on() {
    let world = World::new().await;
    world.files.fail(HELM, &[Fault::StallAfter(1_000_000)]);
    let mut command = world.kk(&["artifact", "export", "-m", "manifest.yaml", "-o", "one.tar"]);
    let child = command.stderr(std::process::Stdio::piped()).stdout(std::process::Stdio::null()).spawn().unwrap();
    let end = Instant::now() + Duration::from_secs(60);
    while !world.files.take_log().iter().any(|line| *line == format!("GET {HELM}")) {
        assert!(Instant::now() < end, "the download did not begin");
        std::thread::sleep(Duration::from_millis(20));
    }
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let (code, stderr) = failure(child.wait_with_output().unwrap());
    assert_eq!(code, 130);
    assert!(stderr.contains("interrupted") && stderr.contains("Run the same command again"), "{stderr}");
    success(world.export(&["-o", "one.tar"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_replaced_only_if_that_is_said() {
    let world = World::new().await;
    world.write("one.tar", "mine");
    let (code, stderr) = failure(world.export(&["-o", "one.tar"]));
    assert_eq!(code, 8);
    insta::assert_snapshot!(stderr, @r"
    error: one.tar exists already
    hint: Give another name with -o, or --yes to replace it.
    ");
    assert_eq!(world.read("one.tar"), b"mine");
    success(world.export(&["-o", "one.tar", "--yes"]));
    assert_ne!(world.read("one.tar"), b"mine");

    let (code, stderr) = failure(world.export(&["-o", "one.zip"]));
    assert_eq!(code, 2);
    assert!(stderr.contains("end its name with .tar, .tar.gz"), "{stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_used_and_never_carried() {
    let world = World::with_login().await;
    let (code, stderr) = failure(world.export(&["-o", "one.tar"]));
    assert_eq!(code, 6);
    assert!(stderr.contains("needs a login"), "{stderr}");

    let host = format!("127.0.0.1:{}", world.registry.port);
    let auths = format!("  registry: {{auths: {{'{host}': {{username: {USER}, password: {PASSWORD}}}}}}}\n");
    world.write("manifest.yaml", &format!("{MANIFEST}{auths}"));
    success(world.export(&["-o", "one.tar"]));
    let bytes = world.read("one.tar");
    let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds(USER) && !holds(PASSWORD));

    let wrong = auths.replace(PASSWORD, "wrong");
    world.write("manifest.yaml", &format!("{MANIFEST}{wrong}"));
    let (_, stderr) = failure(world.export(&["-o", "two.tar", "--update-lock"]));
    assert!(stderr.contains("refuses the user name and password") && !stderr.contains("wrong\""), "{stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checksum_that_does_not_fit_is_refused() {
    let world = World::new().await;
    let sum = format!("{}  helm-v3.22.0-linux-amd64.tar.gz\n", "0".repeat(64));
    world.files.put(&format!("{HELM}.sha256sum"), sum);
    let (code, stderr) = failure(world.export(&["-o", "one.tar"]));
    assert_eq!(code, 6);
    assert!(stderr.contains("helm v3.22.0 for amd64: ") && stderr.contains("not sha256:0000"), "{stderr}");
    assert!(!world.path("one.tar").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_that_rots_is_noticed_and_mended() {
    let world = World::new().await;
    success(world.export(&["-o", "one.tar"]));
    let digest = kk::digest::Digest::of(&noise(1, HELM_BYTES)).hex();
    let path = world.path(&format!("cache/export/blobs/sha256/{digest}"));
    let mut bytes = fs::read(&path).unwrap();
    bytes[1_000] ^= 1;
    fs::write(&path, bytes).unwrap();
    world.files.take_log();
    let output = world.export(&["-o", "two.tar"]);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    success(output);
    assert!(stderr.contains("files/helm/v3.22.0/amd64/") && stderr.contains("fetched again"), "{stderr}");
    // That one alone.
    assert_eq!(world.files.take_log(), [format!("GET {HELM}")]);
    assert!(world.read("one.tar") == world.read("two.tar"));
}

#[tokio::test(flavor = "multi_thread")]
async fn proxies_of_the_environment_are_used() {
    let world = World::new().await;
    let mirrors = format!("*=http://mirror.test registry.test=http://127.0.0.1:{}", world.registry.port);
    let mut command = world.kk(&["artifact", "export", "-m", "manifest.yaml", "-o", "one.tar"]);
    command.env("KK_MIRROR", mirrors).env("http_proxy", world.files.base()).env("no_proxy", "127.0.0.1");
    success(command.output().unwrap());
    assert!(world.files.take_log().contains(&format!("GET {HELM}")));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_carried_as_they_are() {
    let world = World::new().await;
    world.files.put("/example.org/chart.tgz", "chart");
    world.write("values.yaml", "a: 1\n");
    let files = "  files:
    - {name: charts/chart.tgz, url: https://example.org/chart.tgz}
    - {name: values.yaml, localPath: values.yaml}
";
    world.write("manifest.yaml", &format!("{MANIFEST}{files}"));
    success(world.export(&["-o", "one.tar"]));
    let shown = success(world.run(&["artifact", "inspect", "-a", "one.tar"]));
    assert!(shown.contains("files/charts/chart.tgz") && shown.contains("files/values.yaml"), "{shown}");

    let sum = kk::digest::Digest::of(b"other").hex();
    world.write(
        "manifest.yaml",
        &format!("{MANIFEST}{}", files.replace("localPath:", &format!("checksum: {sum}, localPath:"))),
    );
    let (code, stderr) = failure(world.export(&["-o", "two.tar"]));
    assert_eq!(code, 6);
    assert!(stderr.contains("values.yaml has the digest sha256:"), "{stderr}");
}
