//! Why a run did not come to its end.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::host::MachineError;

/// Why a run did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Steps failed. What ran beside them was finished, nothing new was begun.
    #[error("{}", summarise(failures, *unfinished))]
    Failed {
        failures: Vec<Failure>,
        /// Tasks that were not begun or not finished.
        unfinished: usize,
    },
    /// Somebody asked for a stop.
    #[error("stopped before the end: {unfinished} pieces of work are left")]
    Interrupted { unfinished: usize },
    /// The plan itself cannot be run; a bug of the planner.
    #[error("the plan cannot be run: {message}")]
    Plan { message: String },
    /// The journal cannot be written, so nothing is done that it would not tell of.
    #[error("cannot write the journal {}", path.display())]
    Journal {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// One step that failed on one host.
#[derive(Debug)]
pub struct Failure {
    /// `None`: the operator's machine.
    pub host: Option<String>,
    /// The step's id.
    pub step: String,
    /// The step's title.
    pub title: String,
    /// The part that could not be made to hold, as a plan describes it.
    pub part: Option<String>,
    /// Exit status of what failed.
    pub status: Option<i32>,
    /// Why, in a sentence, where there is no source that says it.
    pub reason: String,
    /// The end of what it printed, without secrets.
    pub output: String,
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
    /// What a person can do.
    pub hints: Vec<String>,
}

impl RunError {
    /// One paragraph for each failure: what, where, why, and the end of the output.
    pub fn details(&self) -> Vec<String> {
        match self {
            RunError::Failed { failures, .. } => failures.iter().map(Failure::paragraph).collect(),
            _ => Vec::new(),
        }
    }

    /// What to do next, each hint once.
    pub fn hints(&self) -> Vec<String> {
        let mut hints: Vec<String> = Vec::new();
        if let RunError::Failed { failures, .. } = self {
            for hint in failures.iter().flat_map(|failure| &failure.hints) {
                if !hints.contains(hint) {
                    hints.push(hint.clone());
                }
            }
        }
        if matches!(self, RunError::Failed { .. } | RunError::Interrupted { .. }) {
            hints.push("Run the same command again: what is done already is left alone.".into());
        }
        hints
    }
}

impl Failure {
    /// A failure of a step with nothing known yet but the reason.
    pub(super) fn new(host: Option<&str>, step: &str, title: &str, reason: impl Into<String>) -> Self {
        Self {
            host: host.map(str::to_owned),
            step: step.to_owned(),
            title: title.to_owned(),
            part: None,
            status: None,
            reason: reason.into(),
            output: String::new(),
            source: None,
            hints: Vec::new(),
        }
    }

    /// A failure that the session to the host reported.
    pub(super) fn of_machine(host: &str, step: &str, title: &str, error: MachineError) -> Self {
        let mut failure = Self::new(Some(host), step, title, "");
        failure.hints = machine_hints(&error);
        failure.source = Some(Box::new(error));
        failure
    }

    fn paragraph(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source.as_deref().and_then(|source| source.source());
        while let Some(source) = cause {
            text.push_str(&format!("\nbecause: {source}"));
            cause = source.source();
        }
        for line in self.output.lines() {
            text.push_str("\n  | ");
            text.push_str(line);
        }
        text
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: \"{}\" failed", self.host.as_deref().unwrap_or("this machine"), self.title)?;
        if let Some(part) = &self.part {
            write!(formatter, " at \"{part}\"")?;
        }
        if let Some(status) = self.status {
            write!(formatter, " (exit status {status})")?;
        }
        if !self.reason.is_empty() {
            write!(formatter, ": {}", self.reason)?;
        }
        if let Some(source) = &self.source {
            write!(formatter, ": {source}")?;
        }
        Ok(())
    }
}

fn machine_hints(error: &MachineError) -> Vec<String> {
    match error {
        MachineError::Login { hint, .. }
        | MachineError::HostKey { hint, .. }
        | MachineError::Sudo { hint, .. }
        | MachineError::Jump { hint, .. } => hint.iter().cloned().collect(),
        MachineError::Connect { host, address, .. } => {
            vec![format!("Check that {host} is up and that its SSH port answers at {address}.")]
        }
        MachineError::Lost { host, .. } => vec![format!("Check that {host} is still up and reachable.")],
        MachineError::Timeout { host, .. } => {
            vec![format!("Look at what {host} is busy with; work that was begun there goes on by itself.")]
        }
        MachineError::Upload { .. } | MachineError::Download { .. } | MachineError::Output { .. } => Vec::new(),
    }
}

fn summarise(failures: &[Failure], unfinished: usize) -> String {
    let mut hosts: Vec<&str> =
        failures.iter().map(|failure| failure.host.as_deref().unwrap_or("this machine")).collect();
    hosts.sort_unstable();
    hosts.dedup();
    let rest = if unfinished == 0 { String::new() } else { format!("; {unfinished} pieces of work are left") };
    match failures {
        [one] => format!("\"{}\" failed on {}{rest}", one.title, hosts.join(", ")),
        _ => format!("{} steps failed on {}{rest}", failures.len(), hosts.join(", ")),
    }
}
