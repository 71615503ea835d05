//! The same lock gives the same bytes, whatever upstream does meanwhile.

use std::fs;
use std::process::Command;

use crate::images::noise;
use crate::world::{DOCKER, HELM, MANIFEST, World, failure, success};

#[tokio::test(flavor = "multi_thread")]
async fn the_same_lock_gives_the_same_bytes() {
    let world = World::new().await;
    let first = success(world.export(&["-o", "one.tar.gz"]));
    assert!(first.contains("3 components, 2 images"), "{first}");
    let lock = world.read("manifest.lock");

    // Another cache, another order of arrival, another tag upstream.
    world.push("team/app", "v1", 11, &["amd64", "arm64"]).await;
    let cold = world
        .kk(&["artifact", "export", "-m", "manifest.yaml", "-o", "two.tar.gz", "--concurrency", "1"])
        .env("KK_CACHE", world.path("other"))
        .output()
        .unwrap();
    success(cold);
    assert!(world.read("one.tar.gz") == world.read("two.tar.gz"));
    assert_eq!(world.read("manifest.lock"), lock);

    success(world.export(&["-o", "three.tar.gz", "--update-lock"]));
    assert!(world.read("one.tar.gz") != world.read("three.tar.gz"));
    assert_ne!(world.read("manifest.lock"), lock);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_fetched_that_is_here() {
    let world = World::new().await;
    success(world.export(&["-o", "one.tar"]));
    world.files.take_log();
    success(world.export(&["-o", "two.tar"]));
    assert_eq!(world.files.take_log(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn other_bytes_upstream_are_an_error_until_they_are_accepted() {
    let world = World::new().await;
    success(world.export(&["-o", "one.tar"]));
    world.files.put(DOCKER, noise(9, 500_000));
    fs::remove_dir_all(world.path("cache")).unwrap();
    let (code, stderr) = failure(world.export(&["-o", "two.tar"]));
    assert_eq!(code, 6);
    assert!(stderr.contains("docker 28.0.0 for amd64: ") && stderr.contains(" has the digest sha256:"), "{stderr}");
    assert!(stderr.contains("manifest.lock recorded") && stderr.contains("--update-lock"), "{stderr}");
    success(world.export(&["-o", "two.tar", "--update-lock"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_the_manifest_changed_is_resolved_anew() {
    let world = World::new().await;
    success(world.export(&["-o", "one.tar"]));
    world.push("team/other", "v1", 21, &["amd64"]).await;
    world.push("team/third", "v1", 30, &["amd64"]).await;
    world.write("manifest.yaml", &format!("{MANIFEST}    - registry.test/team/third:v1\n"));
    success(world.export(&["-o", "two.tar"]));
    let inventory = |name: &str| -> serde_json::Value {
        serde_json::from_str(&success(world.run(&["artifact", "inspect", "--output", "json", "-a", name]))).unwrap()
    };
    let (one, two) = (inventory("one.tar"), inventory("two.tar"));
    assert_eq!(one["images"][0], two["images"][0]);
    assert_eq!(one["images"][1], two["images"][1]);
    assert_eq!(two["images"][2]["reference"], "registry.test/team/third:v1");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_architecture_is_of_the_same_image() {
    let world = World::new().await;
    let manifest = MANIFEST.replace("    - registry.test/team/other:v1\n", "").replace("  components:\n", "");
    let without_components = |text: &str| -> String {
        let of_components = ["    helm", "    cri-dockerd", "    containerRuntimes"];
        text.lines()
            .filter(|line| !of_components.iter().any(|start| line.starts_with(start)))
            .map(|line| format!("{line}\n"))
            .collect()
    };
    let manifest = without_components(&manifest);
    world.write("manifest.yaml", &manifest);
    let digest = |name: &str| -> serde_json::Value {
        success(world.export(&["-o", name, "--yes"]));
        let shown = success(world.run(&["artifact", "inspect", "--output", "json", "-a", name]));
        let inventory: serde_json::Value = serde_json::from_str(&shown).unwrap();
        serde_json::json!([
            inventory["images"][0]["digest"],
            inventory["images"][0]["platforms"].as_array().unwrap().len()
        ])
    };
    let one = digest("one.tar");
    world.push("team/app", "v1", 12, &["amd64", "arm64"]).await;
    world.write("manifest.yaml", &manifest.replace("[amd64]", "[amd64, arm64]"));
    let both = digest("both.tar");
    assert_eq!((&both[0], &both[1]), (&one[0], &serde_json::json!(2)));

    // By digest, with and without a tag.
    let pinned = format!("registry.test/team/app@{}", one[0].as_str().unwrap());
    let references = format!("registry.test/team/app:any@{}\n    - {pinned}", one[0].as_str().unwrap());
    world.write("manifest.yaml", &manifest.replace("registry.test/team/app:v1", &references));
    assert_eq!(digest("pinned.tar"), one);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_unpacks_with_tar_and_skopeo_reads_it() {
    let world = World::new().await;
    success(world.export(&["-o", "bundle.tar.gz"]));
    fs::create_dir(world.path("unpacked")).unwrap();
    let tar =
        Command::new("tar").args(["-xf", "bundle.tar.gz", "-C", "unpacked"]).current_dir(world.folder.path()).status();
    assert!(tar.unwrap().success());
    assert_eq!(world.read("unpacked/manifest.yaml"), MANIFEST.as_bytes());
    assert_eq!(world.read("unpacked/manifest.lock"), world.read("manifest.lock"));
    let helm = "unpacked/files/helm/v3.22.0/amd64/helm-v3.22.0-linux-amd64.tar.gz";
    assert_eq!(world.read(helm), noise(1, crate::world::HELM_BYTES));
    let image = format!("oci:{}:registry.test/team/app:v1", world.path("unpacked").display());
    let seen = success(Command::new("skopeo").args(["inspect", "--override-arch", "amd64", &image]).output().unwrap());
    assert!(seen.contains("\"Architecture\": \"amd64\""), "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_cannot_be_read_says_what_to_do() {
    let world = World::new().await;
    world.write("manifest.lock", "not a lock");
    let (code, stderr) = failure(world.export(&["-o", "one.tar"]));
    assert_eq!(code, 3);
    assert!(stderr.contains("manifest.lock cannot be used") && stderr.contains("--update-lock"), "{stderr}");
    assert_eq!(world.files.take_log(), Vec::<String>::new(), "{HELM} was asked for");
}
