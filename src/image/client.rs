//! The client of one registry: calls with login, patience and retries.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, HeaderValue, RETRY_AFTER};
use reqwest::{Method, Response, Url};

use super::auth::{self, Auth, Authorization, Scheme, Scope};
use super::error::{RegistryError, Said, Subject};
use super::registry::RegistryAccess;
use super::transport::{Call, Transport, challenges};

/// The longest pause before another attempt.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// The longest pause that a registry may ask for; a longer one is reported instead of waited for.
const LONGEST_ASKED_PAUSE: Duration = Duration::from_secs(120);

/// A token is a few kilobytes.
const LARGEST_TOKEN: u64 = 1 << 20;

/// The client of one registry, with one login. Cheap to clone; all clones share connections and tokens.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    transport: Transport,
    auth: Auth,
}

impl Client {
    /// Sets up TLS and connects nowhere yet.
    pub fn new(access: &RegistryAccess) -> Result<Self, RegistryError> {
        let transport = Transport::new(access)?;
        Ok(Self { inner: Arc::new(Inner { transport, auth: Auth::new(access) }) })
    }

    /// The registry, as in references.
    pub fn host(&self) -> &str {
        self.transport().host()
    }

    /// Checks that the registry answers and takes the credentials, where there are any.
    ///
    /// A registry with a token server gives its verdict when a token is asked for; one is asked for here, without
    /// any scope.
    pub async fn login(&self) -> Result<(), RegistryError> {
        let call = Call::new(Method::GET, self.transport().url("")?, self.subject("", "logging in"));
        self.call(&call, &Scope::default()).await.map(|_| ())
    }

    pub(super) fn transport(&self) -> &Transport {
        &self.inner.transport
    }

    pub(super) fn subject(&self, repository: &str, action: impl Into<String>) -> Subject {
        Subject { host: self.host().to_string(), repository: repository.to_string(), action: action.into() }
    }

    /// Makes a call until it succeeds or there is no sense in another attempt. Only a success is returned.
    pub(super) async fn call(&self, call: &Call<'_>, scope: &Scope) -> Result<Response, RegistryError> {
        let mut renewed = false;
        let mut attempt = 1;
        loop {
            let (error, asked) = match self.attempt(call, scope, &mut renewed).await {
                Ok(Some(response)) => return Ok(response),
                // The login has been renewed; that is no failed attempt.
                Ok(None) => continue,
                Err(failed) => failed,
            };
            let patience = &self.transport().patience;
            if !call.repeat || !error.is_transient() || attempt >= patience.attempts {
                return Err(error);
            }
            if asked.is_some_and(|asked| asked > LONGEST_ASKED_PAUSE) {
                return Err(error);
            }
            tokio::time::sleep(asked.unwrap_or_else(|| pause(patience.first_pause, attempt))).await;
            attempt += 1;
        }
    }

    /// One attempt. `None`: the login was renewed, try at once. An error comes with the pause that was asked for.
    async fn attempt(
        &self,
        call: &Call<'_>,
        scope: &Scope,
        renewed: &mut bool,
    ) -> Result<Option<Response>, (RegistryError, Option<Duration>)> {
        let plain = |error| (error, None);
        let auth = &self.inner.auth;
        let authorization = self.authorization(call, scope).await.map_err(plain)?;
        let value = authorization.as_ref().map(|authorization| &authorization.value);
        let response = self.transport().send(call, value).await.map_err(plain)?;
        // A redirect that is not followed is an answer too; see Transport::send.
        if response.status().is_success() || call.method == Method::HEAD && response.status().is_redirection() {
            return Ok(Some(response));
        }
        let status = response.status().as_u16();
        if status == 401 && !*renewed && self.renew(&response, scope, authorization.as_ref()) {
            *renewed = true;
            return Ok(None);
        }
        let asked = matches!(status, 429 | 503).then(|| retry_after(&response)).flatten();
        let sent = authorization.is_some() && auth.has_credentials();
        let error = match self.transport().refusal(response, &call.subject, sent).await {
            // The token server took the credentials, so what is wrong is not the password.
            RegistryError::Unauthorized { subject, said, credentials: true }
                if matches!(auth.scheme(), Some(Scheme::Bearer { .. })) =>
            {
                RegistryError::Forbidden { subject, said }
            }
            error => error,
        };
        Err((error, asked))
    }

    /// After a 401: whether there is another login to try.
    fn renew(&self, response: &Response, scope: &Scope, sent: Option<&Authorization>) -> bool {
        let auth = &self.inner.auth;
        if !self.transport().is_own(response.url()) {
            return false;
        }
        let offered = auth::choose_scheme(&challenges(response));
        match (sent, offered) {
            // The registry as a whole was open, and this call is not.
            (None, Some(scheme @ Scheme::Bearer { .. })) => {
                auth.learn(scheme);
                true
            }
            (None, Some(Scheme::Basic)) if auth.has_credentials() => {
                auth.learn(Scheme::Basic);
                true
            }
            (Some(sent), _) if !sent.fresh && auth.scheme() != Some(Scheme::Basic) => {
                auth.forget(scope, &sent.value);
                true
            }
            _ => false,
        }
    }

