//! The answer to a request, as data (distribution specification, "Pull", "Content Discovery" and "Error Codes").

use hyper::header::{
    ACCEPT_RANGES, ALLOW, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue,
    IF_NONE_MATCH, IF_RANGE, LINK, RANGE,
};
use hyper::{Method, StatusCode};
use serde_json::json;

use super::page::Page;
use super::range::{Selection, select};
use super::route::{Name, Route, RouteError, encode, route};
use super::shelf::{Object, Repository, Shelf};
use crate::digest::Digest;

/// Where a registry says what the digest of its answer is.
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// By which older clients know a registry.
const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");

/// Where the list of referrers says which filter it is the result of.
const FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");

/// The media type of lists of referrers (image specification, image-index.md).
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// An answer to be sent.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    /// Content-Length and all else that belongs to the content included.
    pub headers: HeaderMap,
    pub content: Content,
}

/// What follows the headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    Nothing,
    Bytes(Vec<u8>),
    /// Bytes of a blob.
    Blob {
        digest: Digest,
        from: u64,
        length: u64,
    },
}

/// What a registry of this shelf answers.
pub fn answer(shelf: &Shelf, method: &Method, path: &str, query: Option<&str>, headers: &HeaderMap) -> Answer {
    let answer = if *method == Method::GET || *method == Method::HEAD {
        match route(path, query) {
            Ok(route) => look_up(shelf, &route, headers),
            Err(error) => Err(Refusal::of(error)),
        }
    } else {
        Err(Refusal::Method)
    };
    let mut answer = answer.unwrap_or_else(|refusal| refusal.answer());
    if *method == Method::HEAD {
        answer.content = Content::Nothing;
    }
    answer
}

fn look_up(shelf: &Shelf, route: &Route, headers: &HeaderMap) -> Result<Answer, Refusal> {
    let repository = |name: &Name| shelf.repository(name).ok_or(Refusal::NoName);
    match route {
        Route::Root => Ok(json_answer(&json!({}))),
        Route::Catalog(page) => {
            let names = shelf.names();
            let (part, next) = page.of(&names);
            Ok(linked(json_answer(&json!({ "repositories": part })), "/v2/_catalog", page, next, None))
        }
        Route::Tags(name, page) => {
            let tags = repository(name)?.tags();
            let (part, next) = page.of(&tags);
            let answer = json_answer(&json!({ "name": name.path, "tags": part }));
            let path = format!("/v2/{}/tags/list", name.path);
            Ok(linked(answer, &path, page, next, name.namespace.as_deref()))
        }
        Route::Manifest(name, target) => {
            let found = repository(name)?.manifest(target);
            let (digest, object) = object(shelf, found).ok_or(Refusal::NoManifest)?;
            Ok(send(digest, object, None, headers))
        }
        Route::Blob(name, digest) => {
            let found = repository(name)?.has_blob(digest).then_some(*digest);
            let (digest, object) = object(shelf, found).ok_or(Refusal::NoBlob)?;
            let range = headers.get(RANGE).and_then(|range| range.to_str().ok());
            let still_meant = |condition: &HeaderValue| condition.as_bytes() == tag(&digest).as_bytes();
            let range = range.filter(|_| headers.get(IF_RANGE).is_none_or(still_meant));
            Ok(send(digest, object, range.map(|range| select(range, object.size)), headers))
        }
        Route::Referrers(name, subject, kind) => Ok(referrers(repository(name)?, subject, kind.as_deref())),
        Route::Upload => Err(Refusal::Method),
    }
}

fn object(shelf: &Shelf, digest: Option<Digest>) -> Option<(Digest, &Object)> {
    digest.and_then(|digest| Some((digest, shelf.object(&digest)?)))
}

/// The answer with an object; without a selection it is one that is never sent in parts.
fn send(digest: Digest, object: &Object, selection: Option<Selection>, headers: &HeaderMap) -> Answer {
    let mut answer = Answer::empty(StatusCode::OK);
    answer.set(CONTENT_DIGEST, &digest.to_string());
    answer.set(ETAG, &tag(&digest));
    if is_known(headers, &digest) {
        answer.status = StatusCode::NOT_MODIFIED;
        answer.headers.remove(CONTENT_LENGTH);
        return answer;
    }
    // Layers are bytes to whoever asks for blobs; only manifests are told apart by their type.
    let is_manifest = selection.is_none();
    answer.set(CONTENT_TYPE, &object.media_type);
    answer.headers.insert(ACCEPT_RANGES, HeaderValue::from_static(if is_manifest { "none" } else { "bytes" }));
    let (from, length) = match selection.unwrap_or(Selection::Whole) {
        Selection::Whole => (0, object.size),
        Selection::Part { from, length } => {
            answer.status = StatusCode::PARTIAL_CONTENT;
            answer.set(CONTENT_RANGE, &format!("bytes {from}-{}/{}", from + length - 1, object.size));
            (from, length)
        }
        Selection::Nothing => return Refusal::Range { size: object.size }.answer(),
    };
    answer.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    answer.content = Content::Blob { digest, from, length };
    answer
}

