//! Against a server of our own that speaks TLS, wants a certificate of its CA, and gives its lists in pages.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, Stream};
use secrecy::SecretString;

use super::kubeconfig::Login;
use super::objects::{Node, Pod};
use super::{Access, ApiError, Client};

/// A CA and the certificates that it signed.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    fn issue(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }
}

type Answer = Box<dyn Fn(&str) -> (u16, String) + Send>;

/// Answers requests until the process ends; gives the address and the paths that were asked for.
fn serve(authority: &Authority, answer: Answer) -> (String, Arc<Mutex<Vec<String>>>) {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().unwrap();
    let (certificate, key) = authority.issue("127.0.0.1");
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients)
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()],
            PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
        )
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("https://{}", listener.local_addr().unwrap());
    let (config, log) = (Arc::new(config), Arc::new(Mutex::new(Vec::new())));
    let seen = log.clone();
    std::thread::spawn(move || {
        while let Ok((mut socket, _)) = listener.accept() {
            let mut connection = ServerConnection::new(config.clone()).unwrap();
            let mut stream = Stream::new(&mut connection, &mut socket);
            let mut request = Vec::new();
            let mut buffer = [0; 4096];
            while !request.ends_with(b"\r\n\r\n") {
                match stream.read(&mut buffer) {
                    Ok(count) if count > 0 => request.extend_from_slice(&buffer[..count]),
                    _ => break,
                }
            }
            let request = String::from_utf8_lossy(&request).into_owned();
            let Some(path) = request.split(' ').nth(1) else { continue };
            seen.lock().unwrap().push(path.to_owned());
            let (status, body) = answer(path);
            let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
            connection.send_close_notify();
            let _ = connection.complete_io(&mut socket);
        }
    });
    (address, log)
}

fn access(server: &str, trusted: &Authority, own: &Authority) -> Access {
    let (chain_pem, key) = own.issue("admin");
    Access {
        server: server.to_owned(),
        server_name: None,
        ca_pem: trusted.pem.clone(),
        login: Login::Certificate { chain_pem, key_pem: SecretString::from(key) },
    }
}

fn images(access: &Access) -> Result<Vec<String>, ApiError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut images = Vec::new();
        Client::new(access)?.list("/api/v1/pods", |pod: Pod| images.extend(pod.images())).await?;
        Ok(images)
    })
}

#[test]
fn a_list_is_read_page_by_page_by_who_has_a_certificate() {
    let authority = Authority::new();
    let (server, log) = serve(
        &authority,
        Box::new(|path| {
            let page = |next: &str, image: &str| {
                let pod = format!(
                    r#"{{"metadata":{{"name":"x"}},"spec":{{"initContainers":[{{"image":"init:1"}}],"containers":[{{"name":"a","image":"{image}"}}]}}}}"#
                );
                (200, format!(r#"{{"kind":"PodList","metadata":{{"continue":"{next}"}},"items":[{pod}]}}"#))
            };
            if path.contains("continue=a%2Fb") { page("", "two:1") } else { page("a/b", "one:1") }
        }),
    );
    let images = images(&access(&server, &authority, &authority)).unwrap();
    assert_eq!(images, ["one:1", "init:1", "two:1", "init:1"]);
    assert_eq!(log.lock().unwrap().len(), 2);
}

#[test]
fn who_is_not_trusted_is_not_talked_to() {
    let (authority, other) = (Authority::new(), Authority::new());
    let (server, log) = serve(&authority, Box::new(|_| (200, "{}".into())));
    // The server's CA is another.
    assert!(matches!(images(&access(&server, &other, &authority)), Err(ApiError::Unreachable { .. })));
    // The user's CA is another.
    assert!(matches!(images(&access(&server, &authority, &other)), Err(ApiError::Unreachable { .. })));
    assert!(log.lock().unwrap().is_empty());
}

#[test]
fn a_server_by_another_name_must_have_that_name() {
    let authority = Authority::new();
    let (server, _) = serve(&authority, Box::new(|_| (200, r#"{"items":[]}"#.into())));
    let mut access = access(&server, &authority, &authority);
    // A name that the certificate does not have.
    access.server = server.replace("127.0.0.1", "localhost");
    assert_ne!(access.server, server);
    assert!(matches!(images(&access), Err(ApiError::Unreachable { .. })));
    access.server_name = Some("127.0.0.1".into());
    assert_eq!(images(&access).unwrap(), [""; 0]);
    access.server_name = Some("elsewhere.example.org".into());
    assert!(matches!(images(&access), Err(ApiError::Unreachable { .. })));
}

#[test]
fn answers_that_are_no_lists_are_errors() {
    let authority = Authority::new();
    let answer = |status: u16, body: &'static str| {
        let (server, _) = serve(&authority, Box::new(move |_| (status, body.into())));
        images(&access(&server, &authority, &authority)).unwrap_err()
    };
    let error = answer(403, r#"{"kind":"Status","message":"pods is forbidden"}"#);
    assert!(
        error.to_string().ends_with("answered 403 when it was asked for /api/v1/pods: pods is forbidden"),
        "{error}"
    );
    assert!(matches!(answer(200, "<html>"), ApiError::Shape { .. }));
    assert!(matches!(answer(302, ""), ApiError::Refused { status: 302, .. }));
    // A server that never comes to an end.
    let endless = r#"{"metadata":{"continue":"x"},"items":[]}"#;
    assert!(matches!(answer(200, endless), ApiError::Endless { .. }));
}

#[test]
fn nodes_say_what_they_are() {
    let text =
        r#"{"metadata":{"name":"node1"},"status":{"nodeInfo":{"architecture":"amd64","kubeletVersion":"v1.35.4"}}}"#;
    let node: Node = serde_json::from_str(text).unwrap();
    assert_eq!(node.status.node_info.kubelet_version, "v1.35.4");
}
