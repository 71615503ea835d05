//! Login by token: a true registry that checks signed tokens, and a token server made here.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use kk::event;
use kk::image::{Client, Pusher, RegistryError, Wanted, pull};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};

use crate::double::{Double, Reply, Seen, reply};
use crate::images::{self, Blobs};
use crate::server::{Options, PASSWORD, Server, USER};

/// Signs tokens as the distribution project's token specification wants them.
struct Signer {
    key: KeyPair,
    certificate: rcgen::Certificate,
}

impl Signer {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = parameters.self_signed(&key).unwrap();
        Self { key, certificate }
    }

    fn token(&self, scopes: &[(String, Vec<String>)], life: i64) -> String {
        let access: Vec<_> = scopes
            .iter()
            .map(|(name, actions)| serde_json::json!({"type": "repository", "name": name, "actions": actions}))
            .collect();
        let now = time::OffsetDateTime::now_utc().unix_timestamp();
        let header =
            serde_json::json!({"typ": "JWT", "alg": "ES256", "x5c": [STANDARD.encode(self.certificate.der())]});
        let claims = serde_json::json!({"iss": "tests", "sub": USER, "aud": "service", "exp": now + life,
            "nbf": now - 7200, "iat": now - 7200, "jti": "1", "access": access});
        let text = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
        let random = SystemRandom::new();
        let key =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &self.key.serialize_der(), &random).unwrap();
        let signature = key.sign(&random, text.as_bytes()).unwrap();
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }
}

fn scopes(seen: &Seen) -> Vec<(String, Vec<String>)> {
    let url = reqwest::Url::parse(&format!("http://x{}", seen.path)).unwrap();
    let scopes = url.query_pairs().filter(|(name, _)| name == "scope").map(|(_, scope)| {
        let parts: Vec<&str> = scope.split(':').collect();
        (parts[1].to_string(), parts[2].split(',').map(str::to_string).collect())
    });
    scopes.collect()
}

/// A registry and its token server; `life` gives the seconds of a token by how many of its scope came before.
async fn registry(life: impl Fn(usize) -> i64 + Send + Sync + 'static) -> (Server, Double) {
    let signer = Arc::new(Signer::new());
    let kept = signer.clone();
    let right = format!("Basic {}", STANDARD.encode(format!("{USER}:{PASSWORD}")));
    let tokens = Double::start(move |seen, before| -> Reply {
        if seen.header("authorization").is_some_and(|sent| sent != right) {
            return reply(401).body(r#"{"errors":[{"code":"UNAUTHORIZED","message":"wrong password"}]}"#);
        }
        let mut scopes = scopes(seen);
        if seen.header("authorization").is_none() {
            // The public may only read.
            scopes.iter_mut().for_each(|(_, actions)| actions.retain(|action| action == "pull"));
        }
        let token = kept.token(&scopes, life(before));
        reply(200).body(serde_json::json!({"token": token, "expires_in": 300}).to_string())
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("root.pem");
    std::fs::write(&bundle, signer.certificate.pem()).unwrap();
    let auth = format!(
        "auth: {{token: {{realm: \"http://127.0.0.1:{}/token\", service: service, issuer: tests, rootcertbundle: {}}}}}\n",
        tokens.port,
        bundle.display()
    );
    (Server::start(&Options { more: Some(auth), ..Default::default() }), tokens)
}

#[tokio::test]
async fn many_calls_share_one_token() {
    let (server, tokens) = registry(|_| 300).await;
    let client = Client::new(&server.access_as(USER, PASSWORD)).unwrap();
    client.login().await.unwrap();
    let mut blobs = Blobs::default();
    let image = images::indexed(&mut blobs, "a.example/x:v1", 1, &["amd64", "arm64"], 10_000);
    let pusher = Pusher::new(client.clone(), 8, event::silent());
    let wanted = Wanted { image: &image, repository: "a/x".into(), tag: Some("v1".into()) };
    assert!(pusher.push_image(&blobs, &wanted).await.unwrap().changed);
    assert_eq!(tokens.seen().len(), 2, "one without a scope for the login, one to push");

    // Mounting needs a token for both repositories.
    let wanted = Wanted { repository: "a/y".into(), ..wanted };
    assert_eq!(pusher.push_image(&blobs, &wanted).await.unwrap().bytes, 0);

    // The public may read and may not write.
    let public = Client::new(&server.access()).unwrap();
    pull::fetch_manifest(&public, "a/x", "v1", None).await.unwrap();
    let wanted = Wanted { repository: "a/z".into(), ..wanted };
    let error = Pusher::new(public, 1, event::silent()).push_image(&blobs, &wanted).await.unwrap_err();
    assert!(matches!(error, RegistryError::Unauthorized { credentials: false, .. }), "{error}");
}

#[tokio::test]
async fn a_token_that_is_not_taken_is_renewed_once() {
    // The first is kept by the client, though the registry finds that it has expired.
    let (server, tokens) = registry(|before| if before == 0 { -3600 } else { 300 }).await;
    let client = Client::new(&server.access_as(USER, PASSWORD)).unwrap();
    let missing = pull::fetch_manifest(&client, "a/x", "v1", None).await.unwrap_err();
    assert!(matches!(missing, RegistryError::Forbidden { .. }), "a fresh token is not asked for twice: {missing}");
    let missing = pull::fetch_manifest(&client, "a/x", "v1", None).await.unwrap_err();
    assert!(missing.is_not_found(), "{missing}");
    assert_eq!(tokens.seen().len(), 2);
}

#[tokio::test]
async fn a_wrong_password_reaches_the_token_server_once() {
    let (server, tokens) = registry(|_| 300).await;
    let client = Client::new(&server.access_as(USER, "wrong")).unwrap();
    let reads = (0..16).map(|number| {
        let client = client.clone();
        async move { pull::fetch_manifest(&client, &format!("a/{number}"), "v1", None).await.unwrap_err() }
    });
    for error in futures::future::join_all(reads).await {
        assert!(matches!(error, RegistryError::Unauthorized { credentials: true, .. }), "{error}");
    }
    assert_eq!(tokens.seen().len(), 1);
}
