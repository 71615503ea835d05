//! What reader and server say to each other: the few words of HTTP/1.1 (RFC 9112) that one file takes.

use std::io::{self, Read};
use std::time::Instant;

use super::Token;
use crate::digest::Digest;

/// No head of either side comes near to this.
const LARGEST_HEAD: usize = 4096;

/// The head of a request.
pub(super) fn request(token: &Token, sha256: &Digest) -> String {
    format!("GET /{}/{} HTTP/1.1\r\nHost: peer\r\nConnection: close\r\n\r\n", token.expose(), sha256.hex())
}

/// The file that a request asks for; `None` where it is any other request, or does not know the token.
pub(super) fn asked(head: &[u8], token: &Token) -> Option<Digest> {
    let line = std::str::from_utf8(head).ok()?.lines().next()?;
    let path = line.strip_prefix("GET /")?.strip_suffix(" HTTP/1.1")?;
    let (said, hex) = path.split_once('/')?;
    let digest = Digest::from_hex(hex).ok()?;
    token.is(said).then_some(digest)
}

/// The head of the answer that a file follows.
pub(super) fn found(size: u64) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n")
}

/// The answer to everything else. It does not say what was wrong.
pub(super) const NOT_FOUND: &str = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// How many bytes follow the head of an answer; as an error, what else it says.
pub(super) fn promised(head: &[u8]) -> Result<u64, String> {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.lines();
    let status = lines.next().unwrap_or_default();
    if status.split(' ').nth(1) != Some("200") {
        return Err(status.chars().filter(|letter| !letter.is_control()).take(80).collect());
    }
    lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse().ok())
        .ok_or_else(|| "it does not say how long it is".to_owned())
}

/// Reads up to the empty line and no further. The reader should be a buffered one. Fails for heads that are larger than any
/// of ours, and when the time is over.
pub(super) fn read_head(input: &mut impl Read, until: Instant) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == LARGEST_HEAD || Instant::now() > until {
            return Err(io::Error::other("no head of a message came"));
        }
        input.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    Ok(head)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_request_is_understood_by_those_who_gave_the_token() {
        let (token, digest) = (Token::random().unwrap(), Digest::of(b"x"));
        let request = request(&token, &digest);
        assert_eq!(asked(request.as_bytes(), &token), Some(digest));
        assert_eq!(asked(request.as_bytes(), &Token::random().unwrap()), None);
        for other in [
            request.replace("GET", "PUT"),
            request.replace(&digest.hex(), "../../../etc/shadow"),
            request.replace(&digest.hex(), &digest.hex().to_uppercase()),
            request.replace(" HTTP/1.1", ""),
            String::new(),
            "\r\n\r\n".into(),
        ] {
            assert_eq!(asked(other.as_bytes(), &token), None, "{other}");
        }
        assert_eq!(asked(b"GET /\xff\xff/ HTTP/1.1\r\n\r\n", &token), None);
    }

    #[test]
    fn an_answer_says_how_long_it_is() {
        assert_eq!(promised(found(17).as_bytes()), Ok(17));
        assert_eq!(promised(b"HTTP/1.1 200 OK\r\ncontent-length:  4 \r\n\r\n"), Ok(4));
        assert_eq!(promised(NOT_FOUND.as_bytes()), Err("HTTP/1.1 404 Not Found".into()));
        assert!(promised(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n").is_err());
        assert!(promised(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
        assert_eq!(promised(b"SSH-2.0-\x1b[31m\r\n\r\n"), Err("SSH-2.0-[31m".into()));
        assert!(promised(b"").is_err());
    }

    #[test]
    fn a_head_is_read_to_its_end_and_not_without_one() {
        let soon = Instant::now() + Duration::from_secs(60);
        let mut input: &[u8] = b"GET\r\n\r\nrest";
        assert_eq!(read_head(&mut input, soon).unwrap(), b"GET\r\n\r\n");
        assert_eq!(input, b"rest");
        assert!(read_head(&mut std::io::repeat(b'x'), soon).is_err());
        assert!(read_head(&mut &b"GET"[..], soon).is_err());
        assert!(read_head(&mut std::io::repeat(b'x'), Instant::now() - Duration::from_secs(1)).is_err());
    }
}
