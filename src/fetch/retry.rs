//! When to try again, and how long to wait.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};

use super::FetchError;

/// How patient a client is.
#[derive(Clone, Debug)]
pub struct Retry {
    /// Tries in a row that bring nothing new before it gives up.
    pub tries: u32,
    /// Wait before the second try; doubled with each further one.
    pub first_wait: Duration,
    /// The longest wait, whatever a server asks for.
    pub longest_wait: Duration,
    /// How long a connection may take, and how long it may stay silent.
    pub silence: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        let second = Duration::from_secs(1);
        Self { tries: 5, first_wait: second, longest_wait: 60 * second, silence: 60 * second }
    }
}

/// A try that failed.
pub(super) struct Miss {
    pub error: FetchError,
    /// It may work another time.
    pub again: bool,
    /// As long the server asked us to wait.
    pub wait: Option<Duration>,
    /// Some bytes arrived, so patience starts anew.
    pub progressed: bool,
}

impl Miss {
    /// It may work another time.
    pub fn passing(error: FetchError) -> Self {
        Self { again: true, ..Self::from(error) }
    }
}

impl From<FetchError> for Miss {
    /// It will not work another time.
    fn from(error: FetchError) -> Self {
        Self { error, again: false, wait: None, progressed: false }
    }
}

impl Retry {
    pub(super) async fn run<T>(&self, mut attempt: impl AsyncFnMut() -> Result<T, Miss>) -> Result<T, FetchError> {
        let mut left = self.tries.max(1);
        let mut pause = self.first_wait;
        loop {
            let miss = match attempt().await {
                Ok(value) => return Ok(value),
                Err(miss) => miss,
            };
            if miss.progressed {
                left = self.tries.max(1);
                pause = self.first_wait;
            }
            left -= 1;
            if !miss.again || left == 0 {
                return Err(miss.error);
            }
            tokio::time::sleep(miss.wait.unwrap_or(pause).min(self.longest_wait)).await;
            pause *= 2;
        }
    }
}

/// What an answer that is not a success means.
pub(super) fn refused(url: &str, status: StatusCode, headers: &HeaderMap) -> Miss {
    let miss = Miss::from(FetchError::Status { url: url.to_owned(), status: status.as_u16() });
    match status.as_u16() {
        408 | 425 | 429 | 500 | 502..=504 => Miss { again: true, wait: retry_after(headers), ..miss },
        _ => miss,
    }
}

/// Seconds, or a date as HTTP writes it (RFC 9110, section 10.2.3).
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    // RFC 2822's parser reads HTTP's dates, but for the name of the zone.
    let text = text.strip_suffix("GMT").map(|rest| format!("{rest}+0000"))?;
    let date = time::OffsetDateTime::parse(&text, &time::format_description::well_known::Rfc2822).ok()?;
    Duration::try_from(date - time::OffsetDateTime::now_utc()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_waited_for_as_they_ask() {
        let wait = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            retry_after(&headers)
        };
        assert_eq!(wait("7"), Some(Duration::from_secs(7)));
        assert!(wait("Fri, 31 Dec 2100 23:59:59 GMT").is_some_and(|wait| wait > Duration::from_secs(1 << 30)));
        assert_eq!(wait("Fri, 31 Dec 1999 23:59:59 GMT"), None);
        assert_eq!(wait("soon"), None);
    }

    #[tokio::test]
    async fn progress_starts_patience_anew() {
        let error = || FetchError::Status { url: String::new(), status: 503 };
        let retry = Retry { tries: 2, longest_wait: Duration::ZERO, ..Retry::default() };
        let mut tries = 0;
        let outcome: Result<(), _> = retry
            .run(async || {
                tries += 1;
                Err(Miss { progressed: tries < 5, ..Miss::passing(error()) })
            })
            .await;
        assert!(outcome.is_err());
        assert_eq!(tries, 5);
    }
}
