//! Looking at a host's certificates in one round trip: the script, and what it says.

use std::collections::BTreeMap;

use super::on_hosts::{PLACES, Place, Reader, place};
use super::read::{Certificate, ReadError, read_pem};
use crate::digest::Digest;

/// What a host said of its certificates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The host's clock, in seconds since 1970.
    pub now: i64,
    /// Path → what lies there. What is not there is left out.
    pub files: BTreeMap<&'static str, File>,
    /// Unit or container → when it began, in seconds since 1970. What does not run is left out.
    pub began: BTreeMap<&'static str, i64>,
}

/// A file with a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// When it was last written, in seconds since 1970.
    pub written: i64,
    /// Of the whole file, keys and all.
    pub digest: Digest,
    pub certificate: Result<Certificate, String>,
}

/// Why a host's answer is not believed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookError {
    #[error("its answer about certificates was cut off")]
    Cut,
    #[error("line {0} of its answer about certificates means nothing")]
    Line(usize),
}

/// A script that prints what [`parse`] reads. It changes nothing and prints no key.
pub fn script() -> String {
    let mut script = include_str!("look.sh").to_owned();
    let mut readers = Vec::new();
    for Place { path, reader, .. } in PLACES {
        let function = if path.ends_with(".conf") { "kk_conf" } else { "kk_pem" };
        script.push_str(&format!("{function} {path}\n"));
        if !readers.contains(reader) {
            readers.push(*reader);
        }
    }
    for reader in readers {
        match reader {
            Reader::Nobody => {}
            Reader::Unit(name) => script.push_str(&format!("kk_unit {name}\n")),
            Reader::Container(name) => script.push_str(&format!("kk_container {name}\n")),
        }
    }
    script.push_str("echo end\nexit 0\n");
    script
}

