//! Downloads: resume, checksum, mirrors, cache.

pub mod mirror;
