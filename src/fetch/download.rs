//! One file from an address into the cache.

use std::path::PathBuf;
use std::sync::Arc;

use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderMap, IF_RANGE, RANGE};
use reqwest::{Response, Url};

use super::client::unreachable;
use super::intake::{Stop, blocking, intake};
use super::part::Part;
use super::record::Record;
use super::retry::{Miss, refused};
use super::{Cache, Cached, Client, FetchError};
use crate::digest::Digest;
use crate::event::{Event, Events};

/// How often a file is begun at all: what is left of an earlier download may be of other bytes.
const BEGINNINGS: u32 = 2;

/// What is known about a file before it is fetched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// From a published checksum, or from a lock.
    pub sha256: Option<Digest>,
    /// Bytes.
    pub size: Option<u64>,
}

/// What the tries of one download share.
struct Download<'a> {
    client: &'a Client,
    cache: &'a Arc<Cache>,
    target: Url,
    expected: &'a Expected,
    /// Names the part and the record in the cache.
    key: String,
    record_path: PathBuf,
    record: Record,
    /// What the last whole download gave, where nothing else says what the file must be.
    last: Option<Cached>,
    /// What has arrived; opened when it is first needed.
    part: Option<Part>,
    events: &'a Events,
    /// The last answer called itself an HTML page.
    html: bool,
}

/// How a download ended well.
enum Arrived {
    /// All bytes are in the part.
    Whole(Box<Part>),
    /// The server says that its bytes are those of the last whole download.
    Unchanged(Cached),
}

/// What a server's answer is good for.
enum Answer {
    /// Its body belongs at the end of the part. The whole will then have so many bytes, if the server says so.
    Rest(Response, Option<u64>),
    /// Nothing is missing.
    Whole,
    Unchanged(Cached),
}

impl Client {
    /// Fetches a file unless the cache has it, and continues where an earlier download was interrupted.
    ///
    /// Nothing is returned that has not the expected digest and size, where they are known.
    pub async fn download(
        &self,
        cache: &Arc<Cache>,
        url: &str,
        expected: &Expected,
        events: &Events,
    ) -> Result<Cached, FetchError> {
        let target = self.target(url)?;
        let key = Digest::of(target.as_str().as_bytes()).hex();
        let _flight = cache.flight(&key).await;
        if let Some(cached) = expected.sha256.as_ref().map(|digest| cache.find(digest)).transpose()?.flatten() {
            return Ok(cached);
        }
        let record_path = cache.record_path(&key);
        let record = Record::read(&record_path, target.as_str());
        let last = match (&expected.sha256, &record.sha256) {
            (None, Some(digest)) => cache.find(digest)?,
            _ => None,
        };
        let (part, html) = (None, false);
        let mut download =
            Download { client: self, cache, target, expected, key, record_path, record, last, part, events, html };
        download.run().await
    }
}

