//! One installed package, in the words of whichever database it was found in.

use serde::{Deserialize, Serialize};

/// Which package manager keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    Apk,
    Deb,
    Rpm,
}

/// An installed package. What a database does not say is empty.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Package {
    pub family: Family,
    pub name: String,
    /// Whole, as the package manager compares it; of rpm without its epoch.
    pub version: String,
    /// As the database names it: `amd64`, `x86_64`, `all`, `noarch`.
    pub arch: String,
    /// Of rpm, where it is not zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u32>,
    /// The source package that it was built from.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// As the database words it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub license: String,
}

/// No database of packages has more than this many.
pub const MOST_PACKAGES: usize = 50_000;

/// No text of a package is longer than this many characters.
const LONGEST_TEXT: usize = 512;

impl Package {
    /// One of which nothing is known yet.
    pub(super) fn unknown(family: Family) -> Self {
        let empty = String::new;
        Self { family, name: empty(), version: empty(), arch: empty(), epoch: None, source: empty(), license: empty() }
    }

    /// Whether enough is known to tell of it.
    pub(super) fn is_known(&self) -> bool {
        !self.name.is_empty() && !self.version.is_empty()
    }
}

/// A text of a database as one that can be shown: without control characters, and not endless.
pub(super) fn text(bytes: &[u8]) -> String {
    let bytes = bytes.get(..4 * LONGEST_TEXT).unwrap_or(bytes);
    let text = String::from_utf8_lossy(bytes);
    text.trim().chars().filter(|letter| !letter.is_control()).take(LONGEST_TEXT).collect()
}

/// Why a database was not read to its end.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    #[error("it cannot be read: {0}")]
    Io(#[from] std::io::Error),
    #[error("it lists more than {MOST_PACKAGES} packages")]
    TooMany,
    #[error("it is not a database of packages: {what}")]
    Shape { what: &'static str },
}

/// Packages, as many as there may be.
#[derive(Default)]
pub(super) struct List(Vec<Package>);

impl List {
    /// Adds a package of which enough is known.
    pub(super) fn add(&mut self, package: Package) -> Result<(), DatabaseError> {
        if !package.is_known() {
            return Ok(());
        }
        if self.0.len() == MOST_PACKAGES {
            return Err(DatabaseError::TooMany);
        }
        self.0.push(package);
        Ok(())
    }

    /// Sorted, each once.
    pub(super) fn finish(mut self) -> Vec<Package> {
        self.0.sort();
        self.0.dedup();
        self.0
    }
}
