//! The primitives that steps are made of: each says what must hold, how to see it, and how to make it hold.

mod absent;
mod apply;
mod archive;
mod artifact;
mod block;
mod check;
mod command;
mod directory;
mod file;
pub mod look;
pub mod script;
mod staging;
mod symlink;
#[cfg(test)]
mod tests;
mod unit;
mod verdict;

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use crate::digest::Digest;

/// One thing that must hold on a host.
#[derive(Clone, Debug)]
pub enum Part {
    Directory(Directory),
    File(File),
    Block(Block),
    Absent(Absent),
    Symlink(Symlink),
    Artifact(Artifact),
    Archive(Archive),
    Unit(Unit),
    Command(Command),
}

/// A folder with a mode and an owner. Its parents are made with mode 0755 where they are missing.
#[derive(Clone, Debug)]
pub struct Directory {
    pub path: String,
    /// Permission bits, such as `0o755`.
    pub mode: u32,
    /// `user` or `user:group`.
    pub owner: String,
}

/// A small file whose content the plan holds.
#[derive(Clone, Debug)]
pub struct File {
    pub path: String,
    pub content: Content,
    pub mode: u32,
    pub owner: String,
}

/// The content of a file.
#[derive(Clone, Debug)]
pub enum Content {
    /// Shown in a plan's diff.
    Plain(String),
    /// Never shown, logged or journalled; keys, passwords, tokens.
    Secret(SecretString),
}

/// Lines that `kk` keeps between two marker comments in a file that others write too, such as `/etc/hosts`.
///
/// The file is rewritten in place (same inode): in containers `/etc/hosts` is a mount of its own.
#[derive(Clone, Debug)]
pub struct Block {
    pub path: String,
    /// Name in the marker comments: `# BEGIN kk <marker>` … `# END kk <marker>`.
    pub marker: String,
    /// Lines with a newline at the end of each. Empty: the block must not be there. Shared, as a thousand hosts may have the
    /// same thousand lines.
    pub content: Arc<str>,
}

/// A file or folder that must not be there. Folders go with everything in them.
#[derive(Clone, Debug)]
pub struct Absent {
    pub path: String,
}

/// A symbolic link.
#[derive(Clone, Debug)]
pub struct Symlink {
    pub path: String,
    pub target: String,
}

/// Bytes of the bundle that a host needs: an inventory entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Path of the entry in the bundle.
    pub path: String,
    pub sha256: Digest,
    /// Bytes, uncompressed.
    pub size: u64,
}

/// One file of the bundle, placed as it is: a binary.
#[derive(Clone, Debug)]
pub struct Artifact {
    pub path: String,
    pub source: Source,
    pub mode: u32,
    pub owner: String,
}

/// A `.tar.gz` of the bundle, unpacked.
#[derive(Clone, Debug)]
pub struct Archive {
    /// Name for the record of what was unpacked: `containerd`.
    pub name: String,
    pub source: Source,
    /// Folder that the members are unpacked into.
    pub directory: String,
    /// Leading path components that are dropped, as `tar --strip-components`.
    pub strip: u32,
    /// Members to unpack, as they are named in the archive; all when empty.
    pub members: Vec<String>,
}

/// A systemd unit and the state it must be in.
#[derive(Clone, Debug)]
pub struct Unit {
    /// `containerd.service`.
    pub name: String,
    pub enabled: bool,
    /// Running, or stopped.
    pub running: bool,
    /// Digest over everything that the running service must have read. The unit is restarted when the last start that
    /// `kk` made was for another one, so a run that was killed between file and restart is healed by the next.
    pub version: String,
    /// How long starting may take.
    pub timeout: Duration,
}

