//! Image references, read as Docker and containerd read them.
//!
//! The grammar is that of the distribution project (`reference` package): `[host[:port]/]path[:tag][@digest]`, where
//! a name without a host is one of docker.io and a docker.io name without a namespace is one of `library`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digest::Digest;

/// The registry that is meant where a reference names none.
pub const DOCKER_HUB: &str = "docker.io";

/// The longest repository name, host included, that registries accept.
const LONGEST_NAME: usize = 255;

/// The longest tag (distribution specification, "Pulling manifests").
const LONGEST_TAG: usize = 128;

/// A fully qualified image reference. Its `Display` is the name under which the image is known everywhere in `kk`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    host: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

/// A text that is no image reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not an image reference: {reason}")]
pub struct ReferenceError {
    /// The offending text, cut to a length that fits a message.
    pub text: String,
    pub reason: String,
}

impl Reference {
    /// The registry as written in references: `docker.io`, `localhost:5000`.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The name inside the registry: `library/nginx`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag; `latest` where the text had neither tag nor digest.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// What a registry is asked for: the digest where there is one, else the tag.
    pub fn target(&self) -> String {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => digest.to_string(),
            (None, Some(tag)) => tag.clone(),
            (None, None) => "latest".into(),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.host, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(formatter, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(formatter, "@{digest}")?;
        }
        Ok(())
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).map_err(|reason| ReferenceError { text: text.chars().take(300).collect(), reason })
    }
}

fn parse(text: &str) -> Result<Reference, String> {
    if text.is_empty() {
        return Err("it is empty".into());
    }
    if text.contains("://") {
        return Err("it begins with a scheme; write only host/name:tag".into());
    }
    if let Some(odd) = text.chars().find(|letter| letter.is_whitespace() || letter.is_control()) {
        return Err(format!("it contains {odd:?}"));
    }
    let (rest, digest) = match text.split_once('@') {
        Some((rest, digest)) => (rest, Some(parse_digest(digest)?)),
        None => (text, None),
    };
    let (name, tag) = match rest.rsplit_once(':') {
        // A colon before a slash stands before a port.
        Some((name, tag)) if !tag.contains('/') => (name, Some(parse_tag(tag)?)),
        _ => (rest, None),
    };
    if name.len() == 64 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Err("64 hex digits are an image ID, and no registry can be asked for one".into());
    }
    let (host, repository) = match name.split_once('/') {
        Some((first, path)) if names_a_host(first) => (first, path.to_string()),
        Some(_) => (DOCKER_HUB, name.to_string()),
        None => (DOCKER_HUB, name.to_string()),
    };
    let host = if host == "index.docker.io" { DOCKER_HUB } else { host };
    let repository =
        if host == DOCKER_HUB && !repository.contains('/') { format!("library/{repository}") } else { repository };
    check_host(host)?;
    check_repository(&repository)?;
    if host.len() + 1 + repository.len() > LONGEST_NAME {
        return Err(format!("its name is longer than {LONGEST_NAME} characters"));
    }
    let tag = if tag.is_none() && digest.is_none() { Some("latest".to_string()) } else { tag };
    Ok(Reference { host: host.to_string(), repository, tag, digest })
}

/// Whether the part before the first slash is a registry rather than a namespace of Docker Hub.
fn names_a_host(first: &str) -> bool {
    first == "localhost" || first.contains(['.', ':', '[']) || first.bytes().any(|byte| byte.is_ascii_uppercase())
}

fn parse_digest(text: &str) -> Result<Digest, String> {
    match text.split_once(':') {
        Some(("sha256", _)) => text.parse::<Digest>().map_err(|error| error.to_string()),
        Some((algorithm, _)) => Err(format!("its digest is of the kind \"{algorithm}\"; only sha256 is supported")),
        None => Err("after the \"@\" stands a digest: sha256: and 64 lower-case hex digits".into()),
    }
}

