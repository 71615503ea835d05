//! Looking into a bundle, and checking it.

use std::fs;

use crate::world::{World, failure, success};

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

    3 components 3.3 MiB, 2 images in 9 blobs 414.7 KiB, in all 3.7 MiB
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
