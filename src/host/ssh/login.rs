//! Proving who we are: keys, password, keyboard-interactive, agent.

use std::path::{Path, PathBuf};
use std::time::Duration;

use russh::client::{Handle, KeyboardInteractiveAuthResponse};
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::{HashAlg, PrivateKeyWithHashAlg};
use russh::{MethodKind, MethodSet, client::AuthResult};
use secrecy::{ExposeSecret, SecretString};

use super::connection::Client;
use super::known_hosts::fingerprint;
use super::login_failure::{broken, refused, slow};
use super::private_key::{self, LoginKey};
use super::target::{Lent, Target};
use crate::host::MachineError;

/// OpenSSH's server ends a connection after six failures; the agent's keys come last and share what is left.
const AGENT_KEYS: usize = 4;
/// A keyboard-interactive login of more rounds than this is no login.
const MOST_ROUNDS: usize = 8;
/// A login is given so much time at least.
const SHORTEST: Duration = Duration::from_secs(10);

/// One way to log in.
#[derive(Clone)]
enum Method {
    Key(LoginKey),
    Password(SecretString),
    KeyboardInteractive(SecretString),
    AgentKey { identity: Box<AgentIdentity>, socket: PathBuf },
}

impl Method {
    fn kind(&self) -> MethodKind {
        match self {
            Method::Key(_) | Method::AgentKey { .. } => MethodKind::PublicKey,
            Method::Password(_) => MethodKind::Password,
            Method::KeyboardInteractive(_) => MethodKind::KeyboardInteractive,
        }
    }

    fn label(&self) -> String {
        match self {
            Method::Key(key) => {
                format!("{} ({} {})", key.label, key.key.algorithm(), fingerprint(key.key.public_key()))
            }
            Method::Password(_) => "the password".into(),
            Method::KeyboardInteractive(_) => "the password (keyboard-interactive)".into(),
            Method::AgentKey { identity, .. } => match identity.as_ref() {
                AgentIdentity::PublicKey { key, comment } => {
                    format!("the agent's key {comment} ({} {})", key.algorithm(), fingerprint(key))
                }
                AgentIdentity::Certificate { certificate, comment } => {
                    format!("the agent's certificate {comment} ({})", certificate.algorithm())
                }
            },
        }
    }
}

/// What came of one method.
enum Outcome {
    In,
    /// Refused, or accepted as one of several (`partial`); `offers` is what the server takes next.
    Out {
        offers: MethodSet,
        partial: bool,
    },
}

impl From<AuthResult> for Outcome {
    fn from(result: AuthResult) -> Self {
        match result {
            AuthResult::Success => Outcome::In,
            AuthResult::Failure { remaining_methods, partial_success } => {
                Outcome::Out { offers: remaining_methods, partial: partial_success }
            }
        }
    }
}

/// Logs in within the time that the target allows.
pub(super) async fn login(handle: &mut Handle<Client>, target: &Target, lent: Lent<'_>) -> Result<(), MachineError> {
    let limit = target.timeout.max(SHORTEST);
    tokio::time::timeout(limit, log_in(handle, target, lent)).await.unwrap_or_else(|_| Err(slow(target, limit)))
}

/// Tries what the cluster file names first, then the keys of `~/.ssh/config`, then the agent.
///
/// A password that the server has refused is not sent again as keyboard-interactive: both ask the same accounts, and
/// the second failure may lock one.
async fn log_in(handle: &mut Handle<Client>, target: &Target, lent: Lent<'_>) -> Result<(), MachineError> {
    let (mut methods, mut tried) = methods(target, lent).await?;
    let mut offers = match handle.authenticate_none(target.user.as_str()).await {
        Ok(AuthResult::Success) => return Ok(()),
        Ok(AuthResult::Failure { remaining_methods, .. }) => remaining_methods,
        Err(error) => return Err(broken(target, &tried, &error)),
    };
    while let Some(next) = methods.iter().position(|method| offers.contains(&method.kind())) {
        let method = methods.remove(next);
        tried.push(method.label());
        let outcome = attempt(handle, target, &method).await.map_err(|error| broken(target, &tried, &error))?;
        match outcome {
            Outcome::In => return Ok(()),
            Outcome::Out { .. } if handle.is_closed() => {
                return Err(broken(target, &tried, &"the server closed the connection"));
            }
            Outcome::Out { offers: now, partial } => {
                if let (Method::Password(_), false) = (&method, partial) {
                    methods.retain(|method| !matches!(method, Method::KeyboardInteractive(_)));
                }
                offers = now;
            }
        }
    }
    Err(refused(target, lent, &tried, &offers))
}

async fn attempt(handle: &mut Handle<Client>, target: &Target, method: &Method) -> Result<Outcome, russh::Error> {
    let user = target.user.as_str();
    match method {
        Method::Key(login) => {
            let hash = match login.key.algorithm().is_rsa() {
                true => rsa_hash(handle).await?,
                false => None,
            };
            let key = PrivateKeyWithHashAlg::new(login.key.clone(), hash);
            handle.authenticate_publickey(user, key).await.map(Outcome::from)
        }
        Method::Password(password) => {
            handle.authenticate_password(user, password.expose_secret()).await.map(Outcome::from)
        }
        Method::KeyboardInteractive(password) => keyboard_interactive(handle, user, password).await,
        Method::AgentKey { identity, socket } => Ok(agent_key(handle, user, identity, socket).await),
    }
}

