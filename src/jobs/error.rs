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
    /// The bundle is damaged, lacks what the cluster file needs, or is not signed as demanded. Exit code 4.
    Bundle,
    /// Checks before the installation failed; no host was changed. Exit code 5.
    Preflight,
    /// A download or a registry failed. Exit code 6.
    Network,
    /// A host could not be reached, or a step failed on it. Exit code 7.
    Host,
    /// The user answered no. Exit code 8.
    Declined,
    /// `kk etcd status` found a member that is not well. Exit code 9.
    Unwell,
    /// `kk artifact diff --exit-code` found a difference. Exit code 10.
    Different,
    /// `kk certs check-expiration` found a certificate that has expired, or will within the limit. Exit code 11.
    Expiring,
    /// `kk status` found something that is not well. Exit code 12.
    Degraded,
    /// Interrupted by a signal. Exit code 130.
    Interrupted,
}

impl Kind {
    /// All kinds, by exit code. docs/reference/exit-codes.md is made from this list.
    pub const ALL: [Self; 13] = [
        Self::Internal,
        Self::Usage,
        Self::File,
        Self::Bundle,
        Self::Preflight,
        Self::Network,
        Self::Host,
        Self::Declined,
        Self::Unwell,
        Self::Different,
        Self::Expiring,
        Self::Degraded,
        Self::Interrupted,
    ];

    /// The exit code of a process that failed so.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Internal => 1,
            Self::Usage => 2,
            Self::File => 3,
            Self::Bundle => 4,
            Self::Preflight => 5,
            Self::Network => 6,
            Self::Host => 7,
            Self::Declined => 8,
            Self::Unwell => 9,
            Self::Different => 10,
            Self::Expiring => 11,
            Self::Degraded => 12,
            Self::Interrupted => 130,
        }
    }

    /// What it means, and whether hosts were changed: a sentence or two for the reference.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Internal => {
                "The machine on which kk runs failed (a full disk, a file that cannot be written), or kk itself did."
            }
            Self::Usage => "The command line is wrong. Nothing was read and nothing was changed.",
            Self::File => {
                "A cluster file, a manifest or another file of yours is wrong, or asks for what kk cannot do yet. No host was touched."
            }
            Self::Bundle => {
                "The bundle is damaged, lacks what the cluster file needs, or is not signed by a trusted key. No host was changed."
            }
            Self::Preflight => "A check before the installation failed. No host was changed.",
            Self::Network => "A download failed, or a registry could not be read on the connected side.",
            Self::Host => {
                "A host could not be reached, a step failed on one, or another kk is at work on the site. Run the same command again when the cause is removed."
            }
            Self::Declined => "A question was answered with no, or nobody was there to answer it. Nothing was changed.",
            Self::Unwell => {
                "`kk etcd status` looked at all it could, told of it, and not all is well: a member is down, cannot be reached, or raises an alarm. Nothing was changed."
            }
            Self::Different => "The command found a difference, and was asked to say so by its exit code.",
            Self::Expiring => {
                "`kk certs check-expiration` found a certificate that has expired or expires within the limit. It comes before exit code 7: hosts may have been out of reach too."
            }
            Self::Degraded => {
                "`kk status` found something of the cluster that is not well, such as a host that does not answer."
            }
            Self::Interrupted => {
                "Ctrl-C or SIGTERM. What was running was finished unless it was pressed twice; run the same command again to go on."
            }
        }
    }
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
        self.kind.exit_code()
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
