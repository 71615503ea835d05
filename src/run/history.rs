//! What runs did, read from their journals. Whatever a journal holds is read as far as it goes: a run that was killed has
//! no end, and perhaps half a last line.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::journal::{Outcome, Record};

/// No journal is longer: a step is a line of a few hundred bytes.
const LARGEST: u64 = 64 << 20;

/// One run of a command on a site.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// The name of its journal.
    pub number: u32,
    /// When it began; RFC 3339, in UTC. Empty where the journal does not say.
    pub started: String,
    /// "create cluster".
    pub command: String,
    /// Version of kk.
    pub kk: String,
    /// Digest of the bundle's inventory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bundle: Option<String>,
    pub outcome: Ending,
    /// Parts that had to be made to hold.
    pub changed: usize,
    /// Parts that held already.
    pub held: usize,
    /// How long it took; `None` where it has no end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// Steps by host, in the order in which they ended.
    pub hosts: BTreeMap<String, Vec<Did>>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    Done,
    Failed,
    /// Somebody asked for a stop.
    Interrupted,
    /// The journal has no last line: kk was killed, or is still at work.
    Unfinished,
}

/// One step on one host.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Did {
    /// When it ended.
    pub time: String,
    /// The step's id.
    pub step: String,
    pub changed: usize,
    pub held: usize,
    pub seconds: f64,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    time: String,
    #[serde(flatten)]
    record: Record,
}

impl Run {
    /// The step at which it failed first, with its host.
    pub fn failure(&self) -> Option<(&str, &Did)> {
        let failed = self.hosts.iter().flat_map(|(host, steps)| steps.iter().map(move |step| (host.as_str(), step)));
        failed.filter(|(_, step)| step.failed.is_some()).min_by(|left, right| left.1.time.cmp(&right.1.time))
    }
}

/// All runs of the journals in a folder, the first one first. None where there is no folder.
pub fn list(folder: &Path) -> io::Result<Vec<Run>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut runs = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let Some(number) = name.and_then(|name| name.strip_suffix(".jsonl")).and_then(|stem| stem.parse().ok()) else {
            continue;
        };
        let mut bytes = Vec::new();
        File::open(&path)?.take(LARGEST).read_to_end(&mut bytes)?;
        runs.push(read(number, &String::from_utf8_lossy(&bytes)));
    }
    runs.sort_by_key(|run| run.number);
    Ok(runs)
}

/// Reads one journal. Lines that are no records, such as half a last one, are passed over.
pub fn read(number: u32, text: &str) -> Run {
    let mut run = Run {
        number,
        started: String::new(),
        command: String::new(),
        kk: String::new(),
        bundle: None,
        outcome: Ending::Unfinished,
        changed: 0,
        held: 0,
        seconds: None,
        hosts: BTreeMap::new(),
    };
    for line in text.lines() {
        let Ok(Line { time, record }) = serde_json::from_str::<Line>(line) else { continue };
        match record {
            Record::RunStarted { command, kk, bundle } => {
                (run.started, run.command, run.kk, run.bundle) = (time, command, kk, bundle);
            }
            Record::StepDone { host, step, changed, held, seconds } => {
                run.changed = run.changed.saturating_add(changed);
                run.held = run.held.saturating_add(held);
                run.hosts.entry(host).or_default().push(Did { time, step, changed, held, seconds, failed: None });
            }
            Record::StepFailed { host, step, reason } => {
                let did = Did { time, step, changed: 0, held: 0, seconds: 0.0, failed: Some(reason) };
                run.hosts.entry(host).or_default().push(did);
            }
            Record::RunEnded { outcome, seconds, .. } => {
                run.seconds = Some(seconds);
                run.outcome = match outcome {
                    Outcome::Done => Ending::Done,
                    Outcome::Failed => Ending::Failed,
                    Outcome::Interrupted => Ending::Interrupted,
                };
            }
        }
    }
    run
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const JOURNAL: &str = r#"{"time":"2026-11-25T20:00:00Z","record":"run-started","command":"create cluster","kk":"0.1.0","bundle":"sha256:aa"}
{"time":"2026-11-25T20:00:02Z","record":"step-done","host":"node1","step":"os/configure","changed":4,"held":1,"seconds":1.5}
{"time":"2026-11-25T20:00:03Z","record":"step-done","host":"node2","step":"os/configure","changed":5,"seconds":2.0}
{"time":"2026-11-25T20:00:09Z","record":"step-failed","host":"node2","step":"etcd/start","reason":"node2: no space"}
{"time":"2026-11-25T20:00:10Z","record":"run-ended","outcome":"failed","changed":9,"held":1,"seconds":10.0}
"#;

    #[test]
    fn a_journal_is_read() {
        let run = read(3, JOURNAL);
        assert_eq!((run.number, run.outcome, run.changed, run.held), (3, Ending::Failed, 9, 1));
        assert_eq!((run.bundle.as_deref(), run.seconds), (Some("sha256:aa"), Some(10.0)));
        let (host, step) = run.failure().unwrap();
        assert_eq!(
            (host, step.step.as_str(), step.failed.as_deref()),
            ("node2", "etcd/start", Some("node2: no space"))
        );
        assert_eq!(run.hosts["node1"].len(), 1);
    }

    #[test]
    fn a_folder_without_runs_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(list(&folder.path().join("none")).unwrap(), []);
        std::fs::write(folder.path().join("notes.txt"), "x").unwrap();
        std::fs::write(folder.path().join("0012.jsonl"), b"\xff\xfe{\n").unwrap();
        std::fs::write(folder.path().join("0002.jsonl"), JOURNAL).unwrap();
        let numbers: Vec<u32> = list(folder.path()).unwrap().iter().map(|run| run.number).collect();
        assert_eq!(numbers, [2, 12]);
    }

    proptest! {
        #[test]
        fn a_journal_that_was_cut_off_anywhere_is_read(length in 0..JOURNAL.len()) {
            let whole = read(1, JOURNAL);
            let run = read(1, &JOURNAL[..length]);
            prop_assert!(run.changed <= whole.changed);
            prop_assert_eq!(run.outcome == Ending::Unfinished, length < JOURNAL.len() - 1);
        }

        #[test]
        fn nothing_makes_it_panic(text in any::<String>()) {
            let _ = read(1, &text);
        }
    }
}
