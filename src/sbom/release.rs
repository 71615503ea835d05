//! Which operating system an image was made of: `os-release` (os-release(5)).

use std::io::BufRead;

use serde::{Deserialize, Serialize};

use super::lines;
use super::package::{DatabaseError, text};

/// What an image says of its operating system.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Release {
    /// `ID`: `debian`, `alpine`, `rhel`.
    pub id: String,
    /// `VERSION_ID`; empty for distributions without versions.
    pub version: String,
    /// `PRETTY_NAME`.
    pub title: String,
}

impl Release {
    /// The word for it in package URLs: `debian-12`.
    pub fn distro(&self) -> String {
        if self.version.is_empty() { self.id.clone() } else { format!("{}-{}", self.id, self.version) }
    }
}

/// Reads an os-release file; `None` where it names no system.
pub fn read(source: impl BufRead) -> Result<Option<Release>, DatabaseError> {
    let mut release = Release::default();
    lines::each(source, |line| {
        let Some(equals) = line.iter().position(|byte| *byte == b'=') else { return Ok(()) };
        let value = unquoted(&text(&line[equals + 1..]));
        match &line[..equals] {
            b"ID" => release.id = value.to_lowercase(),
            b"VERSION_ID" => release.version = value,
            b"PRETTY_NAME" => release.title = value,
            _ => {}
        }
        Ok::<(), DatabaseError>(())
    })?;
    Ok((!release.id.is_empty()).then_some(release))
}

/// Values are quoted as a shell does; none of those read here has anything to escape.
fn unquoted(value: &str) -> String {
    let quoted = |mark: char| value.strip_prefix(mark)?.strip_suffix(mark);
    quoted('"').or_else(|| quoted('\'')).unwrap_or(value).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_is_named_as_package_urls_name_it() {
        let text = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian\"\nVERSION_ID=\"12\"\nID=debian\n";
        let release = read(text.as_bytes()).unwrap().unwrap();
        assert_eq!((release.distro().as_str(), release.title.len()), ("debian-12", 30));
        assert_eq!(read(&b"ID='arch'"[..]).unwrap().unwrap().distro(), "arch");
        assert_eq!(read(&b"NAME=nothing"[..]).unwrap(), None);
    }
}
