//! The Manifest kind: what to carry across the gap; and its lock: exactly what that is today.

mod kind;
pub mod lock;

pub use kind::*;
pub use lock::Lock;
