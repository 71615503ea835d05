//! How a client comes to be let in: asks the registry what it wants, and gets a token where it wants one.

use reqwest::header::{ACCEPT, HeaderValue};
use reqwest::{Method, Response, Url};

use super::auth::{self, Authorization, Scheme, Scope};
use super::client::Client;
use super::error::{RegistryError, Said, Subject};
use super::retry;
use super::transport::{Call, challenges};

/// A token is a few kilobytes.
const LARGEST_TOKEN: u64 = 1 << 20;

impl Client {
    /// What to send with a call; logs in where that is needed.
    pub(super) async fn authorization(
        &self,
        call: &Call<'_>,
        scope: &Scope,
    ) -> Result<Option<Authorization>, RegistryError> {
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
        let mut attempt = 1;
        loop {
            let (error, asked) = match self.transport().send(call, value).await {
                Ok(response) if !matches!(response.status().as_u16(), 408 | 429 | 500..) => return Ok(response),
                Ok(response) => {
                    let asked = retry::asked(&response);
                    (self.transport().refusal(response, &call.subject, value.is_some()).await, asked)
                }
                Err(error) => (error, None),
            };
            match retry::next(&self.transport().patience, &error, attempt, asked) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(error),
            }
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
