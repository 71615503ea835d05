//! What a connection travels on: TCP or a jump host's forward, the SSH handshake over it, and the settings of both.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use russh::client::{self, Handle};
use russh::keys::{Algorithm, EcdsaCurve, HashAlg};
use russh::{Preferred, cipher, compression};
use socket2::SockRef;
use tokio::net::TcpStream;

use super::connection::{Client, Connection};
use super::failure::{ConnectFailure, connect};
use super::known_hosts::KnownHosts;
use super::target::{Options, Target};
use crate::host::{MachineError, Wire};

/// The system gives a connection up when what was sent has been unheard for so long (tcp(7), TCP_USER_TIMEOUT). Keepalives
/// find out who is silent; they wait behind an upload that a pulled cable holds up.
const UNHEARD: Duration = Duration::from_secs(45);

/// A wire to a target, and the connection that it runs through where there is a jump host.
pub(super) struct Dialled {
    pub wire: Box<dyn Wire>,
    pub jump: Option<Arc<Connection>>,
}

/// Reaches the target's port. Behind a jump host, nothing of the target is looked up or asked from this machine.
pub(super) async fn dial(
    target: &Target,
    known_hosts: &Arc<KnownHosts>,
    options: &Options,
) -> Result<Dialled, MachineError> {
    if !target.via.is_empty() {
        let forward = options.jumps.forward(target, known_hosts, options).await?;
        let jump = Some(forward.jump().clone());
        return Ok(Dialled { wire: Box::new(forward), jump });
    }
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
    let stream = dialled.map_err(|failure| connect(target, failure))?;
    Ok(Dialled { wire: Box::new(stream), jump: None })
}

/// Speaks SSH over a wire until keys are exchanged and the server's own key is judged.
pub(super) async fn shake_hands(
    target: &Target,
    wire: Box<dyn Wire>,
    recorded: &[Algorithm],
    client: Client,
) -> Result<Handle<Client>, ConnectFailure> {
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
