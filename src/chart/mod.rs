//! Helm charts: archives that are read with care, folders that become archives, and repositories of them.

pub mod archive;
pub mod folder;
mod ignore;
pub mod repository;

pub use archive::{Archive, ChartError, Metadata};
