//! Programs that others wrote pull from a served bundle.

use kk::bundle::Spelling;
use kk::digest::Digest;
use kk::image::pull::fetch_blob;
use kk::image::{Client, RegistryAccess};

use futures::TryStreamExt;

use crate::process::{Serving, run};
use crate::server::{make_certificates, quick};
use crate::world::World;

#[test]
fn skopeo_copies_every_image_with_its_digest() {
    let world = World::new();
    for spelling in Spelling::ALL {
        let serving = Serving::of(&world.bundle(spelling));
        for image in &world.images {
            let address = format!("docker://{}/{}", serving.address, image.reference);
            let raw = run("skopeo", &["inspect", "--tls-verify=false", "--raw", &address]);
            assert_eq!(Digest::of(&raw), image.digest, "{}", image.reference);
            let copy = world.path("copy");
            let target = format!("dir:{}", copy.display());
            run("skopeo", &["copy", "--src-tls-verify=false", "--all", &address, &target]);
            for digest in image.platforms.iter().flat_map(|platform| &platform.blobs) {
                let bytes = std::fs::read(copy.join(digest.hex())).unwrap();
                assert_eq!(Digest::of(&bytes), *digest, "{}", image.reference);
            }
            std::fs::remove_dir_all(copy).unwrap();
        }
        let tags = run("skopeo", &["list-tags", "--tls-verify=false", &format!("docker://{}/pause", serving.address)]);
        let tags: serde_json::Value = serde_json::from_slice(&tags).unwrap();
        assert_eq!(tags["Tags"], serde_json::json!(["3.10", "3.9"]), "the bare name is told apart");
    }
}

#[tokio::test]
async fn https_is_believed_by_who_knows_the_authority() {
    let world = World::new();
    let ca = make_certificates(world.folder.path());
    let (certificate, key) = (world.path("cert.pem"), world.path("key.pem"));
    let flags = ["--tls-cert", certificate.to_str().unwrap(), "--tls-key", key.to_str().unwrap()];
    let serving = Serving::with(&world.bundle(Spelling::TarGz), &flags);
    assert!(serving.url.starts_with("https://"), "{}", serving.url);
    let access = RegistryAccess {
        host: format!("registry.test:{}", serving.port),
        address: Some([127, 0, 0, 1].into()),
        patience: quick(),
        ..RegistryAccess::default()
    };
    assert!(Client::new(&access).unwrap().login().await.is_err());
    let client = Client::new(&RegistryAccess { ca_pem: Some(ca), ..access }).unwrap();
    client.login().await.unwrap();
    let expected = &world.blobs.0[&world.layer()];
    let size = expected.len() as u64;
    for from in [0, 1_234_567] {
        let pieces = fetch_blob(&client, "docker.io/library/nginx", world.layer(), size, from);
        let bytes: Vec<bytes::Bytes> = pieces.try_collect().await.unwrap();
        assert!(bytes.concat() == expected[from as usize..]);
    }
}
