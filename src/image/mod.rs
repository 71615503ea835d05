//! OCI images: references, pull, push. Speaks the distribution specification to any registry.

pub mod registry;
