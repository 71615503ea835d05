//! Who has what, who gets what, and who serves whom: pure bookkeeping.

use std::collections::{BTreeMap, BTreeSet};

use crate::digest::Digest;

/// Readers that one host serves at a time. One would leave a network idle while its reader hashes and writes; with more, all
/// are done late, and nobody can serve meanwhile.
const READERS: usize = 2;
/// So many failures with different hosts, and a host is not tried any more: a firewall is in its way, or it is not in order.
const STRIKES: usize = 2;

/// What a host does next to get one of the files that it wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Fetch this one from that host.
    Fetch { digest: Digest, from: String },
    /// Take this one from the operator.
    Upload { digest: Digest },
    /// Ask again when something has changed.
    Wait,
}

/// What is known of the hosts of a run.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Hosts that have a file and may serve it.
    sources: BTreeMap<Digest, BTreeSet<String>>,
    /// Hosts that are getting a file.
    coming: BTreeMap<Digest, BTreeSet<String>>,
    /// How many each host serves at this moment.
    serving: BTreeMap<String, usize>,
    /// How many each host has served, and tried to.
    served: BTreeMap<String, usize>,
    /// Reader and source between which nothing went.
    broken: BTreeSet<(String, String)>,
    /// Hosts that can be no peer.
    apart: BTreeSet<String>,
}

impl Ledger {
    /// Decides for a host that wants these files, and notes what was decided. A source is preferred to the operator, also one
    /// that will have the file soon; of several, the one that has had the fewest readers.
    pub fn next(&mut self, host: &str, wanted: &[Digest]) -> Next {
        for digest in wanted {
            let free = self.sources.get(digest).into_iter().flatten().filter(|source| {
                self.usable(host, source) && self.serving.get(*source).copied().unwrap_or(0) < READERS
            });
            let least = free.min_by_key(|source| {
                (self.serving.get(*source).copied().unwrap_or(0), self.served.get(*source).copied().unwrap_or(0))
            });
            if let Some(from) = least.cloned() {
                *self.serving.entry(from.clone()).or_default() += 1;
                *self.served.entry(from.clone()).or_default() += 1;
                self.coming.entry(*digest).or_default().insert(host.to_owned());
                return Next::Fetch { digest: *digest, from };
            }
        }
        for digest in wanted {
            if !self.will_have(host, digest) {
                self.coming.entry(*digest).or_default().insert(host.to_owned());
                return Next::Upload { digest: *digest };
            }
        }
        Next::Wait
    }

    /// A host has what it went for, or has given up; `kept`: it has it for others too.
    pub fn done(&mut self, host: &str, digest: &Digest, from: Option<&str>, kept: bool) {
        if let Some(coming) = self.coming.get_mut(digest) {
            coming.remove(host);
        }
        if let Some(count) = from.and_then(|from| self.serving.get_mut(from)) {
            *count = count.saturating_sub(1);
        }
        if kept {
            self.sources.entry(*digest).or_default().insert(host.to_owned());
        }
    }

    /// Nothing went between these two; what the reader went for is still to be had.
    pub fn failed(&mut self, reader: &str, source: &str) {
        self.broken.insert((reader.to_owned(), source.to_owned()));
        let strikes = |host: &str| self.broken.iter().filter(|(a, b)| a == host || b == host).count();
        for host in [reader, source] {
            if strikes(host) >= STRIKES {
                self.apart.insert(host.to_owned());
            }
        }
    }

    /// A host can be no peer: the program does not run there, or its connection has ended.
    pub fn set_apart(&mut self, host: &str) {
        self.apart.insert(host.to_owned());
    }

    /// Whether this host can fetch the file from another one, now or soon.
    fn will_have(&self, host: &str, digest: &Digest) -> bool {
        let mut hosts = [&self.sources, &self.coming].into_iter().filter_map(|hosts| hosts.get(digest)).flatten();
        hosts.any(|source| self.usable(host, source))
    }

    fn usable(&self, reader: &str, source: &str) -> bool {
        reader != source
            && !self.apart.contains(reader)
            && !self.apart.contains(source)
            && !self.broken.contains(&(reader.to_owned(), source.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digests() -> (Digest, Digest) {
        (Digest::of(b"x"), Digest::of(b"y"))
    }

    fn fetch(digest: Digest, from: &str) -> Next {
        Next::Fetch { digest, from: from.into() }
    }

    #[test]
    fn the_first_uploads_the_others_wait_and_then_fetch_two_at_a_time() {
        let (x, _) = digests();
        let mut ledger = Ledger::default();
        assert_eq!(ledger.next("a", &[x]), Next::Upload { digest: x });
        assert_eq!(ledger.next("b", &[x]), Next::Wait);
        ledger.done("a", &x, None, true);
        assert_eq!(ledger.next("b", &[x]), fetch(x, "a"));
        assert_eq!(ledger.next("c", &[x]), fetch(x, "a"));
        assert_eq!(ledger.next("d", &[x]), Next::Wait);
        ledger.done("b", &x, Some("a"), true);
        assert_eq!(ledger.next("d", &[x]), fetch(x, "b"));
        assert_eq!(ledger.next("e", &[x]), fetch(x, "b"));
        assert_eq!(ledger.next("f", &[x]), fetch(x, "a"));
    }

    #[test]
    fn while_one_file_comes_another_is_taken() {
        let (x, y) = digests();
        let mut ledger = Ledger::default();
        assert_eq!(ledger.next("a", &[x, y]), Next::Upload { digest: x });
        assert_eq!(ledger.next("b", &[x, y]), Next::Upload { digest: y });
        assert_eq!(ledger.next("c", &[x, y]), Next::Wait);
        ledger.done("b", &y, None, true);
        assert_eq!(ledger.next("c", &[x, y]), fetch(y, "b"));
    }

    #[test]
    fn who_fails_is_followed_by_the_next() {
        let (x, _) = digests();
        let mut ledger = Ledger::default();
        ledger.next("a", &[x]);
        ledger.done("a", &x, None, false);
        assert_eq!(ledger.next("b", &[x]), Next::Upload { digest: x });
        ledger.done("b", &x, None, true);
        // A pair that does not work takes the operator's upload at once, and others are still served.
        assert_eq!(ledger.next("c", &[x]), fetch(x, "b"));
        ledger.failed("c", "b");
        ledger.done("c", &x, Some("b"), false);
        assert_eq!(ledger.next("c", &[x]), Next::Upload { digest: x });
        assert_eq!(ledger.next("d", &[x]), fetch(x, "b"));
        ledger.failed("d", "b");
        ledger.done("d", &x, Some("b"), false);
        // Two hosts could not read from it: it is tried no more.
        assert_eq!(ledger.next("e", &[x]), Next::Wait);
        ledger.done("c", &x, None, true);
        assert_eq!(ledger.next("e", &[x]), fetch(x, "c"));
        ledger.done("e", &x, Some("c"), true);
        assert_eq!(ledger.next("f", &[x]), fetch(x, "e"));
    }

    #[test]
    fn a_host_that_can_be_no_peer_neither_reads_nor_serves() {
        let (x, _) = digests();
        let mut ledger = Ledger::default();
        ledger.next("a", &[x]);
        ledger.set_apart("a");
        assert_eq!(ledger.next("b", &[x]), Next::Upload { digest: x });
        ledger.done("b", &x, None, true);
        ledger.set_apart("c");
        assert_eq!(ledger.next("c", &[x]), Next::Upload { digest: x });
        assert_eq!(ledger.next("d", &[x]), fetch(x, "b"));
    }
}
