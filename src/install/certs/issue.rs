//! Issuing certificates: ECDSA P-256, named and bounded as Kubernetes, etcd and registries' clients want them.

use std::net::IpAddr;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use secrecy::{ExposeSecret, SecretString};
use time::{Duration, OffsetDateTime};

/// A certificate with its key, both PEM.
#[derive(Clone, Debug)]
pub struct Pair {
    pub certificate: String,
    pub key: SecretString,
}

/// What a leaf certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    Client,
    Server,
    Both,
}

/// What a leaf certificate must say.
#[derive(Clone, Debug)]
pub struct Request {
    pub common_name: String,
    /// Kubernetes reads groups from here.
    pub organization: Option<String>,
    /// DNS names and addresses.
    pub names: Vec<String>,
    pub usage: Usage,
    /// Lifetime in days.
    pub days: i64,
}

/// Why a certificate cannot be made or read.
#[derive(Debug, thiserror::Error)]
pub enum CertError {
    #[error("cannot issue a certificate for {name}")]
    Issue {
        name: String,
        #[source]
        source: rcgen::Error,
    },
    #[error("the key or certificate kept as {name} cannot be read or written")]
    Store {
        name: String,
        #[source]
        source: std::io::Error,
    },
}

/// Clocks inside a gap are rarely exact: certificates begin an hour before they are made.
const BACKDATED: Duration = Duration::hours(1);
const AUTHORITY_DAYS: i64 = 3650;

/// Makes a new authority.
pub fn authority(common_name: &str) -> Result<Pair, CertError> {
    let fail = |source| CertError::Issue { name: common_name.to_owned(), source };
    let key = KeyPair::generate().map_err(fail)?;
    let mut params = CertificateParams::new(Vec::new()).map_err(fail)?;
    params.distinguished_name = subject(common_name, None);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    validity(&mut params, AUTHORITY_DAYS);
    let certificate = params.self_signed(&key).map_err(fail)?;
    Ok(Pair { certificate: certificate.pem(), key: SecretString::from(key.serialize_pem()) })
}

/// Signs a new leaf certificate.
pub fn leaf(authority: &Pair, request: &Request) -> Result<Pair, CertError> {
    let fail = |source| CertError::Issue { name: request.common_name.clone(), source };
    let signer = KeyPair::from_pem(authority.key.expose_secret()).map_err(fail)?;
    let issuer = Issuer::from_ca_cert_pem(&authority.certificate, signer).map_err(fail)?;
    let key = KeyPair::generate().map_err(fail)?;
    let mut params = CertificateParams::new(Vec::new()).map_err(fail)?;
    params.distinguished_name = subject(&request.common_name, request.organization.as_deref());
    for name in &request.names {
        params.subject_alt_names.push(match name.parse::<IpAddr>() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName(name.as_str().try_into().map_err(fail)?),
        });
    }
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    params.extended_key_usages = match request.usage {
        Usage::Client => vec![ExtendedKeyUsagePurpose::ClientAuth],
        Usage::Server => vec![ExtendedKeyUsagePurpose::ServerAuth],
        Usage::Both => vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth],
    };
    params.use_authority_key_identifier_extension = true;
    validity(&mut params, request.days);
    let certificate = params.signed_by(&key, &issuer).map_err(fail)?;
    Ok(Pair { certificate: certificate.pem(), key: SecretString::from(key.serialize_pem()) })
}

fn subject(common_name: &str, organization: Option<&str>) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    if let Some(organization) = organization {
        name.push(DnType::OrganizationName, organization);
    }
    name.push(DnType::CommonName, common_name);
    name
}

fn validity(params: &mut CertificateParams, days: i64) {
    let now = OffsetDateTime::now_utc();
    params.not_before = now - BACKDATED;
    params.not_after = now + Duration::days(days);
}

/// Whether a kept certificate still serves a request: it names the same names, and lives for another week.
pub fn covers(certificate: &str, request: &Request) -> bool {
    let Ok((_, pem)) = x509_parser::pem::parse_x509_pem(certificate.as_bytes()) else { return false };
    let Ok(parsed) = pem.parse_x509() else { return false };
    let week = OffsetDateTime::now_utc() + Duration::days(7);
    if parsed.validity().not_after.timestamp() < week.unix_timestamp() {
        return false;
    }
    let mut kept: Vec<String> = Vec::new();
    if let Ok(Some(names)) = parsed.subject_alternative_name() {
        for name in &names.value.general_names {
            match name {
                x509_parser::extensions::GeneralName::DNSName(name) => kept.push((*name).to_owned()),
                x509_parser::extensions::GeneralName::IPAddress(bytes) => kept.extend(address(bytes)),
                _ => {}
            }
        }
    }
    let mut wanted = request.names.clone();
    kept.sort();
    wanted.sort();
    kept == wanted
}

fn address(bytes: &[u8]) -> Option<String> {
    let address = match bytes.len() {
        4 => IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?),
        16 => IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?),
        _ => return None,
    };
    Some(address.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(names: &[&str]) -> Request {
        Request {
            common_name: "node1".into(),
            organization: None,
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            usage: Usage::Both,
            days: 30,
        }
    }

    #[test]
    fn a_leaf_covers_its_names_and_no_others() {
        let ca = authority("test-ca").unwrap();
        let pair = leaf(&ca, &request(&["node1", "192.0.2.11"])).unwrap();
        assert!(covers(&pair.certificate, &request(&["192.0.2.11", "node1"])));
        assert!(!covers(&pair.certificate, &request(&["192.0.2.12", "node1"])));
    }

    #[test]
    fn a_leaf_near_its_end_is_not_kept() {
        let ca = authority("test-ca").unwrap();
        let short = Request { days: 3, ..request(&["node1"]) };
        let pair = leaf(&ca, &short).unwrap();
        assert!(!covers(&pair.certificate, &short));
    }
}
