//! Hosts behind jump hosts: each jump host and each target is an sshd of its own.

use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use kk::cluster::Host;
use kk::digest::Digest;
use kk::host::ssh::{HostKeyPolicy, KnownHosts, Options, Routes, Session, SshConfig, Target};
use kk::host::{Machine, MachineError};

use crate::sshd::{Sshd, run, stdout, user};

/// A target with a key that its sshd takes.
pub fn keyed(sshd: &Sshd, name: &str) -> Target {
    let key = sshd.authorised_key(&format!("id_{name}"), &["-t", "ed25519"]);
    Target { name: name.into(), private_key_path: Some(key), ..sshd.target(&user()) }
}

/// Known hosts of the target's folder, for all hops.
fn learning(sshd: &Sshd) -> Arc<KnownHosts> {
    sshd.known_hosts(HostKeyPolicy::AcceptNew)
}

/// Bytes that tell of any that is lost, doubled or out of place.
fn numbered(bytes: u32) -> Vec<u8> {
    (0..bytes / 4).flat_map(u32::to_le_bytes).collect()
}

async fn there_and_back(session: &Session, folder: &std::path::Path) {
    let bytes = numbered(24 << 20);
    let size = bytes.len() as u64;
    let digest = Digest::of(&bytes);
    let path = folder.join("arrived");
    let path = path.to_str().unwrap();
    session.upload(Box::new(Cursor::new(bytes)), size, path).await.unwrap();
    let sum = stdout(session, &format!("sha256sum {path}")).await;
    assert_eq!(sum.split(' ').next().unwrap(), digest.hex());
    assert_eq!(session.download(path, size, Box::new(std::io::sink())).await.unwrap(), digest);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_serves_all_hosts_behind_a_jump_host() {
    // The target is asked by twelve at once, which is more than it takes by default.
    let (bastion, inside) = (Sshd::start(""), Sshd::start("MaxStartups 100"));
    let (known_hosts, options) = (learning(&inside), Options::default());
    let target = Target { via: vec![keyed(&bastion, "bastion")], ..keyed(&inside, "node1") };
    let all = (0..12).map(|_| Session::connect(&target, &known_hosts, &options));
    let sessions: Vec<Session> = futures::future::join_all(all).await.into_iter().map(Result::unwrap).collect();
    for session in &sessions {
        assert_eq!(stdout(session, "echo in").await, "in\n");
    }
    assert_eq!((bastion.logins(), inside.logins()), (1, 12));
    // Both host keys were learned.
    let learned = std::fs::read_to_string(inside.folder.path().join("site/known_hosts")).unwrap();
    assert_eq!(learned.lines().count(), 2);
    there_and_back(&sessions[0], inside.folder.path()).await;

    // Keys are exchanged anew on both legs while bytes flow.
    let (bastion, inside) = (Sshd::start("RekeyLimit 1M"), Sshd::start("RekeyLimit 2M"));
    let target = Target { via: vec![keyed(&bastion, "bastion")], ..keyed(&inside, "node1") };
    let session = Session::connect(&target, &learning(&inside), &Options::default()).await.unwrap();
    there_and_back(&session, inside.folder.path()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_jump_hosts_in_a_row() {
    let (outer, inner, inside) = (Sshd::start(""), Sshd::start(""), Sshd::start(""));
    let via = vec![keyed(&outer, "outer"), keyed(&inner, "inner")];
    let target = Target { via, ..keyed(&inside, "node1") };
    let session = Session::connect(&target, &learning(&inside), &Options::default()).await.unwrap();
    there_and_back(&session, inside.folder.path()).await;
    assert_eq!((outer.logins(), inner.logins(), inside.logins()), (1, 1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_jump_host_that_was_lost_is_connected_to_again() {
    let (outer, inner, inside) = (Sshd::start(""), Sshd::start(""), Sshd::start(""));
    let via = vec![keyed(&outer, "outer"), keyed(&inner, "inner")];
    let (known_hosts, options) = (learning(&inside), Options::default());
    let target = Target { via, ..keyed(&inside, "node1") };
    let session = Session::connect(&target, &known_hosts, &options).await.unwrap();
    let second = Session::connect(&target, &known_hosts, &options).await.unwrap();
    assert_eq!((outer.logins(), inner.logins(), inside.logins()), (1, 1, 2));

    // In the middle of a script: it is told which connection was lost.
    let (lost, ()) = tokio::join!(run(&session, "sleep 15"), async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        outer.cut();
    });
    let lost = lost.unwrap_err();
    assert!(matches!(lost, MachineError::Lost { .. }), "{lost}");
    assert!(lost.to_string().contains("the connection to the jump host outer: "), "{lost}");
    assert_eq!(stdout(&session, "echo again").await, "again\n");
    assert_eq!(stdout(&second, "echo again").await, "again\n");
    assert_eq!((outer.logins(), inner.logins(), inside.logins()), (2, 2, 4));

    // At rest, the inner one alone: the next script goes the new way without an error.
    inner.cut();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(stdout(&session, "echo again").await, "again\n");
    assert_eq!((outer.logins(), inner.logins(), inside.logins()), (2, 3, 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_configuration_says_leads_there() {
    let (bastion, inside) = (Sshd::start(""), Sshd::start(""));
    let key = |sshd: &Sshd| sshd.authorised_key("id", &["-t", "ed25519"]).display().to_string();
    let home = inside.folder.path();
    std::fs::create_dir(home.join(".ssh")).unwrap();
    let text = format!(
        "Include bastions/*\nHost node*\n  Port {}\n  User {user}\n  IdentityFile {home}/.ssh/missing\n  IdentityFile {}\n  ProxyJump edge\n",
        inside.port,
        key(&inside),
        user = user(),
        home = home.display()
    );
    std::fs::write(home.join(".ssh/config"), text).unwrap();
    std::fs::create_dir(home.join(".ssh/bastions")).unwrap();
    let text = format!(
        "Host edge\n  HostName 127.0.0.1\n  Port {}\n  User {}\n  IdentityFile {}\n",
        bastion.port,
        user(),
        key(&bastion)
    );
    std::fs::write(home.join(".ssh/bastions/edge"), text).unwrap();

    let config = SshConfig::of_home(home).unwrap();
    let host = Host { name: "node1".into(), internal_address: "127.0.0.1".into(), ..Host::default() };
    let hosts = [host];
    let routes = Routes { hosts: &hosts, config: &config, home: Some(home), user: None };
    let target = routes.target(&hosts[0]).unwrap();
    let session = Session::connect(&target, &learning(&inside), &Options::default()).await.unwrap();
    assert_eq!(stdout(&session, "echo in").await, "in\n");
    assert_eq!((bastion.logins(), inside.logins()), (1, 1));
}
