//! Downloads: resume, checksum, mirrors, cache.
