//! Takes secrets out of texts that nobody has read. Pure.
//!
//! Two nets, one behind the other: secrets that the site knows are taken out wherever they stand; and what looks like one
//! is, even where it is none.

use secrecy::{ExposeSecret, SecretString};

use crate::cluster::expose::{HIDDEN, hide_in_urls, names_secret};

/// Secrets that are shorter would take half of every text with them.
const SHORTEST: usize = 6;

/// Takes out what a site knows, and what looks like a secret.
pub struct Redactor {
    known: Vec<SecretString>,
}

impl Redactor {
    /// One that knows these.
    pub fn new(known: impl IntoIterator<Item = SecretString>) -> Self {
        Self { known: known.into_iter().filter(|secret| secret.expose_secret().len() >= SHORTEST).collect() }
    }

    /// The text without secrets. Lines stay where they are, so that what is told of line 40 is still there.
    pub fn clean(&self, text: &str) -> String {
        let mut clean = String::with_capacity(text.len());
        let mut in_key = false;
        for line in text.split_inclusive('\n') {
            let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
            if in_key || line.contains("-----BEGIN ") && line.contains("PRIVATE KEY-----") {
                in_key = !line.contains("-----END ");
                clean.push_str(HIDDEN);
            } else {
                clean.push_str(&self.line(line));
            }
            clean.push_str(end);
        }
        clean
    }

    fn line(&self, line: &str) -> String {
        let mut line = line.to_owned();
        for secret in &self.known {
            if line.contains(secret.expose_secret()) {
                line = line.replace(secret.expose_secret(), HIDDEN);
            }
        }
        if line.contains("://") {
            hide_in_urls(&mut line);
        }
        if let Some(hidden) = hide_value(&line) {
            line = hidden;
        }
        hide_words(&line)
    }
}

/// `password: x`, `"token": "x"`, `--client-secret=x`, `client-key-data: x`: what stands behind the first such name is hidden up
/// to the end of the line.
fn hide_value(line: &str) -> Option<String> {
    let lower = line.to_ascii_lowercase();
    for (at, letter) in lower.char_indices() {
        if letter != ':' && letter != '=' {
            continue;
        }
        let before = lower[..at].trim_end_matches(['"', '\'', ' ']);
        let start = before
            .rfind(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')))
            .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
        let name = &before[start..];
        let behind = line[at + 1..].trim_matches([' ', '"', '\'', ',', '{', '[']);
        // `secret.go:10]` is a line of a program.
        let is_secret =
            name.ends_with("key-data") || name == "authorization" || names_secret(name) && !name.ends_with(".go");
        // A name alone says that something follows in other lines, or that there is nothing.
        if is_secret
            && !behind.is_empty()
            && !matches!(behind, "true" | "false" | "null" | "|")
            && !behind.starts_with('/')
        {
            return Some(format!("{} {HIDDEN}", &line[..=at]));
        }
    }
    None
}

/// Bootstrap tokens (`abcdef.0123456789abcdef`) and JSON web tokens, wherever they stand.
fn hide_words(line: &str) -> String {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_');
    let mut shown = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(start) = rest.find(is_part) {
        shown.push_str(&rest[..start]);
        let end = rest[start..].find(|letter| !is_part(letter)).map_or(rest.len(), |length| start + length);
        let word = &rest[start..end];
        shown.push_str(if is_bootstrap_token(word) || is_web_token(word) { HIDDEN } else { word });
        rest = &rest[end..];
    }
    shown.push_str(rest);
    shown
}

/// Kubernetes, "Authenticating with Bootstrap Tokens", token format.
fn is_bootstrap_token(word: &str) -> bool {
    let small = |text: &str| text.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit());
    word.split_once('.').is_some_and(|(id, secret)| id.len() == 6 && secret.len() == 16 && small(id) && small(secret))
}

/// RFC 7519: three parts, and the first is the Base64 of something that begins with `{"`.
fn is_web_token(word: &str) -> bool {
    word.starts_with("eyJ") && word.len() > 60 && word.matches('.').count() == 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(text: &str) -> String {
        Redactor::new([SecretString::from("hunter2hunter2"), SecretString::from("ab")]).clean(text)
    }

    #[test]
    fn what_the_site_knows_is_nowhere() {
        assert_eq!(clean("x hunter2hunter2 y ab\n"), format!("x {HIDDEN} y ab\n"));
    }

    #[test]
    fn keys_lose_their_lines_and_keep_their_number() {
        let text = "a\n-----BEGIN EC PRIVATE KEY-----\nMHcCAQ\n-----END EC PRIVATE KEY-----\nb\n";
        assert_eq!(clean(text), format!("a\n{HIDDEN}\n{HIDDEN}\n{HIDDEN}\nb\n"));
        let certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
        assert_eq!(clean(certificate), certificate);
    }

    #[test]
    fn values_with_telling_names_are_hidden() {
        for (line, shown) in [
            ("    password: x y", "    password: ********"),
            ("  \"token\": \"x\",", "  \"token\": ********"),
            ("--oidc-client-secret=x --v=2", "--oidc-client-secret= ********"),
            ("client-key-data: LS0t", "client-key-data: ********"),
            ("Authorization: Bearer x", "Authorization: ********"),
            ("  --token-auth-file=/etc/tokens", "  --token-auth-file=/etc/tokens"),
            ("  token:", "  token:"),
            ("  automountServiceAccountToken: false", "  automountServiceAccountToken: false"),
            ("I1 secret.go:10] synced", "I1 secret.go:10] synced"),
            ("https://user:x@proxy:3128/", "https://user:********@proxy:3128/"),
            ("join with abcdef.0123456789abcdef now", "join with ******** now"),
            ("node1.kubernetes.local v1.35.4", "node1.kubernetes.local v1.35.4"),
        ] {
            assert_eq!(clean(line), shown);
        }
        let token = format!("eyJhbGciOi.{}.sig", "x".repeat(80));
        assert_eq!(clean(&format!("got {token}")), format!("got {HIDDEN}"));
    }
}
