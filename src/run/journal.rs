//! What a run did, appended as it happens: `.kk/<cluster>/journal/<number>.jsonl`, one JSON object a line.
//!
//! Each record is on the disk before the run goes on; what many hosts have done at the same time goes there together. It
//! holds no secret and no content of a file.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::oneshot;

use super::RunError;

/// One line of the journal.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "kebab-case")]
pub enum Record {
    /// The first line.
    RunStarted {
        /// "create cluster".
        command: String,
        /// Version of kk.
        kk: String,
        /// Digest of the bundle's inventory.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bundle: Option<String>,
    },
    StepDone {
        host: String,
        step: String,
        changed: usize,
        /// Parts that held already.
        #[serde(default)]
        held: usize,
        seconds: f64,
    },
    StepFailed {
        host: String,
        step: String,
        reason: String,
    },
    /// The last line. Where it is missing, kk was killed.
    RunEnded {
        outcome: Outcome,
        changed: usize,
        #[serde(default)]
        held: usize,
        seconds: f64,
    },
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Done,
    Failed,
    Interrupted,
}

#[derive(Serialize)]
struct Line<'a> {
    time: String,
    #[serde(flatten)]
    record: &'a Record,
}

/// The journal of one run.
#[derive(Clone, Debug)]
pub struct Journal {
    path: PathBuf,
    writer: mpsc::Sender<Waiting>,
}

/// A line that is to be written, and who waits for it.
struct Waiting {
    line: String,
    written: oneshot::Sender<io::Result<()>>,
}

impl Journal {
    /// Begins the journal of a new run of the site in this folder, under the next free number.
    pub fn begin(site: &Path, command: &str, bundle: Option<String>) -> Result<Self, RunError> {
        let folder = site.join("journal");
        let (path, mut file) = create(&folder).map_err(|source| RunError::Journal { path: folder.clone(), source })?;
        let (writer, waiting) = mpsc::channel();
        let journal = Self { path, writer };
        let record = Record::RunStarted { command: command.into(), kk: env!("CARGO_PKG_VERSION").into(), bundle };
        let begun = line(&record).and_then(|line| append(&mut file, line.as_bytes()));
        // Ends when the last clone of the journal goes.
        let begun = begun.and_then(|()| {
            std::thread::Builder::new()
                .name("journal".into())
                .spawn(move || write_waiting(&mut file, &waiting))
                .map(drop)
        });
        begun.map_err(|source| journal.refuse(source))?;
        Ok(journal)
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends a record and waits until the disk has it.
    pub async fn record(&self, record: Record) -> Result<(), RunError> {
        let line = line(&record).map_err(|source| self.refuse(source))?;
        let (written, answer) = oneshot::channel();
        let gone = || io::Error::other("the journal's writer has ended");
        let outcome = match self.writer.send(Waiting { line, written }) {
            Ok(()) => answer.await.unwrap_or_else(|_| Err(gone())),
            Err(_) => Err(gone()),
        };
        outcome.map_err(|source| self.refuse(source))
    }

    fn refuse(&self, source: io::Error) -> RunError {
        RunError::Journal { path: self.path.clone(), source }
    }
}

fn line(record: &Record) -> io::Result<String> {
    let mut line = serde_json::to_string(&Line { time: now(), record })?;
    line.push('\n');
    Ok(line)
}

fn append(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes)?;
    file.sync_data()
}

/// Writes what waits, all of it at once: the disk is asked once for whatever came while it was busy.
fn write_waiting(file: &mut File, waiting: &mpsc::Receiver<Waiting>) {
    while let Ok(first) = waiting.recv() {
        let batch: Vec<Waiting> = std::iter::once(first).chain(waiting.try_iter()).collect();
        let text: String = batch.iter().map(|one| one.line.as_str()).collect();
        let outcome = append(file, text.as_bytes());
        for one in batch {
            let outcome = match &outcome {
                Ok(()) => Ok(()),
                Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
            };
            // Nobody waits any more where the run was interrupted.
            let _ = one.written.send(outcome);
        }
    }
}

fn create(folder: &Path) -> io::Result<(PathBuf, File)> {
    std::fs::create_dir_all(folder)?;
    let mut number = 1u32;
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name();
        let stem = name.to_str().and_then(|name| name.strip_suffix(".jsonl"));
        if let Some(taken) = stem.and_then(|stem| stem.parse::<u32>().ok()) {
            number = number.max(taken.saturating_add(1));
        }
    }
    loop {
        let path = folder.join(format!("{number:04}.jsonl"));
        match OpenOptions::new().append(true).create_new(true).mode(0o600).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < u32::MAX => number += 1,
            outcome => return outcome.map(|file| (path, file)),
        }
    }
}

/// The time, as RFC 3339 in UTC with seconds.
pub(super) fn now() -> String {
    let now = OffsetDateTime::now_utc();
    now.replace_nanosecond(0).unwrap_or(now).format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn runs_are_numbered_and_lines_are_json() {
        let site = tempfile::tempdir().unwrap();
        Journal::begin(site.path(), "create cluster", None).unwrap();
        let second = Journal::begin(site.path(), "create cluster", Some("sha256:aa".into())).unwrap();
        assert!(second.path().ends_with("journal/0002.jsonl"));
        let done =
            Record::StepDone { host: "node1".into(), step: "os/hosts".into(), changed: 2, held: 1, seconds: 0.5 };
        second.record(done).await.unwrap();
        let text = std::fs::read_to_string(second.path()).unwrap();
        let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines[0]["record"], "run-started");
        assert_eq!(lines[0]["bundle"], "sha256:aa");
        assert_eq!(lines[1]["record"], "step-done");
        assert_eq!(lines[1]["changed"], 2);
        assert!(lines[1]["time"].as_str().unwrap().ends_with('Z'));
    }
}