impl Download<'_> {
    async fn run(&mut self) -> Result<Cached, FetchError> {
        let retry = self.client.retry.clone();
        let mut beginnings = BEGINNINGS;
        loop {
            let part = match retry.run(async || self.attempt().await).await? {
                Arrived::Whole(part) => part,
                Arrived::Unchanged(last) => return Ok(last),
            };
            let owner = self.cache.clone();
            let cached = blocking(move || owner.complete(*part)).await?;
            let actual = cached.measured.sha256;
            let Some(expected) = self.expected.sha256.filter(|expected| *expected != actual) else {
                self.record.sha256 = Some(actual);
                self.record.write(&self.record_path)?;
                return Ok(cached);
            };
            self.cache.evict(&actual)?;
            beginnings -= 1;
            if beginnings == 0 {
                return Err(FetchError::Digest { url: self.target.to_string(), expected, actual, html: self.html });
            }
        }
    }

    /// One request. What has arrived is kept, however it ends.
    async fn attempt(&mut self) -> Result<Arrived, Miss> {
        let mut part = match self.part.take() {
            Some(part) => part,
            None => self.open_part().await?,
        };
        let (answer, announced) = match self.ask(&mut part).await {
            Ok(Answer::Rest(answer, announced)) => (answer, announced),
            Ok(Answer::Whole) => return Ok(Arrived::Whole(Box::new(part))),
            Ok(Answer::Unchanged(last)) => return Ok(Arrived::Unchanged(last)),
            Err(miss) => {
                self.part = Some(part);
                return Err(miss);
            }
        };
        let before = part.len();
        let part = self.receive(answer, part).await?;
        match self.expected.size.or(announced) {
            Some(expected) if expected != part.len() => {
                let error = FetchError::Size { url: self.target.to_string(), expected, actual: part.len() };
                let progressed = part.len() > before;
                self.part = Some(part);
                Err(Miss { progressed, ..Miss::passing(error) })
            }
            _ => Ok(Arrived::Whole(Box::new(part))),
        }
    }

    async fn open_part(&self) -> Result<Part, FetchError> {
        let (owner, key, checked_later) = (self.cache.clone(), self.key.clone(), self.expected.sha256.is_some());
        let part = blocking(move || owner.part(&key, checked_later)).await?;
        if !part.is_empty() {
            self.events.emit(Event::BytesMoved { bytes: part.len() });
        }
        Ok(part)
    }

    /// Asks for what is missing.
    async fn ask(&mut self, part: &mut Part) -> Result<Answer, Miss> {
        let known = self.expected.sha256.is_some();
        let resumable = known || self.record.if_range().is_some();
        // Without a digest, what lies there whole may be of an earlier version of the file.
        let useless = self.expected.size.is_some_and(|size| part.len() > size || (part.len() == size && !known));
        if !part.is_empty() && (useless || !resumable) {
            part.restart()?;
        }
        if known && self.expected.size == Some(part.len()) {
            return Ok(Answer::Whole);
        }
        let mut request = self.client.http.get(self.target.clone());
        if !part.is_empty() {
            request = request.header(RANGE, format!("bytes={}-", part.len()));
            if let Some(validator) = self.record.if_range() {
                request = request.header(IF_RANGE, validator);
            }
        } else if let (Some(_), Some((name, value))) = (&self.last, self.record.if_changed()) {
            request = request.header(name, value);
        }
        let answer = request.send().await.map_err(|error| unreachable(&self.target, error))?;
        let (status, headers) = (answer.status(), answer.headers());
        match (status.as_u16(), &self.last) {
            (304, Some(last)) => return Ok(Answer::Unchanged(last.clone())),
            (206, _) if range_start(headers) == Some(part.len()) => {}
            (206 | 416, _) => {
                part.restart()?;
                return Err(Miss { again: true, ..refused(self.target.as_str(), status, headers) });
            }
            (200, _) => {
                if !part.is_empty() {
                    part.restart()?;
                }
                self.record = Record::from_headers(self.target.as_str(), headers);
                self.record.write(&self.record_path)?;
            }
            _ => return Err(refused(self.target.as_str(), status, headers)),
        }
        self.html = header(headers, CONTENT_TYPE.as_str()).is_some_and(|kind| kind.starts_with("text/html"));
        if self.html && self.expected.sha256.is_none() {
            return Err(FetchError::Html { url: self.target.to_string() }.into());
        }
        let rest: Option<u64> = header(headers, CONTENT_LENGTH.as_str()).and_then(|text| text.parse().ok());
        let announced = rest.and_then(|rest| rest.checked_add(part.len()));
        Ok(Answer::Rest(answer, announced))
    }

    /// Takes in the body of an answer.
    async fn receive(&mut self, answer: Response, part: Part) -> Result<Part, Miss> {
        let before = part.len();
        let limit = self.expected.size.unwrap_or(u64::MAX);
        let broken = match intake(part, answer.bytes_stream(), limit, self.events).await {
            Ok(part) => return Ok(part),
            Err(broken) => broken,
        };
        let bytes = broken.part.as_ref().map_or(0, Part::len);
        self.part = broken.part;
        let url = self.target.to_string();
        Err(match broken.why {
            Stop::Source(error) => {
                let error = FetchError::Interrupted { url, bytes, source: error.without_url().into() };
                Miss { progressed: bytes > before, ..Miss::passing(error) }
            }
            Stop::TooLong => FetchError::TooLong { url, limit }.into(),
            Stop::Disk(error) => error.into(),
        })
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// `bytes 42-1233/1234` (RFC 9110, section 14.4).
fn range_start(headers: &HeaderMap) -> Option<u64> {
    let (start, _) = header(headers, CONTENT_RANGE.as_str())?.strip_prefix("bytes ")?.split_once('-')?;
    start.parse().ok()
}