/// The hash for RSA signatures. A server that does not say what it takes is likely to take SHA-256; SHA-1 is used only
/// where a server says that it takes nothing better.
async fn rsa_hash(handle: &Handle<Client>) -> Result<Option<HashAlg>, russh::Error> {
    Ok(handle.best_supported_rsa_hash().await?.unwrap_or(Some(HashAlg::Sha256)))
}

async fn keyboard_interactive(
    handle: &mut Handle<Client>,
    user: &str,
    password: &SecretString,
) -> Result<Outcome, russh::Error> {
    let mut response = handle.authenticate_keyboard_interactive_start(user, None).await?;
    let mut answered = false;
    for _ in 0..MOST_ROUNDS {
        match response {
            KeyboardInteractiveAuthResponse::Success => return Ok(Outcome::In),
            KeyboardInteractiveAuthResponse::Failure { remaining_methods, partial_success } => {
                return Ok(Outcome::Out { offers: remaining_methods, partial: partial_success });
            }
            KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. } => {
                // A visible prompt asks for something else than a password, and a second round for another secret.
                let mut answers = Vec::new();
                for prompt in &prompts {
                    match !prompt.echo && !answered {
                        true => answers.push(password.expose_secret().to_string()),
                        false => answers.push(String::new()),
                    }
                }
                answered |= !prompts.is_empty();
                response = handle.authenticate_keyboard_interactive_respond(answers).await?;
            }
        }
    }
    Ok(Outcome::Out { offers: MethodSet::empty(), partial: false })
}

/// Tries one identity of the agent. An agent that declines to sign counts as a refusal.
async fn agent_key(handle: &mut Handle<Client>, user: &str, identity: &AgentIdentity, socket: &Path) -> Outcome {
    let none = Outcome::Out { offers: MethodSet::from(&[MethodKind::PublicKey][..]), partial: false };
    let Ok(mut agent) = AgentClient::connect_uds(socket).await else { return none };
    let rsa = match identity {
        AgentIdentity::PublicKey { key, .. } => key.algorithm().is_rsa(),
        AgentIdentity::Certificate { certificate, .. } => certificate.algorithm().is_rsa(),
    };
    let hash = match rsa {
        true => rsa_hash(handle).await.unwrap_or(Some(HashAlg::Sha256)),
        false => None,
    };
    let result = match identity {
        AgentIdentity::PublicKey { key, .. } => {
            handle.authenticate_publickey_with(user, key.clone(), hash, &mut agent).await
        }
        AgentIdentity::Certificate { certificate, .. } => {
            handle.authenticate_certificate_with(user, certificate.clone(), hash, &mut agent).await
        }
    };
    result.map_or(none, Outcome::from)
}

/// All methods that there are secrets for, in the order in which they are tried; and notes on those that cannot be.
async fn methods(target: &Target, lent: Lent<'_>) -> Result<(Vec<Method>, Vec<String>), MachineError> {
    let passphrase = target.private_key_passphrase.as_ref();
    let unusable = |error: private_key::PrivateKeyError| MachineError::Login {
        host: target.name.clone(),
        message: error.to_string(),
        hint: Some(error.hint().to_string()),
    };
    let (mut methods, mut notes) = (Vec::new(), Vec::new());
    if let Some(text) = &target.private_key {
        let label = "the privateKey of the cluster file".to_string();
        methods.push(Method::Key(private_key::decode(text, passphrase, label).map_err(unusable)?));
    }
    if let Some(path) = &target.private_key_path {
        methods.push(Method::Key(private_key::load(path, passphrase).map_err(unusable)?));
    }
    // The cluster file does not name these keys, so one that cannot be used is only a note.
    let mut found = |paths: &[PathBuf], methods: &mut Vec<Method>| {
        for path in paths.iter().filter(|path| path.exists()) {
            match private_key::load(path, passphrase) {
                Ok(key) => methods.push(Method::Key(key)),
                Err(error) => notes.push(format!("{} (not usable: {error})", path.display())),
            }
        }
    };
    found(&target.identity_files, &mut methods);
    if let Some(password) = &target.password {
        methods.push(Method::Password(password.clone()));
        methods.push(Method::KeyboardInteractive(password.clone()));
    }
    if methods.is_empty() {
        found(lent.default_keys, &mut methods);
    }
    if let Some(socket) = lent.agent {
        match agent_identities(socket).await {
            Ok(identities) => methods.extend(
                identities
                    .into_iter()
                    .take(AGENT_KEYS)
                    .map(|identity| Method::AgentKey { identity: Box::new(identity), socket: socket.to_owned() }),
            ),
            Err(error) => notes.push(format!("the SSH agent (not usable: {error})")),
        }
    }
    Ok((methods, notes))
}

async fn agent_identities(socket: &Path) -> Result<Vec<AgentIdentity>, russh::keys::Error> {
    AgentClient::connect_uds(socket).await?.request_identities().await
}
