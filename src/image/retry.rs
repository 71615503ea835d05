//! Whether a call is made again, and when.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use reqwest::Response;
use reqwest::header::RETRY_AFTER;

use super::error::RegistryError;
use super::registry::Patience;

/// The longest pause before another attempt.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// The longest pause that a registry may ask for; a longer one is reported instead of waited for.
const LONGEST_ASKED_PAUSE: Duration = Duration::from_secs(120);

/// A host that cannot be connected to is most often a wrong name or a closed port, which waiting does not mend.
const MOST_CONNECTS: u32 = 3;

/// The pause before the attempt that follows `attempt`, which failed; `None` where there is to be no other.
/// `asked` is the pause that the registry asked for.
pub(super) fn next(
    patience: &Patience,
    error: &RegistryError,
    attempt: u32,
    asked: Option<Duration>,
) -> Option<Duration> {
    let most = match error {
        RegistryError::Connect { .. } => patience.attempts.min(MOST_CONNECTS),
        _ => patience.attempts,
    };
    if !error.is_transient() || attempt >= most {
        return None;
    }
    match asked {
        Some(asked) if asked > LONGEST_ASKED_PAUSE => None,
        Some(asked) => Some(asked),
        None => Some(pause(patience.first_pause, attempt)),
    }
}

/// A pause that doubles with each attempt, with some chance in it, so that many calls do not come back at once.
fn pause(first: Duration, attempt: u32) -> Duration {
    let doubled = first.saturating_mul(1 << attempt.saturating_sub(1).min(10)).min(LONGEST_PAUSE);
    let chance = RandomState::new().build_hasher().finish() % 512;
    doubled.mul_f64(0.75 + chance as f64 / 1024.0)
}

/// The pause that a registry asks for: seconds, or a date (RFC 9110, section 10.2.3).
pub(super) fn asked(response: &Response) -> Option<Duration> {
    read_pause(response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim(), time::OffsetDateTime::now_utc())
}

fn read_pause(text: &str, now: time::OffsetDateTime) -> Option<Duration> {
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let until = time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc2822).ok()?;
    Some(Duration::try_from(until - now).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_stay_bounded() {
        let first = Duration::from_millis(500);
        for (attempt, least, most) in [(1, 375, 625), (2, 750, 1250), (3, 1500, 2500), (40, 11_250, 18_750)] {
            let found = pause(first, attempt).as_millis();
            assert!((least..=most).contains(&found), "{attempt}: {found}");
        }
    }

    #[test]
    fn a_wish_is_seconds_or_a_date() {
        let now = time::macros::datetime!(1994-11-06 08:49:30 UTC);
        for (text, seconds) in [("120", Some(120)), ("Sun, 06 Nov 1994 08:49:37 GMT", Some(7)), ("soon", None)] {
            assert_eq!(read_pause(text, now), seconds.map(Duration::from_secs), "{text}");
        }
        assert_eq!(read_pause("Sun, 06 Nov 1994 08:49:00 GMT", now), Some(Duration::ZERO));
    }

    #[test]
    fn a_closed_port_is_tried_less_often() {
        let patience = Patience::default();
        let connect = RegistryError::Connect { subject: Box::default(), source: "closed".into() };
        let timeout = RegistryError::Timeout { subject: Box::default(), seconds: 1 };
        assert!(next(&patience, &connect, 2, None).is_some() && next(&patience, &connect, 3, None).is_none());
        assert!(next(&patience, &timeout, 4, None).is_some() && next(&patience, &timeout, 5, None).is_none());
        assert_eq!(next(&patience, &timeout, 1, Some(Duration::from_secs(3600))), None);
    }
}
