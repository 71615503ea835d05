//! What a connection begins with: TCP, the SSH handshake over a wire, and the settings of both.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use russh::client::{self, Handle};
use russh::keys::{Algorithm, EcdsaCurve, HashAlg};
use russh::{Preferred, cipher, compression};
use socket2::SockRef;
use tokio::net::TcpStream;

use super::failure::{ConnectFailure, connect};
use super::target::Target;
use crate::host::{MachineError, Wire};

/// The system gives a connection up when what was sent has been unheard for so long (tcp(7), TCP_USER_TIMEOUT). Keepalives
/// find out who is silent; they wait behind an upload that a pulled cable holds up.
const UNHEARD: Duration = Duration::from_secs(45);

/// Connects to a target that this machine has a way to.
pub(super) async fn tcp(target: &Target) -> Result<TcpStream, MachineError> {
    let connecting = async {
        let addresses: Vec<_> = tokio::net::lookup_host((target.address.as_str(), target.port))
            .await
            .map_err(|source| ConnectFailure::Name { name: target.address.clone(), source })?
            .collect();
        let stream = TcpStream::connect(addresses.as_slice()).await?;
        stream.set_nodelay(true)?;
        SockRef::from(&stream).set_tcp_user_timeout(Some(UNHEARD))?;
        Ok::<_, ConnectFailure>(stream)
    };
    let dialled = tokio::time::timeout(target.timeout, connecting).await;
    let dialled = dialled.unwrap_or(Err(ConnectFailure::Silent { after: target.timeout }));
    dialled.map_err(|failure| connect(target, failure))
}

/// Speaks SSH over a wire until keys are exchanged and the server's own key is judged.
pub(super) async fn shake_hands<H>(
    target: &Target,
    wire: Box<dyn Wire>,
    recorded: &[Algorithm],
    client: H,
) -> Result<Handle<H>, ConnectFailure>
where
    H: client::Handler<Error = russh::Error> + 'static,
{
    tokio::time::timeout(target.timeout, client::connect_stream(Arc::new(config(recorded)), wire, client))
        .await
        .map_err(|_| ConnectFailure::Handshake { after: target.timeout })?
        .map_err(ConnectFailure::from)
}

/// The transport's settings; each differs from the default for a measured reason.
fn config(recorded: &[Algorithm]) -> client::Config {
    let ours = [
        Algorithm::Ed25519,
        Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 },
        Algorithm::Ecdsa { curve: EcdsaCurve::NistP384 },
        Algorithm::Ecdsa { curve: EcdsaCurve::NistP521 },
        Algorithm::Rsa { hash: Some(HashAlg::Sha512) },
        Algorithm::Rsa { hash: Some(HashAlg::Sha256) },
    ];
    let is_recorded = |algorithm: &Algorithm| {
        recorded.iter().any(|known| match (known, algorithm) {
            (Algorithm::Rsa { .. }, Algorithm::Rsa { .. }) => true,
            (known, algorithm) => known == algorithm,
        })
    };
    let (mut keys, others): (Vec<_>, Vec<_>) = ours.into_iter().partition(is_recorded);
    keys.extend(others);
    client::Config {
        // AES-GCM is twice as fast as ChaCha20 where the processor has AES, and CTR a third of it.
        preferred: Preferred {
            key: Cow::Owned(keys),
            cipher: Cow::Borrowed(&[
                cipher::AES_256_GCM,
                cipher::AES_128_GCM,
                cipher::CHACHA20_POLY1305,
                cipher::AES_256_CTR,
                cipher::AES_192_CTR,
                cipher::AES_128_CTR,
            ]),
            // What is sent is compressed already.
            compression: Cow::Borrowed(&[compression::NONE]),
            ..Preferred::DEFAULT
        },
        // A command may be silent for an hour; a peer that is gone is found out by keepalives.
        inactivity_timeout: None,
        keepalive_interval: Some(Duration::from_secs(10)),
        keepalive_max: 3,
        nodelay: true,
        ..client::Config::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_algorithms_come_first() {
        let names = |recorded: &[Algorithm]| {
            config(recorded).preferred.key.iter().map(|key| key.as_str()).collect::<Vec<_>>().join(" ")
        };
        insta::assert_snapshot!(names(&[]), @"ssh-ed25519 ecdsa-sha2-nistp256 ecdsa-sha2-nistp384 ecdsa-sha2-nistp521 rsa-sha2-512 rsa-sha2-256");
        insta::assert_snapshot!(names(&[Algorithm::Rsa { hash: None }]), @"rsa-sha2-512 rsa-sha2-256 ssh-ed25519 ecdsa-sha2-nistp256 ecdsa-sha2-nistp384 ecdsa-sha2-nistp521");
    }
}
