//! The one error type at the edge: what kind, why, and what to do next.

use std::error::Error;
use std::fmt;

/// What kind of trouble it was; each has an exit code of its own, documented in docs/reference/exit-codes.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Something that should not happen, or the operator's machine failed. Exit code 1.
    Internal,
    /// The command line is wrong. Exit code 2, as clap's own.
    Usage,
    /// A cluster file, manifest or other file of the user's is wrong, or asks for what kk cannot do. Exit code 3.
    File,
    /// The bundle is damaged, or lacks what the cluster file needs. Exit code 4.
    Bundle,
    /// Checks before the installation failed; no host was changed. Exit code 5.
    Preflight,
    /// A download or a registry failed. Exit code 6.
    Network,
    /// A host could not be reached, or a step failed on it. Exit code 7.
    Host,
    /// The user answered no. Exit code 8.
    Declined,
    /// Interrupted by a signal. Exit code 130.
    Interrupted,
}

/// Why a command failed.
#[derive(Debug)]
pub struct JobError {
    pub kind: Kind,
    /// What failed, and where; a sentence without a full stop.
    pub message: String,
    /// Why, for the cause chain.
    pub source: Option<Box<dyn Error + Send + Sync>>,
    /// Further lines, each a finding of its own: every error of a file, every bad object of a bundle.
    pub details: Vec<String>,
    /// What to do next; printed apart from the error.
    pub hints: Vec<String>,
}

impl JobError {
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None, details: Vec::new(), hints: Vec::new() }
    }

    /// Trouble of the operator's machine: a file that cannot be written, a thread that cannot be started.
    pub fn internal(message: impl Into<String>, source: impl Error + Send + Sync + 'static) -> Self {
        Self::new(Kind::Internal, message).because(source)
    }

    /// With the error that caused it.
    pub fn because(mut self, source: impl Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// With what to do next.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// With further findings.
    pub fn details(mut self, details: impl IntoIterator<Item = String>) -> Self {
        self.details.extend(details);
        self
    }

    /// The exit code of the process.
    pub fn exit_code(&self) -> u8 {
        match self.kind {
            Kind::Internal => 1,
            Kind::Usage => 2,
            Kind::File => 3,
            Kind::Bundle => 4,
            Kind::Preflight => 5,
            Kind::Network => 6,
            Kind::Host => 7,
            Kind::Declined => 8,
            Kind::Interrupted => 130,
        }
    }
}

impl fmt::Display for JobError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl Error for JobError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}
