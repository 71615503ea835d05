//! What a push leaves in the registry, and what it does not do twice.

use std::process::Command;
use std::sync::{Arc, Mutex};

use kk::event::{self, Event, Events, Sink};
use kk::image::{Client, Platform, Pusher, RegistryError, Wanted, pull, resolve};

use crate::images::{self, Blobs};
use crate::server::{Options, PASSWORD, Server, USER};

fn wanted<'a>(image: &'a kk::bundle::inventory::Image, repository: &str, tag: &str) -> Wanted<'a> {
    Wanted { image, repository: repository.into(), tag: Some(tag.into()) }
}

#[derive(Default)]
struct Kept(Mutex<Vec<Event>>);

impl Sink for Kept {
    fn emit(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

impl Kept {
    fn moved(&self) -> u64 {
        let moved = |event: &Event| if let Event::BytesMoved { bytes } = event { *bytes } else { 0 };
        self.0.lock().unwrap().iter().map(moved).sum()
    }

    fn notes(&self) -> usize {
        self.0.lock().unwrap().iter().filter(|event| matches!(event, Event::Note { .. })).count()
    }
}

fn skopeo(arguments: &[&str]) -> String {
    let output = Command::new("skopeo").args(arguments).output().expect("skopeo is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn an_index_arrives_byte_for_byte_and_skopeo_reads_it() {
    let server = Server::plain();
    let client = Client::new(&server.access()).unwrap();
    let mut blobs = Blobs::default();
    let image = images::indexed(&mut blobs, "registry.k8s.io/pause:3.10.1", 1, &["amd64", "arm64"], 3_000_000);
    let kept = Arc::new(Kept::default());
    let events: Events = kept.clone();
    let pusher = Pusher::new(client.clone(), 4, events);
    let wanted = wanted(&image, "registry.k8s.io/pause", "3.10.1");

    assert_eq!(pusher.missing(&blobs, std::slice::from_ref(&wanted)).await.unwrap(), [0]);
    let pushed = pusher.push_image(&blobs, &wanted).await.unwrap();
    assert!(pushed.changed && !pushed.reduced);
    let sizes: u64 = image
        .platforms
        .iter()
        .flat_map(|platform| &platform.blobs)
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .map(|digest| blobs.0[digest].len() as u64)
        .sum();
    assert_eq!((pushed.bytes, kept.moved()), (sizes, sizes));

    assert!(!pusher.push_image(&blobs, &wanted).await.unwrap().changed);
    assert_eq!(pusher.missing(&blobs, &[wanted]).await.unwrap(), [0usize; 0]);
    assert_eq!(kept.moved(), sizes, "what was found is not reported again");

    let address = format!("docker://127.0.0.1:{}/registry.k8s.io/pause:3.10.1", server.port);
    let raw = skopeo(&["inspect", "--tls-verify=false", "--raw", &address]);
    assert_eq!(raw.as_bytes(), blobs.0[&image.digest]);
    let seen = skopeo(&["inspect", "--tls-verify=false", "--override-arch", "arm64", &address]);
    assert!(seen.contains("\"Architecture\": \"arm64\""), "{seen}");
    let copy = format!("dir:{}", server.directory.path().join("copy").display());
    skopeo(&["copy", "--src-tls-verify=false", "--all", &address, &copy]);
}

#[tokio::test]
async fn what_the_registry_holds_need_not_be_at_hand() {
    let server = Server::plain();
    let client = Client::new(&server.access()).unwrap();
    let mut blobs = Blobs::default();
    let image = images::indexed(&mut blobs, "registry.k8s.io/pause:3.10.1", 1, &["amd64"], 300_000);
    let pusher = Pusher::new(client.clone(), 4, event::silent());
    pusher.push_image(&blobs, &wanted(&image, "registry.k8s.io/pause", "3.10.1")).await.unwrap();

    // A delta leaves config and layers out; its image goes to another repository.
    let absent = image.platforms[0].blobs.clone();
    blobs.0.retain(|digest, _| !absent.contains(digest));
    let target = wanted(&image, "mirror/pause", "3.10.1");
    assert!(Pusher::new(client.clone(), 4, event::silent()).push_image(&blobs, &target).await.is_err());

    let pusher = Pusher::new(client.clone(), 4, event::silent());
    let nowhere = kk::digest::Digest::of(b"nowhere");
    let candidates = |digest| (digest, vec!["no/such".to_owned(), "registry.k8s.io/pause".to_owned()]);
    let asked: Vec<_> = absent.iter().copied().chain([nowhere]).map(candidates).collect();
    let found = pusher.find_blobs(&asked).await.unwrap();
    assert!(absent.iter().all(|digest| found.contains(digest)) && !found.contains(&nowhere));
    let pushed = pusher.push_image(&blobs, &target).await.unwrap();
    assert_eq!((pushed.changed, pushed.bytes), (true, 0));
    let address = format!("docker://127.0.0.1:{}/mirror/pause:3.10.1", server.port);
    skopeo(&[
        "copy",
        "--src-tls-verify=false",
        &address,
        &format!("dir:{}", server.directory.path().join("copy").display()),
    ]);
}

#[tokio::test]
async fn what_images_share_is_sent_once() {
    let server = Server::plain();
    let client = Client::new(&server.access()).unwrap();
    let mut blobs = Blobs::default();
    let images: Vec<_> = (1..=8)
        .map(|seed| images::indexed(&mut blobs, &format!("a.example/i{seed}:v1"), seed, &["amd64"], 1000))
        .collect();
    let pusher = Pusher::new(client, 8, event::silent());
    let pushes = images.iter().enumerate().map(async |(position, image)| {
        let wanted = wanted(image, &format!("a.example/i{position}"), "v1");
        pusher.push_image(&blobs, &wanted).await.unwrap().bytes
    });
    let sent: u64 = futures::future::join_all(pushes).await.into_iter().sum();
    let unique: std::collections::BTreeSet<_> =
        images.iter().flat_map(|image| &image.platforms).flat_map(|platform| &platform.blobs).collect();
    let sizes: u64 = unique.into_iter().map(|digest| blobs.0[digest].len() as u64).sum();
    assert_eq!(sent, sizes, "a shared layer was sent more than once or not mounted");
}

#[tokio::test]
async fn absent_platforms_do_not_stand_in_the_way() {
    let server = Server::plain();
    let client = Client::new(&server.access()).unwrap();
    for (repository, arches) in [("one", &["amd64"][..]), ("two", &["amd64", "arm64"])] {
        let mut blobs = Blobs::default();
        let whole = images::indexed(&mut blobs, "a.example/sparse:v1", 1, &["amd64", "arm64", "s390x"], 1000);
        let image = images::only(&whole, arches);
        let kept = Arc::new(Kept::default());
        let events: Events = kept.clone();
        let pusher = Pusher::new(client.clone(), 2, events);
        let wanted = wanted(&image, repository, "v1");
        let pushed = pusher.push_image(&blobs, &wanted).await.unwrap();
        // Debian's registry insists on all platforms; a newer one may be told not to.
        assert!(pushed.changed && pushed.reduced);
        assert_eq!(kept.notes(), 1);
        assert!(!pusher.push_image(&blobs, &wanted).await.unwrap().changed);
        let address = format!("docker://127.0.0.1:{}/{repository}:v1", server.port);
        for arch in arches {
            let seen = skopeo(&["inspect", "--tls-verify=false", "--override-arch", arch, &address]);
            assert!(seen.contains(&format!("\"Architecture\": \"{arch}\"")), "{seen}");
        }
        // A later bundle that carries more makes it whole.
        let pushed = pusher.push_image(&blobs, &Wanted { image: &whole, ..wanted }).await.unwrap();
        assert!(pushed.changed && !pushed.reduced);
    }
}

#[tokio::test]
async fn a_pinned_image_keeps_its_digest_or_is_refused() {
    let server = Server::plain();
    let client = Client::new(&server.access()).unwrap();
    let pusher = Pusher::new(client.clone(), 2, event::silent());
    let mut blobs = Blobs::default();
    let mut image = images::indexed(&mut blobs, "x", 1, &["amd64", "arm64"], 1000);
    image.reference = format!("a.example/pinned@{}", image.digest);
    let wanted = Wanted { image: &image, repository: "pinned".into(), tag: None };
    assert!(pusher.push_image(&blobs, &wanted).await.unwrap().changed);
    let reference = image.reference.parse().unwrap();
    let found = resolve(&client, "pinned", &reference, &["arm64".parse::<Platform>().unwrap()]).await.unwrap();
    assert_eq!(found.digest, image.digest);

    let sparse = images::only(&image, &["amd64"]);
    let wanted = Wanted { image: &sparse, repository: "pinned-sparse".into(), tag: None };
    let error = pusher.push_image(&blobs, &wanted).await.unwrap_err();
    assert!(matches!(error, RegistryError::SparseIndex { .. }), "{error}");
}

#[tokio::test]
async fn an_image_without_an_index_is_pushed_too() {
    let server = Server::start(&Options { login: true, tls: true, ..Default::default() });
    let client = Client::new(&server.access_as(USER, PASSWORD)).unwrap();
    client.login().await.unwrap();
    let mut blobs = Blobs::default();
    let (manifest, _, parts) = images::add_platform(&mut blobs, 7, "amd64", 2000);
    let image = kk::bundle::inventory::Image {
        reference: "a.example/single:v1".into(),
        digest: manifest,
        media_type: images::OCI_MANIFEST.into(),
        platforms: vec![kk::bundle::inventory::Platform { platform: "linux/amd64".into(), manifest, blobs: parts }],
    };
    let pusher = Pusher::new(client.clone(), 2, event::silent());
    assert!(pusher.push_image(&blobs, &wanted(&image, "single", "v1")).await.unwrap().changed);
    assert!(!pusher.push_image(&blobs, &wanted(&image, "single", "v1")).await.unwrap().changed);
    let reference = image.reference.parse().unwrap();
    let found = resolve(&client, "single", &reference, &["amd64".parse::<Platform>().unwrap()]).await.unwrap();
    assert_eq!(found.to_inventory(), image);
    let document = pull::fetch_manifest(&client, "single", "v1", None).await.unwrap();
    assert_eq!(document.bytes, blobs.0[&manifest]);
}

#[tokio::test]
async fn bytes_that_cannot_be_read_are_named() {
    let server = Server::plain();
    let client = Client::new(&server.access()).unwrap();
    let mut blobs = Blobs::default();
    let image = images::indexed(&mut blobs, "a.example/broken:v1", 3, &["amd64"], 3_000_000);
    let layer = image.platforms[0].blobs[2];
    blobs.0.get_mut(&layer).unwrap().truncate(2_000_000);
    let pusher = Pusher::new(client.clone(), 2, event::silent());
    let error = pusher.push_image(&blobs, &wanted(&image, "broken", "v1")).await.unwrap_err();
    assert!(matches!(&error, RegistryError::Source { digest, .. } if *digest == layer), "{error}");
    assert!(error.to_string().contains("a.example/broken:v1"), "{error}");
    // A changed byte is found by the registry.
    let mut blobs = Blobs::default();
    let image = images::indexed(&mut blobs, "a.example/broken:v1", 3, &["amd64"], 3_000_000);
    blobs.0.get_mut(&layer).unwrap()[1_500_000] ^= 1;
    let error = pusher.push_image(&blobs, &wanted(&image, "broken", "v1")).await.unwrap_err();
    assert!(matches!(&error, RegistryError::Refused { said, .. } if said.code == "DIGEST_INVALID"), "{error}");
}
