//! Keys, passwords, agents, and what is said when none of them opens the door.

use std::process::{Command, Stdio};

use kk::host::MachineError;
use kk::host::ssh::{HostKeyPolicy, Options, Session, Target};

use crate::sshd::{Sshd, SystemUser, stdout, user};

#[tokio::test]
async fn keys_of_every_kind() {
    let sshd = Sshd::start("PasswordAuthentication no");
    let kinds: [(&str, &[&str]); 5] = [
        ("ed25519", &["-t", "ed25519"]),
        ("ecdsa", &["-t", "ecdsa", "-b", "384"]),
        ("rsa", &["-t", "rsa", "-b", "3072"]),
        ("rsa_pem", &["-t", "rsa", "-b", "2048", "-m", "PEM"]),
        ("locked", &["-t", "ed25519", "-N", "open sesame"]),
    ];
    for (name, arguments) in kinds {
        let path = sshd.authorised_key(name, arguments);
        let target = Target {
            private_key_path: Some(path.clone()),
            private_key_passphrase: (name == "locked").then(|| "open sesame".into()),
            ..sshd.target(&user())
        };
        let session = sshd.connect(&target).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(stdout(&session, "echo $((6 * 7))").await, "42\n");
        let inline = Target {
            private_key_path: None,
            private_key: Some(std::fs::read_to_string(&path).unwrap().into()),
            ..target
        };
        sshd.connect(&inline).await.unwrap_or_else(|error| panic!("{name}, inline: {error}"));
    }
}

fn login_error(result: Result<Session, MachineError>) -> (String, String) {
    match result {
        Err(MachineError::Login { message, hint, .. }) => (message, hint.unwrap_or_default()),
        Err(error) => panic!("another error: {error}"),
        Ok(_) => panic!("it logged in"),
    }
}

#[tokio::test]
async fn keys_that_cannot_be_used() {
    let sshd = Sshd::start("PasswordAuthentication no\nKbdInteractiveAuthentication no");
    let locked = sshd.authorised_key("locked", &["-t", "ed25519", "-N", "open sesame"]);
    let target = Target { private_key_path: Some(locked.clone()), ..sshd.target(&user()) };
    let (message, hint) = login_error(sshd.connect(&target).await);
    assert!(message.ends_with("locked is encrypted and there is no passphrase for it"), "{message}");
    assert!(hint.contains("privateKeyPassphrase"));
    let target = Target { private_key_passphrase: Some("wrong".into()), ..target };
    let (message, _) = login_error(sshd.connect(&target).await);
    assert!(message.ends_with("is encrypted and the passphrase does not open it"), "{message}");
    let target = Target { private_key_path: Some(locked.with_extension("pub")), ..target };
    let (message, _) = login_error(sshd.connect(&target).await);
    assert!(message.contains("is not a private key"), "{message}");
    let target = Target { private_key_path: Some("/nonexistent/key".into()), ..target };
    let (message, _) = login_error(sshd.connect(&target).await);
    assert!(message.contains("No such file"), "{message}");
    crate::sshd::keygen(&sshd.folder.path().join("stranger"), &["-t", "ed25519"]);
    let target = Target { private_key_path: Some(sshd.folder.path().join("stranger")), ..sshd.target(&user()) };
    let (message, hint) = login_error(sshd.connect(&target).await);
    assert!(message.contains("Tried: the key ") && message.ends_with("the server takes: publickey"), "{message}");
    assert!(hint.contains("authorized_keys"), "{hint}");
    let (message, _) = login_error(sshd.connect(&sshd.target(&user())).await);
    assert!(message.contains("Nothing could be tried"), "{message}");
}

