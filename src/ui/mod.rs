//! Everything that is printed is printed here: data to stdout, all else to stderr.

use std::error::Error;
use std::io::Write;

use crate::event::{Events, silent};
use crate::jobs::{JobError, Kind};

/// The sink for a command's events.
pub fn events(_json: bool) -> Events {
    silent()
}

/// Writes one line of data to stdout. A closed pipe (`| head`) ends the output quietly.
pub fn print_line(line: &str) -> Result<(), JobError> {
    match writeln!(std::io::stdout(), "{line}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(JobError::new(Kind::Internal, "cannot write to standard output").because(error))
        }
        _ => Ok(()),
    }
}

/// Writes an error with its findings, its causes and its hints to stderr.
pub fn report(error: &JobError) {
    let mut text = format!("error: {error}\n");
    for detail in &error.details {
        text.push_str(&format!("  {}\n", detail.replace('\n', "\n  ")));
    }
    let mut cause = error.source();
    while let Some(source) = cause {
        text.push_str(&format!("  because: {source}\n"));
        cause = source.source();
    }
    for hint in &error.hints {
        text.push_str(&format!("hint: {hint}\n"));
    }
    // Nobody is left to tell when stderr is closed.
    let _ = std::io::stderr().write_all(text.as_bytes());
}