/// Reads what the script printed. Hosts may say anything: only known files and readers count, each once.
pub fn parse(answer: &str) -> Result<Seen, LookError> {
    let mut seen = Seen::default();
    let mut open: Option<(&'static str, File, String)> = None;
    let mut ended = false;
    for (index, line) in answer.lines().enumerate() {
        let strange = || LookError::Line(index + 1);
        if ended {
            return Err(strange());
        }
        // Lines of certificates have no blanks, and not three letters.
        let (word, rest) = line.split_once(' ').unwrap_or((if line == "end" { line } else { "" }, ""));
        if !["now", "file", "large", "began", "end"].contains(&word) {
            let (_, _, text) = open.as_mut().ok_or_else(strange)?;
            text.push_str(line);
            text.push('\n');
            continue;
        }
        close(&mut seen, open.take());
        match word {
            "now" => seen.now = rest.parse().map_err(|_| strange())?,
            "file" => {
                let mut words = rest.splitn(3, ' ');
                let mut next = || words.next().ok_or_else(strange);
                let (written, digest, path) = (next()?, next()?, next()?);
                let place = place(path).ok_or_else(strange)?;
                let file = File {
                    written: written.parse().map_err(|_| strange())?,
                    digest: format!("sha256:{digest}").parse().map_err(|_| strange())?,
                    certificate: Err(ReadError::None.to_string()),
                };
                open = Some((place.path, file, String::new()));
            }
            "large" => {
                let place = place(rest).ok_or_else(strange)?;
                let file = File { written: 0, digest: Digest::of(b""), certificate: Err(ReadError::Long.to_string()) };
                close(&mut seen, Some((place.path, file, String::new())));
            }
            "began" => {
                let (began, name) = rest.split_once(' ').ok_or_else(strange)?;
                let known = PLACES.iter().find_map(|place| match place.reader {
                    Reader::Unit(known) | Reader::Container(known) if known == name => Some(known),
                    _ => None,
                });
                seen.began.insert(known.ok_or_else(strange)?, began.parse().map_err(|_| strange())?);
            }
            _ => ended = true,
        }
    }
    if ended { Ok(seen) } else { Err(LookError::Cut) }
}

fn close(seen: &mut Seen, open: Option<(&'static str, File, String)>) {
    if let Some((path, mut file, text)) = open {
        if !text.is_empty() {
            file.certificate = read_pem(&text).map_err(|error| error.to_string());
        }
        seen.files.entry(path).or_insert(file);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use super::super::issue::authority;
    use super::*;

    fn said(body: &str) -> String {
        format!("now 1795000000\n{body}end\n")
    }

    #[test]
    fn an_answer_is_read() {
        let ca = authority("kubernetes-ca").unwrap();
        let digest = "ab".repeat(32);
        let seen = parse(&said(&format!(
            "file 1794000000 {digest} /etc/kubernetes/pki/ca.crt\n{}file 7 {digest} /etc/kubernetes/admin.conf\n\
             large /etc/ssl/etcd/ssl/ca.pem\nbegan 1794000001 kube-apiserver\n",
            ca.certificate
        )))
        .unwrap();
        let file = &seen.files["/etc/kubernetes/pki/ca.crt"];
        assert_eq!((seen.now, file.written), (1_795_000_000, 1_794_000_000));
        assert_eq!(file.certificate.as_ref().unwrap().issuer, "kubernetes-ca");
        assert_eq!(seen.files["/etc/kubernetes/admin.conf"].certificate, Err("it holds no certificate".into()));
        assert_eq!(seen.files["/etc/ssl/etcd/ssl/ca.pem"].certificate, Err("it is larger than 64 KiB".into()));
        assert_eq!(seen.began["kube-apiserver"], 1_794_000_001);
    }

    #[test]
    fn hosts_cannot_say_what_was_not_asked() {
        assert_eq!(parse("now 1\n"), Err(LookError::Cut));
        let digest = "ab".repeat(32);
        for body in [
            "-----BEGIN CERTIFICATE-----\n".to_owned(),
            format!("file 1 {digest} /etc/shadow\n"),
            format!("file x {digest} /etc/kubernetes/admin.conf\n"),
            "file 1 ab /etc/kubernetes/admin.conf\n".to_owned(),
            "began 1 sshd.service\n".to_owned(),
            "now soon\n".to_owned(),
            "end\nend\n".to_owned(),
        ] {
            assert!(matches!(parse(&said(&body)), Err(LookError::Line(_))), "{body}");
        }
        // What was said first counts.
        let twice =
            said(&format!("file 1 {digest} /etc/kubernetes/admin.conf\nfile 2 {digest} /etc/kubernetes/admin.conf\n"));
        assert_eq!(parse(&twice).unwrap().files["/etc/kubernetes/admin.conf"].written, 1);
    }

    /// The functions of the script, on files of this machine.
    fn cut(folder: &std::path::Path, function: &str, name: &str) -> String {
        let path = folder.join(name);
        let script = format!("{}\n{function} {}\n", include_str!("look.sh"), path.display());
        let output = Command::new("sh").arg("-c").arg(script).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn no_key_leaves_a_host() {
        use base64::Engine as _;
        use secrecy::ExposeSecret as _;
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        let pair = authority("kubernetes-ca").unwrap();
        let (certificate, key) = (pair.certificate.as_str(), pair.key.expose_secret());
        let secret = key.lines().nth(1).unwrap();
        let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{certificate}{key}"));

        write("both.pem", &format!("{key}{certificate}{key}"));
        write("open.pem", &format!("-----BEGIN CERTIFICATE-----\nAAAA\n{key}"));
        write("swapped.pem", &key.replace("PRIVATE KEY", "X"));
        write(
            "admin.conf",
            &format!("users:\n- user:\n    client-certificate-data: {encoded}\n    client-key-data: {encoded}\n"),
        );
        write("plain.conf", &format!("users:\n- user:\n    client-key-data: {encoded}\n"));

        for (function, name) in [("kk_pem", "both.pem"), ("kk_conf", "admin.conf")] {
            let told = cut(folder.path(), function, name);
            assert!(told.contains(certificate) && !told.contains(secret), "{name}: {told}");
            assert!(!told.contains("PRIVATE"), "{name}: {told}");
        }
        for (function, name) in [("kk_pem", "open.pem"), ("kk_pem", "swapped.pem"), ("kk_conf", "plain.conf")] {
            let told = cut(folder.path(), function, name);
            assert!(!told.contains("-----") && !told.contains(secret), "{name}: {told}");
        }
    }
}
