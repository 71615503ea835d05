//! How thoroughly bytes are checked.

/// Which digests are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerifyDepth {
    /// BLAKE3, at the speed of the medium.
    Blake3,
    /// SHA-256 too: several times slower where the processor has no instructions for it.
    Sha256,
}
