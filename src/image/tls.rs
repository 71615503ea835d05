//! TLS towards registries: which certificates are believed.
//!
//! The configuration is built here in full, because the HTTP library's own default asks the platform for its
//! certificates and gives up on a host that has none, even for plain HTTP.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::handshake::Witness;

/// Why no TLS configuration could be made.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("the CA certificate is not readable PEM: {reason}")]
    Pem { reason: String },
    #[error("the CA file holds no certificate: a PEM block \"BEGIN CERTIFICATE\" is needed")]
    NoCertificate,
    #[error("certificate {position} of the CA file is damaged: {reason}")]
    Certificate { position: usize, reason: String },
    #[error("TLS cannot be set up: {reason}")]
    Setup { reason: String },
}

/// Which servers are believed.
#[derive(Clone, Copy, Debug)]
pub enum Trust<'a> {
    /// Those with a certificate of a public CA: Mozilla's list, which is compiled in, and this machine's own store.
    Public,
    /// Those with a certificate of a CA in this PEM text too.
    Also(&'a str),
    /// Every server whatever its certificate. Only where the user said so in as many words.
    Anyone,
}

/// A configuration that speaks HTTP/1.1 over TLS 1.2 or 1.3 with *ring*.
pub fn client_config(trust: Trust<'_>) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::Setup { reason: error.to_string() })?;
    let mut config = match trust {
        Trust::Anyone => {
            let verifier = Arc::new(Witness::new(provider));
            builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()
        }
        Trust::Public => builder.with_root_certificates(public_roots()).with_no_client_auth(),
        Trust::Also(pem) => {
            let mut roots = public_roots();
            for (index, certificate) in certificates(pem)?.into_iter().enumerate() {
                roots
                    .add(certificate)
                    .map_err(|error| TlsError::Certificate { position: index + 1, reason: error.to_string() })?;
            }
            builder.with_root_certificates(roots).with_no_client_auth()
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// The certificates of a PEM text; at least one.
pub fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates = CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| TlsError::Pem { reason: error.to_string() })?;
    if certificates.is_empty() {
        return Err(TlsError::NoCertificate);
    }
    Ok(certificates)
}

/// Mozilla's list and this machine's store. Damaged certificates of the store are passed over, as every other
/// program on the machine does.
fn public_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned());
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ca_file_without_a_certificate_is_refused() {
        for pem in ["", "just text", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"] {
            assert!(matches!(client_config(Trust::Also(pem)), Err(TlsError::NoCertificate)), "{pem}");
        }
        let cut = "-----BEGIN CERTIFICATE-----\nAAAA\n";
        assert!(matches!(client_config(Trust::Also(cut)), Err(TlsError::Pem { .. })));
        let damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(matches!(client_config(Trust::Also(damaged)), Err(TlsError::Certificate { position: 1, .. })));
    }

    #[test]
    fn public_trust_never_depends_on_the_machine() {
        assert!(client_config(Trust::Public).is_ok());
        assert!(public_roots().len() > 50);
    }
}
