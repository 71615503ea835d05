//! Checksum files as projects publish them.

use crate::digest::Digest;

/// The SHA-256 of `file_name` in a published checksum file.
///
/// Understands bare hex digits, the lines of coreutils' `sha256sum` (text and binary mode), lists of many files, and
/// such lists inside an OpenPGP clear-signed message. A file with one digest alone is about the one file it lies
/// beside, whatever name it gives it: builds often name a path of their own there.
pub fn find_checksum(text: &str, file_name: &str) -> Option<Digest> {
    let entries: Vec<(Digest, &str)> = text.split(['\n', '\0']).filter_map(entry).collect();
    if let [(digest, _)] = entries.as_slice() {
        return Some(*digest);
    }
    entries.iter().find(|(_, name)| name.rsplit('/').next() == Some(file_name)).map(|(digest, _)| *digest)
}

fn entry(line: &str) -> Option<(Digest, &str)> {
    let line = line.trim();
    let (hex, rest) = line.split_once([' ', '\t']).unwrap_or((line, ""));
    let digest = Digest::from_hex(&hex.to_ascii_lowercase()).ok()?;
    Some((digest, rest.trim_start().trim_start_matches('*')))
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const B: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn every_published_form_is_understood() {
        let found = |text: &str| find_checksum(text, "runc.amd64").map(|digest| digest.hex());
        assert_eq!(found(A).as_deref(), Some(A));
        assert_eq!(found(&format!("{}\n", A.to_uppercase())).as_deref(), Some(A));
        assert_eq!(found(&format!("{A}  runc.amd64\n")).as_deref(), Some(A));
        assert_eq!(found(&format!("{A} *bin/other-name\0")).as_deref(), Some(A));
        assert_eq!(found(&format!("{B}  runc.arm64\n{A} *./runc.amd64\n")).as_deref(), Some(A));
        let signed = format!(
            "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{B}  runc.arm64\n{A}  runc.amd64\n\
             -----BEGIN PGP SIGNATURE-----\n\niQEz\n-----END PGP SIGNATURE-----\n"
        );
        assert_eq!(found(&signed).as_deref(), Some(A));
    }

    #[test]
    fn what_names_other_files_only_is_no_answer() {
        assert_eq!(find_checksum(&format!("{B}  runc.arm64\n{A}  runc.s390x\n"), "runc.amd64"), None);
        assert_eq!(find_checksum("<html>404</html>", "runc.amd64"), None);
        assert_eq!(find_checksum("", "runc.amd64"), None);
    }
}