/// A command with a guard: for what has no file to compare.
#[derive(Clone, Debug)]
pub struct Command {
    /// What it does, in the imperative, for a plan: "Initialise the first control plane".
    pub title: String,
    /// Shell text; exit status 0 means that the part holds. It must change nothing. It runs again after `apply`, and
    /// must succeed then. It runs with `set -e`, and counts as failed after a minute.
    pub check: String,
    /// Shell text that makes it hold; safe to run when a run before it was killed halfway. Standard input is empty,
    /// `set -e` is in force.
    pub apply: String,
    /// How long `apply` may take.
    pub timeout: Duration,
    /// How long the check may go on failing after `apply` before that is an error; for what becomes true a while after
    /// its command returns.
    pub settle: Duration,
}

impl Part {
    /// A folder of root's with mode 0755.
    pub fn directory(path: impl Into<String>) -> Self {
        Self::Directory(Directory { path: path.into(), mode: 0o755, owner: "root".into() })
    }

    /// A file of root's with mode 0644.
    pub fn file(path: impl Into<String>, content: impl Into<String>) -> Self {
        Self::File(File {
            path: path.into(),
            content: Content::Plain(content.into()),
            mode: 0o644,
            owner: "root".into(),
        })
    }

    /// A script of root's with mode 0755.
    pub fn script(path: impl Into<String>, content: impl Into<String>) -> Self {
        Self::File(File {
            path: path.into(),
            content: Content::Plain(content.into()),
            mode: 0o755,
            owner: "root".into(),
        })
    }

    /// A file of root's with mode 0600 whose content is never shown.
    pub fn secret_file(path: impl Into<String>, content: SecretString) -> Self {
        Self::File(File { path: path.into(), content: Content::Secret(content), mode: 0o600, owner: "root".into() })
    }

    /// An executable of the bundle, root's, mode 0755.
    pub fn binary(path: impl Into<String>, source: Source) -> Self {
        Self::Artifact(Artifact { path: path.into(), source, mode: 0o755, owner: "root".into() })
    }

    /// A service that is enabled and runs with this configuration.
    pub fn service(name: impl Into<String>, version: impl Into<String>) -> Self {
        Self::Unit(Unit {
            name: name.into(),
            enabled: true,
            running: true,
            version: version.into(),
            timeout: Duration::from_secs(120),
        })
    }

    /// A command with a guard, five minutes at most.
    pub fn command(title: impl Into<String>, check: impl Into<String>, apply: impl Into<String>) -> Self {
        Self::Command(Command {
            title: title.into(),
            check: check.into(),
            apply: apply.into(),
            timeout: Duration::from_secs(300),
            settle: Duration::ZERO,
        })
    }

    /// Something that becomes true by itself within this time; nothing is done but to wait for it.
    pub fn wait(title: impl Into<String>, check: impl Into<String>, limit: Duration) -> Self {
        Self::command(title, check, ":").settling(limit)
    }

    /// A command whose check may go on failing for so long after it; of other parts nothing changes.
    pub fn settling(mut self, settle: Duration) -> Self {
        if let Self::Command(command) = &mut self {
            command.settle = settle;
        }
        self
    }

    /// A command that may take this long; of other parts nothing changes.
    pub fn within(mut self, timeout: Duration) -> Self {
        if let Self::Command(command) = &mut self {
            command.timeout = timeout;
        }
        self
    }

    /// What the part is about, for a plan and for messages: "file /etc/containerd/config.toml".
    pub fn describe(&self) -> String {
        match self {
            Part::Directory(part) => format!("folder {}", part.path),
            Part::File(part) => format!("file {}", part.path),
            Part::Block(part) => format!("lines \"{}\" in {}", part.marker, part.path),
            Part::Absent(part) => format!("no {}", part.path),
            Part::Symlink(part) => format!("link {} to {}", part.path, part.target),
            Part::Artifact(part) => format!("file {}", part.path),
            Part::Archive(part) => format!("{} unpacked in {}", part.name, part.directory),
            Part::Unit(part) => format!("unit {}", part.name),
            Part::Command(part) => part.title.clone(),
        }
    }
}
