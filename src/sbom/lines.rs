//! Lines of a file that may be hostile.

use std::io::{self, BufRead};

/// Of a longer line the rest is passed over.
const LONGEST: usize = 64 << 10;

/// Calls `each` with every line, without its end.
pub(super) fn each<E: From<io::Error>>(
    mut source: impl BufRead,
    mut each: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut line: Vec<u8> = Vec::new();
    loop {
        let bytes = source.fill_buf()?;
        if bytes.is_empty() {
            return if line.is_empty() { Ok(()) } else { each(&line) };
        }
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let part = &bytes[..end.unwrap_or(bytes.len())];
        line.extend_from_slice(&part[..part.len().min(LONGEST - line.len())]);
        let passed = part.len() + usize::from(end.is_some());
        source.consume(passed);
        if end.is_some() {
            each(line.strip_suffix(b"\r").unwrap_or(&line))?;
            line.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_one_by_one_and_no_longer_than_they_may() {
        let text = format!("a\n\nb\r\n{}\nlast", "x".repeat(LONGEST + 5));
        let mut lengths = Vec::new();
        let reader = io::BufReader::with_capacity(7, text.as_bytes());
        each::<io::Error>(reader, |line| {
            lengths.push(line.len());
            Ok(())
        })
        .unwrap();
        assert_eq!(lengths, [1, 0, 1, LONGEST, 4]);
    }
}
