//! Reading certificates that lie elsewhere: what they say, and nothing about whether it is true.

use x509_parser::extensions::{KeyIdentifier, ParsedExtension};
use x509_parser::pem::parse_x509_pem;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::x509::X509Name;

use crate::digest::Digest;

/// The largest certificate file that is read, in bytes.
const LARGEST: usize = 64 << 10;
/// Of an identifier of a key, so many bytes count; they are 20, by what everybody makes.
const LONGEST_IDENTIFIER: usize = 64;
/// Of a name, so many characters are shown.
const NAME: usize = 120;

/// What a certificate says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The common name.
    pub subject: String,
    /// The common name of the authority that signed it.
    pub issuer: String,
    /// In seconds since 1970.
    pub not_before: i64,
    /// In seconds since 1970.
    pub not_after: i64,
    /// Of its bytes.
    pub digest: Digest,
    /// Its own subject key identifier, in hexadecimal digits; authorities have one (RFC 5280, section 4.2.1.2).
    pub key: Option<String>,
    /// That of the authority that signed it (RFC 5280, section 4.2.1.1).
    pub authority_key: Option<String>,
}

impl Certificate {
    /// Whether this authority says to have signed it, and not another of the same name. An authority without an
    /// identifier of its key is known by its name alone.
    pub fn is_of(&self, authority: &Certificate) -> bool {
        self.issuer == authority.subject && (authority.key.is_none() || self.authority_key == authority.key)
    }
}

/// Why a text is not read as a certificate.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    #[error("it holds no certificate")]
    None,
    #[error("it is larger than {} KiB", LARGEST >> 10)]
    Long,
    #[error("its certificate cannot be read")]
    Damaged,
}

/// The first certificate of a PEM text: in chains, that of whoever shows it.
pub fn read_pem(text: &str) -> Result<Certificate, ReadError> {
    if text.len() > LARGEST {
        return Err(ReadError::Long);
    }
    if !text.contains("-----BEGIN CERTIFICATE-----") {
        return Err(ReadError::None);
    }
    let (_, pem) = parse_x509_pem(text.as_bytes()).map_err(|_| ReadError::Damaged)?;
    if pem.label != "CERTIFICATE" {
        return Err(ReadError::Damaged);
    }
    read_der(&pem.contents)
}

/// A certificate as TLS carries it.
pub fn read_der(bytes: &[u8]) -> Result<Certificate, ReadError> {
    if bytes.len() > LARGEST {
        return Err(ReadError::Long);
    }
    let (rest, parsed) = X509Certificate::from_der(bytes).map_err(|_| ReadError::Damaged)?;
    if !rest.is_empty() {
        return Err(ReadError::Damaged);
    }
    Ok(Certificate {
        subject: common_name(parsed.subject()),
        issuer: common_name(parsed.issuer()),
        not_before: parsed.validity().not_before.timestamp(),
        not_after: parsed.validity().not_after.timestamp(),
        digest: Digest::of(bytes),
        key: identifier(&parsed, |extension| match extension {
            ParsedExtension::SubjectKeyIdentifier(key) => Some(key),
            _ => None,
        }),
        authority_key: identifier(&parsed, |extension| match extension {
            ParsedExtension::AuthorityKeyIdentifier(authority) => authority.key_identifier.as_ref(),
            _ => None,
        }),
    })
}

fn identifier<'a>(
    certificate: &'a X509Certificate<'a>,
    of: impl Fn(&'a ParsedExtension<'a>) -> Option<&'a KeyIdentifier<'a>>,
) -> Option<String> {
    let key = certificate.extensions().iter().find_map(|extension| of(extension.parsed_extension()))?;
    Some(key.0.iter().take(LONGEST_IDENTIFIER).map(|byte| format!("{byte:02x}")).collect())
}

fn common_name(name: &X509Name<'_>) -> String {
    let text = name.iter_common_name().next().and_then(|name| name.as_str().ok()).unwrap_or_default();
    text.chars().filter(|letter| !letter.is_control()).take(NAME).collect()
}

#[cfg(test)]
mod tests {
    use super::super::issue::{Request, Usage, authority, leaf};
    use super::*;

    #[test]
    fn a_certificate_says_who_signed_it_and_until_when_it_is_valid() {
        let ca = authority("test-ca").unwrap();
        let request = Request {
            common_name: "node1".into(),
            organization: None,
            names: vec!["node1".into()],
            usage: Usage::Both,
            days: 30,
        };
        let pair = leaf(&ca, &request).unwrap();
        let read = read_pem(&pair.certificate).unwrap();
        assert_eq!((read.subject.as_str(), read.issuer.as_str()), ("node1", "test-ca"));
        assert_eq!(read.not_after - read.not_before, 30 * 86_400 + 3600);
        // Another authority of the same name is another one.
        assert!(read.is_of(&read_pem(&ca.certificate).unwrap()));
        assert!(!read.is_of(&read_pem(&authority("test-ca").unwrap().certificate).unwrap()));
        // What stands before and behind it does not matter.
        assert_eq!(read_pem(&format!("# x\n{}{}", pair.certificate, ca.certificate)), Ok(read));
    }

    #[test]
    fn what_is_no_certificate_says_why() {
        assert_eq!(read_pem(""), Err(ReadError::None));
        assert_eq!(read_pem("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), Err(ReadError::None));
        assert_eq!(read_pem("-----BEGIN CERTIFICATE-----\nAAAA\n"), Err(ReadError::Damaged));
        assert_eq!(read_pem("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), Err(ReadError::Damaged));
        assert_eq!(read_pem(&"-".repeat(LARGEST + 1)), Err(ReadError::Long));
    }
}
