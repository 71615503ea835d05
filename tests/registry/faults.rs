//! Bad days: errors that pass and errors that do not, cut connections, redirects, proxies.

use std::time::{Duration, Instant};

use futures::TryStreamExt;
use kk::bundle::inventory;
use kk::digest::Digest;
use kk::event;
use kk::image::registry::Patience;
use kk::image::{Client, Pusher, RegistryAccess, RegistryError, Wanted, pull};

use crate::double::{Double, Reply, reply};
use crate::images::{self, Blobs, noise};
use crate::server::{PASSWORD, Server, USER};

fn manifest() -> Vec<u8> {
    format!(r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[]}}"#, images::OCI_INDEX).into_bytes()
}

fn ok() -> Reply {
    reply(200).with("content-type", images::OCI_INDEX).body(manifest())
}

#[tokio::test]
async fn what_may_pass_is_tried_again() {
    for (status, calls) in [(429, 3), (503, 3), (500, 3), (408, 3), (403, 1), (404, 1), (400, 1)] {
        let double = Double::start(move |seen, before| match seen.path.as_str() {
            "/v2/" => reply(200),
            _ if before < 2 => reply(status),
            _ => ok(),
        })
        .await;
        let client = Client::new(&double.access()).unwrap();
        let outcome = pull::fetch_manifest(&client, "a", "v1", None).await;
        assert_eq!(double.count("GET /v2/a/manifests/v1"), calls, "{status}");
        assert_eq!(outcome.is_ok(), calls == 3, "{status}");
    }
}

