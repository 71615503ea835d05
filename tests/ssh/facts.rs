//! Facts of this very machine.

use kk::host::facts;

use crate::sshd::{Sshd, running_as_root};

#[tokio::test]
async fn facts_of_this_machine() {
    let sshd = Sshd::start("");
    let session = sshd.session().await;
    let facts = facts::gather(&session).await.unwrap();
    assert_eq!(facts.system, "Linux");
    assert!(facts.cpus > 0 && facts.memory > 1 << 26, "{facts:?}");
    assert!(facts.mount_of("/var/lib/not/there").is_some_and(|mount| mount.size > 0));
    assert!(facts.listening.iter().any(|listener| listener.port == sshd.port), "{:?}", facts.listening);
    assert!(facts.commands.contains("tar") && facts.commands.contains("sha256sum"));
    assert!(facts.addresses.iter().any(|address| address.address == "127.0.0.1"));
    assert!(facts.cgroup > 0 && facts.controllers.contains("memory"), "{facts:?}");
    assert!(facts.clock_ahead.is_some_and(|ahead| ahead.abs() < 5.0), "{:?}", facts.clock_ahead);
    assert!(facts.features.contains_key("overlay") && facts.features.contains_key("vxlan"));
    if running_as_root() {
        let own = facts.listening.iter().find(|listener| listener.port == sshd.port).unwrap();
        assert_eq!(own.process.as_deref(), Some("sshd"));
    }
}
