//! What can go wrong between `kk` and a registry.

use std::error::Error;
use std::fmt;

use crate::digest::Digest;

use super::manifest::ManifestError;
use super::tls::TlsError;

/// What was being done when something failed: for messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// The registry, as in references.
    pub host: String,
    /// The repository; empty for calls to the registry as a whole.
    pub repository: String,
    /// "reading manifest v1.2", "uploading blob sha256:…".
    pub action: String,
}

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.repository.is_empty() {
            write!(formatter, "{}", self.action)
        } else {
            write!(formatter, "{} of {}", self.action, self.repository)
        }
    }
}

/// What the registry itself gave as a reason (distribution specification, "Error Codes"); both may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// `MANIFEST_UNKNOWN`, `DENIED`, …
    pub code: String,
    /// The registry's words, cut to a length that fits a message.
    pub message: String,
}

impl fmt::Display for Said {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code.is_empty(), self.message.is_empty()) {
            (true, true) => Ok(()),
            (false, true) => write!(formatter, ": {}", self.code),
            (true, false) => write!(formatter, ": {}", self.message),
            (false, false) => write!(formatter, ": {}: {}", self.code, self.message),
        }
    }
}

/// What is wrong with a registry's certificate, as far as it can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateProblem {
    /// Signed by a CA that is not believed.
    UnknownIssuer,
    /// Made for other names.
    OtherName,
    /// Not valid now; a clock may be wrong as well.
    Expired,
    /// The other side does not speak TLS; most often it speaks plain HTTP.
    NotTls,
    Other,
}

impl fmt::Display for CertificateProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::UnknownIssuer => "its certificate is not signed by a CA that is known here",
            Self::OtherName => "its certificate is made for another name",
            Self::Expired => "its certificate is not valid at this time; check the clocks on both sides too",
            Self::NotTls => "it does not answer in TLS; it may speak plain HTTP only",
            Self::Other => "the TLS handshake failed",
        })
    }
}

/// Why a registry did not do what it was asked for. Never holds credentials or the query of a URL.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The registry's name or address cannot be used.
    #[error("\"{host}\" cannot be used as a registry: {reason}")]
    Address { host: String, reason: String },

    /// The trust in the registry's certificate could not be set up.
    #[error("TLS for registry {host} could not be set up")]
    TlsSetup {
        host: String,
        #[source]
        source: TlsError,
    },

    /// No connection: DNS, routing, a closed port.
    #[error("cannot connect to registry {} ({subject})", subject.host)]
    Connect {
        subject: Box<Subject>,
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },

    /// The TLS handshake failed.
    #[error("cannot trust registry {host}: {problem}")]
    Certificate {
        host: String,
        problem: CertificateProblem,
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },

    /// Nothing was heard for too long.
    #[error("registry {} did not answer for {seconds} s ({subject})", subject.host)]
    Timeout { subject: Box<Subject>, seconds: u64 },

    /// The connection broke in the middle.
    #[error("the connection to registry {} broke ({subject})", subject.host)]
    Transport {
        subject: Box<Subject>,
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },

    /// 401: a login is needed, or the one given is wrong.
    #[error("registry {} {} ({subject}){said}", subject.host, if *credentials { "refuses the user name and password" } else { "needs a login" })]
    Unauthorized { subject: Box<Subject>, credentials: bool, said: Box<Said> },

    /// 403: the login is right and may not do this.
    #[error("registry {} does not allow this ({subject}){said}", subject.host)]
    Forbidden { subject: Box<Subject>, said: Box<Said> },

    /// 404: no such repository, manifest or blob.
    #[error("registry {} does not have it ({subject}){said}", subject.host)]
    NotFound { subject: Box<Subject>, said: Box<Said> },

    /// 429, and waiting did not help.
    #[error("registry {} asks for fewer requests ({subject}){said}", subject.host)]
    TooManyRequests { subject: Box<Subject>, said: Box<Said> },

    /// 5xx, and trying again did not help.
    #[error("registry {} failed with HTTP {status} ({subject}){said}", subject.host)]
    Server { subject: Box<Subject>, status: u16, said: Box<Said> },

    /// Any other status.
    #[error("registry {} refused with HTTP {status} ({subject}){said}", subject.host)]
    Refused { subject: Box<Subject>, status: u16, said: Box<Said> },

    /// An answer that the distribution specification does not allow.
    #[error("registry {} gave an answer that cannot be used ({subject}): {reason}", subject.host)]
    Protocol { subject: Box<Subject>, reason: String },

    /// A manifest or index that cannot be read.
    #[error("the manifest of {image} cannot be read")]
    Manifest {
        image: String,
        #[source]
        source: ManifestError,
    },

    /// The image is not made for every architecture that was asked for.
    #[error("{image} is not there for {}; it is there for {}", missing.join(", "), if available.is_empty() { "no platform".to_string() } else { available.join(", ") })]
    MissingPlatform { image: String, missing: Vec<String>, available: Vec<String> },

    /// Bytes that are not what their digest says.
    #[error("registry {} gave other bytes than asked for ({subject}): expected {expected}, got {found}", subject.host)]
    Digest { subject: Box<Subject>, expected: Digest, found: Digest },

    /// The bytes to push could not be read on this side.
    #[error("blob {digest} of {image} could not be read")]
    Source {
        image: String,
        digest: Digest,
        #[source]
        source: std::io::Error,
    },

    /// The registry does not take an index of which only some platforms are there, and the image is asked for by
    /// the digest of that index.
    #[error(
        "registry {host} does not take the index of {image}, because not all of its platforms are carried, and an image that is named by digest cannot be reduced to those that are{said}"
    )]
    SparseIndex { host: String, image: String, said: Box<Said> },
}

impl RegistryError {
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    pub fn is_unauthorized(&self) -> bool {
        matches!(self, Self::Unauthorized { .. })
    }

    /// Whether the same call may succeed if it is made again.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::Timeout { .. } | Self::Transport { .. } => true,
            Self::TooManyRequests { .. } | Self::Server { .. } => true,
            Self::Refused { status, .. } => *status == 408,
            _ => false,
        }
    }
}