/// The entity tag of content with this digest; a strong one.
fn tag(digest: &Digest) -> String {
    format!("\"{digest}\"")
}

/// Whether the client says that it has this content (RFC 9110, section 13.1.2).
fn is_known(headers: &HeaderMap, digest: &Digest) -> bool {
    let own = tag(digest);
    let lists = headers.get_all(IF_NONE_MATCH).iter().filter_map(|list| list.to_str().ok());
    lists.flat_map(|list| list.split(',')).map(str::trim).any(|known| {
        let known = known.strip_prefix("W/").unwrap_or(known);
        known == "*" || known == own
    })
}

fn referrers(repository: &Repository, subject: &Digest, kind: Option<&str>) -> Answer {
    let wanted = |of: Option<&str>| kind.is_none_or(|kind| of == Some(kind));
    let manifests: Vec<_> =
        repository.referrers(subject).iter().filter(|one| wanted(one.artifact_type.as_deref())).collect();
    let list = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests });
    let mut answer = json_answer(&list);
    answer.headers.insert(CONTENT_TYPE, HeaderValue::from_static(INDEX));
    if kind.is_some() {
        answer.headers.insert(FILTERS_APPLIED, HeaderValue::from_static("artifactType"));
    }
    answer
}

/// With the address of a list's next part.
fn linked(mut answer: Answer, path: &str, page: &Page, next: Option<&str>, namespace: Option<&str>) -> Answer {
    if let (Some(next), Some(most)) = (next, page.most) {
        let namespace = namespace.map(|one| format!("&ns={}", encode(one))).unwrap_or_default();
        answer.set(LINK, &format!("<{path}?n={most}&last={}{namespace}>; rel=\"next\"", encode(next)));
    }
    answer
}

fn json_answer(value: &serde_json::Value) -> Answer {
    let mut answer = Answer::empty(StatusCode::OK);
    let bytes = value.to_string().into_bytes();
    answer.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer.headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    answer.content = Content::Bytes(bytes);
    answer
}

impl Answer {
    fn empty(status: StatusCode) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(API_VERSION, HeaderValue::from_static("registry/2.0"));
        headers.insert(CONTENT_LENGTH, HeaderValue::from(0));
        Self { status, headers, content: Content::Nothing }
    }

    /// Media types come from inventories; one that no header can hold is left out.
    fn set(&mut self, name: HeaderName, value: &str) {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
    }
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug)]
pub(super) enum Refusal {
    Method,
    Elsewhere,
    Name,
    Digest,
    Tag,
    Page,
    Range {
        size: u64,
    },
    NoName,
    NoManifest,
    NoBlob,
    /// The content cannot be read any more.
    Unreadable,
}

impl Refusal {
    fn of(error: RouteError) -> Self {
        match error {
            RouteError::Elsewhere => Self::Elsewhere,
            RouteError::Name => Self::Name,
            RouteError::Digest => Self::Digest,
            RouteError::Target => Self::Tag,
            RouteError::Page => Self::Page,
        }
    }

    pub(super) fn answer(self) -> Answer {
        let (status, code, message) = match self {
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED", "this registry is read-only"),
            Self::Elsewhere => (StatusCode::NOT_FOUND, "UNSUPPORTED", "no endpoint of a registry is here"),
            Self::Name => (StatusCode::BAD_REQUEST, "NAME_INVALID", "this cannot be a repository's name"),
            Self::Digest => (StatusCode::BAD_REQUEST, "DIGEST_INVALID", "write sha256: and 64 lower-case hex digits"),
            Self::Tag => (StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN", "this is neither a tag nor a digest"),
            Self::Page => (StatusCode::BAD_REQUEST, "PAGINATION_NUMBER_INVALID", "n is a number, 0 or more"),
            Self::Range { .. } => {
                (StatusCode::RANGE_NOT_SATISFIABLE, "RANGE_INVALID", "the blob has none of the bytes asked for")
            }
            Self::NoName => (StatusCode::NOT_FOUND, "NAME_UNKNOWN", "the bundle has no such repository"),
            Self::NoManifest => (StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN", "the bundle has no such image"),
            Self::NoBlob => (StatusCode::NOT_FOUND, "BLOB_UNKNOWN", "no image of this repository has this blob"),
            Self::Unreadable => (StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN", "the bundle cannot be read"),
        };
        let mut answer = json_answer(&json!({ "errors": [{ "code": code, "message": message }] }));
        answer.status = status;
        match self {
            Self::Method => answer.set(ALLOW, "GET, HEAD"),
            Self::Range { size } => answer.set(CONTENT_RANGE, &format!("bytes */{size}")),
            _ => {}
        }
        answer
    }
}

#[cfg(test)]
mod tests;
