//! Which certificate a port of a host shows. Nothing is sent behind the handshake.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{Machine, Wire};
use crate::handshake::Witness;

/// The bytes of the certificate that is shown there first; `None` where none is within the time. A host that has a session
/// is reached on that one's way.
///
/// It is looked at and not believed: servers that ask for a certificate of the client show theirs before.
pub async fn shown(session: Option<&dyn Machine>, address: &str, port: u16, limit: Duration) -> Option<Vec<u8>> {
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
        let detour = match session {
            Some(machine) => machine.detour(port).await.map_err(io::Error::other)?,
            None => None,
        };
        let stream = match detour {
            Some(wire) => wire,
            None => Box::new(TcpStream::connect((address, port)).await?) as Box<dyn Wire>,
        };
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
        assert_eq!(shown(None, "127.0.0.1", 1, limit).await, None);
        assert_eq!(shown(None, "no address", 1, limit).await, None);
        // Something that listens and says nothing.
        let mute = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        assert_eq!(shown(None, "127.0.0.1", mute.local_addr().unwrap().port(), limit).await, None);
    }
}
