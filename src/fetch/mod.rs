//! Downloads: resume, checksum, mirrors, cache. The connected side only.

pub mod cache;
mod client;
mod download;
mod error;
pub mod mirror;
mod part;
mod record;
mod retry;

pub use cache::{Cache, Cached};
pub use client::{Client, Probe};
pub use download::Expected;
pub use error::FetchError;
pub use retry::Retry;
