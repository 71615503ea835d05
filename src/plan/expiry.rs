//! Which certificates there are, how long they are valid, and whether what runs uses them. Pure.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::install::certs::on_hosts::{KUBELET_SERVING, KUBELET_SIGNED, PLACES, Place, Reader};
use crate::install::certs::{Certificate, Name, Seen};
use crate::quantity;

/// Seconds of a day.
const DAY: i64 = 86_400;

/// Everything that is known of a site's certificates.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Expiry {
    pub cluster: String,
    /// When it was looked, in seconds since 1970.
    pub checked: i64,
    /// What ends within so many seconds is told of.
    pub within: i64,
    /// By host, those of the operator's machine first.
    pub certificates: Vec<Row>,
    /// Hosts that could not be looked at.
    pub unseen: Vec<Unseen>,
}

/// One certificate at one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    pub name: String,
    /// `None`: the operator's machine.
    pub host: Option<String>,
    pub file: String,
    /// `2027-11-25 21:56:18 UTC`; `None` where the file cannot be read.
    pub expires: Option<String>,
    /// The same in seconds since 1970.
    pub not_after: Option<i64>,
    pub days_left: Option<i64>,
    /// The common name of the authority.
    pub authority: Option<String>,
    pub state: State,
    pub used: Used,
    /// Why it cannot be read.
    pub problem: Option<String>,
    #[serde(skip)]
    pub renewable: Option<Name>,
}

/// How long a certificate is still valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    Valid,
    /// Within the limit.
    Expiring,
    Expired,
    Unreadable,
}

/// Whether what runs uses what lies there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Used {
    Yes,
    /// What uses it began before the file was written.
    BeganBefore,
    /// Another certificate is shown on the port.
    OtherShown,
    NotRunning,
    /// There is nothing that keeps it, or it cannot be told.
    Unknown,
}

/// A host that could not be looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unseen {
    pub host: String,
    pub reason: String,
}

/// A certificate of the operator's machine.
#[derive(Debug)]
pub struct Own {
    pub name: String,
    pub file: String,
    pub certificate: Result<Certificate, String>,
}

/// What was found on one host.
#[derive(Debug)]
pub struct Host {
    pub name: String,
    pub seen: Result<Seen, String>,
    /// Name → what is shown on its port, where that could be asked.
    pub shown: BTreeMap<Name, Certificate>,
}

/// Puts together what was found. `now` is the operator's clock, in seconds since 1970.
pub fn expiry(cluster: &str, own: Vec<Own>, hosts: &[Host], now: i64, within: i64) -> Expiry {
    let state = |not_after: i64| match not_after - now {
        left if left <= 0 => State::Expired,
        left if left < within => State::Expiring,
        _ => State::Valid,
    };
    let row = |name: &str, host: Option<&str>, file: &str, certificate: &Result<Certificate, String>| {
        let read = certificate.as_ref().ok();
        Row {
            name: name.to_owned(),
            host: host.map(str::to_owned),
            file: file.to_owned(),
            expires: read.map(|read| quantity::moment(read.not_after)),
            not_after: read.map(|read| read.not_after),
            days_left: read.map(|read| (read.not_after - now).div_euclid(DAY)),
            authority: read.map(|read| read.issuer.clone()),
            state: read.map_or(State::Unreadable, |read| state(read.not_after)),
            used: Used::Unknown,
            problem: certificate.as_ref().err().cloned(),
            renewable: None,
        }
    };
    let mut certificates: Vec<Row> = own.iter().map(|own| row(&own.name, None, &own.file, &own.certificate)).collect();
    let mut unseen = Vec::new();
    for host in hosts {
        match &host.seen {
            Err(reason) => unseen.push(Unseen { host: host.name.clone(), reason: reason.clone() }),
            Ok(seen) => {
                for place in PLACES {
                    let Some(file) = seen.files.get(place.path) else { continue };
                    let mut row = row(place.name, Some(&host.name), place.path, &file.certificate);
                    row.used = used(place, seen, &host.shown);
                    row.renewable = place.renewable;
                    certificates.push(row);
                }
            }
        }
    }
    Expiry { cluster: cluster.to_owned(), checked: now, within, certificates, unseen }
}

fn used(place: &Place, seen: &Seen, shown: &BTreeMap<Name, Certificate>) -> Used {
    let Some(file) = seen.files.get(place.path) else { return Used::Unknown };
    let shown = place.renewable.and_then(|name| shown.get(&name));
    let passed_over = place.path == KUBELET_SERVING && seen.files.contains_key(KUBELET_SIGNED);
    if let (Some(shown), Ok(lies), false) = (shown, &file.certificate, passed_over) {
        return if shown.digest == lies.digest { Used::Yes } else { Used::OtherShown };
    }
    let began = match place.reader {
        Reader::Nobody => return Used::Unknown,
        Reader::Unit(name) | Reader::Container(name) => seen.began.get(name),
    };
    match began {
        None => Used::NotRunning,
        Some(began) if *began >= file.written => Used::Yes,
        Some(_) => Used::BeganBefore,
    }
}

