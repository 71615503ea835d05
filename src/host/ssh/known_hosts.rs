//! Which key belongs to which host: known-hosts files, and what to do about a host that none of them names.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use russh::keys::{Algorithm, HashAlg, PublicKey};

use super::known_hosts_line::{Line, Marker, name};

/// No known-hosts file is larger than this.
const LARGEST_FILE: u64 = 64 << 20;

/// What to do about a host that no file names.
#[derive(Clone)]
pub enum HostKeyPolicy {
    /// A person decides.
    Ask(Arc<dyn AskHostKey>),
    /// The key is recorded and trusted from then on.
    AcceptNew,
    /// The host is not talked to.
    Refuse,
}

impl std::fmt::Debug for HostKeyPolicy {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            HostKeyPolicy::Ask(_) => "Ask",
            HostKeyPolicy::AcceptNew => "AcceptNew",
            HostKeyPolicy::Refuse => "Refuse",
        })
    }
}

/// Asks a person whether a host's key is right. One question is asked at a time, however many hosts connect.
pub trait AskHostKey: Send + Sync {
    /// Blocks until the person has answered; `true` records the key.
    fn trust(&self, question: &HostKeyQuestion) -> bool;
}

/// A host that nobody has recorded a key for.
#[derive(Clone, Debug)]
pub struct HostKeyQuestion {
    /// Name in the cluster file.
    pub host: String,
    /// Address and port: `10.0.0.1:22`.
    pub endpoint: String,
    /// `ssh-ed25519`.
    pub algorithm: String,
    /// `SHA256:…`, as `ssh-keygen -l` prints it.
    pub fingerprint: String,
}

/// The known-hosts files of a run.
#[derive(Debug)]
pub struct KnownHosts {
    read: Vec<PathBuf>,
    site: PathBuf,
    policy: HostKeyPolicy,
    /// Held while a person is asked.
    pub(super) asking: tokio::sync::Mutex<()>,
}

/// Where a key is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub path: PathBuf,
    /// Counted from 1, comments included.
    pub line: usize,
}

/// What the files say about a host's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Known,
    /// No file names the host.
    Unknown,
    /// The host is recorded, with other keys only; the first place.
    Changed(Place),
    /// The key is marked as revoked.
    Revoked(Place),
}

/// A file that could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} the known-hosts file {}: {source}", path.display())]
pub(super) struct KnownHostsError {
    action: &'static str,
    path: PathBuf,
    source: std::io::Error,
}

struct Entry {
    place: Place,
    revoked: bool,
    /// `None`: a key of a kind that we cannot read.
    key: Option<PublicKey>,
}

impl KnownHosts {
    /// `read` are files that are only read, such as `~/.ssh/known_hosts`; `site` is read and learned keys are appended
    /// to it. Files that do not exist are empty.
    pub fn new(read: Vec<PathBuf>, site: PathBuf, policy: HostKeyPolicy) -> Self {
        Self { read, site, policy, asking: tokio::sync::Mutex::new(()) }
    }

    pub(super) fn policy(&self) -> &HostKeyPolicy {
        &self.policy
    }

    /// The site's own file.
    pub fn site(&self) -> &Path {
        &self.site
    }

    /// Algorithms of the recorded keys: the server must be asked for these first, or it would show a key of a kind that
    /// is not recorded.
    pub(super) fn algorithms(&self, address: &str, port: u16) -> Result<Vec<Algorithm>, KnownHostsError> {
        let mut algorithms = Vec::new();
        for key in self.entries(address, port)?.into_iter().filter(|entry| !entry.revoked).filter_map(|entry| entry.key)
        {
            if !algorithms.contains(&key.algorithm()) {
                algorithms.push(key.algorithm());
            }
        }
        Ok(algorithms)
    }

    /// Judges the key that a server showed. A host that is recorded must show a recorded key: one of another kind is
    /// no less suspicious than a changed one.
    pub(super) fn judge(&self, address: &str, port: u16, shown: &PublicKey) -> Result<Verdict, KnownHostsError> {
        let entries = self.entries(address, port)?;
        let same = |entry: &&Entry| entry.key.as_ref().is_some_and(|key| key.key_data() == shown.key_data());
        if let Some(entry) = entries.iter().find(|entry| entry.revoked && same(entry)) {
            return Ok(Verdict::Revoked(entry.place.clone()));
        }
        let mut recorded = entries.iter().filter(|entry| !entry.revoked);
        Ok(match recorded.clone().find(same) {
            Some(_) => Verdict::Known,
            None => recorded.next().map_or(Verdict::Unknown, |entry| Verdict::Changed(entry.place.clone())),
        })
    }

    /// Records a key in the site's file, under a lock, once.
    pub(super) fn learn(&self, address: &str, port: u16, key: &PublicKey) -> Result<(), KnownHostsError> {
        let failed = |source| KnownHostsError { action: "write", path: self.site.clone(), source };
        if let Some(folder) = self.site.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        }
        let mut file =
            OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(&self.site).map_err(failed)?;
        file.lock().map_err(failed)?;
        let text = read_bounded(&mut file).map_err(failed)?;
        let known = find(&text, &self.site, &name(address, port))
            .into_iter()
            .any(|entry| entry.key.is_some_and(|known| known.key_data() == key.key_data()));
        if known {
            return Ok(());
        }
        let mut key = key.clone();
        key.set_comment("");
        let encoded = key.to_openssh().map_err(|error| failed(std::io::Error::other(error)))?;
        let newline = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        let line = format!("{newline}{} {}\n", name(address, port), encoded.trim_end());
        file.seek(SeekFrom::End(0)).map_err(failed)?;
        file.write_all(line.as_bytes()).and_then(|()| file.sync_data()).map_err(failed)
    }

    fn entries(&self, address: &str, port: u16) -> Result<Vec<Entry>, KnownHostsError> {
        let name = name(address, port);
        let mut entries = Vec::new();
        for path in self.read.iter().chain([&self.site]) {
            let failed = |source| KnownHostsError { action: "read", path: path.clone(), source };
            let text = match File::open(path) {
                Ok(mut file) => read_bounded(&mut file).map_err(failed)?,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(failed(error)),
            };
            entries.extend(find(&text, path, &name));
        }
        Ok(entries)
    }
}

