//! What the sessions to the hosts of a site share.

use std::path::PathBuf;

use super::jumps::Jumps;
use super::target::Lent;

/// What the operator's machine lends to logins, and what sessions share. Clones share it too.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Socket of an SSH agent.
    pub agent: Option<PathBuf>,
    /// Private keys for hosts that name neither a key nor a password; those that exist are tried in this order.
    pub default_keys: Vec<PathBuf>,
    /// The connections to jump hosts.
    pub jumps: Jumps,
}

impl Options {
    /// What OpenSSH's client would use: `SSH_AUTH_SOCK`, and the usual key files in `~/.ssh`.
    pub fn from_env() -> Self {
        let home = std::env::home_dir();
        Self {
            agent: std::env::var_os("SSH_AUTH_SOCK").filter(|socket| !socket.is_empty()).map(PathBuf::from),
            default_keys: home
                .iter()
                .flat_map(|home| ["id_ed25519", "id_ecdsa", "id_rsa"].map(|name| home.join(".ssh").join(name)))
                .collect(),
            jumps: Jumps::default(),
        }
    }

    /// Of it, what logins are lent.
    pub(super) fn lent(&self) -> Lent<'_> {
        Lent { agent: self.agent.as_deref(), default_keys: &self.default_keys }
    }
}
