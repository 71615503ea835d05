//! Downloads against a server that has good and bad days.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use kk::digest::Digest;
use kk::event::silent;
use kk::fetch::mirror::MirrorRules;
use kk::fetch::{Cache, Cached, Client, Expected, FetchError, Retry};

use crate::fileserver::{Fault, FileServer};

struct World {
    server: FileServer,
    folder: tempfile::TempDir,
    cache: Option<Arc<Cache>>,
    client: Client,
}

impl World {
    async fn new() -> Self {
        let server = FileServer::start().await;
        let folder = tempfile::tempdir().unwrap();
        let cache = Some(Arc::new(Cache::open(folder.path().to_owned(), &silent()).await.unwrap()));
        let rules = format!("*={}", server.base());
        let silence = Duration::from_millis(500);
        let retry = Retry { tries: 3, longest_wait: Duration::from_millis(5), silence, ..Retry::default() };
        let client = Client::new(MirrorRules::parse([rules.as_str()]).unwrap(), retry).unwrap();
        Self { server, folder, cache, client }
    }

    /// As another process would find it.
    async fn reopen(&mut self) {
        self.cache = None;
        self.cache = Some(Arc::new(Cache::open(self.folder.path().to_owned(), &silent()).await.unwrap()));
    }

    async fn get(&self, expected: &Expected) -> Result<Cached, FetchError> {
        self.client.download(self.cache.as_ref().unwrap(), "https://example.org/tool", expected, &silent()).await
    }
}

const PATH: &str = "/example.org/tool";

fn body() -> Vec<u8> {
    (0..3_000_000u32).map(|number| (number % 251) as u8).collect()
}

