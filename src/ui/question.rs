//! Questions to a person, asked only where one can answer.

use std::io::{BufRead, IsTerminal, Read, Write};
use std::sync::Arc;

use secrecy::SecretString;

use super::narrator::printable;
use crate::host::ssh::{AskHostKey, HostKeyQuestion};

/// Whether there is a person to ask: input and messages are on a terminal.
pub fn can_ask() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// The answer to a job's question: yes without asking where the user said so beforehand.
pub fn confirmation(yes: bool) -> Box<dyn Fn(&str) -> bool> {
    Box::new(move |question| yes || confirm(question))
}

/// Somebody to ask about hosts that no known-hosts file names; `None` where nobody can be asked.
pub fn host_keys() -> Option<Arc<dyn AskHostKey>> {
    can_ask().then(|| Arc::new(Person) as Arc<dyn AskHostKey>)
}

struct Person;

impl AskHostKey for Person {
    fn trust(&self, question: &HostKeyQuestion) -> bool {
        confirm(&host_key_question(question))
    }
}

/// Asks for a yes; anything else is a no, and so is the lack of a person.
pub fn confirm(question: &str) -> bool {
    if !can_ask() {
        let _ = writeln!(std::io::stderr(), "{}\nNobody can be asked here; --yes answers yes.", printable(question));
        return false;
    }
    let _ = write!(std::io::stderr(), "{} [y/N] ", printable(question));
    read_yes(&mut std::io::stdin().lock())
}

/// Asks for a passphrase without showing it; `None` where nobody can be asked.
pub fn passphrase(question: &str) -> Option<SecretString> {
    if !can_ask() {
        return None;
    }
    rpassword::prompt_password(printable(question)).ok().map(SecretString::from)
}

fn host_key_question(question: &HostKeyQuestion) -> String {
    format!(
        "The host {} at {} is not known yet. Its {} key has the fingerprint\n  {}\nCompare it with the output of \
         `ssh-keygen -l` on the host. Trust this key?",
        question.host, question.endpoint, question.algorithm, question.fingerprint
    )
}

fn read_yes(input: &mut impl BufRead) -> bool {
    let mut answer = String::new();
    match input.take(1024).read_line(&mut answer) {
        Ok(_) => matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_names_host_and_fingerprint() {
        let question = HostKeyQuestion {
            host: "node1".into(),
            endpoint: "10.0.0.1:22".into(),
            algorithm: "ssh-ed25519".into(),
            fingerprint: "SHA256:abc".into(),
        };
        insta::assert_snapshot!(host_key_question(&question), @r"
        The host node1 at 10.0.0.1:22 is not known yet. Its ssh-ed25519 key has the fingerprint
          SHA256:abc
        Compare it with the output of `ssh-keygen -l` on the host. Trust this key?
        ");
    }

    #[test]
    fn only_yes_is_yes() {
        let answers =
            ["y\n", "YES\n", "yes", "n\n", "\n", "", "yesterday\n"].map(|text| read_yes(&mut text.as_bytes()));
        assert_eq!(answers, [true, true, true, false, false, false, false]);
    }
}
