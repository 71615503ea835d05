//! Why a login came to nothing, in words, and what can be done about it.

use std::fmt::Display;
use std::time::Duration;

use russh::{MethodKind, MethodSet};

use super::target::{Lent, Target};
use crate::host::MachineError;

/// The server did not come to an end with it.
pub(super) fn slow(target: &Target, limit: Duration) -> MachineError {
    MachineError::Login {
        host: target.name.clone(),
        message: format!("the login at {} was not done within {} s", target.endpoint(), limit.as_secs()),
        hint: Some(
            "Slow logins are often look-ups of sshd's or PAM's in DNS or LDAP; `timeout` of the host in the cluster \
             file allows more time."
                .into(),
        ),
    }
}

/// The connection ended, or made no sense any more.
pub(super) fn broken(target: &Target, tried: &[String], error: &dyn Display) -> MachineError {
    MachineError::Login {
        host: target.name.clone(),
        message: format!(
            "the login as {} at {} broke off: {error}. {}",
            target.user,
            target.endpoint(),
            tried_text(tried)
        ),
        hint: Some(
            "sshd's log on the host says why; after many failures it closes connections or bans addresses.".into(),
        ),
    }
}

/// Nothing that could be tried was taken.
pub(super) fn refused(target: &Target, lent: Lent<'_>, tried: &[String], offers: &MethodSet) -> MachineError {
    let names: Vec<String> = offers.iter().map(String::from).collect();
    let takes = |kind: MethodKind| offers.contains(&kind);
    let hint = if takes(MethodKind::Password) || takes(MethodKind::KeyboardInteractive) {
        match &target.password {
            Some(_) if target.user == "root" => {
                "Check the password; many hosts refuse root's password over SSH (PermitRootLogin), so log in as another \
                 user who may use sudo, or with a key."
            }
            Some(_) => "Check the user and the password of the host in the cluster file.",
            None => "Set `password`, or a key that the host knows, for the host in the cluster file.",
        }
    } else if takes(MethodKind::PublicKey) {
        match lent.agent {
            Some(_) => {
                "The host takes keys only: set `privateKeyPath` to one whose public half is in its authorized_keys."
            }
            None => {
                "The host takes keys only: set `privateKeyPath` to one whose public half is in its authorized_keys, or \
                 run an SSH agent that holds it."
            }
        }
    } else {
        "The host takes none of the methods that kk knows: publickey, password, keyboard-interactive."
    };
    MachineError::Login {
        host: target.name.clone(),
        message: format!(
            "{} refused the login as {}. {}; the server takes: {}",
            target.endpoint(),
            target.user,
            tried_text(tried),
            match names.is_empty() {
                true => "nothing that kk knows".to_string(),
                false => names.join(", "),
            }
        ),
        hint: Some(hint.to_string()),
    }
}

fn tried_text(tried: &[String]) -> String {
    match tried.is_empty() {
        true => "Nothing could be tried".to_string(),
        false => format!("Tried: {}", tried.join("; ")),
    }
}