#[tokio::test]
async fn a_registrys_wish_to_wait_is_honoured() {
    let double = Double::start(|seen, before| match (seen.path.as_str(), before) {
        ("/v2/", _) => reply(200),
        ("/v2/a/manifests/v1", 0) => reply(429).with("retry-after", "1"),
        ("/v2/a/manifests/v1", _) => ok(),
        _ => reply(429).with("retry-after", "86400").body("come back tomorrow"),
    })
    .await;
    let client = Client::new(&double.access()).unwrap();
    let begin = Instant::now();
    pull::fetch_manifest(&client, "a", "v1", None).await.unwrap();
    assert!(begin.elapsed() >= Duration::from_secs(1));
    let error = pull::fetch_manifest(&client, "b", "v1", None).await.unwrap_err();
    assert!(matches!(error, RegistryError::TooManyRequests { .. }));
    assert!(error.to_string().ends_with("come back tomorrow"), "{error}");
    assert_eq!(double.count("GET /v2/b"), 1);
    let agent = format!("kk/{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(double.seen()[0].header("user-agent"), Some(agent.as_str()));
}

#[tokio::test]
async fn a_cut_blob_is_taken_up_where_it_broke() {
    for honours_range in [true, false] {
        let content = noise(5, 100_000);
        let kept = content.clone();
        let double = Double::start(move |seen, before| {
            let start =
                seen.header("range").and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
            let start: usize = if honours_range { start.unwrap_or(0) } else { 0 };
            let mut answer = reply(if start > 0 { 206 } else { 200 }).body(&kept[start..]);
            if start > 0 {
                answer = answer.with("content-range", format!("bytes {start}-{}/{}", kept.len() - 1, kept.len()));
            }
            match seen.path.as_str() {
                "/v2/" => reply(200),
                // Each answer breaks, and a little later each time.
                _ if before < 4 => {
                    Reply { cut: Some(if honours_range { 20_000 } else { 20_000 * (before + 1) }), ..answer }
                }
                _ => answer,
            }
        })
        .await;
        let client = Client::new(&double.access()).unwrap();
        let stream = pull::fetch_blob(&client, "a", Digest::of(&content), 100_000, 10);
        let bytes: Vec<u8> = stream.map_ok(|bytes| bytes.to_vec()).try_concat().await.unwrap();
        assert!(bytes == content[10..], "range honoured: {honours_range}");
    }
}

#[tokio::test]
async fn a_blob_that_never_comes_is_given_up() {
    let double = Double::start(|seen, _| match seen.path.as_str() {
        "/v2/" => reply(200),
        _ => Reply { cut: Some(0), ..reply(200).body(noise(1, 1000)) },
    })
    .await;
    let client = Client::new(&double.access()).unwrap();
    let outcome = pull::fetch_blob(&client, "a", Digest::of(b""), 1000, 0).try_fold((), async |(), _| Ok(())).await;
    assert!(matches!(outcome, Err(RegistryError::Transport { .. })), "{outcome:?}");
    assert_eq!(double.count("GET /v2/a"), 3);
}

#[tokio::test]
async fn silence_has_an_end() {
    let double = Double::start(|_, _| Reply { silent: true, ..Default::default() }).await;
    let patience = Patience { silence: Duration::from_millis(100), attempts: 1, ..double.access().patience };
    let client = Client::new(&RegistryAccess { patience, ..double.access() }).unwrap();
    assert!(matches!(client.login().await, Err(RegistryError::Timeout { .. })));
}

#[tokio::test]
async fn other_bytes_than_asked_for_are_refused() {
    let double = Double::start(|seen, _| match seen.path.as_str() {
        "/v2/" => reply(200),
        "/v2/a/manifests/announced" => ok().with("docker-content-digest", Digest::of(b"other").to_string()),
        "/v2/a/manifests/large" => ok().body(vec![b' '; 9 << 20]),
        _ => ok(),
    })
    .await;
    let client = Client::new(&double.access()).unwrap();
    let other = Digest::of(b"other");
    let by_digest = pull::fetch_manifest(&client, "a", &other.to_string(), Some(&other)).await;
    assert!(matches!(by_digest, Err(RegistryError::Digest { expected, .. }) if expected == other));
    let announced = pull::fetch_manifest(&client, "a", "announced", None).await;
    assert!(matches!(announced, Err(RegistryError::Digest { .. })));
    let large = pull::fetch_manifest(&client, "a", "large", None).await;
    assert!(matches!(large, Err(RegistryError::Manifest { .. })));
}

#[tokio::test]
async fn credentials_never_follow_a_redirect_to_another_host() {
    let store = Double::start(|_, _| reply(200).body("layer")).await;
    let target = format!("http://localhost:{}/store?signature=abc", store.port);
    let double = Double::start(move |seen, _| match (seen.path.as_str(), seen.header("authorization")) {
        (_, None) => reply(401).with("www-authenticate", "Basic realm=\"x\""),
        ("/v2/", _) => reply(200),
        _ => reply(307).with("location", target.clone()),
    })
    .await;
    let access = RegistryAccess {
        username: Some(USER.into()),
        password: Some(PASSWORD.to_string().into()),
        connected: true,
        ..double.access()
    };
    let read = async |client: &Client| {
        let stream = pull::fetch_blob(client, "a", Digest::of(b"layer"), 5, 0);
        stream.map_ok(|bytes| bytes.to_vec()).try_concat().await
    };
    assert_eq!(read(&Client::new(&access).unwrap()).await.unwrap(), b"layer");
    assert_eq!(store.seen().len(), 1);
    assert_eq!(store.seen()[0].header("authorization"), None);

    // Inside the gap nothing but the registry is asked.
    let inside = Client::new(&RegistryAccess { connected: false, ..access }).unwrap();
    let error = read(&inside).await.unwrap_err();
    assert!(error.to_string().contains("other host localhost"), "{error}");
    assert!(!error.to_string().contains("signature"), "{error}");
    assert_eq!(store.seen().len(), 1);
}

/// What a push needs of a double: every blob and manifest is absent, every upload begins at `/upload`.
fn taking(seen_path: &str, method: &str) -> Reply {
    match (method, seen_path) {
        ("GET", "/v2/") => reply(200),
        ("HEAD", _) => reply(404),
        ("POST", _) => reply(202).with("location", "/upload?_state=secret-state"),
        _ => reply(201),
    }
}

fn one_image(blobs: &mut Blobs) -> inventory::Image {
    images::indexed(blobs, "a.example/x:v1", 1, &["amd64"], 5_000_000)
}

#[tokio::test]
async fn a_broken_upload_begins_anew() {
    let double = Double::start(|seen, before| match (seen.method.as_str(), before) {
        ("PUT", 0) if seen.path.starts_with("/upload") => Reply { hang_up_after: Some(100), ..Default::default() },
        ("PUT", 1) if seen.path.starts_with("/upload") => reply(502),
        _ => taking(&seen.path, &seen.method),
    })
    .await;
    let mut blobs = Blobs::default();
    let image = one_image(&mut blobs);
    let client = Client::new(&double.access()).unwrap();
    let wanted = Wanted { image: &image, repository: "x".into(), tag: Some("v1".into()) };
    Pusher::new(client, 3, event::silent()).push_image(&blobs, &wanted).await.unwrap();
    assert_eq!(double.count("PUT /upload"), 9, "three blobs, each at the third attempt");
    for digest in &image.platforms[0].blobs {
        let path = format!("/upload?_state=secret-state&digest={}", digest.to_string().replace(':', "%3A"));
        let last = double.seen().into_iter().rfind(|seen| seen.path == path).unwrap();
        assert!(last.body == blobs.0[digest]);
    }
    let last = double.seen().pop().unwrap();
    assert_eq!((last.path.as_str(), last.header("content-type")), ("/v2/x/manifests/v1", Some(images::OCI_INDEX)));
    assert_eq!(last.body, blobs.0[&image.digest]);
}

#[tokio::test]
async fn an_uploads_state_is_never_told() {
    let double = Double::start(|seen, _| match seen.path.starts_with("/upload") {
        true => reply(403).body(r#"{"errors":[{"code":"DENIED","message":"quota is used up"}]}"#),
        false => taking(&seen.path, &seen.method),
    })
    .await;
    let mut blobs = Blobs::default();
    let image = one_image(&mut blobs);
    let client = Client::new(&double.access()).unwrap();
    let wanted = Wanted { image: &image, repository: "x".into(), tag: Some("v1".into()) };
    let error = Pusher::new(client, 1, event::silent()).push_image(&blobs, &wanted).await.unwrap_err();
    assert!(error.to_string().ends_with("DENIED: quota is used up"), "{error}");
    assert!(!format!("{error:?}").contains("secret-state"), "{error:?}");
}

#[tokio::test]
async fn a_declined_mount_is_an_upload() {
    for answer in [202, 401, 404, 500] {
        let double = Double::start(move |seen, _| match (seen.method.as_str(), seen.path.contains("mount=")) {
            ("POST", true) => reply(answer).with("location", "/upload?_state=declined"),
            ("DELETE", _) => reply(204),
            _ => taking(&seen.path, &seen.method),
        })
        .await;
        let mut blobs = Blobs::default();
        let image = one_image(&mut blobs);
        let client = Client::new(&double.access()).unwrap();
        let pusher = Pusher::new(client, 2, event::silent());
        for repository in ["x", "y"] {
            let wanted = Wanted { image: &image, repository: repository.into(), tag: Some("v1".into()) };
            pusher.push_image(&blobs, &wanted).await.unwrap();
        }
        assert_eq!(double.count("PUT /upload"), 6, "{answer}");
        assert_eq!(double.count("POST /v2/y/blobs/uploads/?mount"), 3, "{answer}");
        assert_eq!(double.count("DELETE"), if answer == 202 { 3 } else { 0 });
    }
}

#[tokio::test]
async fn proxies_count_on_the_connected_side_only() {
    if std::env::var_os("KK_TEST_WITH_PROXY").is_none() {
        let server = Server::plain();
        let output = tokio::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "faults::proxies_count_on_the_connected_side_only"])
            .env("KK_TEST_WITH_PROXY", server.port.to_string())
            .env("HTTP_PROXY", "http://127.0.0.1:1")
            .env("http_proxy", "http://127.0.0.1:1")
            .env_remove("NO_PROXY")
            .env_remove("no_proxy")
            .output()
            .await
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        return;
    }
    let host = format!("127.0.0.1:{}", std::env::var("KK_TEST_WITH_PROXY").unwrap());
    let inside = RegistryAccess { host, plain_http: true, patience: crate::server::quick(), ..Default::default() };
    Client::new(&inside).unwrap().login().await.unwrap();
    let connected = RegistryAccess { connected: true, ..inside };
    let error = Client::new(&connected).unwrap().login().await.unwrap_err();
    assert!(matches!(error, RegistryError::Connect { .. }), "{error}");
}
