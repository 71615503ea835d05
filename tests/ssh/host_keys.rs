//! Known hosts: learned, asked about, changed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kk::host::MachineError;
use kk::host::ssh::{AskHostKey, HostKeyPolicy, HostKeyQuestion, KnownHosts, Options, Session, Target};

use crate::sshd::{Sshd, keygen, stdout, user};

/// Answers every question in the same way, slowly, and notices two at a time.
struct Answer {
    trust: bool,
    asked: AtomicUsize,
    open: AtomicUsize,
}

impl Answer {
    fn new(trust: bool) -> Arc<Self> {
        Arc::new(Self { trust, asked: AtomicUsize::new(0), open: AtomicUsize::new(0) })
    }
}

impl AskHostKey for Answer {
    fn trust(&self, question: &HostKeyQuestion) -> bool {
        assert_eq!(self.open.fetch_add(1, Ordering::SeqCst), 0, "two questions at a time");
        assert!(question.fingerprint.starts_with("SHA256:"));
        assert_eq!(question.algorithm, "ssh-ed25519");
        std::thread::sleep(std::time::Duration::from_millis(100));
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.open.fetch_sub(1, Ordering::SeqCst);
        self.trust
    }
}

fn host_key_error(result: Result<Session, MachineError>) -> (String, String) {
    match result {
        Err(MachineError::HostKey { message, hint, .. }) => (message, hint.unwrap_or_default()),
        Err(error) => panic!("another error: {error}"),
        Ok(_) => panic!("it was trusted"),
    }
}

fn target(sshd: &Sshd) -> Target {
    Target { private_key_path: Some(sshd.authorised_key("id", &["-t", "ed25519"])), ..sshd.target(&user()) }
}

#[tokio::test]
async fn an_unknown_key_is_refused_asked_or_accepted() {
    let sshd = Sshd::start("");
    let target = target(&sshd);
    let options = Options::default();
    let site = sshd.folder.path().join("site/known_hosts");

    let refuse = sshd.known_hosts(HostKeyPolicy::Refuse);
    let (message, hint) = host_key_error(Session::connect(&target, &refuse, &options).await);
    assert!(message.contains("is not known: ssh-ed25519 SHA256:"), "{message}");
    assert!(hint.contains("--accept-new-host-keys"), "{hint}");

    let no = Answer::new(false);
    let ask = sshd.known_hosts(HostKeyPolicy::Ask(no.clone()));
    let (message, _) = host_key_error(Session::connect(&target, &ask, &options).await);
    assert!(message.contains("was not accepted"), "{message}");
    assert!(!site.exists());

    let yes = Answer::new(true);
    let ask = sshd.known_hosts(HostKeyPolicy::Ask(yes.clone()));
    let all = (0..6).map(|_| Session::connect(&target, &ask, &options));
    for session in futures::future::join_all(all).await {
        assert_eq!(stdout(&session.unwrap(), "echo in").await, "in\n");
    }
    assert_eq!(yes.asked.load(Ordering::SeqCst), 1);
    assert_eq!(std::fs::read_to_string(&site).unwrap().lines().count(), 1);
    Session::connect(&target, &refuse, &options).await.unwrap();
}

#[tokio::test]
async fn a_changed_key_is_refused() {
    let sshd = Sshd::start("");
    let target = target(&sshd);
    let other = sshd.folder.path().join("other");
    keygen(&other, &["-t", "ed25519"]);
    let public = std::fs::read_to_string(other.with_extension("pub")).unwrap();
    let file = sshd.folder.path().join("known_hosts");
    std::fs::write(&file, format!("# a comment\n[127.0.0.1]:{} {public}", sshd.port)).unwrap();
    let known_hosts =
        Arc::new(KnownHosts::new(vec![file.clone()], sshd.folder.path().join("site"), HostKeyPolicy::AcceptNew));
    let (message, hint) = host_key_error(Session::connect(&target, &known_hosts, &Options::default()).await);
    assert!(message.contains("man in the middle"), "{message}");
    assert!(message.contains(&format!("{} line 2", file.display())), "{message}");
    assert!(hint.contains("ssh-keygen -R "), "{hint}");
    assert!(!sshd.folder.path().join("site").exists());
}

#[tokio::test]
async fn a_key_of_another_kind_is_a_changed_key() {
    // The server has one key of each of two kinds. The recorded kind is asked for, though the other is preferred.
    let folder = tempfile::tempdir().unwrap();
    keygen(&folder.path().join("host_rsa"), &["-t", "rsa", "-b", "2048"]);
    keygen(&folder.path().join("host_ed25519"), &["-t", "ed25519"]);
    let rsa = std::fs::read_to_string(folder.path().join("host_rsa.pub")).unwrap();
    let second = format!("HostKey {}/host_rsa", folder.path().display());
    let sshd = Sshd::start_in(folder, "host_ed25519", &second);
    let target = target(&sshd);
    let file = sshd.folder.path().join("known_hosts");
    std::fs::write(&file, format!("[127.0.0.1]:{} {rsa}", sshd.port)).unwrap();
    let known_hosts = |file: std::path::PathBuf| {
        Arc::new(KnownHosts::new(vec![file], sshd.folder.path().join("site"), HostKeyPolicy::AcceptNew))
    };
    Session::connect(&target, &known_hosts(file.clone()), &Options::default()).await.unwrap();
    assert!(!sshd.folder.path().join("site").exists(), "nothing was learned");

    keygen(&sshd.folder.path().join("stranger"), &["-t", "ecdsa"]);
    let stranger = std::fs::read_to_string(sshd.folder.path().join("stranger.pub")).unwrap();
    std::fs::write(&file, format!("[127.0.0.1]:{} {stranger}", sshd.port)).unwrap();
    let (message, _) = host_key_error(Session::connect(&target, &known_hosts(file), &Options::default()).await);
    assert!(message.contains("man in the middle"), "{message}");
}

#[tokio::test]
async fn a_file_with_hashed_names() {
    let sshd = Sshd::start("");
    let target = target(&sshd);
    let public = std::fs::read_to_string(sshd.folder.path().join("host_ed25519.pub")).unwrap();
    let file = sshd.folder.path().join("known_hosts");
    std::fs::write(&file, format!("[127.0.0.1]:{} {public}", sshd.port)).unwrap();
    let hashed = std::process::Command::new("ssh-keygen").arg("-H").arg("-f").arg(&file).output().unwrap();
    assert!(hashed.status.success());
    assert!(std::fs::read_to_string(&file).unwrap().starts_with("|1|"));
    let site = sshd.folder.path().join("site");
    let known_hosts = Arc::new(KnownHosts::new(vec![file], site, HostKeyPolicy::Refuse));
    Session::connect(&target, &known_hosts, &Options::default()).await.unwrap();
}
