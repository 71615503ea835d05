//! What the scripts of all parts agree upon.

/// How long a guard's check may take, in seconds; one that hangs does not hold.
pub(super) const CHECK_SECONDS: u64 = 60;

/// Exit status of a check: it differs, but the bytes are on the host already.
pub(super) const NO_UPLOAD: u8 = 3;
