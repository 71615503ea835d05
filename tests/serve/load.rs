//! `kk artifact images export` and `list`.

use kk::bundle::Spelling;
use kk::digest::Digest;

use crate::process::run;
use crate::world::World;

#[test]
fn skopeo_reads_the_tar_for_docker_load() {
    let world = World::new();
    world.bundle(Spelling::TarGz);
    let export =
        |file: &str| world.result(&["export", "-a", "images.tar.gz", "-o", file, "--platform", "arm64", "nginx:1.29"]);
    assert_eq!(export("one.tar")["platform"], "linux/arm64");
    export("other.tar");
    assert!(std::fs::read(world.path("one.tar")).unwrap() == std::fs::read(world.path("other.tar")).unwrap());
    let refused = world.images(&["export", "-a", "images.tar.gz", "-o", "one.tar", "--platform", "arm64", "nginx"]);
    assert_eq!(refused.status.code(), Some(8), "a tar that exists is not replaced unasked");

    let archive = format!("docker-archive:{}:docker.io/library/nginx:1.29", world.path("one.tar").display());
    let copy = world.path("copy");
    run("skopeo", &["copy", &archive, &format!("dir:{}", copy.display())]);
    let config = world.images[0].platforms[1].blobs[0];
    assert_eq!(
        Digest::of(&std::fs::read(copy.join(config.hex())).unwrap()),
        config,
        "the configuration is the image's"
    );
}

#[test]
fn one_platform_must_be_meant_and_be_there() {
    let world = World::new();
    world.bundle(Spelling::Tar);
    let several = world.images(&["export", "-a", "images.tar", "-o", "x.tar"]);
    assert_eq!(several.status.code(), Some(2));
    let absent = world.images(&["export", "-a", "images.tar", "-o", "x.tar", "--platform", "arm64"]);
    assert_eq!(absent.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&absent.stderr).contains("registry.k8s.io/pause:3.9 is not there for linux/arm64"));
    assert!(!world.path("x.tar").exists());
    let all = world.result(&["export", "-a", "images.tar", "-o", "x.tar", "--platform", "amd64"]);
    assert_eq!(all["images"], 3);
}

#[test]
fn images_are_listed_by_name() {
    let world = World::new();
    world.bundle(Spelling::TarZst);
    let listed = world.result(&["list", "-a", "images.tar.zst", "pause"]);
    let references: Vec<&str> =
        listed.as_array().unwrap().iter().map(|image| image["reference"].as_str().unwrap()).collect();
    assert_eq!(references, ["registry.k8s.io/pause:3.10", "registry.k8s.io/pause:3.9"]);
    assert_eq!(listed[0]["digest"], world.images[1].digest.to_string());
    let unknown = world.images(&["list", "-a", "images.tar.zst", "redis"]);
    assert_eq!(unknown.status.code(), Some(2));
}
