//! What is read from a registry, and how reading goes on after a break.

use futures::TryStreamExt;
use kk::event;
use kk::image::{Client, Platform, Pusher, Reference, RegistryError, Wanted, pull, resolve};

use crate::images::{self, Blobs};
use crate::server::Server;

fn asked(arches: &[&str]) -> Vec<Platform> {
    arches.iter().map(|arch| arch.parse().unwrap()).collect()
}

#[tokio::test]
async fn the_asked_platforms_are_resolved_and_their_bytes_kept() {
    let server = Server::plain();
    let client = Client::new(&server.access()).unwrap();
    let mut blobs = Blobs::default();
    let text = format!("127.0.0.1:{}/deep/name/image:v1", server.port);
    let image = images::indexed(&mut blobs, &text, 1, &["amd64", "arm64", "s390x"], 200_000);
    let wanted = Wanted { image: &image, repository: "deep/name/image".into(), tag: Some("v1".into()) };
    Pusher::new(client.clone(), 4, event::silent()).push_image(&blobs, &wanted).await.unwrap();

    let reference: Reference = text.parse().unwrap();
    let found = resolve(&client, reference.repository(), &reference, &asked(&["arm64", "amd64"])).await.unwrap();
    assert_eq!(found.to_inventory(), images::only(&image, &["amd64", "arm64"]));
    assert_eq!(found.documents.len(), 3);
    for document in &found.documents {
        assert_eq!(document.bytes, blobs.0[&document.digest]);
    }
    assert_eq!(found.blobs.len(), 5, "two configs, two layers and the shared one");
    for blob in &found.blobs {
        for offset in [0, 1, blob.size / 2, blob.size] {
            let stream = pull::fetch_blob(&client, "deep/name/image", blob.digest, blob.size, offset);
            let bytes: Vec<u8> = stream.map_ok(|bytes| bytes.to_vec()).try_concat().await.unwrap();
            assert_eq!(bytes, blobs.0[&blob.digest][offset as usize..]);
        }
    }

    let error = resolve(&client, reference.repository(), &reference, &asked(&["amd64", "riscv64"])).await.unwrap_err();
    insta::assert_snapshot!(error.to_string().replace(&server.port.to_string(), "PORT"), @"127.0.0.1:PORT/deep/name/image:v1 is not there for linux/riscv64; it is there for linux/amd64, linux/arm64, linux/s390x");
}

#[tokio::test]
async fn what_is_not_there_is_said_to_be_not_there() {
    let server = Server::plain();
    let client = Client::new(&server.access()).unwrap();
    let reference: Reference = format!("127.0.0.1:{}/a/b:v9", server.port).parse().unwrap();
    let error = resolve(&client, "a/b", &reference, &asked(&["amd64"])).await.unwrap_err();
    insta::assert_snapshot!(error.to_string().replace(&server.port.to_string(), "PORT"), @"registry 127.0.0.1:PORT does not have it (reading manifest v9 of a/b): MANIFEST_UNKNOWN: manifest unknown");
}

#[tokio::test]
async fn a_size_that_is_not_true_is_found_out() {
    let server = Server::plain();
    let client = Client::new(&server.access()).unwrap();
    let mut blobs = Blobs::default();
    let image = images::indexed(&mut blobs, "a.example/x:v1", 1, &["amd64"], 1000);
    let wanted = Wanted { image: &image, repository: "x".into(), tag: Some("v1".into()) };
    Pusher::new(client.clone(), 4, event::silent()).push_image(&blobs, &wanted).await.unwrap();
    let digest = image.platforms[0].blobs[2];
    let size = blobs.0[&digest].len() as u64;
    for wrong in [size - 1, size + 1] {
        let stream = pull::fetch_blob(&client, "x", digest, wrong, 0);
        let outcome = stream.try_fold((), async |(), _| Ok(())).await;
        assert!(outcome.is_err(), "{wrong}");
    }
    let stream = pull::fetch_blob(&client, "x", kk::digest::Digest::of(b"absent"), 6, 0);
    let outcome = stream.try_fold((), async |(), _| Ok(())).await;
    assert!(matches!(outcome, Err(RegistryError::NotFound { .. })));
}
