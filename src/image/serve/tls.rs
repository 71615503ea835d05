//! The certificate of a registry that is served here.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use secrecy::{ExposeSecret, SecretString};

use crate::image::tls::{TlsError, certificates};

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    #[error("the certificate cannot be used: {0}")]
    Certificate(TlsError),
    #[error("the key file holds no private key: a PEM block \"BEGIN PRIVATE KEY\" is needed")]
    NoKey,
    #[error("certificate and key cannot be used together: {reason}")]
    Pair { reason: String },
}

/// A configuration with a certificate, those of the authorities between it and its root, and its key; PEM.
pub fn server_config(certificate: &str, key: &SecretString) -> Result<Arc<ServerConfig>, CertificateError> {
    let chain = certificates(certificate).map_err(CertificateError::Certificate)?;
    let key = PrivateKeyDer::from_pem_slice(key.expose_secret().as_bytes()).map_err(|_| CertificateError::NoKey)?;
    let pair = |error: rustls::Error| CertificateError::Pair { reason: error.to_string() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(pair)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(pair)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificate_and_key_must_be_a_pair() {
        let certified = |name: &str| rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        let (one, other) = (certified("one"), certified("other"));
        let key = |of: &rcgen::CertifiedKey<rcgen::KeyPair>| SecretString::from(of.signing_key.serialize_pem());
        assert!(server_config(&one.cert.pem(), &key(&one)).is_ok());
        assert!(matches!(server_config(&one.cert.pem(), &key(&other)), Err(CertificateError::Pair { .. })));
        assert!(matches!(server_config(&one.cert.pem(), &one.cert.pem().into()), Err(CertificateError::NoKey)));
        assert!(matches!(server_config("", &key(&one)), Err(CertificateError::Certificate(_))));
    }
}