impl Expiry {
    /// How many have expired, and how many will within the limit.
    pub fn count(&self) -> (usize, usize) {
        let of = |state| self.certificates.iter().filter(|row| row.state == state).count();
        (of(State::Expired), of(State::Expiring))
    }

    /// Those that cannot be read, with host and file.
    pub fn unreadable(&self) -> Vec<String> {
        let rows = self.certificates.iter().filter_map(|row| row.problem.as_ref().map(|problem| (row, problem)));
        rows.map(|(row, problem)| format!("{}: {}: {problem}", row.place(), row.file)).collect()
    }

    /// Those that what runs does not use.
    pub fn unused(&self) -> Vec<&Row> {
        let not = [Used::BeganBefore, Used::OtherShown, Used::NotRunning];
        self.certificates.iter().filter(|row| not.contains(&row.used)).collect()
    }
}

impl Row {
    /// The host, or the operator's machine.
    pub fn place(&self) -> &str {
        self.host.as_deref().unwrap_or("(this machine)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::install::certs::File;

    const NOW: i64 = 1_795_000_000;

    fn certificate(issuer: &str, days: i64) -> Certificate {
        Certificate {
            subject: "x".into(),
            issuer: issuer.into(),
            not_before: NOW - DAY,
            not_after: NOW + days * DAY,
            digest: Digest::of(format!("{issuer}{days}").as_bytes()),
            key: None,
            authority_key: None,
        }
    }

    fn file(written: i64, certificate: Result<Certificate, String>) -> File {
        File { written, digest: Digest::of(b"file"), certificate }
    }

    fn shown(expiry: &Expiry) -> String {
        let rows = expiry.certificates.iter().map(|row| {
            let days = row.days_left.map_or("-".into(), |days| days.to_string());
            format!("{} {} {days} {:?} {:?}", row.place(), row.name, row.state, row.used)
        });
        rows.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn each_certificate_has_a_row_and_each_silent_host_a_word() {
        let seen = Seen {
            now: NOW,
            files: BTreeMap::from([
                ("/etc/kubernetes/pki/apiserver.crt", file(NOW - 100, Ok(certificate("kubernetes-ca", 365)))),
                ("/etc/kubernetes/pki/front-proxy-client.crt", file(NOW - 10, Ok(certificate("front-proxy-ca", 20)))),
                ("/etc/kubernetes/admin.conf", file(NOW, Ok(certificate("kubernetes-ca", 0)))),
                ("/etc/kubernetes/scheduler.conf", file(NOW, Ok(certificate("kubernetes-ca", 100)))),
                ("/etc/ssl/etcd/ssl/member.pem", file(NOW, Err("it holds no certificate".into()))),
                ("/etc/registry/ssl/registry.crt", file(NOW, Ok(certificate("kk-registry-ca", 3650)))),
            ]),
            began: BTreeMap::from([("kube-apiserver", NOW - 50), ("etcd.service", NOW), ("registry.service", NOW)]),
        };
        let hosts = [
            Host {
                name: "node1".into(),
                seen: Ok(seen),
                shown: BTreeMap::from([
                    (Name::Apiserver, certificate("kubernetes-ca", 365)),
                    (Name::Registry, certificate("kk-registry-ca", 3)),
                ]),
            },
            Host { name: "node2".into(), seen: Err("no route to host".into()), shown: BTreeMap::new() },
        ];
        let own = vec![Own {
            name: "operator".into(),
            file: "kubeconfig".into(),
            certificate: Ok(certificate("kubernetes-ca", -2)),
        }];
        let expiry = expiry("sample", own, &hosts, NOW, 30 * DAY);
        insta::assert_snapshot!(shown(&expiry), @"
        (this machine) operator -2 Expired Unknown
        node1 apiserver 365 Valid Yes
        node1 front-proxy-client 20 Expiring BeganBefore
        node1 admin.conf 0 Expired Unknown
        node1 scheduler.conf 100 Valid NotRunning
        node1 etcd - Unreadable Yes
        node1 registry 3650 Valid OtherShown
        ");
        assert_eq!(expiry.count(), (2, 1));
        assert_eq!(expiry.unreadable(), ["node1: /etc/ssl/etcd/ssl/member.pem: it holds no certificate"]);
        assert_eq!(expiry.unused().len(), 3);
        assert_eq!(expiry.unseen, [Unseen { host: "node2".into(), reason: "no route to host".into() }]);
    }
}
