//! What a request asks for, told from its address (distribution specification, "Endpoints").

use super::page::Page;
use crate::digest::Digest;
use crate::image::reference::parse_tag;

/// An endpoint with its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `/v2/`: whether this is a registry.
    Root,
    /// `/v2/_catalog`: all repositories.
    Catalog(Page),
    /// `/v2/<name>/tags/list`
    Tags(Name, Page),
    /// `/v2/<name>/manifests/<tag or digest>`
    Manifest(Name, Target),
    /// `/v2/<name>/blobs/<digest>`
    Blob(Name, Digest),
    /// `/v2/<name>/referrers/<digest>`; with `artifactType`, those of this type alone.
    Referrers(Name, Digest, Option<String>),
    /// An endpoint of pushing.
    Upload,
}

/// The name of a repository as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    pub path: String,
    /// The registry that is mirrored: `ns`, as containerd sends it to mirrors.
    pub namespace: Option<String>,
}

/// What of a repository is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Tag(String),
    Digest(Digest),
}

/// Why an address leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteError {
    /// No endpoint of a registry.
    Elsewhere,
    /// The name is not one that a repository can have.
    Name,
    /// The digest is none that can be here: only SHA-256 is.
    Digest,
    /// Neither a tag nor a digest.
    Target,
    /// `n` is not a number.
    Page,
}

/// Longer names are no repository's here.
const LONGEST_NAME: usize = 255;

/// Reads an address: path and query as they came.
pub fn route(path: &str, query: Option<&str>) -> Result<Route, RouteError> {
    let path = decode(path).ok_or(RouteError::Elsewhere)?;
    let query = Query::read(query.unwrap_or_default());
    let rest = match path.strip_prefix("/v2") {
        Some("" | "/") => return Ok(Route::Root),
        Some(rest) => rest.strip_prefix('/').ok_or(RouteError::Elsewhere)?,
        None => return Err(RouteError::Elsewhere),
    };
    if rest == "_catalog" {
        return Ok(Route::Catalog(query.page()?));
    }
    let (rest, last) = rest.rsplit_once('/').ok_or(RouteError::Elsewhere)?;
    if rest.ends_with("/blobs/uploads") || last == "uploads" && rest.ends_with("/blobs") {
        return Ok(Route::Upload);
    }
    let (name, kind) = rest.rsplit_once('/').ok_or(RouteError::Elsewhere)?;
    let name = || {
        let name = Name { path: name.to_owned(), namespace: query.namespace.clone() };
        if is_name(&name.path) { Ok(name) } else { Err(RouteError::Name) }
    };
    let digest = || last.parse::<Digest>().map_err(|_| RouteError::Digest);
    match (kind, last) {
        ("tags", "list") => Ok(Route::Tags(name()?, query.page()?)),
        ("manifests", _) => Ok(Route::Manifest(name()?, target(last)?)),
        ("blobs", _) => Ok(Route::Blob(name()?, digest()?)),
        ("referrers", _) => Ok(Route::Referrers(name()?, digest()?, query.artifact_type)),
        _ => Err(RouteError::Elsewhere),
    }
}

fn target(text: &str) -> Result<Target, RouteError> {
    if text.contains(':') {
        return text.parse().map(Target::Digest).map_err(|_| RouteError::Digest);
    }
    parse_tag(text).map(Target::Tag).map_err(|_| RouteError::Target)
}

/// Whether a repository can have this name: lower-case letters and digits, in parts that `.`, `_`, `__` or dashes join,
/// parts of a path between slashes (distribution specification, "Pulling manifests").
fn is_name(name: &str) -> bool {
    let joined = |component: &str| {
        let mut words = component.split(|letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit());
        let outer = |joint: Option<&str>| joint.is_some_and(str::is_empty);
        let joint = |joint: &str| matches!(joint, "" | "." | "_" | "__") || joint.bytes().all(|byte| byte == b'-');
        !component.is_empty() && outer(words.next()) && outer(words.next_back()) && words.all(joint)
    };
    name.len() <= LONGEST_NAME && name.split('/').all(joined)
}

/// The parameters that mean something here; the last of each counts.
#[derive(Default)]
struct Query {
    most: Option<String>,
    after: Option<String>,
    namespace: Option<String>,
    artifact_type: Option<String>,
}

