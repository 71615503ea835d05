//! One HTTP exchange with a registry: connection, redirects, time limits, and the words for what went wrong.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, LOCATION, WWW_AUTHENTICATE};
use reqwest::{Method, Response, StatusCode, Url};

use super::error::{RegistryError, Subject};
use super::failure::{certificate_problem, chain, said};
use super::reference::DOCKER_HUB;
use super::registry::{Patience, RegistryAccess};
use super::tls::{self, Trust};

/// More than any registry or its store needs.
const MOST_REDIRECTS: usize = 8;

/// As much of an error body as is read.
const LARGEST_ERROR_BODY: u64 = 64 << 10;

/// One call, in a form that can be made again.
pub(super) struct Call<'a> {
    pub method: Method,
    pub url: Url,
    pub subject: Subject,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: Body<'a>,
    /// Whether the call may be made again when it failed for a reason that may pass.
    pub repeat: bool,
    /// The address is a token server's, which is to see the credentials as the registry does.
    pub token_server: bool,
}

/// What a call carries.
pub(super) enum Body<'a> {
    Empty,
    Bytes(Bytes),
    /// Opened anew for each attempt.
    Stream {
        open: &'a (dyn Fn(Arc<AtomicU64>) -> reqwest::Body + Send + Sync),
        size: u64,
    },
}

impl Call<'_> {
    pub fn new(method: Method, url: Url, subject: Subject) -> Self {
        Call { method, url, subject, headers: Vec::new(), body: Body::Empty, repeat: true, token_server: false }
    }

    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }
}

/// The connections to one registry.
pub(super) struct Transport {
    http: reqwest::Client,
    base: Url,
    host: String,
    lenient: bool,
    connected: bool,
    pub patience: Patience,
}

