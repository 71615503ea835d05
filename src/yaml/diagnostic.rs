//! What is wrong with a file, and where.

use std::fmt;
use std::path::PathBuf;

/// One error in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file as the user named it.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What is wrong; a sentence without a full stop. Never the text of a secret.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)?;
        match &self.hint {
            Some(hint) => write!(formatter, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

/// All errors of one file, in the order of its lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl fmt::Display for Diagnostics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.0.iter().enumerate() {
            if index > 0 {
                formatter.write_str("\n")?;
            }
            diagnostic.fmt(formatter)?;
        }
        Ok(())
    }
}

/// Why a file could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("{} cannot be read", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// The file is wrong.
    #[error("{} has {}", path.display(), count(diagnostics.0.len()))]
    Faulty { path: PathBuf, diagnostics: Diagnostics },
}

impl LoadError {
    /// Every error of the file, for people; empty when the file could not be read at all.
    pub fn details(&self) -> Vec<String> {
        match self {
            Self::Read { .. } => Vec::new(),
            Self::Faulty { diagnostics, .. } => diagnostics.0.iter().map(ToString::to_string).collect(),
        }
    }
}

fn count(errors: usize) -> String {
    match errors {
        1 => "an error".into(),
        _ => format!("{errors} errors"),
    }
}
