//! One file from an address into the cache.

use std::path::PathBuf;
use std::sync::Arc;

use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderMap, IF_RANGE, RANGE};
use reqwest::{Response, Url};

use super::client::unreachable;
use super::intake::{Stop, blocking, intake};
use super::part::Part;
use super::record::Record;
use super::retry::{Outcome, refused};
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
    events: &'a Events,
    /// The last answer called itself an HTML page.
    html: bool,
}

/// How the tries of a download ended well.
enum Arrived {
    /// All bytes are in the part.
    Whole,
    /// The server says that its bytes are those of the last whole download.
    Unchanged,
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
        if let Some(cached) = expected.sha256.as_ref().map(|digest| cache.find(digest)).transpose()?.flatten() {
            return Ok(cached);
        }
        let target = self.target(url)?;
        let key = Digest::of(target.as_str().as_bytes()).hex();
        let record_path = cache.record_path(&key);
        let record = Record::read(&record_path, target.as_str());
        let last = match (&expected.sha256, &record.sha256) {
            (None, Some(digest)) => cache.find(digest)?,
            _ => None,
        };
        let mut download =
            Download { client: self, cache, target, expected, key, record_path, record, last, events, html: false };
        download.run().await
    }
}

impl Download<'_> {
    async fn run(&mut self) -> Result<Cached, FetchError> {
        let mut beginnings = BEGINNINGS;
        loop {
            let (owner, key, checked_later) = (self.cache.clone(), self.key.clone(), self.expected.sha256.is_some());
            let mut part = Some(blocking(move || owner.part(&key, checked_later)).await?);
            if let Some(part) = part.as_ref().filter(|part| !part.is_empty()) {
                self.events.emit(Event::BytesMoved { bytes: part.len() });
            }
            let retry = self.client.retry.clone();
            let arrived = retry.run(async || self.attempt(&mut part).await).await?;
            if let (Arrived::Unchanged, Some(last)) = (arrived, &self.last) {
                return Ok(last.clone());
            }
            let Some(part) = part else { continue };
            let owner = self.cache.clone();
            let cached = blocking(move || owner.complete(part)).await?;
            let actual = cached.measured.sha256;
            match self.expected.sha256 {
                Some(expected) if expected != actual => {
                    self.cache.evict(&actual)?;
                    beginnings -= 1;
                    if beginnings == 0 {
                        let url = self.target.to_string();
                        return Err(FetchError::Digest { url, expected, actual, html: self.html });
                    }
                }
                _ => {
                    self.record.sha256 = Some(actual);
                    self.record.write(&self.record_path)?;
                    return Ok(cached);
                }
            }
        }
    }

    /// One request. The part is absent only while bytes are written to it.
    async fn attempt(&mut self, slot: &mut Option<Part>) -> Outcome<Arrived> {
        let Some(mut part) = slot.take() else { return Outcome::Done(Arrived::Unchanged) };
        match self.exchange(&mut part).await {
            Ok((answer, announced)) => {
                let before = part.len();
                let (part, outcome) = self.receive(answer, part).await;
                let progressed = part.as_ref().is_some_and(|part| part.len() > before);
                let outcome = match (outcome, &part) {
                    (Ok(()), Some(part)) => self.judge(part, announced),
                    (Ok(()), None) => Outcome::Done(Arrived::Unchanged),
                    (Err(Outcome::Again { error, wait, .. }), _) => Outcome::Again { error, wait, progressed },
                    (Err(other), _) => other,
                };
                *slot = part;
                outcome
            }
            Err(outcome) => {
                *slot = Some(part);
                outcome
            }
        }
    }

    /// Asks for what is missing. Gives the answer whose body belongs at the end of the part, and how long the whole
    /// will then be if the server says so.
    async fn exchange(&mut self, part: &mut Part) -> Result<(Response, Option<u64>), Outcome<Arrived>> {
        let resumable = self.expected.sha256.is_some() || self.record.if_range().is_some();
        let too_long = self.expected.size.is_some_and(|size| part.len() > size);
        if !part.is_empty() && (too_long || !resumable) {
            part.restart().map_err(Outcome::Failed)?;
        }
        if self.expected.size == Some(part.len()) {
            return Err(Outcome::Done(Arrived::Whole));
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
        let headers = answer.headers();
        match answer.status().as_u16() {
            304 if self.last.is_some() => return Err(Outcome::Done(Arrived::Unchanged)),
            206 if range_start(headers) == Some(part.len()) => {}
            206 | 416 => {
                part.restart().map_err(Outcome::Failed)?;
                return Err(refused_range(&self.target, answer.status().as_u16()));
            }
            200 => {
                if !part.is_empty() {
                    part.restart().map_err(Outcome::Failed)?;
                }
                self.record = Record::from_headers(self.target.as_str(), headers);
                self.record.write(&self.record_path).map_err(Outcome::Failed)?;
            }
            _ => return Err(refused(self.target.as_str(), answer.status(), headers)),
        }
        self.html = header(headers, CONTENT_TYPE.as_str()).is_some_and(|kind| kind.starts_with("text/html"));
        if self.html && self.expected.sha256.is_none() {
            return Err(Outcome::Failed(FetchError::Html { url: self.target.to_string() }));
        }
        let rest: Option<u64> = header(headers, CONTENT_LENGTH.as_str()).and_then(|text| text.parse().ok());
        let announced = rest.and_then(|rest| rest.checked_add(part.len()));
        Ok((answer, announced))
    }

    async fn receive(&self, answer: Response, part: Part) -> (Option<Part>, Result<(), Outcome<Arrived>>) {
        let limit = self.expected.size.unwrap_or(u64::MAX);
        let (part, outcome) = intake(part, answer.bytes_stream(), limit, self.events).await;
        let url = self.target.to_string();
        let outcome = outcome.map_err(|stop| match stop {
            Stop::Source(error) => {
                let bytes = part.as_ref().map_or(0, Part::len);
                let error = FetchError::Interrupted { url, bytes, source: error.without_url().into() };
                Outcome::Again { error, wait: None, progressed: false }
            }
            Stop::TooLong => Outcome::Failed(FetchError::TooLong { url, limit }),
            Stop::Disk(error) => Outcome::Failed(error),
        });
        (part, outcome)
    }

    fn judge(&self, part: &Part, announced: Option<u64>) -> Outcome<Arrived> {
        match self.expected.size.or(announced) {
            Some(expected) if expected != part.len() => {
                let error = FetchError::Size { url: self.target.to_string(), expected, actual: part.len() };
                Outcome::Again { error, wait: None, progressed: false }
            }
            _ => Outcome::Done(Arrived::Whole),
        }
    }
}

fn refused_range(url: &Url, status: u16) -> Outcome<Arrived> {
    let error = FetchError::Status { url: url.to_string(), status };
    Outcome::Again { error, wait: None, progressed: false }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// `bytes 42-1233/1234` (RFC 9110, section 14.4).
fn range_start(headers: &HeaderMap) -> Option<u64> {
    let (start, _) = header(headers, CONTENT_RANGE.as_str())?.strip_prefix("bytes ")?.split_once('-')?;
    start.parse().ok()
}
