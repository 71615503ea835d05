//! The Manifest kind: what to carry across the gap; and its lock: exactly what that is today.

mod file;
mod kind;
pub mod lock;
mod validate;

pub use file::{Manifest, load, read};
pub use kind::*;
pub use lock::Lock;
