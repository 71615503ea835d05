//! The client of one registry: calls with login, patience and retries.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, Response};

use super::auth::{self, Auth, Authorization, Scheme, Scope};
use super::error::{RegistryError, Subject};
use super::registry::RegistryAccess;
use super::retry;
use super::transport::{Call, Transport, challenges};

/// The client of one registry, with one login. Cheap to clone; all clones share connections and tokens.
#[derive(Clone)]
pub struct Client {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    transport: Transport,
    pub auth: Auth,
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
            match retry::next(&self.transport().patience, &error, attempt, asked) {
                Some(pause) if call.repeat => tokio::time::sleep(pause).await,
                _ => return Err(error),
            }
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
        let asked = retry::asked(&response);
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
}
