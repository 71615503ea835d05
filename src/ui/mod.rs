//! Everything that is printed is printed here: data to stdout, all else to stderr.

mod cache;
mod changes;
mod contents;
mod etcd;
mod expiry;
mod forecast;
mod history;
mod images;
mod json;
mod narrator;
mod plain;
mod qr;
mod question;
mod serving;
mod status;
mod style;
mod sufficiency;
mod table;
mod terminal;

use std::error::Error;
use std::io::Write;
use std::sync::Arc;

pub use cache::cache;
pub use changes::changes;
pub use contents::contents;
pub use etcd::{etcd_backup, etcd_members};
pub use expiry::expiry;
pub use forecast::forecast;
pub use history::{history, run_shown};
pub use images::{images, pushed};
pub use qr::qr;
pub use question::{can_ask, confirm, confirmation, host_keys, passphrase};
pub use serving::serving;
pub use status::status;
pub use sufficiency::sufficiency;
pub use table::table;

use crate::event::Events;
use crate::jobs::{JobError, Kind};
use narrator::printable;
use style::Style;

/// The sink for a command's events: JSON lines on stdout, or, on stderr, bars where it is a terminal and lines where it
/// is not.
pub fn events(json: bool) -> Events {
    if json {
        Arc::new(json::JsonLines::new(std::io::stdout()))
    } else if style::is_capable_terminal() {
        Arc::new(terminal::Terminal::new(Style::of_stderr()))
    } else {
        Arc::new(plain::Plain::new(std::io::stderr()))
    }
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

/// Writes a document to stdout as it is.
pub fn print_bytes(bytes: &[u8]) -> Result<(), JobError> {
    let mut out = std::io::stdout();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(JobError::new(Kind::Internal, "cannot write to standard output").because(error))
        }
        _ => Ok(()),
    }
}

/// Writes a result as one line of JSON to stdout.
pub fn print_json(value: &impl serde::Serialize) -> Result<(), JobError> {
    let line = serde_json::to_string(value)
        .map_err(|error| JobError::new(Kind::Internal, "the result cannot be written as JSON").because(error))?;
    print_line(&line)
}

/// The last line of a job: `create cluster: 5 hosts, 0 changed, 12.3 s`.
pub fn summary(command: &str, hosts: usize, changed: usize, seconds: f64) -> String {
    let hosts = if hosts == 1 { "1 host".to_owned() } else { format!("{hosts} hosts") };
    format!("{command}: {hosts}, {changed} changed, {}", crate::quantity::seconds(seconds))
}

/// Writes an error with its findings, its causes and its hints to stderr.
pub fn report(error: &JobError) {
    // Nobody is left to tell when stderr is closed.
    let _ = std::io::stderr().write_all(describe(error, Style::of_stderr()).as_bytes());
}

fn describe(error: &JobError, style: Style) -> String {
    let mut text = format!("{} {}\n", style.bad("error:"), printable(&error.to_string()));
    for detail in &error.details {
        text.push_str(&format!("  {}\n", printable(detail).replace('\n', "\n  ")));
    }
    let mut cause = error.source();
    while let Some(source) = cause {
        text.push_str(&format!("  because: {}\n", printable(&source.to_string())));
        cause = source.source();
    }
    for hint in &error.hints {
        text.push_str(&format!("{} {}\n", style.hint("hint:"), printable(hint)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_why_and_what_next() {
        let cause = std::io::Error::other("no route \u{1b}[31mto host");
        let error = JobError::new(Kind::Host, "1 of 5 hosts cannot be reached")
            .details(["node1: cannot connect to 10.0.0.1:22\nafter 10 s".to_owned()])
            .because(cause)
            .hint("check that it is up");
        insta::assert_snapshot!(describe(&error, Style::plain()), @r"
        error: 1 of 5 hosts cannot be reached
          node1: cannot connect to 10.0.0.1:22
          after 10 s
          because: no route [31mto host
        hint: check that it is up
        ");
        assert_eq!(summary("create cluster", 5, 0, 12.34), "create cluster: 5 hosts, 0 changed, 12.3 s");
    }
}
