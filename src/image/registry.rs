//! How a registry is reached.

use std::net::IpAddr;

use secrecy::SecretString;

/// How a registry is reached: name, TLS, credentials. One of these is one client.
#[derive(Clone, Debug, Default)]
pub struct RegistryAccess {
    /// `host` or `host:port`, as in references.
    pub host: String,
    /// Connects here instead of asking DNS for `host`; inside the gap the operator's machine may not resolve it.
    pub address: Option<IpAddr>,
    /// Speak HTTP without TLS.
    pub plain_http: bool,
    /// Do not check the certificate. Only where the user said so in as many words.
    pub skip_tls_verify: bool,
    /// PEM of the CA that signed the registry's certificate, where it is a private one.
    pub ca_pem: Option<String>,
    pub username: Option<String>,
    pub password: Option<SecretString>,
}
