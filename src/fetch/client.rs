//! The HTTP client of the connected side: proxies from the environment, mirrors, retries.

use futures::StreamExt;
use reqwest::header::CONTENT_LENGTH;
use reqwest::{Method, Url};

use super::FetchError;
use super::mirror::MirrorRules;
use super::retry::{Miss, Retry, refused};
use crate::image::tls::{Trust, client_config};

/// Checksum files are no longer than this.
const LONGEST_TEXT: usize = 4 << 20;

/// Fetches files over HTTP and HTTPS.
#[derive(Clone, Debug)]
pub struct Client {
    pub(super) http: reqwest::Client,
    mirrors: MirrorRules,
    pub(super) retry: Retry,
}

/// What a server says about a file before it is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Bytes, where the server says so.
    pub size: Option<u64>,
}

impl Client {
    pub fn new(mirrors: MirrorRules, retry: Retry) -> Result<Self, FetchError> {
        let tls = client_config(Trust::Public).map_err(|error| FetchError::Setup(error.into()))?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .user_agent(concat!("kk/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(retry.silence)
            .read_timeout(retry.silence)
            .build()
            .map_err(|error| FetchError::Setup(error.into()))?;
        Ok(Self { http, mirrors, retry })
    }

    /// Whether the file is there, and how long it is. Servers that do not answer such questions leave it open.
    pub async fn probe(&self, url: &str) -> Result<Probe, FetchError> {
        let target = self.target(url)?;
        self.retry
            .run(async || {
                let asking = self.http.request(Method::HEAD, target.clone()).send();
                let answer = asking.await.map_err(|error| unreachable(&target, error))?;
                match answer.status().as_u16() {
                    200..=299 => {
                        // The body of an answer to HEAD is empty, so its own idea of a length is 0.
                        let length = answer.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
                        Ok(Probe { size: length.and_then(|text| text.parse().ok()) })
                    }
                    400 | 401 | 403 | 405 | 501 => Ok(Probe { size: None }),
                    _ => Err(refused(target.as_str(), answer.status(), answer.headers())),
                }
            })
            .await
    }

    /// A small text, such as a checksum file.
    pub async fn text(&self, url: &str) -> Result<String, FetchError> {
        self.text_up_to(url, LONGEST_TEXT).await
    }

    /// A text of at most so many bytes.
    pub async fn text_up_to(&self, url: &str, limit: usize) -> Result<String, FetchError> {
        let target = self.target(url)?;
        let bytes = self
            .retry
            .run(async || {
                let asking = self.http.get(target.clone()).send();
                let answer = asking.await.map_err(|error| unreachable(&target, error))?;
                if !answer.status().is_success() {
                    return Err(refused(target.as_str(), answer.status(), answer.headers()));
                }
                let mut bytes = Vec::new();
                let mut body = answer.bytes_stream();
                while let Some(chunk) = body.next().await {
                    bytes.extend_from_slice(&chunk.map_err(|error| unreachable(&target, error))?);
                    if bytes.len() > limit {
                        let limit = limit as u64;
                        return Err(FetchError::TooLong { url: target.to_string(), limit }.into());
                    }
                }
                Ok(bytes)
            })
            .await?;
        String::from_utf8(bytes).map_err(|_| FetchError::NotText { url: target.to_string() })
    }

    /// Where an address is really asked for: on its mirror, if there is one.
    pub(super) fn target(&self, url: &str) -> Result<Url, FetchError> {
        let target = self.mirrors.file(url);
        match Url::parse(&target) {
            Ok(parsed) if matches!(parsed.scheme(), "http" | "https") && parsed.username().is_empty() => Ok(parsed),
            Ok(mut parsed) => {
                // Both fail only for addresses that cannot hold credentials.
                let _ = parsed.set_username("");
                let _ = parsed.set_password(None);
                Err(FetchError::Address { url: parsed.to_string() })
            }
            Err(_) => Err(FetchError::Address { url: target }),
        }
    }
}

/// A failure of the connection. The library's own text repeats the address, redirects with their tokens included.
pub(super) fn unreachable(url: &Url, error: reqwest::Error) -> Miss {
    Miss::passing(FetchError::Unreachable { url: url.to_string(), source: error.without_url().into() })
}
