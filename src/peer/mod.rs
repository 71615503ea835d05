//! Files from host to host: a host that has a file serves it to the others, so that it passes the operator's link once.
//!
//! Both ends are `kk` itself, brought to the hosts over SSH for the time of a run. Plain HTTP is enough between them: what
//! goes that way is what bundles carry, and nothing of it is secret; each reader knows the digest, which came over SSH, and
//! believes no byte before all of them have been checked. A token in the path keeps strangers out.

mod fetch;
mod message;
pub mod script;
mod serve;
#[cfg(test)]
mod tests;
mod token;

pub use fetch::{Fetch, FetchError, fetch, longest};
pub use serve::{Serve, serve};
pub use token::{Token, TokenError};

/// What `uname -sm` says of the hosts that this program runs on.
pub fn own_system() -> String {
    // Linux is all that `kk` is built for; the names of architectures are those of the kernel for both of them.
    format!("Linux {}", std::env::consts::ARCH)
}
