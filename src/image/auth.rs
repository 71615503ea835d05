//! Logging in to a registry: no login, a password with each call, or tokens from a token server.
//!
//! Formats: RFC 7235 for challenges, RFC 7617 for Basic, and the distribution project's token authentication
//! specification for Bearer. A wrong password is tried once: accounts get locked otherwise.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Url;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

use super::registry::RegistryAccess;

/// The life of a token whose server does not say (token specification, "expires_in").
const USUAL_LIFE: u64 = 60;

/// What a call needs to be allowed, as scopes of the token specification.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Scope(pub Vec<String>);

impl Scope {
    pub fn pull(repository: &str) -> Self {
        Self(vec![format!("repository:{repository}:pull")])
    }

    pub fn push(repository: &str) -> Self {
        Self(vec![format!("repository:{repository}:pull,push")])
    }

    /// Reading another repository too, for mounting a blob of it.
    pub fn and_pull(mut self, repository: &str) -> Self {
        self.0.push(format!("repository:{repository}:pull"));
        self
    }
}

/// What a registry wants to see with each call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Open,
    Basic,
    Bearer { realm: Url, service: Option<String> },
}

/// What is sent with a call.
#[derive(Clone)]
pub(super) struct Authorization {
    pub value: HeaderValue,
    /// Whether it was obtained for this very call, so that asking anew would not help.
    pub fresh: bool,
}

/// The login to one registry.
pub(super) struct Auth {
    username: Option<String>,
    password: Option<SecretString>,
    state: Mutex<State>,
    /// Held while a login is under way, so that many calls at once make one.
    pub login: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    scheme: Option<Scheme>,
    /// The credentials were refused; they are not tried again.
    refused: bool,
    tokens: HashMap<Scope, Token>,
}

struct Token {
    value: HeaderValue,
    until: Instant,
}

impl Auth {
    pub fn new(access: &RegistryAccess) -> Self {
        Self {
            username: access.username.clone().filter(|name| !name.is_empty()),
            password: access.password.clone(),
            state: Mutex::new(State::default()),
            login: tokio::sync::Mutex::new(()),
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // The state is whole between any two statements, so a panic elsewhere does not spoil it.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub fn has_credentials(&self) -> bool {
        self.username.is_some()
    }

    pub fn scheme(&self) -> Option<Scheme> {
        self.state().scheme.clone()
    }

    pub fn learn(&self, scheme: Scheme) {
        self.state().scheme = Some(scheme);
    }

    pub fn refused(&self) -> bool {
        self.state().refused
    }

    pub fn refuse(&self) {
        self.state().refused = true;
    }

    /// The header that sends user name and password themselves.
    pub fn basic(&self) -> Option<HeaderValue> {
        let username = self.username.as_deref()?;
        let password = self.password.as_ref().map_or("", |password| password.expose_secret());
        let text = STANDARD.encode(format!("{username}:{password}"));
        let mut value = HeaderValue::from_str(&format!("Basic {text}")).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// A token for this scope that is still good for a call.
    pub fn token(&self, scope: &Scope) -> Option<HeaderValue> {
        let state = self.state();
        state.tokens.get(scope).filter(|token| token.until > Instant::now()).map(|token| token.value.clone())
    }

    pub fn keep(&self, scope: &Scope, value: HeaderValue, life: Duration) {
        let until = Instant::now() + life;
        self.state().tokens.insert(scope.clone(), Token { value, until });
    }

    /// Forgets a token that the registry did not take, unless another has come since.
    pub fn forget(&self, scope: &Scope, value: &HeaderValue) {
        let mut state = self.state();
        if state.tokens.get(scope).is_some_and(|token| token.value == *value) {
            state.tokens.remove(scope);
        }
    }
}

/// What a token server answers.
#[derive(serde::Deserialize)]
struct TokenAnswer {
    token: Option<SecretString>,
    access_token: Option<SecretString>,
    expires_in: Option<u64>,
}

/// Reads a token server's answer: the header to send, and for how long.
pub(super) fn read_token(body: &[u8]) -> Option<(HeaderValue, Duration)> {
    let answer: TokenAnswer = serde_json::from_slice(body).ok()?;
    let usable = |token: &SecretString| !token.expose_secret().is_empty();
    let token = answer.token.filter(usable).or(answer.access_token.filter(usable))?;
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret())).ok()?;
    value.set_sensitive(true);
    // Some servers say 0 or leave it out and mean the usual life.
    let life = answer.expires_in.unwrap_or(USUAL_LIFE).clamp(USUAL_LIFE, 24 * 3600);
    // A call that starts with a token must also reach the registry with it.
    Some((value, Duration::from_secs(life - life.min(100) / 10)))
}

