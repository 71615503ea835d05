//! Jump hosts that cannot be passed: the message names the host, the jump host and the reason.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use kk::host::MachineError;
use kk::host::ssh::{AskHostKey, HostKeyPolicy, HostKeyQuestion, KnownHosts, Options, Session, Target};

use crate::jump::keyed;
use crate::sshd::{Sshd, keygen};

/// Says no, and counts.
struct No(AtomicUsize);

impl AskHostKey for No {
    fn trust(&self, question: &HostKeyQuestion) -> bool {
        assert_eq!(question.host, "bastion");
        self.0.fetch_add(1, Ordering::SeqCst);
        false
    }
}

fn failed(result: Result<Session, MachineError>) -> (String, String) {
    match result {
        Err(error) => (error.chain(), error.hint().unwrap_or_default().to_owned()),
        Ok(_) => panic!("it was passed"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_key_of_a_jump_host_is_refused_or_asked_about_once() {
    let (bastion, inside) = (Sshd::start(""), Sshd::start(""));
    let target = Target { via: vec![keyed(&bastion, "bastion")], ..keyed(&inside, "node1") };
    let refuse = inside.known_hosts(HostKeyPolicy::Refuse);
    let (text, hint) = failed(Session::connect(&target, &refuse, &Options::default()).await);
    let start = format!("node1: through bastion: the host key of 127.0.0.1:{} is not known: ssh-ed25519", bastion.port);
    assert!(text.starts_with(&start), "{text}");
    assert!(hint.contains("--accept-new-host-keys"), "{hint}");

    let no = Arc::new(No(AtomicUsize::new(0)));
    let ask = inside.known_hosts(HostKeyPolicy::Ask(no.clone()));
    let options = Options::default();
    let all = (0..8).map(|_| Session::connect(&target, &ask, &options));
    for result in futures::future::join_all(all).await {
        let (text, _) = failed(result);
        assert!(text.starts_with("node1: through bastion: ") && text.contains("was not accepted"), "{text}");
    }
    assert_eq!(no.0.load(Ordering::SeqCst), 1);
    assert_eq!((bastion.logins(), inside.logins()), (0, 0));
    assert!(!inside.folder.path().join("site/known_hosts").exists());

    // Once the jump host is known, the target's own key still has to be.
    let known = std::fs::read_to_string(bastion.folder.path().join("host_ed25519.pub")).unwrap();
    let file = inside.folder.path().join("known");
    std::fs::write(&file, format!("[127.0.0.1]:{} {known}", bastion.port)).unwrap();
    let site = inside.folder.path().join("site/known_hosts");
    let known_hosts = Arc::new(KnownHosts::new(vec![file], site, HostKeyPolicy::Refuse));
    let (text, _) = failed(Session::connect(&target, &known_hosts, &Options::default()).await);
    let start = format!("node1: the host key of 127.0.0.1:{} is not known", inside.port);
    assert!(text.starts_with(&start), "{text}");
    assert_eq!((bastion.logins(), inside.logins()), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_key_of_a_jump_host_is_refused() {
    let (bastion, inside) = (Sshd::start(""), Sshd::start(""));
    let target = Target { via: vec![keyed(&bastion, "bastion")], ..keyed(&inside, "node1") };
    keygen(&inside.folder.path().join("other"), &["-t", "ed25519"]);
    let other = std::fs::read_to_string(inside.folder.path().join("other.pub")).unwrap();
    let file = inside.folder.path().join("known");
    std::fs::write(&file, format!("[127.0.0.1]:{} {other}", bastion.port)).unwrap();
    let site = inside.folder.path().join("site/known_hosts");
    let known_hosts = Arc::new(KnownHosts::new(vec![file], site, HostKeyPolicy::AcceptNew));
    let (text, hint) = failed(Session::connect(&target, &known_hosts, &Options::default()).await);
    assert!(text.starts_with("node1: through bastion: ") && text.contains("man in the middle"), "{text}");
    assert!(hint.contains("ssh-keygen -R"), "{hint}");
    assert_eq!((bastion.logins(), inside.logins()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_and_forwards_that_are_refused() {
    let (closed, inside) = (Sshd::start("AllowTcpForwarding no\nPasswordAuthentication no"), Sshd::start(""));
    let known_hosts = inside.known_hosts(HostKeyPolicy::AcceptNew);
    let connect = |target: Target| {
        let known_hosts = known_hosts.clone();
        async move { failed(Session::connect(&target, &known_hosts, &Options::default()).await) }
    };
    let node = keyed(&inside, "node1");
    keygen(&inside.folder.path().join("stranger"), &["-t", "ed25519"]);
    let stranger = Some(inside.folder.path().join("stranger"));
    let bastion = keyed(&closed, "bastion");
    let hop = Target { private_key_path: stranger, ..bastion.clone() };
    let (text, hint) = connect(Target { via: vec![hop], ..node.clone() }).await;
    assert!(text.starts_with("node1: through bastion: ") && text.contains("refused the login"), "{text}");
    assert!(hint.contains("IdentityFile") && hint.contains("the jump host bastion"), "{hint}");

    let (text, _) = connect(Target { via: vec![bastion], ..node.clone() }).await;
    let start =
        format!("node1: cannot connect to 127.0.0.1:{} through bastion: the jump host bastion does not", inside.port);
    assert!(text.starts_with(&start), "{text}");

    // Names are the jump host's to look up, and ports its to try.
    let open = Sshd::start("");
    let via = vec![keyed(&open, "bastion")];
    let (text, _) = connect(Target { address: "no-such-host.invalid".into(), via: via.clone(), ..node.clone() }).await;
    assert!(
        text.contains("no-such-host.invalid:") && text.contains("the jump host bastion cannot connect there"),
        "{text}"
    );
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (text, _) = connect(Target { port: silent, via: via.clone(), ..node.clone() }).await;
    assert!(text.contains("through bastion: the jump host bastion cannot connect there"), "{text}");
    let deaf = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, timeout) = (deaf.local_addr().unwrap().port(), Duration::from_secs(1));
    let (text, _) = connect(Target { port, timeout, via, ..node }).await;
    assert!(text.contains("did not finish the SSH handshake within 1 s"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_jump_host_that_does_not_answer_is_waited_for_once() {
    let (bastion, inside) = (Sshd::start(""), Sshd::start(""));
    let deaf = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, timeout) = (deaf.local_addr().unwrap().port(), Duration::from_secs(2));
    let hop = Target { port, timeout, ..keyed(&bastion, "bastion") };
    let target = Target { via: vec![hop], ..keyed(&inside, "node1") };
    let (known_hosts, options) = (inside.known_hosts(HostKeyPolicy::AcceptNew), Options::default());
    let started = Instant::now();
    for _ in 0..3 {
        let all = (0..8).map(|_| Session::connect(&target, &known_hosts, &options));
        for result in futures::future::join_all(all).await {
            let (text, _) = failed(result);
            let start = format!("node1: through bastion: cannot connect to 127.0.0.1:{port}: the server opened");
            assert!(text.starts_with(&start), "{text}");
        }
    }
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
}
