//! Sizes and times as people read them.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_readable() {
        let sizes = [0, 1023, 1024, 1_048_535, 1_288_490_189, u64::MAX].map(bytes);
        assert_eq!(sizes, ["0 B", "1023 B", "1.0 KiB", "1.0 MiB", "1.2 GiB", "16777216.0 TiB"]);
        assert_eq!(
            [0.04, 59.9, 59.99, 65.0, 7380.0].map(seconds),
            ["0.0 s", "59.9 s", "1 min 00 s", "1 min 05 s", "2 h 03 min"]
        );
    }
}