/// The scheme to use among those that a 401 offers; `None` where none is known.
pub(super) fn choose_scheme(headers: &[String]) -> Option<Scheme> {
    let offers: Vec<Challenge> = headers.iter().flat_map(|header| read_challenges(header)).collect();
    let bearer = offers.iter().filter(|offer| offer.scheme == "bearer").find_map(|offer| {
        let realm = Url::parse(offer.parameters.get("realm")?).ok()?;
        matches!(realm.scheme(), "http" | "https")
            .then(|| Scheme::Bearer { realm, service: offer.parameters.get("service").cloned() })
    });
    bearer.or_else(|| offers.iter().any(|offer| offer.scheme == "basic").then_some(Scheme::Basic))
}

#[derive(Debug, Default, PartialEq)]
struct Challenge {
    /// In lower case.
    scheme: String,
    /// Names in lower case.
    parameters: BTreeMap<String, String>,
}

/// Reads one `WWW-Authenticate` header, which may hold several challenges (RFC 7235, section 4.1).
fn read_challenges(header: &str) -> Vec<Challenge> {
    let mut found: Vec<Challenge> = Vec::new();
    let mut rest = header;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let end = rest.find([' ', '\t', ',', '=', '"']).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        if word.is_empty() {
            // Nothing left, or nothing that can be read.
            return found;
        }
        rest = after.trim_start_matches([' ', '\t']);
        match (rest.strip_prefix('='), found.last_mut()) {
            (Some(value), Some(challenge)) => {
                let (text, after) = read_value(value.trim_start_matches([' ', '\t']));
                challenge.parameters.entry(word.to_ascii_lowercase()).or_insert(text);
                rest = after;
            }
            (Some(_), None) => return found,
            (None, _) => found.push(Challenge { scheme: word.to_ascii_lowercase(), ..Default::default() }),
        }
    }
}

fn read_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        return (text[..end].to_string(), &text[end..]);
    };
    let mut value = String::new();
    let mut escaped = false;
    for (position, letter) in quoted.char_indices() {
        match letter {
            '\\' if !escaped => escaped = true,
            '"' if !escaped => return (value, &quoted[position + 1..]),
            letter => {
                value.push(letter);
                escaped = false;
            }
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scheme(header: &str) -> Option<Scheme> {
        choose_scheme(&[header.to_string()])
    }

    #[test]
    fn challenges_are_read() {
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push""#;
        let Some(Scheme::Bearer { realm, service }) = scheme(hub) else { panic!("bearer") };
        assert_eq!((realm.as_str(), service.as_deref()), ("https://auth.docker.io/token", Some("registry.docker.io")));
        assert_eq!(scheme(r#"Basic realm="x""#), Some(Scheme::Basic));
        assert_eq!(scheme(r#"basic Realm=x"#), Some(Scheme::Basic));
        assert_eq!(scheme("Basic"), Some(Scheme::Basic));
        let both = r#"Basic realm="say \"hi\", you", Bearer realm="https://t.example/", error=insufficient_scope"#;
        assert!(matches!(scheme(both), Some(Scheme::Bearer { service: None, .. })));
        let first = &read_challenges(both)[0];
        assert_eq!(first.parameters["realm"], "say \"hi\", you");
    }

    proptest::proptest! {
        #[test]
        fn any_header_is_read(header in "\\PC{0,60}", close in "(Bearer|Basic|[a-z =,\"\\\\]){0,20}") {
            let _ = (scheme(&header), scheme(&close));
        }
    }

    #[test]
    fn nonsense_is_no_scheme() {
        for header in
            ["", "=", "\"", "Negotiate abc==", "Bearer", "Bearer realm=nonsense", "Bearer realm=\"file:///etc\"", "a=b"]
        {
            assert_eq!(scheme(header), None, "{header}");
        }
    }

    #[test]
    fn a_tokens_life_is_bounded() {
        let (value, life) = read_token(br#"{"access_token":"abc"}"#).unwrap();
        assert_eq!((value.to_str().unwrap(), life.as_secs()), ("Bearer abc", 54));
        assert!(value.is_sensitive());
        let (_, life) = read_token(br#"{"token":"abc","expires_in":300}"#).unwrap();
        assert_eq!(life.as_secs(), 290);
        for body in ["", "{}", r#"{"token":""}"#, r#"{"token":"a\nb"}"#] {
            assert!(read_token(body.as_bytes()).is_none(), "{body}");
        }
    }

    #[test]
    fn a_forgotten_token_is_not_sent_again() {
        let auth = Auth::new(&RegistryAccess::default());
        let scope = Scope::pull("a");
        auth.keep(&scope, HeaderValue::from_static("Bearer 1"), Duration::from_secs(60));
        auth.forget(&scope, &HeaderValue::from_static("Bearer 0"));
        assert!(auth.token(&scope).is_some());
        auth.forget(&scope, &HeaderValue::from_static("Bearer 1"));
        assert!(auth.token(&scope).is_none());
        auth.keep(&scope, HeaderValue::from_static("Bearer 2"), Duration::ZERO);
        assert!(auth.token(&scope).is_none());
    }
}