    /// What to send with a call; logs in where that is needed.
    async fn authorization(&self, call: &Call<'_>, scope: &Scope) -> Result<Option<Authorization>, RegistryError> {
        let auth = &self.inner.auth;
        let scheme = match auth.scheme() {
            Some(scheme) => scheme,
            None => {
                let _one_at_a_time = auth.login.lock().await;
                match auth.scheme() {
                    Some(scheme) => scheme,
                    None => self.discover().await?,
                }
            }
        };
        if auth.refused() {
            return Err(self.refused_before(&call.subject));
        }
        match scheme {
            Scheme::Open => Ok(None),
            Scheme::Basic => Ok(auth.basic().map(|value| Authorization { value, fresh: true })),
            Scheme::Bearer { realm, service } => {
                if let Some(value) = auth.token(scope) {
                    return Ok(Some(Authorization { value, fresh: false }));
                }
                let _one_at_a_time = auth.login.lock().await;
                if auth.refused() {
                    return Err(self.refused_before(&call.subject));
                }
                match auth.token(scope) {
                    Some(value) => Ok(Some(Authorization { value, fresh: false })),
                    None => self.fetch_token(&realm, service.as_deref(), scope, &call.subject).await.map(Some),
                }
            }
        }
    }

    fn refused_before(&self, subject: &Subject) -> RegistryError {
        let (subject, said) = (Box::new(subject.clone()), Box::new(Said::default()));
        RegistryError::Unauthorized { subject, credentials: true, said }
    }

    /// Asks the registry how it wants to be logged in to (distribution specification, "Determining Support"), and
    /// tries a password there and then, so that a wrong one is sent once and not with every call.
    async fn discover(&self) -> Result<Scheme, RegistryError> {
        let auth = &self.inner.auth;
        let subject = self.subject("", "asking how to log in");
        let probe = Call::new(Method::GET, self.transport().url("")?, subject.clone());
        let response = self.patiently(&probe, None).await?;
        let scheme = match response.status().as_u16() {
            401 => auth::choose_scheme(&challenges(&response)).ok_or_else(|| RegistryError::Protocol {
                subject: Box::new(subject.clone()),
                reason: "it asks for a login in a way that is not supported (Basic and Bearer are)".into(),
            })?,
            // Some registries have nothing at this address; the call itself will tell.
            _ => Scheme::Open,
        };
        if let (Scheme::Basic, Some(value)) = (&scheme, auth.basic()) {
            let response = self.patiently(&probe, Some(&value)).await?;
            if response.status().as_u16() == 401 {
                auth.refuse();
                auth.learn(scheme);
                return Err(self.transport().refusal(response, &subject, true).await);
            }
        }
        auth.learn(scheme.clone());
        Ok(scheme)
    }

    /// Sends until an answer comes that is worth reading; used for the login itself.
    async fn patiently(&self, call: &Call<'_>, value: Option<&HeaderValue>) -> Result<Response, RegistryError> {
        let patience = &self.transport().patience;
        let mut attempt = 1;
        loop {
            let error = match self.transport().send(call, value).await {
                Ok(response) if !matches!(response.status().as_u16(), 408 | 429 | 500..) => return Ok(response),
                Ok(response) => self.transport().refusal(response, &call.subject, value.is_some()).await,
                Err(error) => error,
            };
            if !error.is_transient() || attempt >= patience.attempts {
                return Err(error);
            }
            tokio::time::sleep(pause(patience.first_pause, attempt)).await;
            attempt += 1;
        }
    }

    async fn fetch_token(
        &self,
        realm: &Url,
        service: Option<&str>,
        scope: &Scope,
        subject: &Subject,
    ) -> Result<Authorization, RegistryError> {
        let auth = &self.inner.auth;
        let mut url = realm.clone();
        {
            let mut query = url.query_pairs_mut();
            if let Some(service) = service {
                query.append_pair("service", service);
            }
            for scope in &scope.0 {
                query.append_pair("scope", scope);
            }
        }
        let basic = auth.basic();
        let subject = Subject {
            action: format!("asking {} for a token for {}", realm.host_str().unwrap_or_default(), subject.action),
            ..subject.clone()
        };
        let protocol =
            |reason: &str| RegistryError::Protocol { subject: Box::new(subject.clone()), reason: reason.into() };
        if basic.is_some() && realm.scheme() == "http" && !self.transport().may_send_plainly() {
            return Err(protocol("its token server speaks plain HTTP, and a password must not be sent that way"));
        }
        let mut call =
            Call::new(Method::GET, url, subject.clone()).header(ACCEPT, HeaderValue::from_static("application/json"));
        call.token_server = true;
        let response = self.patiently(&call, basic.as_ref()).await?;
        if response.status().as_u16() >= 300 {
            if response.status().as_u16() == 401 && basic.is_some() {
                auth.refuse();
            }
            return Err(self.transport().refusal(response, &subject, basic.is_some()).await);
        }
        let body = self.transport().body(response, LARGEST_TOKEN, &subject).await?;
        let body = body.ok_or_else(|| protocol("its token is too large"))?;
        let (value, life) = auth::read_token(&body).ok_or_else(|| protocol("its token server sent no token"))?;
        auth.keep(scope, value.clone(), life);
        Ok(Authorization { value, fresh: true })
    }
}

/// A pause that doubles with each attempt, with some chance in it, so that many calls do not come back at once.
pub(super) fn pause(first: Duration, attempt: u32) -> Duration {
    let doubled = first.saturating_mul(1 << attempt.saturating_sub(1).min(10)).min(LONGEST_PAUSE);
    let chance = RandomState::new().build_hasher().finish() % 512;
    doubled.mul_f64(0.75 + chance as f64 / 1024.0)
}

/// The pause that a registry asks for: seconds, or a date (RFC 9110, section 10.2.3).
fn retry_after(response: &Response) -> Option<Duration> {
    let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let until = time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc2822).ok()?;
    let wait = until - time::OffsetDateTime::now_utc();
    Some(Duration::try_from(wait).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_stay_bounded() {
        let first = Duration::from_millis(500);
        for (attempt, least, most) in [(1, 375, 625), (2, 750, 1250), (3, 1500, 2500), (40, 11_250, 18_750)] {
            let found = pause(first, attempt).as_millis();
            assert!((least..=most).contains(&found), "{attempt}: {found}");
        }
    }
}
