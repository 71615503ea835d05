//! Becoming root: which command line does it, and what sudo's refusals mean.

use secrecy::{ExposeSecret, SecretString};

/// How root's shell is reached. Found out once, when a session begins.
#[derive(Clone, Debug)]
pub(super) enum Root {
    /// The login is root's.
    Already,
    /// sudo without a password.
    Sudo,
    /// sudo with a password.
    SudoWithPassword(SecretString),
}

impl Root {
    /// The command that puts a program in root's hands. With `-k`, sudo neither uses nor leaves a cached ticket, so it
    /// asks for the password always or never.
    pub fn command(&self, program: &str) -> String {
        match self {
            Root::Already => program.to_string(),
            Root::Sudo => format!("env LC_ALL=C sudo -k -n -H {program}"),
            Root::SudoWithPassword(_) => format!("env LC_ALL=C sudo -k -S -p '' -H {program}"),
        }
    }

    /// What sudo reads from standard input before the program does.
    pub fn preamble(&self) -> Vec<u8> {
        match self {
            // One line, whatever the password holds: what follows it is run.
            Root::SudoWithPassword(password) => {
                format!("{}\n", password.expose_secret().lines().next().unwrap_or_default()).into_bytes()
            }
            Root::Already | Root::Sudo => Vec::new(),
        }
    }
}

/// A refusal of sudo's in words, with a hint.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub message: String,
    pub hint: Option<String>,
}

/// Reads what sudo printed (in the C locale; both sudo and sudo-rs) when it did not run the program.
///
/// 127 is the status with which `env` says that there is no such program, in whatever language the host speaks.
pub(super) fn explain(status: u32, stderr: &str, user: &str, password_given: bool) -> Refusal {
    let has = |needles: &[&str]| needles.iter().any(|needle| stderr.contains(needle));
    let refusal = |message: String, hint: &str| Refusal { message, hint: Some(hint.to_string()) };
    if status == 127 {
        return refusal(
            format!("the user {user} is not root, and sudo is not installed there"),
            "Install the package sudo on the host, or log in as root.",
        );
    }
    if has(&["must have a tty"]) {
        return refusal(
            format!("sudo runs only on a terminal for {user} (requiretty)"),
            &format!("Put the line `Defaults:{user} !requiretty` into /etc/sudoers.d/kk on the host."),
        );
    }
    if has(&["not in the sudoers", "may not run sudo", "is not allowed to", "not allowed to execute"]) {
        return refusal(
            format!("sudo does not let {user} become root"),
            &format!("Put the line `{user} ALL=(ALL) ALL` into /etc/sudoers.d/kk on the host."),
        );
    }
    if has(&[
        "incorrect password",
        "Sorry, try again",
        "no password was provided",
        "uthentication failed",
        "incorrect authentication",
    ]) {
        return refusal(
            format!("sudo did not accept the password of {user}"),
            "sudo is given the host's `password` of the cluster file; check it.",
        );
    }
    if !password_given && has(&["password is required", "terminal is required", "authentication is required"]) {
        return refusal(
            format!("sudo wants a password for {user}, and none is given"),
            &format!(
                "Set `password` for the host in the cluster file, or put the line `{user} ALL=(ALL) NOPASSWD: ALL` \
                 into /etc/sudoers.d/kk on the host."
            ),
        );
    }
    let said = stderr.trim();
    Refusal {
        message: match said.is_empty() {
            true => format!("sudo did not run a shell for {user}, and said nothing"),
            false => format!("sudo did not run a shell for {user}: {said}"),
        },
        hint: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines() {
        insta::assert_snapshot!(Root::Already.command("/bin/sh -s"), @"/bin/sh -s");
        insta::assert_snapshot!(Root::Sudo.command("/bin/sh -s"), @"env LC_ALL=C sudo -k -n -H /bin/sh -s");
        let password = Root::SudoWithPassword("secret".into());
        insta::assert_snapshot!(password.command("/bin/sh -s"), @"env LC_ALL=C sudo -k -S -p '' -H /bin/sh -s");
        assert_eq!(password.preamble(), b"secret\n");
        assert!(!format!("{password:?}").contains("secret"));
    }

    #[test]
    fn refusals() {
        let explained = [
            "sudo: sorry, you must have a tty to run sudo",
            "ann is not in the sudoers file.",
            "Sorry, try again.\nsudo: no password was provided\nsudo: 1 incorrect password attempt",
            "sudo: a password is required",
            "sudo: interactive authentication is required",
            "",
            "sudo: account validation failure, is your account locked?",
        ]
        .map(|stderr| explain(1, stderr, "ann", false).message)
        .join("\n");
        let missing = explain(127, "env: ‘sudo’: Datei oder Verzeichnis nicht gefunden", "ann", true).message;
        insta::assert_snapshot!(missing, @"the user ann is not root, and sudo is not installed there");
        insta::assert_snapshot!(explained, @r"
        sudo runs only on a terminal for ann (requiretty)
        sudo does not let ann become root
        sudo did not accept the password of ann
        sudo wants a password for ann, and none is given
        sudo wants a password for ann, and none is given
        sudo did not run a shell for ann, and said nothing
        sudo did not run a shell for ann: sudo: account validation failure, is your account locked?
        ");
    }
}
