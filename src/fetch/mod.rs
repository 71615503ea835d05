//! Downloads: resume, checksum, mirrors, cache. The connected side only.

mod blob;
pub mod cache;
mod client;
mod download;
mod error;
pub mod exports;
mod intake;
pub mod mirror;
mod note;
mod part;
mod record;
mod retry;
pub mod staging;
mod stock;

pub use blob::BlobError;
pub use cache::{Cache, Cached};
pub use client::{Client, Probe};
pub use download::Expected;
pub use error::FetchError;
pub use note::Form;
pub use part::Part;
pub use retry::Retry;
pub use stock::{Held, Limits, Stock};
