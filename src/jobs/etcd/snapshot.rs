//! A snapshot on the operator's machine: what stands beside it, and whether it is whole.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::cluster::Cluster;
use crate::digest::{Digest, Hasher};
use crate::install::etcd::{Member, Taken};
use crate::jobs::site::store;
use crate::jobs::{JobError, Kind};

/// What stands beside a snapshot, as `<snapshot>.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Beside {
    pub cluster: String,
    /// The host whose member it was taken from.
    pub member: String,
    pub etcd_version: String,
    /// When it was begun: RFC 3339, in UTC.
    pub time: String,
    #[serde(flatten)]
    pub snapshot: Taken,
}

impl Beside {
    /// What is known of a snapshot that was just taken.
    pub fn new(cluster: &Cluster, member: &Member, at: OffsetDateTime, snapshot: Taken) -> Self {
        let at = at.replace_nanosecond(0).unwrap_or(at);
        Self {
            cluster: cluster.name.clone(),
            member: member.host.clone(),
            etcd_version: member.version.clone().unwrap_or_default(),
            time: at.format(&Rfc3339).unwrap_or_default(),
            snapshot,
        }
    }
}

/// Where the description of a snapshot lies.
pub fn beside(snapshot: &Path) -> PathBuf {
    let mut path = snapshot.as_os_str().to_owned();
    path.push(".json");
    path.into()
}

/// A snapshot that is whole, by its own digest and by what stands beside it.
#[derive(Debug)]
pub struct Whole {
    pub path: PathBuf,
    pub sha256: Digest,
    /// Bytes.
    pub size: u64,
    pub beside: Option<Beside>,
}

/// `etcdctl snapshot save` appends the SHA-256 of the database to it (etcd's clientv3/snapshot).
const APPENDED: u64 = 32;
/// Pages of the database are multiples of it.
const SECTOR: u64 = 512;
/// Bytes 16 to 19 of every bbolt database, little endian (bbolt's db.go, `magic`).
const MAGIC: [u8; 4] = 0xED0C_DAED_u32.to_le_bytes();

/// Reads all of a snapshot; a refusal says what is wrong with it.
pub fn read(path: &Path) -> Result<Whole, JobError> {
    let refuse = |why: &str| {
        JobError::new(Kind::File, format!("{} {why}", path.display()))
            .hint("name a file that kk etcd backup, the timer on a member, or etcdctl snapshot save wrote")
    };
    let described = description(path)?;
    let measured = measure(path).map_err(|source| {
        JobError::new(Kind::File, format!("the snapshot {} cannot be read", path.display())).because(source)
    })?;
    let (sha256, size) = match measured {
        Measured::Whole { sha256, size } => (sha256, size),
        Measured::Foreign => return Err(refuse("is not a snapshot of etcd")),
        Measured::Bare => return Err(refuse("has no digest at its end: it is a copy of a database, or was cut off")),
        Measured::Damaged => {
            return Err(refuse("is damaged: it does not have the digest that it had when it was taken"));
        }
    };
    if let Some(described) = &described
        && (described.snapshot.sha256, described.snapshot.size) != (sha256, size)
    {
        let message = format!("{} is another file than {} describes", path.display(), beside(path).display());
        return Err(JobError::new(Kind::File, message));
    }
    Ok(Whole { path: path.to_owned(), sha256, size, beside: described })
}

/// What stands beside it, where something does.
fn description(path: &Path) -> Result<Option<Beside>, JobError> {
    let path = beside(path);
    let failed = |message: &str| JobError::new(Kind::File, format!("{} {message}", path.display()));
    match store::read_bounded(&path) {
        Ok(text) => serde_json::from_str(&text)
            .map(Some)
            .map_err(|source| failed("does not describe a snapshot").because(source)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(failed("cannot be read").because(source)),
    }
}

enum Measured {
    Whole { sha256: Digest, size: u64 },
    Foreign,
    Bare,
    Damaged,
}

/// One pass over the file: the digest of all of it, and of what stands before its last 32 bytes.
fn measure(path: &Path) -> io::Result<Measured> {
    let mut file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let size = file.metadata()?.len();
    let mut head = [0; 20];
    if size < head.len() as u64 {
        return Ok(Measured::Foreign);
    }
    file.read_exact(&mut head)?;
    if head.get(16..) != Some(&MAGIC) {
        return Ok(Measured::Foreign);
    }
    if size % SECTOR != APPENDED {
        return Ok(Measured::Bare);
    }
    let (mut whole, mut content) = (Hasher::new(), Hasher::new());
    whole.update(&head);
    content.update(&head);
    let mut chunk = vec![0; 1 << 20];
    let mut end = Vec::new();
    loop {
        let count = file.read(&mut chunk)?;
        let Some(bytes) = chunk.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
        let left = (size - APPENDED).saturating_sub(content.size());
        let (data, rest) = bytes.split_at(usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len()));
        whole.update(bytes);
        content.update(data);
        end.extend_from_slice(rest);
        if end.len() as u64 > APPENDED {
            return Err(io::Error::other("it grows while it is read"));
        }
    }
    if content.finish().sha256.bytes().as_slice() != end {
        return Ok(Measured::Damaged);
    }
    let whole = whole.finish();
    Ok(Measured::Whole { sha256: whole.sha256, size: whole.size })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// The frame of a snapshot around nothing in particular.
    fn snapshot() -> Vec<u8> {
        let mut bytes = vec![7; 3 << 20];
        bytes[16..20].copy_from_slice(&MAGIC);
        let digest = Digest::of(&bytes).bytes();
        bytes.extend_from_slice(&digest);
        bytes
    }

    fn told(folder: &Path, bytes: &[u8]) -> String {
        let path = folder.join("sample.db");
        fs::write(&path, bytes).unwrap();
        match read(&path) {
            Ok(whole) => format!("{} bytes", whole.size),
            Err(error) => error.to_string().replace(folder.to_str().unwrap(), ""),
        }
    }

    #[test]
    fn only_a_whole_snapshot_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let whole = snapshot();
        let mut flipped = whole.clone();
        flipped[2 << 20] ^= 1;
        let told =
            [&whole[..], &flipped, &whole[..whole.len() - 32], &whole[..1000], b"no database at all, but a text"]
                .map(|bytes| told(folder.path(), bytes));
        insta::assert_snapshot!(told.join("\n"), @"
        3145760 bytes
        /sample.db is damaged: it does not have the digest that it had when it was taken
        /sample.db has no digest at its end: it is a copy of a database, or was cut off
        /sample.db has no digest at its end: it is a copy of a database, or was cut off
        /sample.db is not a snapshot of etcd
        ");
    }

    #[test]
    fn what_stands_beside_it_must_be_about_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sample.db");
        let bytes = snapshot();
        fs::write(&path, &bytes).unwrap();
        let described = |size: u64| Beside {
            cluster: "sample".into(),
            member: "node1".into(),
            etcd_version: "3.6.15".into(),
            time: "2026-11-24T03:07:43Z".into(),
            snapshot: Taken { revision: 42, hash: "0012d687".into(), total_keys: 57, size, sha256: Digest::of(&bytes) },
        };
        let right = described(bytes.len() as u64);
        fs::write(beside(&path), serde_json::to_string(&right).unwrap()).unwrap();
        assert_eq!(read(&path).unwrap().beside, Some(right));
        fs::write(beside(&path), serde_json::to_string(&described(1)).unwrap()).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("is another file than"));
        fs::write(beside(&path), "{}").unwrap();
        assert!(read(&path).unwrap_err().to_string().ends_with("does not describe a snapshot"));
    }
}