impl Transport {
    pub fn new(access: &RegistryAccess) -> Result<Self, RegistryError> {
        let host = access.host.clone();
        let refuse = |reason: &str| RegistryError::Address { host: host.clone(), reason: reason.into() };
        // Docker Hub's registry answers under another name than its references have.
        let api = if host == DOCKER_HUB { "registry-1.docker.io" } else { host.as_str() };
        let scheme = if access.plain_http { "http" } else { "https" };
        let base = Url::parse(&format!("{scheme}://{api}/")).map_err(|error| refuse(&error.to_string()))?;
        if host.is_empty() || base.path() != "/" || !base.username().is_empty() || base.query().is_some() {
            return Err(refuse("write a host name, with a port where it is not the usual one"));
        }
        let trust = match (access.skip_tls_verify, &access.ca_pem) {
            (true, _) => Trust::Anyone,
            (false, Some(pem)) => Trust::Also(pem),
            (false, None) => Trust::Public,
        };
        let tls = tls::client_config(trust).map_err(|source| RegistryError::TlsSetup { host: host.clone(), source })?;
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("kk/", env!("CARGO_PKG_VERSION")))
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(access.patience.connect)
            .pool_idle_timeout(Duration::from_secs(30))
            .tcp_keepalive(Duration::from_secs(30));
        if !access.connected {
            builder = builder.no_proxy();
        }
        if let (Some(address), Some(name)) = (access.address, base.domain()) {
            // The port comes from the URL; this one is not used.
            builder = builder.resolve(name, SocketAddr::new(address, 0));
        }
        if let Some(socket) = &access.socket {
            builder = builder.unix_socket(socket.clone());
        }
        let http = builder.build().map_err(|error| refuse(&chain(&error)))?;
        let lenient = access.plain_http || access.skip_tls_verify;
        Ok(Self { http, base, host, lenient, connected: access.connected, patience: access.patience })
    }

    pub fn host(&self) -> &str {
        &self.host
    }

    /// The address of a path below `/v2/`.
    pub fn url(&self, path: &str) -> Result<Url, RegistryError> {
        self.base.join(&format!("v2/{path}")).map_err(|error| RegistryError::Address {
            host: self.host.clone(),
            reason: format!("no address can be made for \"{path}\": {error}"),
        })
    }

    /// An address that the registry gave, whole or relative to `from`.
    pub fn given(&self, from: &Url, location: &HeaderValue, subject: &Subject) -> Result<Url, RegistryError> {
        let protocol =
            |reason: &str| RegistryError::Protocol { subject: Box::new(subject.clone()), reason: reason.into() };
        let text = location.to_str().map_err(|_| protocol("its Location is not text"))?;
        let target = from.join(text).map_err(|_| protocol("its Location is not an address"))?;
        // A registry behind a TLS proxy that was not told of it gives its own host with the wrong scheme.
        if self.is_own(from) && target.scheme() != from.scheme() && target.host() == from.host() {
            let mut mended = from.clone();
            mended.set_path(target.path());
            mended.set_query(target.query());
            return Ok(mended);
        }
        match (from.scheme(), target.scheme()) {
            ("https", "http") if !self.lenient => Err(protocol("it leads from HTTPS to plain HTTP")),
            (_, "http" | "https") => Ok(target),
            _ => Err(protocol("it leads to an address that is not HTTP")),
        }
    }

    /// Whether this address is the registry's own: the only ones that see its credentials.
    pub fn is_own(&self, url: &Url) -> bool {
        url.origin() == self.base.origin()
    }

    /// Whether an address may be asked at all: inside the gap only the registry's own host is.
    fn may_ask(&self, url: &Url) -> bool {
        self.connected || url.host() == self.base.host()
    }

    /// The address of an upload that the registry gave.
    pub fn upload_at(&self, from: &Url, location: &HeaderValue, subject: &Subject) -> Result<Url, RegistryError> {
        let url = self.given(from, location, subject)?;
        if self.may_ask(&url) { Ok(url) } else { Err(self.leads_away(&url, subject)) }
    }

    fn leads_away(&self, url: &Url, subject: &Subject) -> RegistryError {
        let host = url.host_str().unwrap_or_default();
        let reason = format!("it leads to the other host {host}, and inside the gap only the registry itself is asked");
        RegistryError::Protocol { subject: Box::new(subject.clone()), reason }
    }

    /// Whether a password may travel without TLS.
    pub fn may_send_plainly(&self) -> bool {
        self.lenient
    }

    /// Makes one attempt and follows redirects; any status is an answer.
    pub async fn send(&self, call: &Call<'_>, authorization: Option<&HeaderValue>) -> Result<Response, RegistryError> {
        let mut url = call.url.clone();
        for _ in 0..=MOST_REDIRECTS {
            let response = self.exchange(call, &url, authorization).await?;
            let repeatable = matches!(call.method, Method::GET | Method::HEAD)
                || matches!(response.status(), StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
            let location = response.headers().get(LOCATION);
            let (true, true, Some(location)) = (response.status().is_redirection(), repeatable, location) else {
                return Ok(response);
            };
            let next = self.given(&url, location, &call.subject)?;
            if !self.may_ask(&next) {
                // A registry that keeps its blobs elsewhere points there; for "is it there" that is the answer.
                if call.method == Method::HEAD {
                    return Ok(response);
                }
                return Err(self.leads_away(&next, &call.subject));
            }
            url = next;
        }
        let reason = format!("it redirected more than {MOST_REDIRECTS} times");
        Err(RegistryError::Protocol { subject: Box::new(call.subject.clone()), reason })
    }

    async fn exchange(
        &self,
        call: &Call<'_>,
        url: &Url,
        authorization: Option<&HeaderValue>,
    ) -> Result<Response, RegistryError> {
        let mut headers = HeaderMap::new();
        for (name, value) in &call.headers {
            headers.append(name, value.clone());
        }
        // Signed addresses of blob stores refuse a second authorization, and other hosts must not see it.
        let may_see = self.is_own(url) || call.token_server && url.origin() == call.url.origin();
        if let Some(authorization) = authorization.filter(|_| may_see) {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        let request = self.http.request(call.method.clone(), url.clone());
        let (request, upload) = match &call.body {
            Body::Empty if matches!(call.method, Method::GET | Method::HEAD) => (request, None),
            Body::Empty => {
                headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
                (request, None)
            }
            Body::Bytes(bytes) => {
                headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
                (request.body(bytes.clone()), None)
            }
            Body::Stream { open, size } => {
                headers.insert(CONTENT_LENGTH, HeaderValue::from(*size));
                let moved = Arc::new(AtomicU64::new(0));
                (request.body(open(moved.clone())), Some((moved, *size)))
            }
        };
        let sending = request.headers(headers).send();
        let outcome = match upload {
            None => tokio::time::timeout(self.patience.silence, sending).await.map_err(|_| self.patience.silence),
            Some((moved, size)) => self.watched(sending, &moved, size).await,
        };
        match outcome {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(self.failure(&call.subject, error)),
            Err(waited) => {
                Err(RegistryError::Timeout { subject: Box::new(call.subject.clone()), seconds: waited.as_secs() })
            }
        }
    }

    /// Waits for an upload as long as bytes move, and for its commit after the last one.
    async fn watched<T>(&self, sending: impl Future<Output = T>, moved: &AtomicU64, size: u64) -> Result<T, Duration> {
        let mut sending = std::pin::pin!(sending);
        let mut before = 0;
        loop {
            let patience = if before >= size { self.patience.commit } else { self.patience.silence };
            if let Ok(done) = tokio::time::timeout(patience, &mut sending).await {
                return Ok(done);
            }
            let now = moved.load(Ordering::Relaxed);
            if now == before {
                return Err(patience);
            }
            before = now;
        }
    }

    /// The next piece of a body; `None` at its end.
    pub async fn chunk(&self, response: &mut Response, subject: &Subject) -> Result<Option<Bytes>, RegistryError> {
        match tokio::time::timeout(self.patience.silence, response.chunk()).await {
            Ok(Ok(chunk)) => Ok(chunk),
            Ok(Err(error)) => Err(self.failure(subject, error)),
            Err(_) => Err(RegistryError::Timeout {
                subject: Box::new(subject.clone()),
                seconds: self.patience.silence.as_secs(),
            }),
        }
    }

    /// A whole body of at most `limit` bytes; `None` where it is larger.
    pub async fn body(
        &self,
        mut response: Response,
        limit: u64,
        subject: &Subject,
    ) -> Result<Option<Bytes>, RegistryError> {
        let mut bytes = BytesMut::new();
        while let Some(chunk) = self.chunk(&mut response, subject).await? {
            if (bytes.len() + chunk.len()) as u64 > limit {
                return Ok(None);
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Some(bytes.freeze()))
    }

    /// The error that an answer other than success stands for.
    pub async fn refusal(&self, response: Response, subject: &Subject, credentials: bool) -> RegistryError {
        let status = response.status();
        let body = self.body(response, LARGEST_ERROR_BODY, subject).await.ok().flatten().unwrap_or_default();
        let (subject, said) = (Box::new(subject.clone()), Box::new(said(&body)));
        match status.as_u16() {
            401 => RegistryError::Unauthorized { subject, credentials, said },
            403 => RegistryError::Forbidden { subject, said },
            404 => RegistryError::NotFound { subject, said },
            429 => RegistryError::TooManyRequests { subject, said },
            status @ 500.. => RegistryError::Server { subject, status, said },
            status => RegistryError::Refused { subject, status, said },
        }
    }

    fn failure(&self, subject: &Subject, error: reqwest::Error) -> RegistryError {
        // The address may hold a signature or an upload's state.
        let error = error.without_url();
        if let Some(problem) = certificate_problem(&error) {
            return RegistryError::Certificate { host: self.host.clone(), problem, source: Box::new(error) };
        }
        let (connect, subject, source) = (error.is_connect(), Box::new(subject.clone()), Box::new(error));
        if connect { RegistryError::Connect { subject, source } } else { RegistryError::Transport { subject, source } }
    }
}

/// The challenges of a 401, one text a header.
pub(super) fn challenges(response: &Response) -> Vec<String> {
    let headers = response.headers().get_all(WWW_AUTHENTICATE).iter();
    headers.filter_map(|header| header.to_str().ok()).take(8).map(str::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_only_a_host() {
        for host in ["", "a/b", "user@a", "a?b", "a b"] {
            let access = RegistryAccess { host: host.into(), ..Default::default() };
            assert!(matches!(Transport::new(&access), Err(RegistryError::Address { .. })), "{host}");
        }
        let hub = Transport::new(&RegistryAccess { host: "docker.io".into(), ..Default::default() }).unwrap();
        assert_eq!(
            hub.url("library/nginx/manifests/latest").unwrap().as_str(),
            "https://registry-1.docker.io/v2/library/nginx/manifests/latest"
        );
        assert_eq!(hub.host(), "docker.io");
    }
}
