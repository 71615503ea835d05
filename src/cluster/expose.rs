//! How secrets of a cluster file are shown: not at all.

use secrecy::SecretString;
use serde::Serializer;

/// What stands in place of a secret wherever a file is shown.
pub const HIDDEN: &str = "********";

/// Serialises a secret as [`HIDDEN`].
pub fn hidden<S: Serializer>(secret: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    match secret {
        Some(_) => serializer.serialize_str(HIDDEN),
        None => serializer.serialize_none(),
    }
}
