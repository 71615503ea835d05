//! A snapshot on a member's own disk, verified before it has its name.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::etcdctl;
use crate::cluster::Cluster;
use crate::digest::Digest;
use crate::host::Step;
use crate::host::part::{Directory, Part};
use crate::host::quote;

/// How long a snapshot of the largest etcd (8 GiB is etcd's advice) may take to be written and checked on a slow disk.
const SLOWEST: Duration = Duration::from_secs(1800);

/// The file name of a snapshot: `<cluster>-<UTC time>.db`. Sorted by name, those of a cluster are sorted by time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotName(String);

impl SnapshotName {
    /// The name of a snapshot that is taken at this time.
    pub fn new(cluster: &Cluster, at: OffsetDateTime) -> Self {
        Self(format!("{}-{}.db", cluster.name, stamp(at)))
    }

    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `20261124T030743Z`: what file systems of all kinds take, and what sorts by time.
pub(crate) fn stamp(at: OffsetDateTime) -> String {
    let at = at.to_offset(time::UtcOffset::UTC);
    let format = time::macros::format_description!("[year][month][day]T[hour][minute][second]Z");
    at.format(&format).unwrap_or_else(|_| at.unix_timestamp().to_string())
}

/// The same as a pattern of the shell, for the snapshots of a cluster in its folder.
pub(crate) fn pattern(cluster: &Cluster) -> String {
    let digits = |count: usize| "[0-9]".repeat(count);
    format!("{}-{}T{}Z.db", quote(&cluster.name), digits(8), digits(6))
}

/// Where a snapshot of this name lies on its host.
pub fn path(cluster: &Cluster, name: &SnapshotName) -> String {
    format!("{}/{}", cluster.spec.etcd.backup_dir.trim_end_matches('/'), name.0)
}

/// The host's member has written a snapshot under this name, and etcdutl has read all of it.
///
/// A file that bears the name is whole and verified: it is renamed last. Only its own member is asked, so this works
/// on any member that is well, and needs nothing of a bundle.
pub fn snapshot(cluster: &Cluster, name: &SnapshotName) -> Step {
    let folder = cluster.spec.etcd.backup_dir.trim_end_matches('/');
    let file = path(cluster, name);
    let part = format!("{folder}/.{}.part", name.0);
    let etcdctl = etcdctl(cluster);
    let (file, part, folder_word) = (quote(&file), quote(&part), quote(folder));
    let take = Part::command(
        format!("Take the snapshot {}", name.0),
        format!("[ -s {file} ]"),
        // What runs before this one were killed at is of no use to anyone.
        format!(
            "umask 077\nfind {folder_word} -maxdepth 1 -name '.*.db.part*' -mmin +60 -exec rm -f -- {{}} +\nrm -f -- {part} {part}.part\n\
             trap 'rm -f -- {trapped} {trapped}.part' EXIT\n\
             {etcdctl} --dial-timeout 5s --command-timeout 10s endpoint status >/dev/null\n\
             {etcdctl} --dial-timeout 5s --command-timeout {}s snapshot save {part} >/dev/null\n\
             etcdutl snapshot status {part} >/dev/null\nchmod 0600 {part}\nsync -- {part} || sync\nmv -fT -- {part} {file}",
            SLOWEST.as_secs() - 60,
            trapped = part.replace('\'', r"'\''"),
        ),
    )
    .within(SLOWEST);
    let parts = vec![Part::Directory(Directory { path: folder.to_owned(), mode: 0o700, owner: "root".into() }), take];
    Step::new("etcd/snapshot", "Take a snapshot of etcd", parts)
}

/// What a snapshot is: etcdutl's words, and its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Taken {
    /// Revision of the key space: how many changes etcd had seen.
    pub revision: u64,
    /// etcdutl's hash over the content, 8 hex digits.
    pub hash: String,
    pub total_keys: u64,
    /// Bytes of the file.
    pub size: u64,
    pub sha256: Digest,
}

/// A script that says what the snapshot on its host is.
pub fn taken_script(cluster: &Cluster, name: &SnapshotName) -> String {
    let file = quote(&path(cluster, name));
    format!(
        "set -e\nstatus=$(etcdutl snapshot status {file} -w json)\nsum=$(sha256sum <{file})\n\
         printf 'size %s\\nsum %s\\nstatus %s\\n' \"$(stat -L -c %s -- {file})\" \"${{sum%% *}}\" \"$status\""
    )
}

/// etcdutl's JSON (etcdutl/snapshot, `Status`).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    hash: u32,
    revision: u64,
    total_key: u64,
}

/// What [`taken_script`] printed; `None` where it makes no sense.
pub fn read_taken(stdout: &str) -> Option<Taken> {
    let value = |key: &str| stdout.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
    let status: Status = serde_json::from_str(value("status")?).ok()?;
    Some(Taken {
        revision: status.revision,
        hash: format!("{:08x}", status.hash),
        total_keys: status.total_key,
        size: value("size")?.parse().ok()?,
        sha256: Digest::from_hex(value("sum")?).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_etcdutl_says_is_read() {
        let sum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let said = format!(
            "size 20512\nsum {sum}\nstatus {{\"hash\":1234567,\"revision\":42,\"totalKey\":57,\"totalSize\":20480,\"version\":\"3.6.0\"}}\n"
        );
        let taken = read_taken(&said).unwrap();
        assert_eq!((taken.revision, taken.hash.as_str(), taken.total_keys, taken.size), (42, "0012d687", 57, 20512));
        assert_eq!(taken.sha256, Digest::of(b""));
        for said in ["", "size 1\nsum x\nstatus {}\n", "size 1\nstatus {\"hash\":-1}\n"] {
            assert_eq!(read_taken(said), None);
        }
    }

    #[test]
    fn names_sort_by_time() {
        let cluster = Cluster { name: "sample".into(), spec: Default::default(), path: Default::default() };
        let name = |at| SnapshotName::new(&cluster, OffsetDateTime::from_unix_timestamp(at).unwrap()).0;
        assert_eq!(name(1_795_000_000), "sample-20261118T110640Z.db");
        assert!(name(1_795_000_000) < name(1_800_000_000));
        assert!(pattern(&cluster).starts_with("'sample'-[0-9][0-9]"));
    }
}
