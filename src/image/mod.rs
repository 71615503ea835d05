//! OCI images: references, pull, push. Speaks the distribution specification to any registry.

pub mod reference;
pub mod registry;
pub mod tls;

pub use reference::Reference;
