//! What names, labels, versions and addresses may look like.

use std::net::IpAddr;

/// Longest DNS name (RFC 1123).
const NAME_LENGTH: usize = 253;
/// Longest label of a DNS name, and longest name or value of a Kubernetes label.
const LABEL_LENGTH: usize = 63;

/// Whether a text is a DNS name in small letters, as names of nodes are (RFC 1123, "subdomain" in Kubernetes).
pub fn is_dns_name(text: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= LABEL_LENGTH
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    text.len() <= NAME_LENGTH && text.split('.').all(label)
}

/// Whether a text is an address, or a name that may resolve to one.
pub fn is_host(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok() || is_dns_name(&text.to_lowercase())
}

/// Whether a text is `host` or `host:port`, with an IPv6 address in brackets.
pub fn is_host_with_port(text: &str) -> bool {
    if let Some(rest) = text.strip_prefix('[') {
        let Some((address, port)) = rest.split_once(']') else { return false };
        let port = port.strip_prefix(':').map_or(port.is_empty(), is_port);
        return address.parse::<std::net::Ipv6Addr>().is_ok() && port;
    }
    match text.split_once(':') {
        Some((host, port)) => is_host(host) && is_port(port),
        None => is_host(text),
    }
}

fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok_and(|port| port > 0) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a text can be the key of a Kubernetes label: `name` or `dns.prefix/name`.
pub fn is_label_key(text: &str) -> bool {
    match text.split_once('/') {
        Some((prefix, name)) => is_dns_name(prefix) && is_label_name(name),
        None => is_label_name(text),
    }
}

/// Whether a text can be the value of a Kubernetes label.
pub fn is_label_value(text: &str) -> bool {
    text.is_empty() || is_label_name(text)
}

fn is_label_name(text: &str) -> bool {
    let edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    text.len() <= LABEL_LENGTH
        && edge(text.bytes().next())
        && edge(text.bytes().last())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// Whether a text can name a cluster or a manifest; folders are named like it.
pub fn is_object_name(text: &str) -> bool {
    is_label_name(text)
}

/// What is wrong with the spelling of a Kubernetes version, if anything: `v1.35.4`, with `-k3s` and the like behind.
pub fn version_trouble(text: &str) -> Option<String> {
    let Some(bare) = text.strip_prefix('v') else {
        let with_v = format!("v{text}");
        return Some(match version_trouble(&with_v) {
            None => format!("write \"{with_v}\""),
            Some(hint) => hint,
        });
    };
    if semver::Version::parse(bare).is_ok() {
        return None;
    }
    match bare.split('.').count() == 2 && semver::Version::parse(&format!("{bare}.0")).is_ok() {
        true => Some(format!("name the patch release too, such as \"v{bare}.0\"")),
        false => Some("a version looks like \"v1.35.4\"".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_what_only_looks_like_them() {
        for good in ["node1", "kubesphere01.ys", "a-b.c", "1"] {
            assert!(is_dns_name(good), "{good}");
        }
        for bad in ["", "Node1", "node_1", "-a", "a-", "a..b", "a.", "a b", "ä", &"a".repeat(64)] {
            assert!(!is_dns_name(bad), "{bad}");
        }
        for good in ["dockerhub.kubekey.local", "registry:5000", "10.0.0.1:443", "[fd00::1]:5000", "[fd00::1]"] {
            assert!(is_host_with_port(good), "{good}");
        }
        for bad in ["", "https://x", "x:", "x:0", "x:70000", "x/y", "[x]:1", "[fd00::1", "x:+1"] {
            assert!(!is_host_with_port(bad), "{bad}");
        }
        assert!(is_label_key("node-role.kubernetes.io/worker") && is_label_key("zone"));
        assert!(!is_label_key("a/b/c") && !is_label_key("") && !is_label_key("/x") && !is_label_value("-x"));
    }

    #[test]
    fn versions_are_corrected() {
        assert_eq!(version_trouble("v1.35.4"), None);
        assert_eq!(version_trouble("v1.21.6-k3s"), None);
        assert_eq!(version_trouble("1.35.4").unwrap(), "write \"v1.35.4\"");
        assert_eq!(version_trouble("v1.35").unwrap(), "name the patch release too, such as \"v1.35.0\"");
        assert_eq!(version_trouble("latest").unwrap(), "a version looks like \"v1.35.4\"");
    }
}
