//! The jump hosts on the way to a host, as OpenSSH writes them. Source of the format: ssh_config(5), `ProxyJump`.

use std::net::IpAddr;

/// More jump hosts than this on one way are a mistake, most often a circle.
pub const MOST_HOPS: usize = 8;

/// One jump host, as it is written; what is left out comes from elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    pub user: Option<String>,
    /// A name, an address without brackets, or what a `Host` line of `~/.ssh/config` calls it.
    pub host: String,
    pub port: Option<u16>,
}

/// What is wrong with a text that should name jump hosts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HopError {
    #[error("a jump host is missing at a comma")]
    Empty,
    #[error("{0:?} is not a jump host: write [user@]host[:port], and an IPv6 address in brackets")]
    Malformed(String),
    #[error("the jump host {0:?} has no such port: ports are 1 to 65535")]
    Port(String),
    #[error("`none` stands alone, and not among jump hosts")]
    None,
    #[error("they are more than {MOST_HOPS} jump hosts")]
    TooMany,
}

/// The jump hosts in the order in which they are passed; none of them for `none`.
pub fn parse(text: &str) -> Result<Vec<Hop>, HopError> {
    if is_none(text) {
        return Ok(Vec::new());
    }
    let hops: Vec<Hop> = text.split(',').map(|part| hop(part.trim())).collect::<Result<_, _>>()?;
    match hops.len() > MOST_HOPS {
        true => Err(HopError::TooMany),
        false => Ok(hops),
    }
}

/// Whether the text is the word that switches jump hosts off.
fn is_none(text: &str) -> bool {
    text.trim().eq_ignore_ascii_case("none")
}

fn hop(text: &str) -> Result<Hop, HopError> {
    let malformed = || HopError::Malformed(text.to_owned());
    if text.is_empty() {
        return Err(HopError::Empty);
    }
    if is_none(text) {
        return Err(HopError::None);
    }
    let bare = match text.strip_prefix("ssh://") {
        Some(rest) => rest.strip_suffix('/').unwrap_or(rest),
        None => text,
    };
    let (user, rest) = match bare.rsplit_once('@') {
        Some((user, rest)) => (Some(user.to_owned()), rest),
        None => (None, bare),
    };
    let (host, port) = host_and_port(rest).ok_or_else(malformed)?;
    let port = match port {
        None => None,
        Some(digits) => {
            let port = digits.parse::<u16>().ok().filter(|port| *port > 0 && !digits.starts_with('+'));
            Some(port.ok_or_else(|| HopError::Port(text.to_owned()))?)
        }
    };
    if !user.as_deref().is_none_or(is_user) || !is_alias(host) {
        return Err(malformed());
    }
    Ok(Hop { user, host: host.to_owned(), port })
}

/// `host`, `host:port`, `[address]`, `[address]:port`, and an IPv6 address by itself, as it can have no port.
fn host_and_port(text: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, behind) = rest.split_once(']')?;
        return match behind.strip_prefix(':') {
            Some(port) => Some((host, Some(port))),
            None => behind.is_empty().then_some((host, None)),
        };
    }
    if text.parse::<IpAddr>().is_ok() {
        return Some((text, None));
    }
    match text.split_once(':') {
        Some((host, port)) => Some((host, Some(port))),
        None => Some((text, None)),
    }
}

fn is_user(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('-') && !text.contains(|char: char| char.is_whitespace() || char.is_control())
}

/// A name of DNS, an address, or a word by which `~/.ssh/config` calls a host; those are freer than names of DNS.
fn is_alias(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    text.parse::<IpAddr>().is_ok()
        || !text.is_empty() && text.len() <= 253 && !text.starts_with('-') && text.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hop(user: Option<&str>, host: &str, port: Option<u16>) -> Hop {
        Hop { user: user.map(str::to_owned), host: host.to_owned(), port }
    }

    #[test]
    fn jump_hosts() {
        assert_eq!(parse("bastion").unwrap(), [hop(None, "bastion", None)]);
        assert_eq!(parse("ann@10.0.0.1:2222").unwrap(), [hop(Some("ann"), "10.0.0.1", Some(2222))]);
        assert_eq!(
            parse("ann@corp.example@outer, [fd00::1]:22,ssh://bob@[fd00::2]/").unwrap(),
            [
                hop(Some("ann@corp.example"), "outer", None),
                hop(None, "fd00::1", Some(22)),
                hop(Some("bob"), "fd00::2", None)
            ]
        );
        assert_eq!(parse("fd00::1").unwrap(), [hop(None, "fd00::1", None)]);
        assert_eq!(parse("My_Bastion").unwrap(), [hop(None, "My_Bastion", None)]);
        assert!(parse("none").unwrap().is_empty() && parse(" None ").unwrap().is_empty());
    }

    #[test]
    fn what_is_no_jump_host() {
        for text in ["", "a,", ",a", "a,,b"] {
            assert_eq!(parse(text), Err(HopError::Empty), "{text}");
        }
        for text in ["@a", "a b", "-oProxyCommand=x", "-a@b", "a/b", "[fd00::1", "[fd00::1]x", "ö", "ann@"] {
            assert!(matches!(parse(text), Err(HopError::Malformed(_))), "{text}");
        }
        for text in ["a:", "a:0", "a:70000", "a:+1", "a:b", "a:1:2"] {
            assert!(matches!(parse(text), Err(HopError::Port(_))), "{text}");
        }
        assert_eq!(parse("a,none"), Err(HopError::None));
        assert_eq!(parse(&["a"; 9].join(",")), Err(HopError::TooMany));
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "\\PC{0,40}", likely in "[a:@,\\[\\]0-9/]{0,20}") {
            let _ = (parse(&text), parse(&likely));
        }
    }
}
