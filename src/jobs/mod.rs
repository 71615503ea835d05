//! One file per verb; each reads as a table of contents.

pub mod create_cluster;
pub mod delete_cluster;
mod engine;
mod error;
mod files;
mod gather;
mod push;
pub mod site;
mod summary;

pub use error::{JobError, Kind};