fn known(bytes: &[u8]) -> Expected {
    Expected { sha256: Some(Digest::of(bytes)), size: Some(bytes.len() as u64) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_fetched_once() {
    let world = World::new().await;
    world.server.put(PATH, body());
    let cached = world.get(&known(&body())).await.unwrap();
    assert_eq!(fs::read(&cached.path).unwrap(), body());
    assert_eq!(world.get(&known(&body())).await.unwrap(), cached);
    assert_eq!(world.server.take_log(), [format!("GET {PATH}")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_for_twice_is_fetched_once() {
    let world = World::new().await;
    world.server.put(PATH, body());
    let expected = known(&body());
    let (one, other) = tokio::join!(world.get(&expected), world.get(&expected));
    assert_eq!(one.unwrap(), other.unwrap());
    assert_eq!(world.server.take_log().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_cut_is_continued() {
    let world = World::new().await;
    world.server.put(PATH, body());
    world.server.fail(PATH, &[Fault::CutAfter(1_000_000), Fault::CutAfter(500_000), Fault::Status(503, "")]);
    let cached = world.get(&known(&body())).await.unwrap();
    assert_eq!(cached.measured.sha256, Digest::of(&body()));
    let log = world.server.take_log();
    assert_eq!(log.len(), 4, "{log:?}");
    assert_eq!(log[0], format!("GET {PATH}"));
    assert!(log[1..].iter().all(|line| line.contains("bytes=")), "{log:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_process_continues_what_one_left() {
    let mut world = World::new().await;
    world.server.put(PATH, body());
    world.server.fail(PATH, &[Fault::CutAfter(1_000_000), Fault::Status(404, "")]);
    assert!(world.get(&known(&body())).await.is_err());
    world.server.take_log();
    world.reopen().await;
    world.get(&known(&body())).await.unwrap();
    assert_eq!(world.server.take_log(), [format!("GET {PATH} bytes=1000000-")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changed_meanwhile_is_begun_anew() {
    let mut world = World::new().await;
    world.server.put(PATH, body());
    world.server.fail(PATH, &[Fault::CutAfter(1_000_000), Fault::Status(404, "")]);
    let expected = Expected { size: None, ..known(b"other") };
    assert!(world.get(&expected).await.is_err());
    world.server.put(PATH, "other");
    world.reopen().await;
    assert_eq!(fs::read(world.get(&expected).await.unwrap().path).unwrap(), b"other");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_ranges_is_asked_for_the_whole() {
    let world = World::new().await;
    world.server.put(PATH, body());
    world.server.fail(PATH, &[Fault::CutAfter(1_000_000), Fault::IgnoreRange]);
    assert_eq!(world.get(&known(&body())).await.unwrap().measured.sha256, Digest::of(&body()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_waited_for_as_it_asks_and_not_for_ever() {
    let world = World::new().await;
    world.server.put(PATH, "x");
    world.server.fail(PATH, &[Fault::Status(429, "Retry-After: 0\r\n"), Fault::Status(500, "")]);
    world.get(&known(b"x")).await.unwrap();

    world.server.put("/example.org/tool", "y");
    world.server.fail(PATH, &vec![Fault::Status(503, ""); 9]);
    let error = world.get(&known(b"y")).await.unwrap_err();
    assert!(matches!(error, FetchError::Status { status: 503, .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_bytes_never_reach_the_cache() {
    let world = World::new().await;
    world.server.put(PATH, "evil");
    let error = world.get(&known(b"good")).await.unwrap_err();
    assert!(matches!(error, FetchError::Digest { .. }), "{error}");
    let cache = world.cache.as_ref().unwrap();
    assert_eq!(cache.find(&Digest::of(b"good")).unwrap(), None);
    assert_eq!(cache.find(&Digest::of(b"evil")).unwrap(), None);

    world.server.fail(PATH, &[Fault::Html]);
    let error = world.get(&Expected::default()).await.unwrap_err();
    assert!(matches!(error, FetchError::Html { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_digest_the_server_is_asked_whether_the_file_changed() {
    let world = World::new().await;
    world.server.put(PATH, "one");
    let first = world.get(&Expected::default()).await.unwrap();
    assert_eq!(world.get(&Expected::default()).await.unwrap(), first);
    world.server.put(PATH, "two");
    let second = world.get(&Expected::default()).await.unwrap();
    assert_eq!(second.measured.sha256, Digest::of(b"two"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_said_at_once() {
    let world = World::new().await;
    let error = world.client.probe("https://example.org/none").await.unwrap_err();
    assert!(error.is_absent(), "{error}");
    assert_eq!(error.to_string(), format!("{}/example.org/none answered 404", world.server.base()));
    world.server.put("/example.org/sums", "abc");
    assert_eq!(world.client.probe("https://example.org/sums").await.unwrap().size, Some(3));
    assert_eq!(world.client.text("https://example.org/sums").await.unwrap(), "abc");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_falls_silent_is_asked_again() {
    let world = World::new().await;
    world.server.put(PATH, body());
    world.server.fail(PATH, &[Fault::StallAfter(1_000_000)]);
    world.get(&known(&body())).await.unwrap();
    assert_eq!(world.server.take_log(), [format!("GET {PATH}"), format!("GET {PATH} bytes=1000000-")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_followed_and_resumed_through() {
    let world = World::new().await;
    world.server.put("/cdn/tool", body());
    world.server.fail(PATH, &[Fault::Status(302, "Location: /cdn/tool?token=secret\r\n"), Fault::Status(404, "")]);
    world.server.put("/cdn/tool?token=secret", body());
    world.server.fail("/cdn/tool?token=secret", &[Fault::CutAfter(700_000)]);
    let error = world.get(&known(&body())).await.unwrap_err();
    assert!(error.is_absent() && !error.to_string().contains("secret"), "{error}");
    world.server.fail(PATH, &[Fault::Status(302, "Location: /cdn/tool?token=secret\r\n")]);
    world.get(&known(&body())).await.unwrap();
    assert!(world.server.take_log().contains(&"GET /cdn/tool?token=secret bytes=700000-".to_owned()));
}
