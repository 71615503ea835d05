//! A registry whose host is behind a jump host: its name is known nowhere, and every byte takes the detour.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use kk::event;
use kk::host::Machine;
use kk::host::relay::Relay;
use kk::host::shown::shown;
use kk::host::ssh::{HostKeyPolicy, Options, Session, Target};
use kk::image::registry::RegistryAccess;
use kk::image::{Client, Pusher, Wanted};

use crate::images::{self, Blobs};
use crate::server::{self, PASSWORD, Server, USER};
use crate::sshd::{Sshd, user};

async fn session(bastion: &Sshd, inside: &Sshd) -> Arc<dyn Machine> {
    let keyed = |sshd: &Sshd, name: &str| {
        let key = sshd.authorised_key("id", &["-t", "ed25519"]);
        Target { name: name.into(), private_key_path: Some(key), ..sshd.target(&user()) }
    };
    let target = Target { via: vec![keyed(bastion, "bastion")], ..keyed(inside, "node1") };
    let known_hosts = inside.known_hosts(HostKeyPolicy::AcceptNew);
    Arc::new(Session::connect(&target, &known_hosts, &Options::default()).await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn images_are_pushed_through_the_jump_host() {
    let (bastion, inside) = (Sshd::start("LogLevel DEBUG1"), Sshd::start(""));
    let registry = Server::start(&server::Options { tls: true, login: true, ..server::Options::default() });
    let machine = session(&bastion, &inside).await;
    let relay = Relay::open(machine.clone(), registry.port).await.unwrap().unwrap();
    let folder = relay.socket().parent().unwrap().to_owned();
    assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);

    // Without an address, this machine cannot find registry.test.
    let access = RegistryAccess { address: None, ..registry.access_as(USER, PASSWORD) };
    let direct = RegistryAccess { socket: None, ..access.clone() };
    assert!(Client::new(&direct).unwrap().login().await.is_err());
    let access = RegistryAccess { socket: Some(relay.socket().to_owned()), ..access };
    let client = Client::new(&access).unwrap();
    client.login().await.unwrap();
    let mut blobs = Blobs::default();
    let image = images::indexed(&mut blobs, "registry.k8s.io/pause:3.10.1", 1, &["amd64", "arm64"], 12_000_000);
    let wanted = Wanted { image: &image, repository: "registry.k8s.io/pause".into(), tag: Some("3.10.1".into()) };
    let pusher = Pusher::new(client, 4, event::silent());
    assert!(pusher.push_image(&blobs, &wanted).await.unwrap().changed);
    assert!(pusher.missing(&blobs, std::slice::from_ref(&wanted)).await.unwrap().is_empty());

    // The bastion's connection is cut: pushes go on over the next one.
    bastion.cut();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(pusher.missing(&blobs, std::slice::from_ref(&wanted)).await.unwrap().is_empty());
    assert_eq!((bastion.logins(), inside.logins()), (2, 1));

    // What looks at certificates takes the same way.
    let seen = shown(Some(machine.as_ref()), "127.0.0.1", registry.port, Duration::from_secs(5)).await;
    assert!(seen.is_some());
    let log = bastion.log.lock().unwrap().clone();
    let to_registry = format!("port {}", registry.port);
    assert!(log.lines().filter(|line| line.contains(&to_registry)).count() > 2, "{log}");
    drop(relay);
    assert!(!folder.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_does_not_answer_is_told_before_anything_is_sent() {
    let (bastion, inside) = (Sshd::start(""), Sshd::start(""));
    let machine = session(&bastion, &inside).await;
    let error = Relay::open(machine, server::free_port()).await.map(|_| ()).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("node1: cannot connect to 127.0.0.1:") && text.ends_with("through bastion"), "{text}");
    // A host with a way of its own needs no relay.
    let session: Arc<dyn Machine> = Arc::new(inside.session().await);
    assert!(Relay::open(session, 1).await.unwrap().is_none());
}
