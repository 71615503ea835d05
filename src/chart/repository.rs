//! Repositories of charts: where an HTTP repository's index says that a chart lies, and what registries call it.

use std::fmt;

use reqwest::Url;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, de};

use super::archive::{first_line, same_version};
use crate::digest::Digest;

/// The largest index that is read, in bytes. The largest public ones have about 20 MB.
pub const LARGEST_INDEX: usize = 32 << 20;
/// Of a chart's archive in a registry (Helm's documentation, "Helm Registries", "Chart archive").
pub const ARCHIVE_MEDIA_TYPE: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";

/// Where a chart's archive lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    pub url: String,
    /// As the index has it, where it has one.
    pub digest: Option<Digest>,
}

/// Why an index does not say where a chart is.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RepositoryError {
    #[error("its index.yaml cannot be read: {reason}")]
    Faulty { reason: String },
    #[error("it has no chart {name}")]
    NoChart { name: String },
    #[error("it has no version {version} of {name}{}", nearby(.known))]
    NoVersion { name: String, version: String, known: Vec<String> },
    #[error("its index.yaml names {url:?} for {name} {version}, which is no address of a file")]
    Address { name: String, version: String, url: String },
}

fn nearby(known: &[String]) -> String {
    if known.is_empty() { String::new() } else { format!("; it has {}", known.join(", ")) }
}

/// One version of a chart in an index.
#[derive(Deserialize)]
struct Version {
    version: String,
    #[serde(default)]
    urls: Vec<String>,
    #[serde(default)]
    digest: Option<String>,
}

/// The address of a repository's index.
pub fn index_url(repository: &str) -> String {
    format!("{}/index.yaml", repository.trim_end_matches('/'))
}

/// Finds one version of a chart in the text of an index. Of all other charts nothing is kept.
pub fn find(index: &str, repository: &str, name: &str, version: &str) -> Result<Published, RepositoryError> {
    let budget = serde_saphyr::budget! {
        max_events: 20_000_000,
        max_nodes: 20_000_000,
        max_total_scalar_bytes: LARGEST_INDEX,
    };
    let options = serde_saphyr::options! { budget: budget };
    let versions = serde_saphyr::with_deserializer_from_str_with_options(index, options, |deserializer| {
        Fields { name, inside: false }.deserialize(deserializer)
    })
    .map_err(|error| RepositoryError::Faulty { reason: first_line(&error.to_string()) })?
    .ok_or_else(|| RepositoryError::NoChart { name: name.into() })?;
    let Some(found) = versions.iter().find(|one| same_version(&one.version, version)) else {
        // Indexes list the newest first.
        let known = versions.into_iter().take(3).map(|one| one.version.chars().take(64).collect()).collect();
        return Err(RepositoryError::NoVersion { name: name.into(), version: version.into(), known });
    };
    let named = found.urls.first().map(String::as_str).unwrap_or_default();
    let address = |url: &str| {
        let base = Url::parse(&format!("{}/", repository.trim_end_matches('/'))).ok()?;
        let url = base.join(url).ok()?;
        (!named.is_empty() && matches!(url.scheme(), "http" | "https") && url.username().is_empty()).then_some(url)
    };
    let url = address(named).ok_or_else(|| RepositoryError::Address {
        name: name.into(),
        version: version.into(),
        url: named.chars().take(200).collect(),
    })?;
    let digest = found.digest.as_deref().map(|text| text.strip_prefix("sha256:").unwrap_or(text));
    Ok(Published { url: url.into(), digest: digest.and_then(|hex| Digest::from_hex(hex).ok()) })
}

/// The tag of a chart's version in a registry: tags cannot have a plus sign, for which Helm writes an underscore.
pub fn tag(version: &str) -> String {
    version.replace('+', "_")
}

/// The versions of one chart, looked for in an index and then in its `entries`.
struct Fields<'a> {
    name: &'a str,
    inside: bool,
}

impl<'de> DeserializeSeed<'de> for Fields<'_> {
    type Value = Option<Vec<Version>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = Option<Vec<Version>>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the index of a repository of charts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        let mut entries = false;
        while let Some(key) = map.next_key::<String>()? {
            if !self.inside && key == "entries" {
                entries = true;
                found = map.next_value_seed(Fields { name: self.name, inside: true })?;
            } else if self.inside && key == self.name {
                found = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        if self.inside || entries { Ok(found) } else { Err(de::Error::custom("it has no entries")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = "
apiVersion: v1
generated: \"2026-01-01T00:00:00Z\"
entries:
  other:
    - {version: 1.0.0, urls: [other-1.0.0.tgz], annotations: {a: [1, {b: c}]}}
  web:
    - version: 1.2.4
      urls: [https://files.example.org/web-1.2.4.tgz]
    - version: v1.2.3
      digest: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
      urls: [archives/web-1.2.3.tgz, https://elsewhere.example.org/x.tgz]
    - {version: 0.0.2, urls: ['file:///etc/passwd']}
    - {version: 0.0.1}
";

    fn found(name: &str, version: &str) -> Result<Published, RepositoryError> {
        find(INDEX, "https://charts.example.org/stable/", name, version)
    }

    #[test]
    fn addresses_are_relative_to_the_repository() {
        let one = found("web", "1.2.3").unwrap();
        assert_eq!(one.url, "https://charts.example.org/stable/archives/web-1.2.3.tgz");
        assert_eq!(one.digest, Some(Digest::of(b"")));
        let two = found("web", "1.2.4").unwrap();
        assert_eq!((two.url.as_str(), two.digest), ("https://files.example.org/web-1.2.4.tgz", None));
        assert_eq!(index_url("https://charts.example.org/stable/"), "https://charts.example.org/stable/index.yaml");
        assert_eq!(tag("1.2.3+build.1"), "1.2.3_build.1");
    }

    #[test]
    fn what_is_not_there_is_said() {
        let said = |name, version| found(name, version).unwrap_err().to_string();
        assert_eq!(said("api", "1"), "it has no chart api");
        assert_eq!(said("web", "2.0.0"), "it has no version 2.0.0 of web; it has 1.2.4, v1.2.3, 0.0.2");
        assert!(said("web", "0.0.2").contains("\"file:///etc/passwd\" for web 0.0.2, which is no address"));
        assert!(said("web", "0.0.1").contains("is no address"));
        for text in ["", "- x", "entries: 7", "entries: {web: [{urls: []}]}", "apiVersion: v1", "<html>nothing</html>"]
        {
            let error = find(text, "https://charts.example.org", "web", "1").unwrap_err();
            assert!(matches!(error, RepositoryError::Faulty { .. }), "{text}: {error}");
        }
        assert!(find("entries: {}", "https://charts.example.org", "web", "1").is_err());
    }
}
