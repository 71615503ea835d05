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

/// How one try ended.
pub(super) enum Outcome<T> {
    Done(T),
    /// It may work another time.
    Again {
        error: FetchError,
        /// As long the server asked us to wait.
        wait: Option<Duration>,
        /// Some bytes arrived, so patience starts anew.
        progressed: bool,
    },
    /// It will not work another time.
    Failed(FetchError),
}

impl Retry {
    pub(super) async fn run<T>(&self, mut attempt: impl AsyncFnMut() -> Outcome<T>) -> Result<T, FetchError> {
        let mut left = self.tries.max(1);
        let mut pause = self.first_wait;
        loop {
            let (error, wait) = match attempt().await {
                Outcome::Done(value) => return Ok(value),
                Outcome::Failed(error) => return Err(error),
                Outcome::Again { error, wait, progressed } => {
                    if progressed {
                        left = self.tries.max(1);
                        pause = self.first_wait;
                    }
                    (error, wait)
                }
            };
            left -= 1;
            if left == 0 {
                return Err(error);
            }
            tokio::time::sleep(wait.unwrap_or(pause).min(self.longest_wait)).await;
            pause *= 2;
        }
    }
}

/// What an answer that is not a success means.
pub(super) fn refused<T>(url: &str, status: StatusCode, headers: &HeaderMap) -> Outcome<T> {
    let error = FetchError::Status { url: url.to_owned(), status: status.as_u16() };
    match status.as_u16() {
        408 | 425 | 429 | 500 | 502..=504 => Outcome::Again { error, wait: retry_after(headers), progressed: false },
        _ => Outcome::Failed(error),
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
                Outcome::Again { error: error(), wait: None, progressed: tries < 5 }
            })
            .await;
        assert!(outcome.is_err());
        assert_eq!(tries, 5);
    }
}