#[tokio::test]
async fn passwords() {
    let Some(account) = SystemUser::create("pw", "right", Some("USER ALL=(ALL) NOPASSWD: ALL")) else { return };
    for settings in [
        "PasswordAuthentication yes\nKbdInteractiveAuthentication no\nUsePAM no",
        "PasswordAuthentication no\nKbdInteractiveAuthentication yes\nUsePAM yes",
    ] {
        let sshd = Sshd::start(settings);
        let target = Target { password: Some("right".into()), ..sshd.target(&account.name) };
        let session = sshd.connect(&target).await.unwrap();
        assert_eq!(stdout(&session, "id -u").await, "0\n");
        let target = Target { password: Some("wrong".into()), ..target };
        let (message, hint) = login_error(sshd.connect(&target).await);
        assert!(message.contains("Tried: the password"), "{message}");
        assert!(!message.contains("wrong"), "{message}");
        assert!(hint.contains("Check the user and the password"), "{hint}");
    }
}

#[tokio::test]
async fn a_key_and_a_password_together() {
    let Some(account) = SystemUser::create("both", "right", Some("USER ALL=(ALL) NOPASSWD: ALL")) else { return };
    let sshd = Sshd::start("AuthenticationMethods publickey,password\nUsePAM no");
    // sshd reads the file as the user who logs in.
    let key = sshd.authorised_key("id", &["-t", "ed25519"]);
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(sshd.folder.path(), open).unwrap();
    let target = Target { password: Some("right".into()), private_key_path: Some(key), ..sshd.target(&account.name) };
    sshd.connect(&target).await.unwrap();
    let target = Target { password: None, ..target };
    let (message, hint) = login_error(sshd.connect(&target).await);
    assert!(message.ends_with("the server takes: password"), "{message}");
    assert!(hint.contains("Set `password`"), "{hint}");
}

#[tokio::test]
async fn an_agent() {
    let sshd = Sshd::start("PasswordAuthentication no");
    let socket = sshd.folder.path().join("agent");
    let mut agent = Command::new("ssh-agent").arg("-D").arg("-a").arg(&socket).stdout(Stdio::null()).spawn().unwrap();
    while !socket.exists() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let options = Options { agent: Some(socket.clone()), ..Options::default() };
    let known_hosts = sshd.known_hosts(HostKeyPolicy::AcceptNew);
    let target = sshd.target(&user());
    let (message, _) = login_error(Session::connect(&target, &known_hosts, &options).await);
    assert!(message.contains("Nothing could be tried"), "{message}");
    for (name, kind) in [("agent_rsa", "rsa"), ("agent_ed25519", "ed25519")] {
        let key = sshd.authorised_key(name, &["-t", kind]);
        let added = Command::new("ssh-add").arg("-q").arg(&key).env("SSH_AUTH_SOCK", &socket).status().unwrap();
        assert!(added.success());
        let session = Session::connect(&target, &known_hosts, &options).await.unwrap();
        assert_eq!(stdout(&session, "echo in").await, "in\n");
        std::fs::remove_file(sshd.folder.path().join("authorized_keys")).unwrap();
    }
    agent.kill().unwrap();
    agent.wait().unwrap();
    let (message, _) = login_error(Session::connect(&target, &known_hosts, &options).await);
    assert!(message.contains("the SSH agent (not usable"), "{message}");
}

#[tokio::test]
async fn hosts_that_cannot_be_reached() {
    let sshd = Sshd::start("");
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let chain = |error: MachineError| {
        let mut text = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        text
    };
    let failed = |result: Result<Session, MachineError>| result.err().map(chain).unwrap();
    let target = Target { port, ..sshd.target("root") };
    let text = failed(sshd.connect(&target).await);
    assert!(text.starts_with(&format!("node1: cannot connect to 127.0.0.1:{port}: nothing listens there")), "{text}");

    let deaf = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let timeout = std::time::Duration::from_secs(1);
    let target = Target { port: deaf.local_addr().unwrap().port(), timeout, ..sshd.target("root") };
    let text = failed(sshd.connect(&target).await);
    assert!(text.contains("did not finish the SSH handshake within 1 s"), "{text}");

    let target = Target { address: "no-such-host.invalid".into(), ..sshd.target("root") };
    let text = failed(sshd.connect(&target).await);
    assert!(text.contains("cannot be resolved"), "{text}");
}
