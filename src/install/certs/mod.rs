//! Certificates: the site's authorities and what they sign. Authorities live on the operator's machine.

mod issue;
mod keys;

pub use issue::{CertError, Pair, Request, Usage, covers};
pub use keys::{KeyStore, Keys, ServiceAccount};
