//! Against the real ssh-keygen.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use secrecy::{ExposeSecret, SecretString};
use tempfile::TempDir;

use super::super::{Endorsement, Namespace, SignatureFile, SigningKey};
use super::{MESSAGE, key, signed, verdict};

fn keygen(folder: &Path, arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new("ssh-keygen")
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("ssh-keygen is needed: scripts/test installs it");
    // Refused arguments end it before it reads.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn verify(folder: &Path, namespace: &str, signature: &str, message: &[u8]) -> bool {
    let arguments = ["-Y", "verify", "-f", "allowed", "-I", "ann", "-n", namespace, "-s", signature];
    keygen(folder, &arguments, message).status.success()
}

#[test]
fn ssh_keygen_checks_our_signatures() {
    let folder = TempDir::new().unwrap();
    let (old, new) = (key("old"), key("new"));
    let mut file = signed(&old);
    // What follows the signature is no matter to it.
    file.endorsements = vec![Endorsement::sign(&new, old.public()).unwrap()];
    fs::write(folder.path().join("bundle.sig"), file.to_bytes()).unwrap();
    fs::write(folder.path().join("allowed"), format!("ann {}\n", old.public().line())).unwrap();
    assert!(verify(folder.path(), "kk-bundle", "bundle.sig", MESSAGE));
    assert!(!verify(folder.path(), "kk-bundle", "bundle.sig", b"something else"));
    assert!(!verify(folder.path(), "kk-key", "bundle.sig", MESSAGE));

    let word = Endorsement::sign(&old, new.public()).unwrap();
    fs::write(folder.path().join("new.endorsed"), word.text()).unwrap();
    let public = format!("{}\n", new.public().line());
    assert!(verify(folder.path(), "kk-key", "new.endorsed", public.as_bytes()));
}

#[test]
fn ssh_keygen_reads_our_keys() {
    let folder = TempDir::new().unwrap();
    let made = key("release key");
    let passphrase = SecretString::from("seven words");
    for (name, passphrase) in [("plain", None), ("locked", Some(&passphrase))] {
        let path = folder.path().join(name);
        fs::write(&path, made.to_text(passphrase).unwrap().expose_secret()).unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let given = if passphrase.is_some() { "seven words" } else { "" };
        let shown = keygen(folder.path(), &["-y", "-P", given, "-f", name], b"");
        assert_eq!(String::from_utf8_lossy(&shown.stdout).trim(), made.public().line(), "{shown:?}");
    }
    fs::write(folder.path().join("key.pub"), made.public().line()).unwrap();
    let shown = keygen(folder.path(), &["-l", "-f", "key.pub"], b"");
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains(&made.public().fingerprint()) && shown.contains("release key"), "{shown}");
}

#[test]
fn we_read_keys_and_signatures_of_ssh_keygen() {
    let folder = TempDir::new().unwrap();
    for (name, passphrase) in [("plain", ""), ("locked", "seven words")] {
        let arguments = ["-q", "-t", "ed25519", "-N", passphrase, "-C", "made by ssh-keygen", "-f", name];
        assert!(keygen(folder.path(), &arguments, b"").status.success());
        let text = SecretString::from(fs::read_to_string(folder.path().join(name)).unwrap());
        let passphrase = (!passphrase.is_empty()).then(|| SecretString::from(passphrase));
        let read = SigningKey::read(&text, passphrase.as_ref()).unwrap();
        let public = fs::read_to_string(folder.path().join(format!("{name}.pub"))).unwrap();
        assert_eq!(format!("{}\n", read.public().line()), public);
    }
    let made = keygen(folder.path(), &["-Y", "sign", "-f", "plain", "-n", "kk-bundle"], MESSAGE).stdout;
    let text = SecretString::from(fs::read_to_string(folder.path().join("plain")).unwrap());
    let read = SigningKey::read(&text, None).unwrap();
    assert_eq!(verdict(&made, &[read.public().clone()]), "accepted: made by ssh-keygen");
    // ed25519 leaves no choice: both write the same bytes.
    assert_eq!(signed(&read).to_bytes(), made);

    let word = keygen(folder.path(), &["-Y", "sign", "-f", "plain", "-n", "kk-key"], b"").stdout;
    assert!(SignatureFile::parse_endorsements(&word).is_err(), "the key's line is missing");
}

#[test]
fn other_algorithms_of_ssh_keygen_are_refused() {
    let folder = TempDir::new().unwrap();
    let sign = |options: &[&str]| {
        let mut arguments = vec!["-Y", "sign", "-f", "key", "-n", "kk-bundle"];
        arguments.extend(options);
        keygen(folder.path(), &arguments, MESSAGE).stdout
    };
    for (kind, bits) in [("rsa", "2048"), ("ecdsa", "256"), ("ed25519", "256")] {
        for name in ["key", "key.pub"] {
            let _ = fs::remove_file(folder.path().join(name));
        }
        let made = keygen(folder.path(), &["-q", "-t", kind, "-b", bits, "-N", "", "-C", kind, "-f", "key"], b"");
        assert!(made.status.success());
        let public = fs::read_to_string(folder.path().join("key.pub")).unwrap();
        let secret = SecretString::from(fs::read_to_string(folder.path().join("key")).unwrap());
        if kind == "ed25519" {
            let key = super::super::PublicKey::parse(&public).unwrap();
            assert_eq!(
                verdict(&sign(&["-O", "hashalg=sha256"]), &[key]),
                "unread: the signature is refused: it signs a digest by sha256; only sha512 is accepted"
            );
        } else {
            assert!(super::super::PublicKey::parse(&public).unwrap_err().to_string().contains("only ssh-ed25519"));
            assert!(SigningKey::read(&secret, None).err().unwrap().to_string().contains("only ssh-ed25519"));
            let said = verdict(&sign(&[]), &[]);
            assert!(said.contains("only ssh-ed25519 is accepted"), "{said}");
        }
    }
    let signature = key("a").sign(Namespace::Receipt, MESSAGE).unwrap().armored();
    assert_eq!(
        verdict(signature.as_bytes(), &[]),
        "unread: the signature is refused: it is made for \"kk-receipt\", not for kk-bundle"
    );
}
