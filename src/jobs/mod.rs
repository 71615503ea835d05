//! One file per verb; each reads as a table of contents.

pub mod create_cluster;
pub mod delete_cluster;
mod engine;
mod error;
pub mod export;
mod files;
mod gather;
pub mod inspect;
mod push;
pub mod site;
mod summary;
pub mod verify;

pub use error::{JobError, Kind};
