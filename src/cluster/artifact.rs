//! What is demanded of bundles.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is demanded of bundles before they are read. (kk)
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Artifact {
    /// Public keys, as lines such as `ssh-ed25519 AAAA… release key`. One of them, or one that they vouch for, must have
    /// signed the bundle. Without any, bundles need no signature.
    pub trusted_keys: Vec<String>,
    /// Public keys that are refused, whoever vouches for them.
    pub revoked_keys: Vec<String>,
}