impl Query {
    fn read(text: &str) -> Self {
        let mut query = Self::default();
        for pair in text.split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let Some(value) = decode(&value.replace('+', " ")) else { continue };
            match key {
                "n" => query.most = Some(value),
                "last" => query.after = Some(value),
                "ns" => query.namespace = Some(value),
                "artifactType" => query.artifact_type = Some(value),
                _ => {}
            }
        }
        query.namespace = query.namespace.filter(|namespace| !namespace.is_empty());
        query.artifact_type = query.artifact_type.filter(|kind| !kind.is_empty());
        query
    }

    fn page(&self) -> Result<Page, RouteError> {
        let most = match self.most.as_deref() {
            Some(text) => Some(text.parse().map_err(|_| RouteError::Page)?),
            None => None,
        };
        Ok(Page { most, after: self.after.clone().filter(|after| !after.is_empty()) })
    }
}

/// Text in which `%41` stands for `A` (RFC 3986, section 2.1); `None` where it is not UTF-8.
fn decode(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_owned());
    }
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = match after {
            [high, low, ..] if *first == b'%' => digit(high).zip(digit(low)),
            _ => None,
        };
        match escaped {
            Some((high, low)) => {
                bytes.push(high << 4 | low);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

/// Text as it stands in a query, so that [`route`] reads it back.
pub(super) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(char::from(byte)),
            byte => out += &format!("%{byte:02X}"),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn name(path: &str) -> Name {
        Name { path: path.into(), namespace: None }
    }

    fn read(address: &str) -> Result<Route, RouteError> {
        match address.split_once('?') {
            Some((path, query)) => route(path, Some(query)),
            None => route(address, None),
        }
    }

    #[test]
    fn endpoints_are_told_apart() {
        let digest: Digest = format!("sha256:{HEX}").parse().unwrap();
        for address in ["/v2", "/v2/", "/v2/?x"] {
            assert_eq!(read(address), Ok(Route::Root), "{address}");
        }
        let tags = Route::Tags(name("registry.k8s.io/pause"), Page { most: Some(3), after: Some("a+".into()) });
        assert_eq!(read("/v2/registry.k8s.io/pause/tags/list?n=3&last=a%2B"), Ok(tags));
        let tag = Route::Manifest(name("a/manifests/b"), Target::Tag("v1".into()));
        assert_eq!(read("/v2/a/manifests/b/manifests/v1"), Ok(tag));
        let mirrored = Name { path: "library/nginx".into(), namespace: Some("docker.io".into()) };
        let asked = format!("/v2/library/nginx/blobs/sha256%3a{HEX}?ns=docker.io");
        assert_eq!(read(&asked), Ok(Route::Blob(mirrored, digest)));
        let of_type = format!("/v2/a/referrers/sha256:{HEX}?artifactType=application%2Fspdx%2Bjson");
        assert_eq!(read(&of_type), Ok(Route::Referrers(name("a"), digest, Some("application/spdx+json".into()))));
        assert_eq!(read("/v2/_catalog"), Ok(Route::Catalog(Page::default())));
        for address in ["/v2/a/blobs/uploads/", "/v2/a/blobs/uploads/1-2", "/v2/a/blobs/uploads"] {
            assert_eq!(read(address), Ok(Route::Upload), "{address}");
        }
    }

    #[test]
    fn what_leads_nowhere_says_why() {
        for (address, error) in [
            ("/", RouteError::Elsewhere),
            ("/v1/search", RouteError::Elsewhere),
            ("/v2/a", RouteError::Elsewhere),
            ("/v2/a/b/c", RouteError::Elsewhere),
            ("/v2x/a/tags/list", RouteError::Elsewhere),
            ("/v2/%ff/tags/list", RouteError::Elsewhere),
            ("/v2/../tags/list", RouteError::Name),
            ("/v2/A/tags/list", RouteError::Name),
            ("/v2/a//b/tags/list", RouteError::Name),
            ("/v2/a.-b/tags/list", RouteError::Name),
            ("/v2/a/blobs/sha256:12", RouteError::Digest),
            ("/v2/a/manifests/sha512:12", RouteError::Digest),
            ("/v2/a/manifests/.x", RouteError::Target),
            ("/v2/a/tags/list?n=-1", RouteError::Page),
        ] {
            assert_eq!(read(address), Err(error), "{address}");
        }
        assert!(is_name("a__b/c--d/e.f") && !is_name("a___b") && !is_name("a-") && !is_name(&"a".repeat(256)));
    }

    proptest::proptest! {
        #[test]
        fn any_address_is_read(path in "/v2/[a-z./%0-9]{0,40}", query in "\\PC{0,40}", all in "\\PC{0,60}") {
            let _ = (route(&path, Some(&query)), route(&all, None));
        }

        #[test]
        fn what_is_encoded_is_read_back(text in "\\PC{0,20}") {
            assert_eq!(decode(&encode(&text)), Some(text));
        }
    }
}
