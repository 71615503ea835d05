//! What is told before anything is fetched, and what is kept afterwards: `--dry-run`, `kk manifest lock`, `kk cache`.

use std::fs;

use crate::world::{DOCKER, HELM, HELM_BYTES, World, failure, success};

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_tells_what_would_be_fetched_and_fetches_nothing() {
    let world = World::new().await;
    let told = success(world.export(&["-o", "one.tar", "--dry-run"]));
    assert!(told.contains("files/helm/v3.22.0/amd64/helm-v3.22.0-linux-amd64.tar.gz"), "{told}");
    assert!(told.contains("registry.test/team/app:v1") && told.contains("the bundle will be about"), "{told}");
    assert!(!world.path("one.tar").exists() && !world.path("manifest.lock").exists());
    let log = world.files.take_log();
    assert!(!log.iter().any(|line| line == &format!("GET {HELM}") || line == &format!("GET {DOCKER}")), "{log:?}");

    let forecast = |world: &World| {
        let mut command = world.kk(&["artifact", "export", "-m", "manifest.yaml", "-o", "one.tar", "--dry-run"]);
        json(&success(command.env("KK_OUTPUT", "json").output().unwrap()))
    };
    let before = forecast(&world);
    let to_fetch = before["toFetch"].as_u64().unwrap();
    assert!(to_fetch > HELM_BYTES as u64, "{before}");
    success(world.export(&["-o", "one.tar"]));
    let after = forecast(&world);
    assert_eq!((after["toFetch"].as_u64(), after["unknown"].as_u64()), (Some(0), Some(0)), "{after}");
    assert_eq!(after["size"], before["size"]);
    let estimate = after["bundleEstimate"].as_u64().unwrap();
    let size = fs::metadata(world.path("one.tar")).unwrap().len();
    // The inventory, the lock and the manifest are not counted.
    assert!(estimate <= size && estimate + (64 << 10) > size, "{estimate} {size}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_is_written_alone_and_checked() {
    let world = World::new().await;
    let lock = |more: &[&str]| world.run(&[&["manifest", "lock", "-m", "manifest.yaml"], more].concat());
    let (code, stderr) = failure(lock(&["--check"]));
    assert_eq!(code, 3);
    assert!(stderr.contains("there is no lock manifest.lock"), "{stderr}");

    let told = success(lock(&[]));
    assert!(told.contains("+ image registry.test/team/app:v1: sha256:"), "{told}");
    let log = world.files.take_log();
    // Helm's checksum is published; Docker's is not.
    assert!(!log.contains(&format!("GET {HELM}")) && log.contains(&format!("GET {DOCKER}")), "{log:?}");
    let alone = world.read("manifest.lock");
    success(lock(&["--check"]));

    success(world.export(&["-o", "one.tar"]));
    assert!(alone == world.read("manifest.lock"), "an export keeps the lock");
    world.push("team/app", "v1", 99, &["amd64", "arm64"]).await;
    assert!(success(lock(&[])).contains("is as it was"));
    let (code, stderr) = failure(lock(&["--check"]));
    assert_eq!(code, 3);
    assert!(
        stderr.contains("~ image registry.test/team/app:v1: sha256:") && stderr.contains(" -> sha256:"),
        "{stderr}"
    );
    assert!(!stderr.contains("team/other"), "{stderr}");
    assert!(alone == world.read("manifest.lock"), "a check writes nothing");
    assert!(success(lock(&["--update-lock"])).contains("is written"));
    success(lock(&["--check"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cache_is_shown_and_pruned() {
    let world = World::new().await;
    let place = success(world.run(&["cache", "path"]));
    assert_eq!(place.trim(), world.path("cache/export").display().to_string());
    assert!(success(world.run(&["cache", "list"])).contains("0 files"));
    success(world.export(&["-o", "one.tar"]));

    let listing = json(&success(world.run(&["cache", "list", "--output", "json"])));
    let files = listing["files"].as_array().unwrap();
    let used_as = |name: &str| files.iter().any(|file| file["usedAs"].to_string().contains(name));
    assert!(used_as("registry.test/team/app:v1") && used_as("files/helm/v3.22.0") && used_as("manifest.lock"));
    assert_eq!(listing["exports"].as_array().unwrap().len(), 1);
    assert!(success(world.run(&["cache", "show"])).contains("registry.test/team/app:v1"));

    let (code, _) = failure(world.run(&["cache", "prune"]));
    assert_eq!(code, 8, "nobody is there to ask");
    let kept = success(world.run(&["cache", "prune", "--older-than", "1d", "--yes"]));
    assert!(kept.contains("removed 0 files"), "{kept}");
    let would = success(world.run(&["cache", "prune", "--max-size", "1M", "--dry-run"]));
    assert!(would.contains("would remove"), "{would}");
    let pruned = json(&success(world.run(&["cache", "prune", "--max-size", "1M", "--yes", "--output", "json"])));
    assert!(pruned["kept"].as_u64().unwrap() <= 1 << 20 && pruned["freed"].as_u64().unwrap() > 0, "{pruned}");
    success(world.run(&["cache", "prune", "--yes"]));
    let listing = json(&success(world.run(&["cache", "list", "--output", "json"])));
    assert_eq!((listing["size"].as_u64(), listing["exports"].as_array().unwrap().len()), (Some(0), 1));
    success(world.export(&["-o", "two.tar"]));
    assert!(world.read("one.tar") == world.read("two.tar"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_pruned_while_an_export_runs() {
    let world = World::new().await;
    world.files.fail(HELM, &[crate::fileserver::Fault::StallAfter(1_000_000)]);
    let mut running = world.kk(&["artifact", "export", "-m", "manifest.yaml", "-o", "one.tar"]).spawn().unwrap();
    while !world.files.take_log().contains(&format!("GET {HELM}")) {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let mut prune = world.kk(&["cache", "prune", "--yes"]);
    let mut prune = prune.stderr(std::process::Stdio::piped()).stdout(std::process::Stdio::null()).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(500));
    assert!(prune.try_wait().unwrap().is_none(), "it waits");
    running.kill().unwrap();
    running.wait().unwrap();
    assert!(prune.wait().unwrap().success());
}