/// A tag is at most 128 letters, digits, `_`, `.` and `-`, and does not begin with `.` or `-`.
pub(crate) fn parse_tag(tag: &str) -> Result<String, String> {
    if tag.is_empty() {
        return Err("its tag is empty".into());
    }
    if tag.len() > LONGEST_TAG {
        return Err(format!("its tag is longer than {LONGEST_TAG} characters"));
    }
    if tag.starts_with(['.', '-']) {
        return Err(format!("its tag begins with \"{}\"", &tag[..1]));
    }
    match tag.chars().find(|letter| !(letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.' | '-'))) {
        Some(odd) => Err(format!("its tag contains {odd:?}")),
        None => Ok(tag.to_string()),
    }
}

fn check_host(host: &str) -> Result<(), String> {
    if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(format!("the registry's name \"{host}\" has upper-case letters; write it in lower case"));
    }
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => {
            let (address, after) = rest.split_once(']').ok_or("the registry's IPv6 address has no \"]\"")?;
            if address.parse::<std::net::Ipv6Addr>().is_err() {
                return Err(format!("\"{address}\" is not an IPv6 address"));
            }
            let port = match after {
                "" => None,
                after => {
                    Some(after.strip_prefix(':').ok_or("after the registry's IPv6 address stands a port or nothing")?)
                }
            };
            (None, port)
        }
        None => match host.split_once(':') {
            Some((name, port)) => (Some(name), Some(port)),
            None => (Some(host), None),
        },
    };
    if let Some(port) = port
        && !(port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0))
    {
        return Err(format!("the registry's port \"{port}\" is not a number from 1 to 65535"));
    }
    let labels_fit = |name: &str| {
        name.split('.').all(|label| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
    };
    match name {
        Some(name) if !labels_fit(name) => Err(format!("\"{name}\" is not a host name")),
        _ => Ok(()),
    }
}

/// Path components are lower-case letters and digits, parted by `.`, `_`, `__` or dashes.
pub(crate) fn check_repository(repository: &str) -> Result<(), String> {
    if repository.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err("its name has upper-case letters; registries accept lower case only".into());
    }
    repository.split('/').try_for_each(check_component)
}

fn check_component(component: &str) -> Result<(), String> {
    if component.is_empty() {
        return Err("its name has an empty part between slashes".into());
    }
    let word = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    if let Some(odd) = component
        .chars()
        .find(|letter| !(letter.is_ascii_lowercase() || letter.is_ascii_digit() || matches!(letter, '.' | '_' | '-')))
    {
        return Err(format!("its name contains {odd:?}"));
    }
    let bytes = component.as_bytes();
    if !bytes.first().is_some_and(word) || !bytes.last().is_some_and(word) {
        return Err(format!("\"{component}\" begins or ends with a separator"));
    }
    let separators = component.split(|letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit());
    for separator in separators.filter(|separator| !separator.is_empty()) {
        let dashes = separator.bytes().all(|byte| byte == b'-');
        if !(dashes || matches!(separator, "." | "_" | "__")) {
            return Err(format!("\"{component}\" has the separators \"{separator}\" in a row"));
        }
    }
    Ok(())
}

