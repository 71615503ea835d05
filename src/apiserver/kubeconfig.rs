//! Kubeconfig files, as far as they say how an API server is reached (Kubernetes' API `client.config.k8s.io/v1`).

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use secrecy::SecretString;
use serde::Deserialize;

/// The largest kubeconfig, or file that one names, in bytes.
const LARGEST: u64 = 4 << 20;

/// Why a kubeconfig cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KubeconfigError {
    #[error("{} cannot be read", .path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} is longer than {} MiB", .path.display(), LARGEST >> 20)]
    Long { path: PathBuf },
    // The reader's own words would show the lines around the mistake, and a key may stand there.
    #[error("it is not a kubeconfig (line {line})")]
    Faulty { line: u64 },
    #[error("it names no {what}{}", if .name.is_empty() { String::new() } else { format!(" {:?}", .name) })]
    Absent { what: &'static str, name: String },
    #[error("its {field} is not base64 text")]
    Base64 { field: &'static str },
    #[error("{0}")]
    Unsupported(&'static str),
}

/// How an API server is reached.
#[derive(Clone, Debug)]
pub struct Access {
    /// `https://198.51.100.10:6443`
    pub server: String,
    /// The name that the server's certificate must have, where it is not the one in `server` (`tls-server-name`).
    pub server_name: Option<String>,
    /// PEM of the CA that signed the server's certificate.
    pub ca_pem: String,
    pub login: Login,
}

/// Who asks.
#[derive(Clone, Debug)]
pub enum Login {
    /// PEM of the certificate, with those between it and the CA, and of its key.
    Certificate {
        chain_pem: String,
        key_pem: SecretString,
    },
    Token(SecretString),
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Kubeconfig {
    // Empty lists and texts are written as null too.
    clusters: Option<Vec<NamedCluster>>,
    users: Option<Vec<NamedUser>>,
    contexts: Option<Vec<NamedContext>>,
    current_context: Option<String>,
}

#[derive(Deserialize)]
struct NamedCluster {
    name: String,
    cluster: Cluster,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Cluster {
    server: String,
    certificate_authority: String,
    certificate_authority_data: String,
    insecure_skip_tls_verify: bool,
    tls_server_name: String,
}

#[derive(Deserialize)]
struct NamedUser {
    name: String,
    user: Option<User>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct User {
    client_certificate: String,
    client_certificate_data: String,
    client_key: String,
    client_key_data: SecretString,
    token: SecretString,
    #[serde(rename = "tokenFile")]
    token_file: String,
    exec: Option<serde::de::IgnoredAny>,
    auth_provider: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct NamedContext {
    name: String,
    context: Context,
}

#[derive(Deserialize)]
struct Context {
    cluster: String,
    user: String,
}

impl Access {
    /// What a kubeconfig's current context says. Files that it names are relative to it.
    pub fn read(path: &Path) -> Result<Self, KubeconfigError> {
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::parse(&text(path)?, folder)
    }

    fn parse(text: &str, folder: &Path) -> Result<Self, KubeconfigError> {
        let config: Kubeconfig = serde_saphyr::from_str(text)
            .map_err(|error| KubeconfigError::Faulty { line: error.location().map_or(0, |at| at.line()) })?;
        let absent = |what, name: &str| KubeconfigError::Absent { what, name: name.to_owned() };
        let (clusters, users) = (config.clusters.unwrap_or_default(), config.users.unwrap_or_default());
        let contexts = config.contexts.unwrap_or_default();
        let named = config.current_context.unwrap_or_default();
        let current = match named.as_str() {
            // One context needs no choice.
            "" if contexts.len() == 1 => contexts.first(),
            "" => return Err(absent("current-context", "")),
            name => contexts.iter().find(|one| one.name == name),
        };
        let context = &current.ok_or_else(|| absent("context", &named))?.context;
        let cluster = clusters.iter().find(|one| one.name == context.cluster);
        let cluster = &cluster.ok_or_else(|| absent("cluster", &context.cluster))?.cluster;
        let user = users.iter().find(|one| one.name == context.user);
        let nobody = User::default();
        let user = user.ok_or_else(|| absent("user", &context.user))?.user.as_ref().unwrap_or(&nobody);
        let server_name = Some(cluster.tls_server_name.clone()).filter(|name| !name.is_empty());
        let (server, ca_pem) = (server(cluster)?, authority(cluster, folder)?);
        Ok(Self { server, server_name, ca_pem, login: login(user, folder)? })
    }
}

fn server(cluster: &Cluster) -> Result<String, KubeconfigError> {
    if !cluster.server.starts_with("https://") {
        return Err(KubeconfigError::Unsupported("its server is not an https:// address; kk asks no other"));
    }
    Ok(cluster.server.trim_end_matches('/').to_owned())
}

fn authority(cluster: &Cluster, folder: &Path) -> Result<String, KubeconfigError> {
    if cluster.insecure_skip_tls_verify {
        let reason =
            "it says insecure-skip-tls-verify; kk checks certificates: name the cluster's certificate-authority";
        return Err(KubeconfigError::Unsupported(reason));
    }
    let data = &cluster.certificate_authority_data;
    match (data.is_empty(), cluster.certificate_authority.is_empty()) {
        (false, _) => decoded("certificate-authority-data", data),
        (true, false) => text(&folder.join(&cluster.certificate_authority)),
        (true, true) => Err(KubeconfigError::Absent { what: "certificate-authority", name: String::new() }),
    }
}

fn login(user: &User, folder: &Path) -> Result<Login, KubeconfigError> {
    use secrecy::ExposeSecret;
    let chain = match (user.client_certificate_data.is_empty(), user.client_certificate.is_empty()) {
        (false, _) => Some(decoded("client-certificate-data", &user.client_certificate_data)?),
        (true, false) => Some(text(&folder.join(&user.client_certificate))?),
        (true, true) => None,
    };
    if let Some(chain_pem) = chain {
        let data = user.client_key_data.expose_secret();
        let key = match (data.is_empty(), user.client_key.is_empty()) {
            (false, _) => decoded("client-key-data", data)?,
            (true, false) => text(&folder.join(&user.client_key))?,
            (true, true) => return Err(KubeconfigError::Absent { what: "client-key", name: String::new() }),
        };
        return Ok(Login::Certificate { chain_pem, key_pem: SecretString::from(key) });
    }
    if !user.token.expose_secret().is_empty() {
        return Ok(Login::Token(user.token.clone()));
    }
    if !user.token_file.is_empty() {
        return Ok(Login::Token(SecretString::from(text(&folder.join(&user.token_file))?.trim().to_owned())));
    }
    if user.exec.is_some() || user.auth_provider.is_some() {
        let reason =
            "its credentials come from a program, which kk does not run; use one with a client certificate or a token";
        return Err(KubeconfigError::Unsupported(reason));
    }
    Err(KubeconfigError::Unsupported("it has neither a client certificate nor a token"))
}

fn decoded(field: &'static str, data: &str) -> Result<String, KubeconfigError> {
    let bytes = BASE64.decode(data.trim()).map_err(|_| KubeconfigError::Base64 { field })?;
    String::from_utf8(bytes).map_err(|_| KubeconfigError::Base64 { field })
}

fn text(path: &Path) -> Result<String, KubeconfigError> {
    let unreadable = |source| KubeconfigError::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    File::open(path).map_err(unreadable)?.take(LARGEST + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > LARGEST {
        return Err(KubeconfigError::Long { path: path.to_owned() });
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "
apiVersion: v1
kind: Config
clusters:
  - {name: one, cluster: {server: 'https://198.51.100.10:6443/', certificate-authority-data: Y2E=}}
  - {name: open, cluster: {server: 'https://198.51.100.10:6443', insecure-skip-tls-verify: true}}
  - {name: plain, cluster: {server: 'http://198.51.100.10:8080'}}
users:
  - {name: admin, user: {client-certificate-data: Y2VydA==, client-key-data: a2V5}}
  - {name: robot, user: {token: hush}}
  - {name: cloud, user: {exec: {command: login}}}
  - {name: nobody}
contexts:
  - {name: a, context: {cluster: one, user: admin}}
  - {name: b, context: {cluster: one, user: robot}}
  - {name: c, context: {cluster: one, user: cloud}}
  - {name: d, context: {cluster: open, user: admin}}
  - {name: e, context: {cluster: plain, user: admin}}
  - {name: f, context: {cluster: gone, user: admin}}
  - {name: g, context: {cluster: one, user: nobody}}
current-context: ";

    fn read(context: &str) -> Result<Access, KubeconfigError> {
        Access::parse(&format!("{CONFIG}{context}\n"), Path::new("/nowhere"))
    }

    #[test]
    fn the_current_context_counts() {
        let access = read("a").unwrap();
        assert_eq!((access.server.as_str(), access.ca_pem.as_str()), ("https://198.51.100.10:6443", "ca"));
        assert!(matches!(&access.login, Login::Certificate { chain_pem, .. } if chain_pem == "cert"));
        assert!(matches!(read("b").unwrap().login, Login::Token(_)));
        assert!(!format!("{:?}{:?}", read("a"), read("b")).contains("hush"));
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        let said = |context| read(context).unwrap_err().to_string();
        assert_eq!(said(""), "it names no current-context");
        assert_eq!(said("z"), "it names no context \"z\"");
        assert_eq!(said("f"), "it names no cluster \"gone\"");
        assert!(said("c").contains("come from a program"));
        assert!(said("d").contains("insecure-skip-tls-verify"));
        assert!(said("e").contains("not an https:// address"));
        assert!(said("g").contains("neither a client certificate nor a token"));
        let error = Access::parse("users: [{name: a, user: {token: [hush]}}]", Path::new("")).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hush"), "{error:?}");
        assert!(matches!(Access::read(Path::new("/nowhere")), Err(KubeconfigError::Read { .. })));
    }
}
