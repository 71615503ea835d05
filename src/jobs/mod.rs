//! One file per verb; each reads as a table of contents.

pub mod check;
pub mod create_cluster;
pub mod create_config;
pub mod create_manifest;
pub mod delete_cluster;
mod demand;
pub mod diff;
mod engine;
mod error;
pub mod export;
mod files;
mod gather;
pub mod inspect;
pub mod join;
pub mod key_endorse;
pub mod key_generate;
pub mod key_list;
mod keys;
pub mod passphrase;
mod push;
pub mod receipt;
pub mod receipt_check;
mod rendered;
pub mod sbom;
pub mod serve;
pub mod sign;
pub mod site;
pub mod split;
mod summary;
pub mod verify;
pub mod verify_parts;
pub mod view_config;
pub mod view_template;

pub use error::{JobError, Kind};
