//! Reading `~/.ssh/config` and the files that it includes.

use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use super::lines::{Block, Condition, Piece, pieces};
use super::{SshConfig, SshConfigError};
use crate::host::ssh::glob::glob_matches;

/// Bytes of one file, at most.
const LARGEST_FILE: u64 = 1 << 20;
/// Files in all.
const MOST_FILES: usize = 256;
/// Files within files; ssh(1) has the same limit.
const DEEPEST: usize = 16;
/// Entries of a folder that a pattern is held against.
const MOST_ENTRIES: usize = 10_000;

pub(super) struct Reader<'a> {
    home: Option<&'a Path>,
    files: usize,
    blocks: Vec<Block>,
}

impl<'a> Reader<'a> {
    /// Reads a file and what it includes; `home` is what `~` stands for, and where `.ssh` lies.
    pub fn read(path: &Path, home: Option<&'a Path>) -> Result<SshConfig, SshConfigError> {
        let mut reader = Self { home, files: 0, blocks: Vec::new() };
        let text = reader.text(path)?;
        reader.add(path, &text, &[], 0)?;
        Ok(SshConfig { blocks: reader.blocks })
    }

    fn text(&mut self, path: &Path) -> Result<String, SshConfigError> {
        let failed = |source| SshConfigError::Read { path: path.to_owned(), source };
        self.files += 1;
        if self.files > MOST_FILES {
            return Err(failed(std::io::Error::other(format!("more than {MOST_FILES} files are included"))));
        }
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(failed)?;
        if file.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(failed)? as u64 > LARGEST_FILE {
            return Err(failed(std::io::Error::other(format!("it is larger than {} MiB", LARGEST_FILE >> 20))));
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn add(&mut self, path: &Path, text: &str, outer: &[Condition], depth: usize) -> Result<(), SshConfigError> {
        let bad = |line, reason: String| SshConfigError::Line { path: path.to_owned(), line, reason };
        if depth > DEEPEST {
            return Err(bad(1, format!("files are included more than {DEEPEST} deep, most likely in a circle")));
        }
        for piece in pieces(text, outer).map_err(|found| bad(found.line, found.reason))? {
            match piece {
                Piece::Block(block) => self.blocks.push(block),
                Piece::Include { conditions, patterns } => {
                    let files: Vec<PathBuf> = patterns.iter().flat_map(|pattern| self.matching(pattern)).collect();
                    for file in files {
                        // As with ssh(1), a file that is not there or not for us has nothing to say.
                        match self.text(&file) {
                            Ok(text) => self.add(&file, &text, &conditions, depth + 1)?,
                            Err(SshConfigError::Read { source, .. }) if is_absent(&source) => {}
                            Err(error) => return Err(error),
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// The files that an `Include` names, in the order of their names. A path that begins at no root begins in `~/.ssh`.
    fn matching(&self, pattern: &str) -> Vec<PathBuf> {
        let whole = match (pattern.strip_prefix("~/"), self.home) {
            (Some(rest), Some(home)) => home.join(rest),
            (None, Some(home)) => home.join(".ssh").join(pattern),
            (_, None) => PathBuf::from(pattern),
        };
        let mut found = vec![PathBuf::new()];
        for component in whole.components() {
            let Component::Normal(name) = component else {
                found.iter_mut().for_each(|path| path.push(component));
                continue;
            };
            match name.to_str().filter(|name| name.contains(['*', '?'])) {
                None => found.iter_mut().for_each(|path| path.push(name)),
                Some(pattern) => found = found.iter().flat_map(|folder| entries(folder, pattern)).collect(),
            }
            found.truncate(MOST_FILES);
        }
        found
    }
}

/// Entries of a folder whose names match, sorted. A name that begins with a dot is matched by a pattern that does.
fn entries(folder: &Path, pattern: &str) -> Vec<PathBuf> {
    let Ok(read) = std::fs::read_dir(folder) else { return Vec::new() };
    let matches = |name: &str| pattern.starts_with('.') == name.starts_with('.') && glob_matches(pattern, name);
    let mut found: Vec<PathBuf> = read
        .take(MOST_ENTRIES)
        .flatten()
        .filter(|entry| entry.file_name().to_str().is_some_and(matches))
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found
}

fn is_absent(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{IsADirectory, NotADirectory, NotFound, PermissionDenied};
    matches!(error.kind(), NotFound | PermissionDenied | IsADirectory | NotADirectory)
}
