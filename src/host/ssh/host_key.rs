//! What follows from a host's key: a question, a record, a refusal.

use std::sync::Arc;

use russh::keys::PublicKey;

use super::known_hosts::{HostKeyPolicy, HostKeyQuestion, KnownHosts, Place, Verdict, fingerprint};
use super::target::Target;
use crate::host::MachineError;

/// Has a person decide about an unknown key, one person, one question at a time.
pub(super) async fn ask(target: &Target, known_hosts: &Arc<KnownHosts>, key: PublicKey) -> Result<(), MachineError> {
    let HostKeyPolicy::Ask(asker) = known_hosts.policy() else {
        return Err(refused(
            target,
            format!("the host key of {} is not known: {} {}", target.endpoint(), key.algorithm(), fingerprint(&key)),
            Some(format!(
                "Compare it with `ssh-keygen -lf /etc/ssh/ssh_host_…_key.pub` on the host's console. Then run again \
                 with --accept-new-host-keys, or add the key to {}.",
                known_hosts.site().display()
            )),
        ));
    };
    let turn = known_hosts.asking.lock().await;
    // While this one waited for its turn, the same key may have been recorded for the same address.
    if let Ok(Verdict::Known) = known_hosts.judge(&target.address, target.port, &key) {
        return Ok(());
    }
    let question = HostKeyQuestion {
        host: target.name.clone(),
        endpoint: target.endpoint_and_way(),
        algorithm: key.algorithm().to_string(),
        fingerprint: fingerprint(&key),
    };
    let asker = asker.clone();
    let trusted = tokio::task::spawn_blocking(move || asker.trust(&question)).await.unwrap_or(false);
    let result = match trusted {
        true => learn(target, known_hosts, key).await,
        false => Err(refused(target, format!("the host key of {} was not accepted", target.endpoint()), None)),
    };
    drop(turn);
    result
}

/// Records a key.
pub(super) async fn learn(target: &Target, known_hosts: &Arc<KnownHosts>, key: PublicKey) -> Result<(), MachineError> {
    let (files, address, port) = (known_hosts.clone(), target.address.clone(), target.port);
    match tokio::task::spawn_blocking(move || files.learn(&address, port, &key)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(refused(target, error.to_string(), None)),
        Err(error) => Err(refused(target, format!("the host key could not be recorded: {error}"), None)),
    }
}

/// A host that is recorded shows another key.
pub(super) fn changed(target: &Target, key: &PublicKey, place: &Place) -> MachineError {
    let name = super::known_hosts_line::name(&target.address, target.port);
    refused(
        target,
        format!(
            "{} shows a host key that is not the recorded one: {} {}, where {} line {} records another. Someone may \
             be answering in the host's place (a man in the middle)",
            target.endpoint(),
            key.algorithm(),
            fingerprint(key),
            place.path.display(),
            place.line
        ),
        Some(format!(
            "If the host was installed anew, compare the fingerprint on its console, remove the old key with \
             `ssh-keygen -R {} -f {}`, and run again.",
            crate::host::quote(&name),
            place.path.display()
        )),
    )
}

/// The error for a host whose key is not trusted.
pub(super) fn refused(target: &Target, message: String, hint: Option<String>) -> MachineError {
    MachineError::HostKey { host: target.name.clone(), message, hint }
}

/// A host shows a key that is marked as stolen.
pub(super) fn revoked(target: &Target, key: &PublicKey, place: &Place) -> MachineError {
    refused(
        target,
        format!(
            "{} shows the host key {}, which {} line {} marks as revoked",
            target.endpoint(),
            fingerprint(key),
            place.path.display(),
            place.line
        ),
        Some("Give the host a new key, or find out who answers in its place.".into()),
    )
}
