//! Who is let in, who is not, and what is said about it.

use kk::image::{Client, RegistryAccess, RegistryError};

use crate::server::{Options, PASSWORD, Server, USER, free_port, quick};

fn text(error: &RegistryError, server: &Server) -> String {
    error.to_string().replace(&server.port.to_string(), "PORT")
}

#[tokio::test]
async fn a_wrong_password_is_tried_once_and_named() {
    let server = Server::start(&Options { login: true, ..Default::default() });
    Client::new(&server.access_as(USER, PASSWORD)).unwrap().login().await.unwrap();

    let client = Client::new(&server.access_as(USER, "secret-wrong")).unwrap();
    let logins = (0..16).map(|_| client.login());
    for outcome in futures::future::join_all(logins).await {
        let error = outcome.unwrap_err();
        assert!(matches!(error, RegistryError::Unauthorized { credentials: true, .. }), "{error}");
        assert!(!format!("{error:?}").contains("secret-wrong"));
    }
    let error = client.login().await.unwrap_err();
    insta::assert_snapshot!(text(&error, &server), @"registry 127.0.0.1:PORT refuses the user name and password (logging in)");

    let error = Client::new(&server.access()).unwrap().login().await.unwrap_err();
    insta::assert_snapshot!(text(&error, &server), @"registry 127.0.0.1:PORT needs a login (logging in): UNAUTHORIZED: authentication required");
}

#[tokio::test]
async fn certificates_are_checked() {
    let server = Server::start(&Options { tls: true, ..Default::default() });
    Client::new(&server.access()).unwrap().login().await.unwrap();

    let strict = RegistryAccess { ca_pem: None, ..server.access() };
    let error = Client::new(&strict).unwrap().login().await.unwrap_err();
    insta::assert_snapshot!(text(&error, &server), @"cannot trust registry registry.test:PORT: its certificate is not signed by a CA that is known here");

    let lenient = RegistryAccess { skip_tls_verify: true, ..strict };
    Client::new(&lenient).unwrap().login().await.unwrap();

    let other = RegistryAccess { host: format!("other.test:{}", server.port), ..server.access() };
    let error = Client::new(&other).unwrap().login().await.unwrap_err();
    insta::assert_snapshot!(text(&error, &server), @"cannot trust registry other.test:PORT: its certificate is made for another name");

    let empty = RegistryAccess { ca_pem: Some("no certificate".into()), ..server.access() };
    let error = Client::new(&empty).err().unwrap();
    insta::assert_snapshot!(text(&error, &server), @"TLS for registry registry.test:PORT could not be set up");

    let plain = Server::plain();
    let encrypted = RegistryAccess { plain_http: false, ..plain.access() };
    let error = Client::new(&encrypted).unwrap().login().await.unwrap_err();
    insta::assert_snapshot!(text(&error, &plain), @"cannot trust registry 127.0.0.1:PORT: it does not answer in TLS; it may speak plain HTTP only");
}

#[tokio::test]
async fn a_machine_without_certificates_is_enough() {
    if std::env::var_os("KK_TEST_WITHOUT_CERTIFICATES").is_none() {
        let output = tokio::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "login::a_machine_without_certificates_is_enough"])
            .env("KK_TEST_WITHOUT_CERTIFICATES", "yes")
            .env("SSL_CERT_FILE", "/nonexistent")
            .env("SSL_CERT_DIR", "/nonexistent")
            .output()
            .await
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        return;
    }
    Client::new(&RegistryAccess { host: "registry.k8s.io".into(), ..Default::default() }).unwrap();
    for options in [Options::default(), Options { tls: true, ..Default::default() }] {
        let server = Server::start(&options);
        Client::new(&server.access()).unwrap().login().await.unwrap();
    }
}

#[tokio::test]
async fn a_closed_port_is_no_mystery() {
    let port = free_port();
    let access =
        RegistryAccess { host: format!("127.0.0.1:{port}"), plain_http: true, patience: quick(), ..Default::default() };
    let error = Client::new(&access).unwrap().login().await.unwrap_err();
    assert!(matches!(error, RegistryError::Connect { .. }), "{error}");
}
