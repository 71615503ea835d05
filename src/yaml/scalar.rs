//! What a plain scalar means. Kubernetes' own reader follows YAML 1.1 here, and so do the files that people bring:
//! `yes`, `no`, `on`, `off` are booleans (YAML 1.1, <https://yaml.org/type/bool.html>).

use serde_json::Value;

/// The boolean that a plain scalar spells.
pub fn boolean(text: &str) -> Option<bool> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Some(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// The whole number that a plain scalar spells: decimal, without leading zeros, which would be octal to some readers.
pub fn integer(text: &str) -> Option<i128> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let decimal = digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    if digits.is_empty() || digits.len() > 30 || !decimal { None } else { text.parse().ok() }
}

/// What a plain scalar means where the schema leaves it open, as in `kubeletConfiguration`: the same as to Kubernetes'
/// own reader, underscores between digits and octal numbers of YAML 1.1 included.
pub fn open(text: &str) -> Value {
    if let Some(boolean) = boolean(text) {
        return Value::Bool(boolean);
    }
    let numeric = text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first));
    let digits = if numeric { text.replace('_', "") } else { text.to_owned() };
    if let Some(number) = integer(&digits).or_else(|| prefixed(&digits)) {
        if let Ok(number) = i64::try_from(number) {
            return number.into();
        }
        if let Ok(number) = u64::try_from(number) {
            return number.into();
        }
    }
    match float(&digits) {
        // A whole number stays one however it is written: programs that want one refuse 1000.0.
        Some(number) if number.fract() == 0.0 && number.abs() < EXACT => (number as i64).into(),
        Some(number) => number.into(),
        None => Value::String(text.to_owned()),
    }
}

/// Up to here floating point numbers hold whole numbers exactly.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Hexadecimal, octal and binary numbers, the octal ones of YAML 1.1 included, as in a file mode `0644`.
fn prefixed(text: &str) -> Option<i128> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (radix, digits) = match digits.get(..2)? {
        "0x" | "0X" => (16, &digits[2..]),
        "0o" | "0O" => (8, &digits[2..]),
        "0b" | "0B" => (2, &digits[2..]),
        _ => (8, digits.strip_prefix('0')?),
    };
    let valid = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if valid { i128::from_str_radix(digits, radix).ok().map(|number| sign * number) } else { None }
}

fn float(text: &str) -> Option<f64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte))
        && text.bytes().any(|byte| byte.is_ascii_digit())
        && !text.starts_with(['e', 'E']);
    if digits { text.parse().ok().filter(|number: &f64| number.is_finite()) } else { None }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn open_values_are_read_as_kubernetes_reads_them() {
        for (text, value) in [
            ("yes", json!(true)),
            ("Off", json!(false)),
            ("12", json!(12)),
            ("-7", json!(-7)),
            ("0644", json!(420)),
            ("0x1f", json!(31)),
            ("1e3", json!(1000)),
            ("1_000", json!(1000)),
            ("5.", json!(5)),
            ("_1", json!("_1")),
            ("2024-01-01", json!("2024-01-01")),
            ("1.30", json!(1.3)),
            ("1.2.3", json!("1.2.3")),
            ("v1.30", json!("v1.30")),
            ("10.0.0.1", json!("10.0.0.1")),
            ("089", json!(89)),
            ("e", json!("e")),
            ("-", json!("-")),
            ("18446744073709551615", json!(18446744073709551615u64)),
        ] {
            assert_eq!(open(text), value, "{text}");
        }
    }
}
