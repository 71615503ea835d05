//! Whether each host is who the cluster file says, and no two are one.

use std::collections::BTreeSet;

use super::{Finding, Look};

pub(super) fn check(looks: &[Look], findings: &mut Vec<Finding>) {
    for look in looks {
        address(look, findings);
        hostname(look, findings);
    }
    for (index, look) in looks.iter().enumerate() {
        let same_id =
            |other: &&Look| !look.facts.machine_id.is_empty() && other.facts.machine_id == look.facts.machine_id;
        let Some(other) = looks[..index].iter().find(same_id) else { continue };
        let (mine, theirs) = (addresses(look), addresses(other));
        findings.push(match !mine.is_empty() && mine == theirs {
            true => look.error(
                "same-machine",
                format!("it is the same machine as {}", other.host.name),
                "Name each machine once under `hosts`; one host may have several roles.",
            ),
            false => look.warning(
                "machine-id",
                format!("it has the machine-id of {}, as clones have", other.host.name),
                "Give it one of its own: `rm /etc/machine-id /var/lib/dbus/machine-id; systemd-machine-id-setup`.",
            ),
        });
    }
}

/// On Debian and its kin, sudo looks the host's name up at every call; with a name server that is out of reach, each of
/// kk's scripts then takes seconds longer.
fn hostname(look: &Look, findings: &mut Vec<Finding>) {
    let name = &look.facts.hostname;
    if look.facts.resolves == Some(false) {
        findings.push(look.warning(
            "hostname",
            format!("it cannot resolve its own name {name}, for which sudo may wait at every call"),
            format!("Put the line `127.0.1.1 {name}` into /etc/hosts on the host."),
        ));
    }
}

/// Members of etcd and nodes listen on their address; other hosts may stand behind one that is translated.
fn address(look: &Look, findings: &mut Vec<Finding>) {
    if look.facts.addresses.is_empty() {
        return;
    }
    let internal = look.host.internal_address.split(',').map(str::trim).filter(|address| !address.is_empty());
    for address in internal {
        if look.facts.addresses.iter().any(|found| found.address == address) {
            continue;
        }
        let message = format!("its internalAddress {address} is on none of its interfaces");
        let hint = format!("It has {}.", addresses(look).into_iter().collect::<Vec<_>>().join(", "));
        findings.push(match look.is_node() || look.runs_etcd() {
            true => look.error("address", message, hint),
            false => look.warning("address", message, hint),
        });
    }
}

/// The addresses of a host by which others may reach it. Bridges of runtimes have the same ones everywhere.
fn addresses<'a>(look: &Look<'a>) -> BTreeSet<&'a str> {
    let local = |interface: &str| {
        interface == "lo"
            || ["docker", "cni", "veth", "virbr", "br-", "nodelocaldns", "kube-ipvs"]
                .iter()
                .any(|prefix| interface.starts_with(prefix))
    };
    let found = look.facts.addresses.iter();
    found
        .filter(|address| !local(&address.interface) && !address.address.starts_with("fe80:"))
        .map(|address| address.address.as_str())
        .collect()
}
