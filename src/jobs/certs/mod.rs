//! `kk certs …`: how long certificates are valid, and new ones.

pub mod check;
pub(super) mod look;
pub mod renew;
mod renewal;
pub mod rotate;
