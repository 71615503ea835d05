//! What is inside what is carried: a bill of materials of a bundle, with the packages inside its images.
//!
//! - [`layer`]: what one layer of an image has to say, from its bytes alone; [`archive`] walks its tar.
//! - [`dpkg`], [`apk`], [`rpm`]: databases of installed packages; [`release`]: the operating system's name.
//! - [`image`]: layers upon each other, as a runtime stacks them. [`scan`]: many layers at once, each once.
//! - [`document`]: all of it as CycloneDX; [`purl`]: names that scanners know packages by.
//!
//! Layers are hostile: sizes, counts and texts are bounded, nothing is unpacked, and nothing here recurses.

pub mod apk;
pub mod archive;
pub mod document;
pub mod dpkg;
pub mod image;
pub mod layer;
mod lines;
pub mod package;
pub mod purl;
pub mod release;
pub mod rpm;
pub mod scan;

pub use document::document;
pub use image::{Packages, stack};
pub use layer::LayerScan;
pub use package::{Family, Package};
pub use scan::{Scanner, Scans};

/// Where the bill of materials lies in a bundle.
pub const PATH: &str = "sbom.cdx.json";

/// How much a bill of materials tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// What the inventory lists.
    #[default]
    Images,
    /// The packages inside images as well: every layer is decompressed.
    Packages,
}
