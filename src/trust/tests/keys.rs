use secrecy::{ExposeSecret, SecretString};

use super::super::{KeyListError, Namespace, PublicKey, PublicKeyError, SigningKey, SigningKeyError, key_list};
use super::key;

#[test]
fn a_key_survives_its_file() {
    let made = key("release key of example.org");
    for passphrase in [None, Some(SecretString::from("seven words"))] {
        let text = made.to_text(passphrase.as_ref()).unwrap();
        let read = SigningKey::read(&text, passphrase.as_ref()).unwrap();
        assert_eq!(read.public(), made.public());
        assert_eq!(read.public().comment(), "release key of example.org");
    }
}

#[test]
fn files_that_do_not_sign_say_why() {
    let made = key("a");
    let locked = made.to_text(Some(&"right".into())).unwrap();
    let said = |text: &SecretString, passphrase: Option<&str>| {
        let passphrase = passphrase.map(SecretString::from);
        SigningKey::read(text, passphrase.as_ref()).err().unwrap().to_string()
    };
    assert_eq!(said(&locked, None), SigningKeyError::Encrypted.to_string());
    assert_eq!(said(&locked, Some("wrong")), SigningKeyError::Passphrase.to_string());
    assert_eq!(said(&made.public().line().into(), None), SigningKeyError::Public.to_string());
    assert_eq!(said(&"nonsense".into(), None), SigningKeyError::Malformed.to_string());
    let damaged = made.to_text(None).unwrap().expose_secret().replacen('A', "B", 3);
    assert_eq!(said(&damaged.into(), None), SigningKeyError::Malformed.to_string());
}

#[test]
fn a_line_is_one_key_of_one_type() {
    let line = key("ann@example.org").public().line();
    let read = PublicKey::parse(&line).unwrap();
    assert_eq!(read.line(), line);
    assert_eq!(read.comment(), "ann@example.org");
    let ecdsa = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBG8Dk6WN3l1o7ZBi3RHxsCXdAu6WTCUs6HFzVPU8X5OMWWFlOkZ5JTOyXpGKuHOjYSuAxh0pz0xxGa8c6ZZyoCE=";
    assert!(PublicKey::parse(ecdsa).is_err());
    for bad in ["", "ssh-ed25519", "ssh-ed25519 AAAA", "ssh-ed25519 !!! name", "ssh-rsa AAAA a"] {
        assert!(PublicKey::parse(bad).is_err(), "{bad}");
    }
    let secret = key("a").to_text(None).unwrap();
    assert_eq!(PublicKey::parse(secret.expose_secret()), Err(PublicKeyError::Private));
}

#[test]
fn a_list_may_be_lines_or_allowed_signers() {
    let (one, other) = (key("one"), key("other"));
    let (one, other) = (one.public(), other.public());
    let text = format!("# release keys\n\n{}\r\n{}\n", one.line(), other.line());
    assert_eq!(key_list(&text, Namespace::Bundle).unwrap(), [one.clone(), other.clone()]);

    let text = format!("ann@example.org,bob {}\n", one.line());
    assert_eq!(key_list(&text, Namespace::Bundle).unwrap()[0].comment(), "ann@example.org,bob");
    let text = format!("ann namespaces=\"git,kk-bundle\" {}\n", one.line());
    assert_eq!(key_list(&text, Namespace::Bundle).unwrap().len(), 1);
    assert_eq!(key_list(&text, Namespace::Receipt), Err(KeyListError::Empty));
    for limit in ["cert-authority", "valid-before=\"20200101\"", "namespaces=\"kk*\""] {
        let text = format!("ann {limit} {}\n", one.line());
        assert!(matches!(key_list(&text, Namespace::Bundle), Err(KeyListError::Option { line: 1, .. })), "{limit}");
    }
    assert_eq!(key_list("# none\n", Namespace::Bundle), Err(KeyListError::Empty));
    assert!(matches!(key_list("nonsense\n", Namespace::Bundle), Err(KeyListError::Key { line: 1, .. })));
}
