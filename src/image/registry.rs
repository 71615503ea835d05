//! How a registry is reached.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

/// How a registry is reached: name, TLS, credentials. One of these is one client.
#[derive(Clone, Debug, Default)]
pub struct RegistryAccess {
    /// `host` or `host:port`, as in references.
    pub host: String,
    /// Connects here instead of asking DNS for `host`; inside the gap the operator's machine may not resolve it.
    pub address: Option<IpAddr>,
    /// Connects to this Unix socket instead of any address; the registry is behind it.
    pub socket: Option<PathBuf>,
    /// Speak HTTP without TLS.
    pub plain_http: bool,
    /// Do not check the certificate. Only where the user said so in as many words.
    pub skip_tls_verify: bool,
    /// PEM of the CA that signed the registry's certificate, where it is a private one.
    pub ca_pem: Option<String>,
    pub username: Option<String>,
    pub password: Option<SecretString>,
    /// Set on the connected side only. There the environment's proxies apply and redirects to other hosts are
    /// followed; inside the gap neither is, so that nothing is asked but the named registry, and the token server
    /// that it names for its login.
    pub connected: bool,
    pub patience: Patience,
}

/// How long a registry is waited for, and how often it is asked again.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For a TCP connection and its TLS handshake.
    pub connect: Duration,
    /// Without a byte in either direction.
    pub silence: Duration,
    /// After the last byte of an upload: the registry checks the digest and moves the blob to its store.
    pub commit: Duration,
    /// How often a call is made in all, while what fails may pass.
    pub attempts: u32,
    /// Before the second attempt; doubled before each further one.
    pub first_pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            silence: Duration::from_secs(60),
            commit: Duration::from_secs(600),
            attempts: 5,
            first_pause: Duration::from_millis(500),
        }
    }
}
