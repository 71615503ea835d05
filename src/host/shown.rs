//! Which certificate a port of a host shows. Nothing is sent behind the handshake.

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::handshake::Witness;

/// The bytes of the certificate that is shown there first; `None` where none is within the time.
///
/// It is looked at and not believed: servers that ask for a certificate of the client show theirs before.
pub async fn shown(address: &str, port: u16, limit: Duration) -> Option<Vec<u8>> {
    let name = ServerName::try_from(address.to_owned()).ok()?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let witness = Arc::new(Witness::new(provider.clone()));
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .ok()?
        .dangerous()
        .with_custom_certificate_verifier(witness.clone())
        .with_no_client_auth();
    let handshake = async {
        let stream = TcpStream::connect((address, port)).await?;
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    };
    // However it ended: what counts is what was shown.
    let _ = tokio::time::timeout(limit, handshake).await;
    witness.seen()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn where_nothing_listens_nothing_is_shown() {
        let limit = Duration::from_millis(500);
        assert_eq!(shown("127.0.0.1", 1, limit).await, None);
        assert_eq!(shown("no address", 1, limit).await, None);
        // Something that listens and says nothing.
        let mute = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        assert_eq!(shown("127.0.0.1", mute.local_addr().unwrap().port(), limit).await, None);
    }
}
