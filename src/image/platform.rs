//! Platforms, and which entries of an index serve the asked architectures.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What an image runs on, in the words of the Go toolchain (image specification, image-index.md, "platform").
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Platform {
    pub os: String,
    #[serde(rename = "architecture")]
    pub arch: String,
    /// `v7`, `v8`, …; empty where there is none.
    #[serde(default)]
    pub variant: String,
}

/// A text that is no platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not a platform: write amd64, arm64, arm/v7 or linux/amd64")]
pub struct PlatformError {
    pub text: String,
}

impl Platform {
    /// Attestations lie in an index as manifests for this platform; nothing runs on it.
    pub fn is_attestation(&self) -> bool {
        self.os == "unknown" && self.arch == "unknown"
    }

    /// How well this serves the asked platform, more is better; `None` if not at all.
    ///
    /// The plainest variant wins, because it runs on every host of the architecture.
    fn fitness(&self, asked: &Platform) -> Option<u8> {
        if self.os != asked.os || self.arch != asked.arch {
            return None;
        }
        let own = self.variant.as_str();
        if !asked.variant.is_empty() {
            return (plain_variant(&self.arch, own) == plain_variant(&asked.arch, &asked.variant)).then_some(9);
        }
        Some(match (self.arch.as_str(), own) {
            (_, "") | ("arm64", "v8") | ("amd64", "v1") => 9,
            ("arm", "v7") => 8,
            ("arm", "v6") => 7,
            ("arm", "v5") => 6,
            // A later variant of amd64 or arm64 may not start on every host: better than nothing only if asked for.
            ("amd64" | "arm64", _) => return None,
            _ => 1,
        })
    }
}

/// The variant that an architecture has where none is written.
fn plain_variant<'a>(arch: &str, variant: &'a str) -> &'a str {
    match (arch, variant) {
        ("arm64", "") => "v8",
        ("amd64", "") => "v1",
        ("arm", "") => "v7",
        (_, variant) => variant,
    }
}

/// For each asked platform the index of the best offer, or the asked platforms that none serves.
pub fn choose(asked: &[Platform], offers: &[Option<Platform>]) -> Result<Vec<usize>, Vec<Platform>> {
    let mut chosen = Vec::new();
    let mut missing = Vec::new();
    for want in asked {
        let fits = offers.iter().enumerate().filter_map(|(position, offer)| {
            let offer = offer.as_ref().filter(|offer| !offer.is_attestation())?;
            Some((offer.fitness(want)?, position))
        });
        // Of equally good offers the first one wins, as in containerd.
        match fits.max_by_key(|(fitness, position)| (*fitness, usize::MAX - position)) {
            Some((_, position)) if !chosen.contains(&position) => chosen.push(position),
            Some(_) => {}
            None => missing.push(want.clone()),
        }
    }
    if missing.is_empty() { Ok(chosen) } else { Err(missing) }
}

impl fmt::Display for Platform {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.os, self.arch)?;
        if !self.variant.is_empty() {
            write!(formatter, "/{}", self.variant)?;
        }
        Ok(())
    }
}

impl FromStr for Platform {
    type Err = PlatformError;

    /// `arch`, `arch/variant`, `os/arch` or `os/arch/variant`; the operating system is Linux where none is named.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split('/').collect();
        let word = |part: &&str| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        };
        if !parts.iter().all(word) {
            return Err(PlatformError { text: text.chars().take(80).collect() });
        }
        let (os, arch, variant) = match parts.as_slice() {
            [arch] => ("linux", *arch, ""),
            [os @ ("linux" | "windows" | "darwin" | "freebsd"), arch] => (*os, *arch, ""),
            [arch, variant] => ("linux", *arch, *variant),
            [os, arch, variant] => (*os, *arch, *variant),
            _ => return Err(PlatformError { text: text.chars().take(80).collect() }),
        };
        let arch = match arch {
            "x86_64" | "x86-64" => "amd64",
            "aarch64" => "arm64",
            arch => arch,
        };
        Ok(Self { os: os.into(), arch: arch.into(), variant: variant.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platforms(texts: &[&str]) -> Vec<Platform> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn chosen(asked: &[&str], offers: &[&str]) -> Result<Vec<String>, Vec<String>> {
        let offers: Vec<_> = platforms(offers).into_iter().map(Some).collect();
        choose(&platforms(asked), &offers)
            .map(|found| found.into_iter().map(|position| offers[position].as_ref().unwrap().to_string()).collect())
            .map_err(|missing| missing.iter().map(Platform::to_string).collect())
    }

    #[test]
    fn texts_are_read_and_written() {
        for (text, full) in [
            ("amd64", "linux/amd64"),
            ("x86_64", "linux/amd64"),
            ("linux/arm64/v8", "linux/arm64/v8"),
            ("arm/v7", "linux/arm/v7"),
            ("windows/amd64", "windows/amd64"),
        ] {
            assert_eq!(text.parse::<Platform>().unwrap().to_string(), full);
        }
        for text in ["", "/", "a//b", "a/b/c/d", "a b"] {
            assert!(text.parse::<Platform>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_plainest_variant_wins() {
        let offers =
            ["linux/amd64/v3", "linux/amd64", "linux/arm/v5", "linux/arm/v7", "linux/arm64/v8", "unknown/unknown/"];
        let offers = &offers[..5];
        assert_eq!(chosen(&["amd64", "arm64"], offers).unwrap(), ["linux/amd64", "linux/arm64/v8"]);
        assert_eq!(chosen(&["arm"], offers).unwrap(), ["linux/arm/v7"]);
        assert_eq!(chosen(&["amd64/v3"], offers).unwrap(), ["linux/amd64/v3"]);
        assert_eq!(chosen(&["arm64/v8"], &["arm64"]).unwrap(), ["linux/arm64"]);
        assert_eq!(chosen(&["amd64", "linux/amd64"], &["amd64"]).unwrap(), ["linux/amd64"]);
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(
            chosen(&["amd64", "arm64"], &["windows/amd64", "linux/amd64/v4"]).unwrap_err(),
            ["linux/amd64", "linux/arm64"]
        );
        let attestation = Platform { os: "unknown".into(), arch: "unknown".into(), variant: String::new() };
        assert!(choose(&platforms(&["amd64"]), &[Some(attestation), None]).is_err());
    }
}
