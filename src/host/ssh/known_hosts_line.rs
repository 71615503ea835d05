//! One line of a known-hosts file. Source of the format: sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT".

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use russh::keys::{PublicKey, parse_public_key_base64};

use super::glob::glob_matches;

/// A line that names hosts and one key.
#[derive(Clone, Debug)]
pub(super) struct Line<'a> {
    marker: Option<Marker>,
    hosts: &'a str,
    key: &'a str,
}

/// What a line says about its key, where it does not simply say "this is theirs".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marker {
    Revoked,
    /// `@cert-authority` and what future versions may add. `kk` asks servers for plain keys only.
    Other,
}

impl<'a> Line<'a> {
    /// Reads a line; `None` for comments, empty lines and lines that are none of this format.
    pub fn parse(line: &'a str) -> Option<Self> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        let mut words = line.split_ascii_whitespace();
        let mut hosts = words.next()?;
        let marker = match hosts {
            "@revoked" => Some(Marker::Revoked),
            other if other.starts_with('@') => Some(Marker::Other),
            _ => None,
        };
        if marker.is_some() {
            hosts = words.next()?;
        }
        let _algorithm = words.next()?;
        Some(Self { marker, hosts, key: words.next()? })
    }

    pub fn marker(&self) -> Option<Marker> {
        self.marker
    }

    /// The key, if it is of a kind that we can read.
    pub fn key(&self) -> Option<PublicKey> {
        parse_public_key_base64(self.key).ok()
    }

    /// Whether the line speaks of the host of this [`name`].
    pub fn names(&self, name: &str) -> bool {
        let mut found = false;
        for pattern in self.hosts.split(',') {
            if let Some(hashed) = pattern.strip_prefix("|1|") {
                found |= hash_matches(hashed, name);
            } else if let Some(pattern) = pattern.strip_prefix('!') {
                if glob_matches(pattern, name) {
                    return false;
                }
            } else {
                found |= glob_matches(pattern, name);
            }
        }
        found
    }
}

/// The name of a host in such a file: `host`, or `[host]:port` where the port is not 22.
pub(super) fn name(address: &str, port: u16) -> String {
    let address = address.to_ascii_lowercase();
    match port {
        22 => address,
        port => format!("[{address}]:{port}"),
    }
}

/// `salt|hash`, both base64: HMAC-SHA1 of the name, keyed with the salt.
fn hash_matches(hashed: &str, name: &str) -> bool {
    let Some((salt, hash)) = hashed.split_once('|') else { return false };
    let (Ok(salt), Ok(hash)) = (STANDARD.decode(salt), STANDARD.decode(hash)) else { return false };
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &salt);
    hmac::verify(&key, name.as_bytes(), &hash).is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILIG2T/B0l0gaqj3puu510tu9N1OkQ4znY3LYuEm5zCF";

    fn names(hosts: &str, name: &str) -> bool {
        Line::parse(&format!("{hosts} {KEY} a comment")).is_some_and(|line| line.names(name))
    }

    #[test]
    fn names_patterns_and_ports() {
        assert!(names("node1,10.0.0.1", "10.0.0.1"));
        assert!(names("NODE1", "node1"));
        assert!(names("*.lab", "a.b.lab"));
        assert!(names("node?", "node7"));
        assert!(!names("node?", "node17"));
        assert!(!names("*.lab,!bad.lab", "bad.lab"));
        assert!(names("[10.0.0.1]:2222", "[10.0.0.1]:2222"));
        assert!(!names("10.0.0.1", "[10.0.0.1]:2222"));
        assert_eq!(name("Node1", 22), "node1");
        assert_eq!(name("fd00::1", 2222), "[fd00::1]:2222");
    }

    #[test]
    fn hashed_names() {
        let hashed = "|1|O33ESRMWPVkMYIwJ1Uw+n877jTo=|nuuC5vEqXlEZ/8BXQR7m619W6Ak=";
        assert!(names(hashed, "example.com"));
        assert!(!names(hashed, "example.org"));
        assert!(!names("|1|broken", "example.com"));
    }

    proptest! {
        #[test]
        fn no_line_breaks_it(line in any::<String>(), hosts in "[*?!|a-c,]{0,12}", name in "[a-c.]{0,8}") {
            for line in [line, format!("{hosts} {KEY}"), format!("|1|{hosts}|{name} {KEY}")] {
                if let Some(line) = Line::parse(&line) {
                    let _ = (line.names(&name), line.key());
                }
            }
        }
    }

    #[test]
    fn comments_markers_and_nonsense() {
        assert!(Line::parse("# node1 ssh-ed25519 AAAA").is_none());
        assert!(Line::parse("").is_none());
        assert!(Line::parse("node1 ssh-ed25519").is_none());
        let line = format!("@revoked\tnode1\t{KEY}");
        assert_eq!(Line::parse(&line).unwrap().marker(), Some(Marker::Revoked));
        assert!(Line::parse(&line).unwrap().key().is_some());
        let line = format!("@cert-authority *.lab {KEY}");
        assert_eq!(Line::parse(&line).unwrap().marker(), Some(Marker::Other));
        assert!(Line::parse("node1 ssh-new !!!").unwrap().key().is_none());
    }
}
