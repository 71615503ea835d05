//! Sizes and times as people read them.

use std::time::Duration;

/// `1.2 GiB`; whole bytes below a KiB.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    let mut value = count as f64 / 1024.0;
    let mut unit = UNITS[0];
    for next in &UNITS[1..] {
        // 1023.95 would be shown as 1024.0.
        if value < 1023.95 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    format!("{value:.1} {unit}")
}

/// `0.4 s`, `1 min 05 s`, `2 h 03 min`.
pub fn seconds(value: f64) -> String {
    if value < 59.95 {
        return format!("{value:.1} s");
    }
    let whole = value.round() as u64;
    match whole / 3600 {
        0 => format!("{} min {:02} s", whole / 60, whole % 60),
        hours => format!("{hours} h {:02} min", whole % 3600 / 60),
    }
}

/// Bytes as people write them: `700M`, `4G`, `4GiB` and `4096`; K, M and G count in 1024s, KB, MB and GB in 1000s.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let digits = text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim().to_ascii_uppercase().as_str() {
        "" | "B" => Some(1),
        "K" | "KIB" => Some(1 << 10),
        "M" | "MIB" => Some(1 << 20),
        "G" | "GIB" => Some(1 << 30),
        "KB" => Some(1_000),
        "MB" => Some(1_000_000),
        "GB" => Some(1_000_000_000),
        _ => None,
    };
    let count = number.parse::<u64>().ok().zip(factor).and_then(|(number, factor)| number.checked_mul(factor));
    count.ok_or_else(|| "write a number of bytes, or one with K, M or G: 700M, 4G".into())
}

/// Reads `90m`, `12h`, `30d`, `8w`: minutes, hours, days, weeks.
pub fn parse_age(text: &str) -> Result<Duration, String> {
    let digits = text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit {
        "m" => Some(60),
        "h" => Some(3600),
        "d" => Some(86_400),
        "w" => Some(7 * 86_400),
        _ => None,
    };
    let seconds = number.parse::<u64>().ok().zip(factor).and_then(|(number, factor)| number.checked_mul(factor));
    seconds.map(Duration::from_secs).ok_or_else(|| "write a number with m, h, d or w: 30d, 12h".into())
}

/// `2026-11-24 03:07:43 UTC` for seconds since 1970; the number itself where no calendar has such a day.
pub fn moment(since: i64) -> String {
    let format = time::macros::format_description!("[year]-[month]-[day] [hour]:[minute]:[second] UTC");
    let moment = time::OffsetDateTime::from_unix_timestamp(since).ok();
    moment.and_then(|moment| moment.format(&format).ok()).unwrap_or_else(|| since.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        let sizes = ["4096", "700M", "4G", "4GiB", "4 gb", "1k"].map(|text| parse_bytes(text).unwrap());
        assert_eq!(sizes, [4096, 734_003_200, 4 << 30, 4 << 30, 4_000_000_000, 1024]);
        for text in ["", "G", "-1", "1.5G", "4T", "99999999999G", "1 2"] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_and_times_are_readable() {
        let sizes = [0, 1023, 1024, 1_048_535, 1_288_490_189, u64::MAX].map(bytes);
        assert_eq!(sizes, ["0 B", "1023 B", "1.0 KiB", "1.0 MiB", "1.2 GiB", "16777216.0 TiB"]);
        assert_eq!(
            [0.04, 59.9, 59.99, 65.0, 7380.0].map(seconds),
            ["0.0 s", "59.9 s", "1 min 00 s", "1 min 05 s", "2 h 03 min"]
        );
    }

    #[test]
    fn ages_are_read() {
        let ages = ["90m", "12h", "30d", "8w"].map(|text| parse_age(text).unwrap().as_secs());
        assert_eq!(ages, [5400, 43_200, 2_592_000, 4_838_400]);
        for text in ["", "30", "d", "30 days", "999999999999999999w"] {
            assert!(parse_age(text).is_err(), "{text}");
        }
    }

    #[test]
    fn moments_are_readable() {
        assert_eq!(
            [0, 1_795_000_000, i64::MAX].map(moment),
            ["1970-01-01 00:00:00 UTC", "2026-11-18 11:06:40 UTC", "9223372036854775807"]
        );
    }
}