impl Serialize for Reference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Reference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,80}", named in "[a-z.:/@\\[\\]_-]{1,40}(:[a-zA-Z.-]{1,9})?") {
            for text in [text, named] {
                if let Ok(found) = text.parse::<Reference>() {
                    proptest::prop_assert_eq!(found.to_string().parse::<Reference>().unwrap(), found);
                }
            }
        }
    }

    const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn short_names_are_completed_as_docker_does() {
        for (text, full) in [
            ("nginx", "docker.io/library/nginx:latest"),
            ("nginx:1.29", "docker.io/library/nginx:1.29"),
            ("bitnami/etcd", "docker.io/bitnami/etcd:latest"),
            ("docker.io/nginx", "docker.io/library/nginx:latest"),
            ("index.docker.io/a/b", "docker.io/a/b:latest"),
            ("localhost/a", "localhost/a:latest"),
            ("localhost:5000/a/b", "localhost:5000/a/b:latest"),
            ("localhost:5000", "docker.io/library/localhost:5000"),
            ("registry.k8s.io/pause:3.10.1", "registry.k8s.io/pause:3.10.1"),
            ("registry.k8s.io/coredns/coredns:v1.12.4", "registry.k8s.io/coredns/coredns:v1.12.4"),
            ("[::1]:5000/a__b/c--d", "[::1]:5000/a__b/c--d:latest"),
            ("10.0.0.1/a.b_c", "10.0.0.1/a.b_c:latest"),
        ] {
            assert_eq!(text.parse::<Reference>().unwrap().to_string(), full, "{text}");
        }
    }

    #[test]
    fn digests_stand_alone_or_beside_a_tag() {
        let pinned: Reference = format!("quay.io/a/b@sha256:{HEX}").parse().unwrap();
        assert_eq!(pinned.to_string(), format!("quay.io/a/b@sha256:{HEX}"));
        assert_eq!(pinned.tag(), None);
        let both: Reference = format!("quay.io:443/a/b:v1@sha256:{HEX}").parse().unwrap();
        assert_eq!(both.to_string(), format!("quay.io:443/a/b:v1@sha256:{HEX}"));
        assert_eq!((both.host(), both.repository(), both.tag()), ("quay.io:443", "a/b", Some("v1")));
        assert_eq!(both.target(), format!("sha256:{HEX}"));
    }

    #[test]
    fn a_full_name_reads_as_itself() {
        for text in ["nginx", "a.example:1/b/c:d", &format!("a/b@sha256:{HEX}")] {
            let once: Reference = text.parse().unwrap();
            assert_eq!(once.to_string().parse::<Reference>().unwrap(), once);
        }
    }

    fn reason(text: &str) -> String {
        text.parse::<Reference>().unwrap_err().reason
    }

    #[test]
    fn what_is_illegal_is_explained() {
        insta::assert_snapshot!(reason("Nginx"), @"its name has upper-case letters; registries accept lower case only");
        insta::assert_snapshot!(reason("quay.io/A/b"), @"its name has upper-case letters; registries accept lower case only");
        insta::assert_snapshot!(reason("Quay.io/a"), @r#"the registry's name "Quay.io" has upper-case letters; write it in lower case"#);
        insta::assert_snapshot!(reason("https://quay.io/a"), @"it begins with a scheme; write only host/name:tag");
        insta::assert_snapshot!(reason("a b"), @"it contains ' '");
        insta::assert_snapshot!(reason("a/b:"), @"its tag is empty");
        insta::assert_snapshot!(reason("a/b:-x"), @r#"its tag begins with "-""#);
        insta::assert_snapshot!(reason("a/b:é"), @"its tag contains 'é'");
        insta::assert_snapshot!(reason("a//b"), @"its name has an empty part between slashes");
        insta::assert_snapshot!(reason("quay.io/"), @"its name has an empty part between slashes");
        insta::assert_snapshot!(reason("a/b_-c"), @r#""b_-c" has the separators "_-" in a row"#);
        insta::assert_snapshot!(reason("a/.."), @r#"".." begins or ends with a separator"#);
        insta::assert_snapshot!(reason("host.example:99999/a"), @r#"the registry's port "99999" is not a number from 1 to 65535"#);
        insta::assert_snapshot!(reason("-x.example/a"), @r#""-x.example" is not a host name"#);
        insta::assert_snapshot!(reason("a@sha512:00"), @r#"its digest is of the kind "sha512"; only sha256 is supported"#);
        insta::assert_snapshot!(reason("a@sha256:00"), @r#""00" is not a digest: expected sha256: and 64 lower-case hex digits"#);
        insta::assert_snapshot!(reason(HEX), @"64 hex digits are an image ID, and no registry can be asked for one");
        insta::assert_snapshot!(reason(&format!("a/{}", "b".repeat(300))), @"its name is longer than 255 characters");
        assert!("".parse::<Reference>().is_err());
        assert!(format!("a:{}", "t".repeat(129)).parse::<Reference>().is_err());
    }
}
