//! The client: lists, page by page, each bounded.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;

use super::kubeconfig::{Access, Login};
use super::named::NamedServer;
use super::objects::List;
use crate::image::tls::certificates;

/// Objects a page (Kubernetes' API, "Retrieving large results sets in chunks").
const PAGE: usize = 250;
/// The largest page that is read, in bytes: a pod has some ten thousand.
const LARGEST_PAGE: usize = 64 << 20;
/// Pages at most: more pods than the largest cluster that Kubernetes is tested with has (150 000).
const MOST_PAGES: usize = 1000;
/// For a connection, and without a byte of the answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why the API server did not answer as it should.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    #[error("{0} of the kubeconfig cannot be used: {1}")]
    Credentials(&'static str, String),
    #[error("the client for {server} cannot be set up")]
    Setup { server: String, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("{server} cannot be reached")]
    Unreachable { server: String, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("{server} answered {status} when it was asked for {path}{}", if .said.is_empty() { String::new() } else { format!(": {}", .said) })]
    Refused { server: String, path: String, status: u16, said: String },
    #[error("{server} gave more than {} MiB for one page of {path}", LARGEST_PAGE >> 20)]
    Large { server: String, path: String },
    #[error("{server} gave more than {MOST_PAGES} pages of {path}")]
    Endless { server: String, path: String },
    #[error("what {server} gave for {path} is not a list of it")]
    Shape { server: String, path: String, source: serde_json::Error },
}

/// Asks one API server. It trusts the cluster's CA alone, and follows no redirect.
pub struct Client {
    http: reqwest::Client,
    server: String,
    token: Option<SecretString>,
}

impl Client {
    /// Sets up TLS and connects nowhere yet.
    pub fn new(access: &Access) -> Result<Self, ApiError> {
        let server = access.server.clone();
        let setup =
            |source: Box<dyn std::error::Error + Send + Sync>| ApiError::Setup { server: server.clone(), source };
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls(access)?)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("kk/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(PATIENCE)
            .read_timeout(PATIENCE)
            .build()
            .map_err(|error| setup(error.into()))?;
        let token = match &access.login {
            Login::Token(token) => Some(token.clone()),
            Login::Certificate { .. } => None,
        };
        Ok(Self { http, server, token })
    }

    /// The server, as the kubeconfig names it.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Hands every object of a list to `each`, such as those of `/api/v1/pods`.
    pub async fn list<T: DeserializeOwned>(&self, path: &str, mut each: impl FnMut(T)) -> Result<(), ApiError> {
        let mut next = String::new();
        for _ in 0..MOST_PAGES {
            let page: List<T> = self.page(path, &next).await?;
            page.items.into_iter().for_each(&mut each);
            next = page.metadata.continue_token;
            if next.is_empty() {
                return Ok(());
            }
        }
        Err(ApiError::Endless { server: self.server.clone(), path: path.to_owned() })
    }

    async fn page<T: DeserializeOwned>(&self, path: &str, next: &str) -> Result<List<T>, ApiError> {
        let (server, path) = (self.server.clone(), path.to_owned());
        let unreachable = |error: reqwest::Error| ApiError::Unreachable {
            server: server.clone(),
            source: error.without_url().into(),
        };
        let setup = |source| ApiError::Setup { server: server.clone(), source };
        let mut url = Url::parse(&format!("{server}{path}")).map_err(|error| setup(error.into()))?;
        url.query_pairs_mut().append_pair("limit", &PAGE.to_string());
        if !next.is_empty() {
            url.query_pairs_mut().append_pair("continue", next);
        }
        let mut request = self.http.get(url);
        if let Some(token) = &self.token {
            let bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()));
            let mut bearer = bearer.map_err(|error| setup(error.into()))?;
            bearer.set_sensitive(true);
            request = request.header(AUTHORIZATION, bearer);
        }
        let answer = request.send().await.map_err(unreachable)?;
        let status = answer.status();
        let mut bytes = Vec::new();
        let mut body = answer.bytes_stream();
        while let Some(chunk) = body.next().await {
            bytes.extend_from_slice(&chunk.map_err(unreachable)?);
            if bytes.len() > LARGEST_PAGE {
                return Err(ApiError::Large { server, path });
            }
        }
        if !status.is_success() {
            let said = serde_json::from_slice::<serde_json::Value>(&bytes).unwrap_or_default();
            let said = said.get("message").and_then(|message| message.as_str()).unwrap_or_default();
            let said = said.chars().take(300).collect();
            return Err(ApiError::Refused { server, path, status: status.as_u16(), said });
        }
        serde_json::from_slice(&bytes).map_err(|source| ApiError::Shape { server, path, source })
    }
}

/// TLS 1.2 or 1.3 with *ring*, the cluster's CA, and the user's certificate where there is one.
fn tls(access: &Access) -> Result<ClientConfig, ApiError> {
    let wrong = |what: &'static str| move |reason: String| ApiError::Credentials(what, reason);
    let authority = wrong("certificate-authority");
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&access.ca_pem).map_err(|error| authority(error.to_string()))? {
        roots.add(certificate).map_err(|error| authority(error.to_string()))?;
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| authority(error.to_string()))?;
    let builder = match &access.server_name {
        None => builder.with_root_certificates(roots),
        Some(name) => {
            let verifier = NamedServer::new(name, roots).map_err(wrong("tls-server-name"))?;
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
        }
    };
    let mut config = match &access.login {
        Login::Token(_) => builder.with_no_client_auth(),
        Login::Certificate { chain_pem, key_pem } => {
            let chain: Vec<CertificateDer<'static>> =
                certificates(chain_pem).map_err(|error| wrong("client-certificate")(error.to_string()))?;
            // What is wrong with a key is not repeated: it might show some of it.
            let key = PrivateKeyDer::from_pem_slice(key_pem.expose_secret().as_bytes())
                .map_err(|_| wrong("client-key")("it is not a PEM key".into()))?;
            builder.with_client_auth_cert(chain, key).map_err(|error| wrong("client-key")(error.to_string()))?
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
