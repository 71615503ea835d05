//! Helm charts: archives that are read with care, folders that become archives, repositories of them, and the images
//! that they ask for.

pub mod archive;
pub mod folder;
pub mod helm;
mod ignore;
pub mod images;
pub mod repository;
pub mod values;

pub use archive::{Archive, ChartError, Metadata};
pub use helm::{Helm, HelmError, Release};
pub use images::Named;
