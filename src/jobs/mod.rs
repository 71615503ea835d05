//! One file per verb; each reads as a table of contents.

pub mod create_cluster;
pub mod delete_cluster;
mod error;
pub mod site;

pub use error::{JobError, Kind};
