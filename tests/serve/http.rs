//! What clients see on the wire: parts of blobs, conditions, mirrors; and what happens when something is amiss.

use std::io::Write;
use std::net::TcpStream;
use std::os::unix::fs::FileExt;

use kk::bundle::Spelling;
use kk::image::tls::{Trust, client_config};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode};

use crate::process::{Serving, read_some};
use crate::world::World;

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    bytes: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

fn client() -> reqwest::Client {
    let tls = client_config(Trust::Public).unwrap();
    reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy().build().unwrap()
}

async fn ask(serving: &Serving, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = client().request(method, format!("{}{path}", serving.url));
    for (name, value) in headers {
        let name: HeaderName = name.parse().unwrap();
        request = request.header(name, HeaderValue::from_str(value).unwrap());
    }
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    Answer { status, headers, bytes: response.bytes().await.unwrap().to_vec() }
}

#[tokio::test]
async fn any_part_of_a_blob_is_given_in_every_spelling() {
    let world = World::new();
    for spelling in Spelling::ALL {
        let serving = Serving::of(&world.bundle(spelling));
        for digest in &world.images[0].platforms[0].blobs {
            let whole = &world.blobs.0[digest];
            let path = format!("/v2/docker.io/library/nginx/blobs/{digest}");
            let last = whole.len() - 1;
            for (from, to) in [(0, last), (0, 0), (last, last), (last / 2, last), (last / 3, last / 2), (1, 2)] {
                let range = format!("bytes={from}-{to}");
                let part = ask(&serving, Method::GET, &path, &[("range", &range)]).await;
                assert_eq!(part.status, StatusCode::PARTIAL_CONTENT);
                assert_eq!(part.header("content-range"), format!("bytes {from}-{to}/{}", whole.len()));
                assert!(part.bytes == whole[from..=to], "{digest} {range} of {spelling:?}");
            }
            let beyond = ask(&serving, Method::GET, &path, &[("range", &format!("bytes={}-", whole.len()))]).await;
            assert_eq!(beyond.status, StatusCode::RANGE_NOT_SATISFIABLE);
        }
    }
}

#[tokio::test]
async fn heads_conditions_and_mirrors() {
    let world = World::new();
    let serving = Serving::of(&world.bundle(Spelling::TarZst));
    let image = &world.images[1];
    let size = world.blobs.0[&image.digest].len().to_string();
    let whole = "/v2/registry.k8s.io/pause/manifests/3.10";
    for path in [whole, "/v2/pause/manifests/3.10?ns=registry.k8s.io", "/v2/pause/manifests/3.10"] {
        let head = ask(&serving, Method::HEAD, path, &[]).await;
        assert_eq!((head.status, head.header("content-length"), head.bytes.len()), (StatusCode::OK, size.as_str(), 0));
        assert_eq!(head.header("docker-content-digest"), image.digest.to_string());
        let again = ask(&serving, Method::GET, path, &[("if-none-match", head.header("etag"))]).await;
        assert_eq!((again.status, again.bytes.len()), (StatusCode::NOT_MODIFIED, 0));
        assert_eq!(ask(&serving, Method::GET, path, &[]).await.bytes, world.blobs.0[&image.digest]);
    }
    let foreign = ask(&serving, Method::GET, "/v2/pause/manifests/3.10?ns=quay.io", &[]).await;
    assert_eq!(foreign.status, StatusCode::NOT_FOUND);
    let refused = ask(&serving, Method::POST, "/v2/pause/blobs/uploads/", &[]).await;
    assert_eq!((refused.status, refused.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD"));
    assert!(serving.stop().success(), "Ctrl-C is how it ends");
}

#[tokio::test]
async fn what_refers_to_an_image_is_found() {
    let mut world = World::new();
    let bill = world.attach();
    let serving = Serving::of(&world.bundle(Spelling::TarGz));
    let path = format!("/v2/library/nginx/referrers/{}", world.images[0].digest);
    for (query, count) in [("", 1), ("?artifactType=application/spdx%2Bjson", 1), ("?artifactType=other", 0)] {
        let answer = ask(&serving, Method::GET, &format!("{path}{query}"), &[]).await;
        let list: serde_json::Value = serde_json::from_slice(&answer.bytes).unwrap();
        let found = list["manifests"].as_array().unwrap();
        assert_eq!(found.len(), count, "{query}");
        assert!(found.iter().all(|one| one["digest"] == bill.to_string()), "{list}");
    }
}

#[tokio::test]
async fn a_bundle_that_changes_meanwhile_is_never_given_whole() {
    let world = World::new();
    let path = world.bundle(Spelling::Tar);
    let serving = Serving::of(&path);
    let layer = &world.blobs.0[&world.layer()];
    let bundle = std::fs::read(&path).unwrap();
    let at = bundle.windows(64).position(|window| window == &layer[1_000_000..1_000_064]).unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(&[!layer[1_000_000]], at as u64).unwrap();

    let mut stream = TcpStream::connect(&serving.address).unwrap();
    let request = format!("GET /v2/library/nginx/blobs/{} HTTP/1.1\r\nHost: x\r\n\r\n", world.layer());
    stream.write_all(request.as_bytes()).unwrap();
    let answer = read_some(&stream);
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    assert!(answer.len() - head < layer.len(), "{} of {}", answer.len() - head, layer.len());
    let warning = serving.line("message");
    assert!(warning["message"].as_str().unwrap().contains(&world.layer().hex()), "{warning}");
}

#[tokio::test]
async fn many_clients_at_once_take_bounded_memory() {
    let world = World::new();
    let serving = Serving::of(&world.bundle(Spelling::TarGz));
    let before = serving.most_memory();
    let digests: Vec<_> = world.images[0].platforms.iter().map(|platform| platform.blobs[2]).collect();
    let client = client();
    let pulls = (0..200).map(|number| {
        let digest = digests[number % digests.len()];
        let request = client.get(format!("{}/v2/library/nginx/blobs/{digest}", serving.url));
        let expected = world.blobs.0[&digest].len();
        async move { assert_eq!(request.send().await.unwrap().bytes().await.unwrap().len(), expected) }
    });
    futures::future::join_all(pulls).await;
    let (most, mib) = (serving.most_memory(), 1 << 20);
    assert!(most < 128 * mib, "{} MiB, {} before", most / mib, before / mib);
}

#[test]
fn requests_that_make_no_sense_are_refused_and_the_next_one_is_served() {
    let world = World::new();
    let serving = Serving::of(&world.bundle(Spelling::Tar));
    let long = format!("GET /v2/ HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n\r\n", "x".repeat(100_000));
    let many = format!("GET /v2/ HTTP/1.1\r\nHost: x\r\n{}\r\n", "X-Many: x\r\n".repeat(200));
    for request in ["\0\x01\x02\r\n\r\n", "GET\r\n\r\n", &long, &many] {
        let mut stream = TcpStream::connect(&serving.address).unwrap();
        // The other side may have hung up before all is written.
        let _ = stream.write_all(request.as_bytes());
        let answer = String::from_utf8_lossy(&read_some(&stream)).into_owned();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    let mut stream = TcpStream::connect(&serving.address).unwrap();
    stream.write_all(b"GET /v2/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    assert!(read_some(&stream).starts_with(b"HTTP/1.1 200"));
}
