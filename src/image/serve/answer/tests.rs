use super::super::shelf::Referrer;
use super::super::shelf::tests::{MANIFEST, inventory};
use super::*;
use crate::bundle::Inventory;

struct World {
    inventory: Inventory,
    shelf: Shelf,
}

fn world() -> World {
    let inventory = inventory(&["registry.k8s.io/pause:3.10", "registry.k8s.io/pause:3.9", "quay.io/a/b:v1"]);
    let shelf = Shelf::of(&inventory, |_| true);
    World { inventory, shelf }
}

impl World {
    fn ask(&self, method: Method, address: &str, headers: &[(HeaderName, &str)]) -> Answer {
        let headers = headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()));
        let (path, query) = address.split_once('?').map_or((address, None), |(path, query)| (path, Some(query)));
        answer(&self.shelf, &method, path, query, &headers.collect())
    }

    fn get(&self, address: &str) -> Answer {
        self.ask(Method::GET, address, &[])
    }
}

fn text(answer: &Answer) -> &str {
    match &answer.content {
        Content::Bytes(bytes) => std::str::from_utf8(bytes).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn header(answer: &Answer, name: impl hyper::header::AsHeaderName) -> &str {
    answer.headers.get(name).map_or("", |value| value.to_str().unwrap())
}

#[test]
fn lists_are_given_in_parts() {
    let world = world();
    assert_eq!(text(&world.get("/v2/")), "{}");
    let all = world.get("/v2/_catalog");
    assert_eq!(text(&all), r#"{"repositories":["quay.io/a/b","registry.k8s.io/pause"]}"#);
    assert_eq!((header(&all, LINK), header(&all, CONTENT_TYPE)), ("", "application/json"));
    let first = world.get("/v2/_catalog?n=1");
    assert_eq!(text(&first), r#"{"repositories":["quay.io/a/b"]}"#);
    assert_eq!(header(&first, LINK), r#"</v2/_catalog?n=1&last=quay.io/a/b>; rel="next""#);
    let tags = world.get("/v2/pause/tags/list?n=1&ns=registry.k8s.io");
    assert_eq!(text(&tags), r#"{"name":"pause","tags":["3.10"]}"#);
    assert_eq!(header(&tags, LINK), r#"</v2/pause/tags/list?n=1&last=3.10&ns=registry.k8s.io>; rel="next""#);
    assert_eq!(text(&world.get("/v2/pause/tags/list?n=0")), r#"{"name":"pause","tags":[]}"#);
}

#[test]
fn a_manifest_is_found_by_tag_and_digest() {
    let world = world();
    let image = &world.inventory.images[0];
    let size = world.inventory.blob(&image.digest).unwrap().size;
    for target in ["3.10".to_owned(), image.digest.to_string()] {
        let found = world.get(&format!("/v2/registry.k8s.io/pause/manifests/{target}"));
        assert_eq!(found.status, StatusCode::OK);
        assert_eq!(found.content, Content::Blob { digest: image.digest, from: 0, length: size });
        assert_eq!(header(&found, CONTENT_TYPE), MANIFEST);
        assert_eq!(header(&found, CONTENT_DIGEST), image.digest.to_string());
        assert_eq!(header(&found, CONTENT_LENGTH), size.to_string());
    }
    let head = world.ask(Method::HEAD, "/v2/registry.k8s.io/pause/manifests/3.10", &[]);
    assert_eq!((head.content.clone(), header(&head, CONTENT_LENGTH)), (Content::Nothing, size.to_string().as_str()));
    let known = format!("\"x\", W/\"{}\"", image.digest);
    let again = world.ask(Method::GET, "/v2/registry.k8s.io/pause/manifests/3.10", &[(IF_NONE_MATCH, &known)]);
    assert_eq!((again.status, again.content), (StatusCode::NOT_MODIFIED, Content::Nothing));
}

#[test]
fn a_blob_is_sent_whole_or_in_part() {
    let world = world();
    let layer = world.inventory.blobs[1].digest;
    let address = format!("/v2/quay.io/a/b/blobs/{layer}");
    let ask = |headers: &[(HeaderName, &str)]| world.ask(Method::GET, &address, headers);
    assert_eq!(ask(&[]).content, Content::Blob { digest: layer, from: 0, length: 5 });
    let part = ask(&[(RANGE, "bytes=1-2")]);
    assert_eq!(part.status, StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.content, Content::Blob { digest: layer, from: 1, length: 2 });
    assert_eq!((header(&part, CONTENT_RANGE), header(&part, CONTENT_LENGTH)), ("bytes 1-2/5", "2"));
    let beyond = ask(&[(RANGE, "bytes=5-")]);
    assert_eq!((beyond.status, header(&beyond, CONTENT_RANGE)), (StatusCode::RANGE_NOT_SATISFIABLE, "bytes */5"));
    let same = format!("\"{layer}\"");
    assert_eq!(ask(&[(RANGE, "bytes=1-2"), (IF_RANGE, &same)]).status, StatusCode::PARTIAL_CONTENT);
    assert_eq!(ask(&[(RANGE, "bytes=1-2"), (IF_RANGE, "\"other\"")]).status, StatusCode::OK);
}

#[test]
fn refusals_say_why_in_the_words_of_the_specification() {
    let world = world();
    let foreign = world.inventory.images[0].digest;
    let mut told = String::new();
    for (method, address) in [
        (Method::GET, "/favicon.ico".to_owned()),
        (Method::GET, "/v2/nothing/tags/list".to_owned()),
        (Method::GET, "/v2/No/tags/list".to_owned()),
        (Method::GET, "/v2/pause/manifests/v0".to_owned()),
        (Method::GET, format!("/v2/quay.io/a/b/manifests/{foreign}")),
        (Method::GET, format!("/v2/pause/blobs/{foreign}")),
        (Method::GET, "/v2/pause/blobs/sha256:0".to_owned()),
        (Method::GET, "/v2/pause/tags/list?n=x".to_owned()),
        (Method::POST, "/v2/pause/blobs/uploads/".to_owned()),
        (Method::PUT, "/v2/pause/manifests/v1".to_owned()),
        (Method::DELETE, "/v2/pause/manifests/v1".to_owned()),
        (Method::GET, "/v2/pause/blobs/uploads/1".to_owned()),
    ] {
        let answer = world.ask(method.clone(), &address, &[]);
        let address = address.replace(&foreign.to_string(), "DIGEST");
        told += &format!("{method} {address}: {} {}\n", answer.status.as_u16(), text(&answer));
    }
    insta::assert_snapshot!(told, @r#"
    GET /favicon.ico: 404 {"errors":[{"code":"UNSUPPORTED","message":"no endpoint of a registry is here"}]}
    GET /v2/nothing/tags/list: 404 {"errors":[{"code":"NAME_UNKNOWN","message":"the bundle has no such repository"}]}
    GET /v2/No/tags/list: 400 {"errors":[{"code":"NAME_INVALID","message":"this cannot be a repository's name"}]}
    GET /v2/pause/manifests/v0: 404 {"errors":[{"code":"MANIFEST_UNKNOWN","message":"the bundle has no such image"}]}
    GET /v2/quay.io/a/b/manifests/DIGEST: 404 {"errors":[{"code":"MANIFEST_UNKNOWN","message":"the bundle has no such image"}]}
    GET /v2/pause/blobs/DIGEST: 404 {"errors":[{"code":"BLOB_UNKNOWN","message":"no image of this repository has this blob"}]}
    GET /v2/pause/blobs/sha256:0: 400 {"errors":[{"code":"DIGEST_INVALID","message":"write sha256: and 64 lower-case hex digits"}]}
    GET /v2/pause/tags/list?n=x: 400 {"errors":[{"code":"PAGINATION_NUMBER_INVALID","message":"n is a number, 0 or more"}]}
    POST /v2/pause/blobs/uploads/: 405 {"errors":[{"code":"UNSUPPORTED","message":"this registry is read-only"}]}
    PUT /v2/pause/manifests/v1: 405 {"errors":[{"code":"UNSUPPORTED","message":"this registry is read-only"}]}
    DELETE /v2/pause/manifests/v1: 405 {"errors":[{"code":"UNSUPPORTED","message":"this registry is read-only"}]}
    GET /v2/pause/blobs/uploads/1: 405 {"errors":[{"code":"UNSUPPORTED","message":"this registry is read-only"}]}
    "#);
}

#[test]
fn referrers_are_listed_by_type() {
    let mut world = world();
    let (subject, referrer) = (world.inventory.images[0].digest, world.inventory.images[1].digest);
    let address = format!("/v2/pause/referrers/{subject}");
    let empty = world.get(&address);
    assert_eq!(header(&empty, CONTENT_TYPE), INDEX);
    assert!(text(&empty).ends_with(r#""manifests":[]}"#));
    let known = Referrer {
        media_type: MANIFEST.into(),
        digest: referrer,
        size: 3,
        artifact_type: Some("application/spdx+json".into()),
        annotations: Default::default(),
    };
    world.shelf.refer(subject, &known);
    world.shelf.refer(subject, &known);
    let list: serde_json::Value = serde_json::from_str(text(&world.get(&address))).unwrap();
    assert_eq!(list["manifests"].as_array().unwrap().len(), 1);
    assert_eq!(list["manifests"][0]["artifactType"], "application/spdx+json");
    let none = world.get(&format!("{address}?artifactType=other"));
    assert!(text(&none).ends_with(r#""manifests":[]}"#));
    assert_eq!(header(&none, FILTERS_APPLIED), "artifactType");
    let elsewhere = world.get(&format!("/v2/quay.io/a/b/referrers/{subject}"));
    assert!(text(&elsewhere).ends_with(r#""manifests":[]}"#));
}
