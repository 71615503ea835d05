//! Releases of Kubernetes, as far as an upgrade depends on them.

use std::fmt;

/// A release of Kubernetes 1. Ordered by minor and patch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release {
    /// 35 in `v1.35.4`.
    pub minor: u32,
    /// 4 in `v1.35.4`; 0 in `v1.36.0-rc.1`.
    pub patch: u32,
    text: String,
}

impl Release {
    /// Reads `v1.35.4`; `None` for what is no release of Kubernetes 1.
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.strip_prefix('v')?.splitn(3, '.');
        let (major, minor, patch) = (numbers.next()?, numbers.next()?, numbers.next()?);
        // What stands behind the patch's number is of a pre-release or of a distribution.
        let patch = patch.split(['-', '+']).next()?;
        let plain = text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-+".contains(&byte));
        (major == "1" && plain).then_some(())?;
        Some(Self { minor: minor.parse().ok()?, patch: patch.parse().ok()?, text: text.to_owned() })
    }

    /// With its `v`.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Release {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_ordered_as_numbers() {
        let release = |text| Release::parse(text).unwrap();
        assert!(release("v1.9.11") < release("v1.35.4"));
        assert!(release("v1.35.4") < release("v1.35.10"));
        assert_eq!((release("v1.36.0-rc.1").minor, release("v1.36.0-rc.1").patch), (36, 0));
        assert_eq!(release("v1.35.4+k3s1").to_string(), "v1.35.4+k3s1");
    }

    #[test]
    fn what_is_no_release_is_none() {
        for text in ["", "1.35.4", "v1.35", "v2.0.0", "v1.x.0", "v1.35.4;reboot", "v1.35.-1"] {
            assert_eq!(Release::parse(text), None, "{text}");
        }
    }
}
