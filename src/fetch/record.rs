//! What is known about an address from earlier downloads.

use std::fs;
use std::path::Path;

use reqwest::header::{ETAG, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use serde::{Deserialize, Serialize};

use super::FetchError;
use super::cache::write_whole;
use crate::digest::Digest;

/// Validators of the bytes last seen at an address (RFC 9110, section 8.8), and the digest of the last whole download.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    pub url: String,
    pub etag: Option<String>,
    pub last_modified: Option<String>,
    /// Absent while the download is under way.
    pub sha256: Option<Digest>,
}

impl Record {
    /// A record that cannot be read is one that is not there.
    pub fn read(path: &Path, url: &str) -> Self {
        let known = fs::read(path).ok().and_then(|bytes| serde_json::from_slice::<Self>(&bytes).ok());
        known.filter(|known| known.url == url).unwrap_or_else(|| Self { url: url.to_owned(), ..Self::default() })
    }

    pub fn write(&self, path: &Path) -> Result<(), FetchError> {
        write_whole(path, &serde_json::to_vec(self).unwrap_or_default())
    }

    pub fn from_headers(url: &str, headers: &HeaderMap) -> Self {
        let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).map(str::to_owned);
        Self { url: url.to_owned(), etag: text(ETAG), last_modified: text(LAST_MODIFIED), sha256: None }
    }

    /// What makes a range request safe: the server sends the whole anew if its bytes are others by now. A weak
    /// entity tag does not (RFC 9110, section 13.1.5).
    pub fn if_range(&self) -> Option<&str> {
        self.etag.as_deref().filter(|etag| !etag.starts_with("W/")).or(self.last_modified.as_deref())
    }

    /// What asks for the bytes only if they are others by now.
    pub fn if_changed(&self) -> Option<(HeaderName, &str)> {
        match (&self.etag, &self.last_modified) {
            (Some(etag), _) => Some((IF_NONE_MATCH, etag)),
            (None, Some(date)) => Some((IF_MODIFIED_SINCE, date)),
            (None, None) => None,
        }
    }
}
