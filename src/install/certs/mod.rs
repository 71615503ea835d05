//! Certificates: the site's authorities and what they sign. Authorities live on the operator's machine.

mod issue;
mod keys;
mod look;
mod name;
pub mod on_hosts;
mod read;
pub mod rotation;

pub use issue::{CertError, Pair, Request, Usage, covers};
pub use keys::{KeyStore, Keys, Renew, ServiceAccount};
pub use look::{File, LookError, Seen, parse as parse_look, script as look_script};
pub use name::Name;
pub use read::{Certificate, ReadError, read_der, read_pem};
pub use rotation::{Authority, Pass, Rotation};
