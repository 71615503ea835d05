//! Looking into a bundle, and checking it.

use std::fs;

use crate::world::{MANIFEST, World, failure, success};

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_is_shown_as_tables() {
    let world = World::new().await;
    success(world.export(&["-o", "one.tar"]));
    let shown = success(world.run(&["artifact", "inspect", "-a", "one.tar"]));
    // Sizes of compressed layers and what follows from them may differ with the compressor.
    let shown = shown.lines().filter(|line| !line.starts_with("digest ")).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(shown, @r"
    small for amd64

    COMPONENT    VERSION  ARCH   SIZE
    cri-dockerd  v0.4.0   amd64  3 B
    docker       28.0.0   amd64  488.3 KiB
    helm         v3.22.0  amd64  2.9 MiB

    IMAGE                        PLATFORMS    DIGEST               SIZE
    registry.test/team/app:v1    linux/amd64  sha256:4bf191b02844  207.5 KiB
    registry.test/team/other:v1  linux/amd64  sha256:bef82af01c05  207.3 KiB

    FILE           SIZE
    manifest.lock  4.0 KiB
    manifest.yaml  317 B
    sbom.cdx.json  8.0 KiB

    3 components 3.3 MiB, 2 images in 9 blobs 414.7 KiB, in all 3.8 MiB
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_bundle_is_whole_and_a_flipped_byte_is_found() {
    let world = World::new().await;
    success(world.export(&["-o", "one.tar"]));
    for arguments in
        [&["artifact", "verify", "-a", "one.tar"][..], &["artifact", "verify", "-a", "one.tar", "--sha256"]]
    {
        assert!(success(world.run(arguments)).starts_with("one.tar is whole: 3 components, 2 images"));
    }
    let mut bytes = world.read("one.tar");
    let helm = bytes.windows(24).position(|window| window == b"files/helm/v3.22.0/amd64").unwrap();
    let helm =
        bytes[helm + 24..].windows(24).position(|window| window == b"files/helm/v3.22.0/amd64").unwrap() + helm + 24;
    bytes[helm + 100_000] ^= 1;
    fs::write(world.path("bad.tar"), bytes).unwrap();
    let (code, stderr) = failure(world.run(&["artifact", "verify", "-a", "bad.tar"]));
    assert_eq!(code, 4);
    assert!(stderr.contains("bad.tar is damaged") && stderr.contains("component helm v3.22.0 amd64"), "{stderr}");

    let (code, stderr) = failure(world.run(&["artifact", "inspect", "-a", "manifest.yaml"]));
    assert_eq!(code, 4);
    assert!(stderr.contains("manifest.yaml"), "{stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_between_two_bundles_is_told() {
    let world = World::new().await;
    success(world.export(&["-o", "one.tar"]));
    world.push("team/app", "v1", 11, &["amd64", "arm64"]).await;
    world.write("manifest.yaml", &MANIFEST.replace("    helm: {version: v3.22.0}\n", ""));
    success(world.export(&["-o", "two.tar.gz", "--update-lock"]));

    let shown = success(world.run(&["artifact", "diff", "one.tar", "two.tar.gz"]));
    assert!(shown.contains("\nCOMPONENT\n- helm amd64: v3.22.0 ("), "{shown}");
    assert!(shown.contains("\nIMAGE\n~ registry.test/team/app:v1: sha256:4bf191b02844 -> sha256:"), "{shown}");
    assert!(shown.contains("\n~ manifest.lock: ") && !shown.contains("cri-dockerd"), "{shown}");
    assert!(shown.contains("a delta bundle carries 7 entries, "), "{shown}");

    let told = success(world.run(&["artifact", "diff", "one.tar", "two.tar.gz", "--output", "json"]));
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["components"][0]["name"], "helm amd64");
    // A config, a layer, a manifest and an index of 200 kB that only the new one has, its manifest, lock and bill of materials.
    assert_eq!((&told["delta"]["entries"], &told["delta"]["bytes"]), (&7.into(), &told["bytesAdded"]));

    assert!(success(world.run(&["artifact", "diff", "one.tar", "one.tar"])).ends_with("Both hold the same.\n"));
    success(world.run(&["artifact", "diff", "one.tar", "one.tar", "--exit-code"]));
    let (code, stderr) = failure(world.run(&["artifact", "diff", "one.tar", "two.tar.gz", "--exit-code"]));
    assert_eq!((code, stderr.as_str()), (10, "error: one.tar and two.tar.gz differ\n"));
}
