//! The three spellings of a bundle: a plain tar, and a tar in gzip members or zstd frames.

use std::fmt;
use std::path::{Path, PathBuf};

/// How the tar of a bundle is spelled. Chosen by the file's name when writing, told from its first bytes when reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Spelling {
    /// `.tar`: nothing is compressed.
    Tar,
    /// `.tar.gz`, `.tgz`: one or more gzip members (RFC 1952) an entry.
    TarGz,
    /// `.tar.zst`: one or more Zstandard frames (RFC 8878) an entry.
    TarZst,
}

/// A file name that does not say which spelling is wanted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} does not say how the bundle is to be written: end its name with .tar, .tar.gz, .tgz or .tar.zst", path.display())]
pub struct SpellingError {
    pub path: PathBuf,
}

/// How many of a file's first bytes [`Spelling::of_start`] needs.
pub(super) const START: usize = 262;

impl Spelling {
    /// All spellings, in the order in which messages list them.
    pub const ALL: [Self; 3] = [Self::Tar, Self::TarGz, Self::TarZst];

    /// The spelling that a file name asks for.
    pub fn of_name(path: &Path) -> Result<Self, SpellingError> {
        let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        let ends = |ending: &str| name.len() > ending.len() && name.ends_with(ending);
        if ends(".tar") {
            Ok(Self::Tar)
        } else if ends(".tar.gz") || ends(".tgz") {
            Ok(Self::TarGz)
        } else if ends(".tar.zst") {
            Ok(Self::TarZst)
        } else {
            Err(SpellingError { path: path.to_owned() })
        }
    }

    /// The spelling that a file's first bytes show, whatever its name.
    pub fn of_start(start: &[u8]) -> Option<Self> {
        if start.starts_with(&[0x1f, 0x8b]) {
            Some(Self::TarGz)
        } else if start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
            Some(Self::TarZst)
        } else if start.get(257..262) == Some(b"ustar") {
            Some(Self::Tar)
        } else {
            None
        }
    }

    /// The ending that a file of this spelling has.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Tar => ".tar",
            Self::TarGz => ".tar.gz",
            Self::TarZst => ".tar.zst",
        }
    }
}

impl fmt::Display for Spelling {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.ending()[1..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_decides() {
        let of = |name: &str| Spelling::of_name(Path::new(name));
        assert_eq!(of("a/site.tar"), Ok(Spelling::Tar));
        assert_eq!(of("site.tar.gz"), Ok(Spelling::TarGz));
        assert_eq!(of("SITE.TGZ"), Ok(Spelling::TarGz));
        assert_eq!(of("site.tar.zst"), Ok(Spelling::TarZst));
        for name in ["site", "site.zip", ".tar", "site.gz", "site.tar.xz", ""] {
            assert!(of(name).is_err(), "{name}");
        }
    }

    #[test]
    fn the_error_says_what_to_do() {
        let error = Spelling::of_name(Path::new("out/site.zip")).unwrap_err();
        insta::assert_snapshot!(error, @"out/site.zip does not say how the bundle is to be written: end its name with .tar, .tar.gz, .tgz or .tar.zst");
    }
}
