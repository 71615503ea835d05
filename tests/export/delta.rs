//! A delta moves and carries what changed, and is pulled from as the whole bundle would be.

use std::fs;
use std::process::Command;

use crate::world::{MANIFEST, World, failure, success};

#[tokio::test(flavor = "multi_thread")]
async fn one_image_of_two_changed() {
    let world = World::new().await;
    success(world.export(&["-o", "old.tar.gz"]));
    world.push("team/app", "v2", 30, &["amd64", "arm64"]).await;
    world.write("manifest.yaml", &MANIFEST.replace("team/app:v1", "team/app:v2"));

    // On a machine that has never exported anything.
    fs::remove_dir_all(world.path("cache")).unwrap();
    let exporting = ["artifact", "export", "-m", "manifest.yaml", "--base", "old.tar.gz", "-o", "delta.tar.gz"];
    let told = success(world.kk(&exporting).env("KK_OUTPUT", "json").output().unwrap());
    let summary: serde_json::Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
    let fetched = summary["fetched"].as_u64().unwrap();
    // The new layer has 200 kB; helm alone would have 3 MB.
    assert!((200_000..240_000).contains(&fetched), "{fetched} bytes fetched");
    let size = fs::metadata(world.path("delta.tar.gz")).unwrap().len();
    assert!((200_000..260_000).contains(&size), "the delta has {size} bytes");
    success(world.run(&["artifact", "verify", "-a", "delta.tar.gz"]));

    let (code, stderr) = failure(world.run(&["artifact", "import", "-a", "delta.tar.gz", "--store", "store"]));
    assert_eq!(code, 4);
    for missing in ["component helm v3.22.0 amd64: 2.9 MiB", "image registry.test/team/other:v1: 1 blobs"] {
        assert!(stderr.contains(missing), "{stderr}");
    }
    assert!(!stderr.contains("team/app:v2"), "{stderr}");

    success(world.run(&["artifact", "import", "-a", "old.tar.gz", "--store", "store"]));
    success(world.run(&["artifact", "import", "-a", "delta.tar.gz", "--store", "store"]));
    for image in ["registry.test/team/app:v1", "registry.test/team/app:v2", "registry.test/team/other:v1"] {
        let source = format!("oci:{}:{image}", world.path("store").display());
        let target = format!("dir:{}", world.path("copy").display());
        let copied = Command::new("skopeo").args(["copy", &source, &target]).output().unwrap();
        assert!(copied.status.success(), "{image}: {}", String::from_utf8_lossy(&copied.stderr));
    }

    // The same lock gives the same delta, with everything in a cache or with nothing.
    success(world.export(&["-o", "new.tar.gz"]));
    success(world.export(&["--base", "old.tar.gz", "-o", "again.tar.gz"]));
    assert!(world.read("again.tar.gz") == world.read("delta.tar.gz"));
}
