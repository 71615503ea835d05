//! Files that name trusted keys: a `.pub` file, several such lines, or an allowed-signers file (ssh-keygen(1),
//! "ALLOWED SIGNERS").

use super::public_key::{PublicKey, PublicKeyError};
use super::signature::Namespace;

/// A line that names no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyListError {
    #[error("line {line}: {source}")]
    Key { line: usize, source: PublicKeyError },
    #[error(
        "line {line}: kk does not know the option {option:?}, and does not trust a key whose limits it cannot keep"
    )]
    Option { line: usize, option: String },
    #[error("it names no key")]
    Empty,
}

/// The keys of such a file that may sign for this namespace. Comments and empty lines are passed over; in an
/// allowed-signers file a key is called by its principals.
pub fn key_list(text: &str, namespace: Namespace) -> Result<Vec<PublicKey>, KeyListError> {
    if text.contains("PRIVATE KEY-----") {
        return Err(KeyListError::Key { line: 1, source: PublicKeyError::Private });
    }
    let mut keys = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(key) = one(line, namespace, number)? {
            keys.push(key);
        }
    }
    if keys.is_empty() { Err(KeyListError::Empty) } else { Ok(keys) }
}

/// The key of one line, if it may sign for this namespace.
fn one(line: &str, namespace: Namespace, number: usize) -> Result<Option<PublicKey>, KeyListError> {
    let words = words(line);
    let wrong = |source| KeyListError::Key { line: number, source };
    let is_type = |word: &str| ["ssh-", "ecdsa-", "sk-"].iter().any(|start| word.starts_with(start));
    let at = words.iter().position(|(_, word)| is_type(word)).ok_or_else(|| wrong(PublicKeyError::Malformed))?;
    let (start, _) = words[at];
    let key = PublicKey::parse(&line[start..]).map_err(wrong)?;
    if at == 0 {
        return Ok(Some(key));
    }
    let mut allowed = true;
    for (_, options) in words.get(1..at).unwrap_or_default() {
        let unknown = || KeyListError::Option { line: number, option: (*options).to_owned() };
        let value = options.strip_prefix("namespaces=").ok_or_else(unknown)?;
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).ok_or_else(unknown)?;
        // A quote within means that another option follows.
        if value.contains(['"', '*', '?', '!']) {
            return Err(unknown());
        }
        allowed &= value.split(',').any(|one| one == namespace.name());
    }
    let (_, principals) = words[0];
    Ok(allowed.then(|| key.called(principals)))
}

/// The words of a line and where they begin; quoted spaces do not part them.
fn words(line: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut start = None;
    let mut quoted = false;
    for (at, letter) in line.char_indices() {
        quoted ^= letter == '"';
        match (letter.is_ascii_whitespace() && !quoted, start) {
            (true, Some(from)) => {
                found.push((from, &line[from..at]));
                start = None;
            }
            (false, None) => start = Some(at),
            _ => {}
        }
    }
    found.extend(start.map(|from| (from, &line[from..])));
    found
}