/// The fingerprint as OpenSSH prints it.
pub(super) fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

fn find(text: &str, path: &Path, name: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let Some(line) = Line::parse(line) else { continue };
        if line.marker() == Some(Marker::Other) || !line.names(name) {
            continue;
        }
        entries.push(Entry {
            place: Place { path: path.to_path_buf(), line: index + 1 },
            revoked: line.marker() == Some(Marker::Revoked),
            key: line.key(),
        });
    }
    entries
}

fn read_bounded(file: &mut File) -> Result<String, std::io::Error> {
    let mut bytes = Vec::new();
    if file.take(LARGEST_FILE + 1).read_to_end(&mut bytes)? as u64 > LARGEST_FILE {
        return Err(std::io::Error::other(format!("it is larger than {} MiB", LARGEST_FILE >> 20)));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED25519: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
    const OTHER: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA6rWI3G1sz07DnfFlrouTcysQlj2P+jpNSOEWD9OJ3X";
    const P256: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBMxBTpMIGvo7CnordO7wP0QQRqpBwUjOLl4eMhfucfE1sjTYyK5wmTl1UqoSDS1PtRVTBdl+0+9pquFb46U7fwg=";

    fn key(text: &str) -> PublicKey {
        PublicKey::from_openssh(text).unwrap()
    }

    fn files(read: &str, site: &str) -> (tempfile::TempDir, KnownHosts) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("read"), read).unwrap();
        std::fs::write(folder.path().join("site"), site).unwrap();
        let hosts = KnownHosts::new(
            vec![folder.path().join("missing"), folder.path().join("read")],
            folder.path().join("site"),
            HostKeyPolicy::Refuse,
        );
        (folder, hosts)
    }

    #[test]
    fn several_keys_for_a_host() {
        let (_folder, hosts) = files(&format!("# mine\nnode1 {ED25519}\n"), &format!("node1 {OTHER} comment\n"));
        assert_eq!(hosts.judge("node1", 22, &key(ED25519)).unwrap(), Verdict::Known);
        assert_eq!(hosts.judge("NODE1", 22, &key(OTHER)).unwrap(), Verdict::Known);
        assert_eq!(hosts.judge("node2", 22, &key(ED25519)).unwrap(), Verdict::Unknown);
        assert_eq!(hosts.judge("node1", 2222, &key(ED25519)).unwrap(), Verdict::Unknown);
    }

    #[test]
    fn another_kind_of_key_is_a_changed_key() {
        let (folder, hosts) = files("", &format!("# comment\n[10.0.0.1]:2222 {ED25519}\n"));
        let place = Place { path: folder.path().join("site"), line: 2 };
        assert_eq!(hosts.judge("10.0.0.1", 2222, &key(P256)).unwrap(), Verdict::Changed(place.clone()));
        assert_eq!(hosts.judge("10.0.0.1", 2222, &key(OTHER)).unwrap(), Verdict::Changed(place));
        assert_eq!(hosts.algorithms("10.0.0.1", 2222).unwrap(), vec![Algorithm::Ed25519]);
        assert!(hosts.algorithms("10.0.0.1", 22).unwrap().is_empty());
    }

    #[test]
    fn revoked_keys() {
        let (_folder, hosts) = files(&format!("node1 {ED25519}\n@revoked * {ED25519}\n"), "");
        assert!(matches!(hosts.judge("node1", 22, &key(ED25519)).unwrap(), Verdict::Revoked(Place { line: 2, .. })));
        assert!(matches!(hosts.judge("node1", 22, &key(OTHER)).unwrap(), Verdict::Changed(Place { line: 1, .. })));
        assert_eq!(hosts.judge("node2", 22, &key(OTHER)).unwrap(), Verdict::Unknown);
    }

    #[test]
    fn learned_keys_are_written_once() {
        let (folder, hosts) = files("", "node9 no newline at the end");
        hosts.learn("node1", 2222, &key(ED25519)).unwrap();
        hosts.learn("node1", 2222, &key(ED25519)).unwrap();
        let written = std::fs::read_to_string(folder.path().join("site")).unwrap();
        assert_eq!(written, format!("node9 no newline at the end\n[node1]:2222 {ED25519}\n"));
        assert_eq!(hosts.judge("node1", 2222, &key(ED25519)).unwrap(), Verdict::Known);
    }

    #[test]
    fn learning_makes_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let site = folder.path().join(".kk/sample/known_hosts");
        let hosts = KnownHosts::new(Vec::new(), site.clone(), HostKeyPolicy::AcceptNew);
        std::thread::scope(|scope| {
            for host in 0..16 {
                let hosts = &hosts;
                scope.spawn(move || hosts.learn(&format!("node{host}"), 22, &key(ED25519)).unwrap());
            }
        });
        assert_eq!(std::fs::read_to_string(site).unwrap().lines().count(), 16);
    }

    #[test]
    fn an_unreadable_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let hosts = KnownHosts::new(vec![folder.path().into()], folder.path().join("site"), HostKeyPolicy::AcceptNew);
        assert!(hosts.judge("node1", 22, &key(ED25519)).is_err());
    }
}
