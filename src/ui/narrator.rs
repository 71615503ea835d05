//! Events as lines for people. Pure: bars, colours and streams are others' work.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::event::Event;
use crate::quantity;

/// How often a line about bytes is written where there is no bar.
const BYTES_EVERY: Duration = Duration::from_secs(10);

/// Turns events into lines; remembers what later events refer to.
#[derive(Default)]
pub struct Narrator {
    /// Titles of the phases that run, the outermost first.
    phases: Vec<String>,
    /// Host and step → the step's title.
    titles: HashMap<(String, String), String>,
    bytes: Bytes,
}

/// How a line is meant; styles follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Heading,
    Plain,
    Good,
    Warning,
    Bad,
}

/// A line and how it is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub tone: Tone,
    pub text: String,
}

/// What is known about the bytes of the outermost phase.
#[derive(Clone, Default)]
pub struct Bytes {
    pub total: u64,
    pub moved: u64,
    since: Option<Instant>,
    told: Option<Instant>,
}

impl Narrator {
    /// What to write about an event; `None` where there is nothing to say in words.
    pub fn line(&mut self, event: &Event) -> Option<Line> {
        let line = |tone, text: String| Some(Line { tone, text: printable(&text) });
        match event {
            Event::PhaseStarted { title } => {
                let outermost = self.phases.is_empty();
                self.phases.push(title.clone());
                if !outermost {
                    return None;
                }
                self.bytes = Bytes::default();
                line(Tone::Heading, format!("==> {title}"))
            }
            Event::PhaseDone { title, seconds } => {
                self.phases.retain(|phase| phase != title);
                line(Tone::Good, format!("{title}: done in {}", quantity::seconds(*seconds)))
            }
            Event::BytesTotal { total } => {
                self.bytes.total = *total;
                None
            }
            Event::BytesMoved { bytes } => {
                self.bytes.moved = self.bytes.moved.saturating_add(*bytes);
                self.bytes.since.get_or_insert_with(Instant::now);
                None
            }
            Event::ItemDone { title, detail } if detail.is_empty() => line(Tone::Plain, format!("  {title}")),
            Event::ItemDone { title, detail } => line(Tone::Plain, format!("  {title}: {detail}")),
            Event::StepStarted { host, step, title } => {
                self.titles.insert((host.clone(), step.clone()), title.clone());
                None
            }
            Event::StepDone { host, step, changed, seconds } => {
                let title = self.title(host, step);
                let what = match changed {
                    0 => "holds already".to_owned(),
                    count => format!("{count} changed"),
                };
                line(Tone::Plain, format!("  {host}: {title}: {what}, {}", quantity::seconds(*seconds)))
            }
            Event::StepFailed { host, step, reason } => {
                let title = self.title(host, step);
                // The reason begins with host and title, as it stands alone in the error.
                let reason = reason.strip_prefix(&format!("{host}: \"{title}\" failed")).unwrap_or(reason);
                line(Tone::Bad, format!("  {host}: {title}: FAILED {}", reason.trim_start_matches([':', ' '])))
            }
            Event::Warning { message } => line(Tone::Warning, format!("warning: {message}")),
            Event::Note { message } => line(Tone::Plain, format!("note: {message}")),
        }
    }

    /// The bytes of the outermost phase.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Whether any phase runs.
    pub fn idle(&self) -> bool {
        self.phases.is_empty()
    }

    /// A line about bytes, when one is due.
    pub fn bytes_line(&mut self, now: Instant) -> Option<String> {
        let since = self.bytes.since?;
        if now.duration_since(*self.bytes.told.get_or_insert(since)) < BYTES_EVERY {
            return None;
        }
        self.bytes.told = Some(now);
        Some(self.bytes.describe(now.duration_since(since)))
    }

    fn title(&mut self, host: &str, step: &str) -> String {
        self.titles.remove(&(host.to_owned(), step.to_owned())).unwrap_or_else(|| step.to_owned())
    }
}

impl Bytes {
    fn describe(&self, elapsed: Duration) -> String {
        let rate = self.moved as f64 / elapsed.as_secs_f64().max(0.001);
        let mut text = format!("  {}", quantity::bytes(self.moved));
        if self.total > 0 {
            text.push_str(&format!(" of {}", quantity::bytes(self.total)));
        }
        text.push_str(&format!(", {}/s", quantity::bytes(rate as u64)));
        if self.total > self.moved && rate >= 1.0 {
            let left = (self.total - self.moved) as f64 / rate;
            text.push_str(&format!(", {} left", quantity::seconds(left)));
        }
        text
    }
}

/// Without control characters: names and output of hosts and registries are not trusted with the terminal.
pub fn printable(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control() || matches!(letter, '\n' | '\t')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_told_in_lines() {
        let mut narrator = Narrator::default();
        let step = |host: &str| (host.to_owned(), "os/hosts".to_owned());
        let started = |host: &str| {
            let (host, step) = step(host);
            Event::StepStarted { host, step, title: "Configure \u{1b}[2Jit".into() }
        };
        let events = [
            Event::PhaseStarted { title: "Work on 2 hosts".into() },
            Event::PhaseStarted { title: "Configure".into() },
            started("a"),
            started("b"),
            Event::StepDone { host: step("a").0, step: step("a").1, changed: 2, seconds: 0.5 },
            Event::StepFailed {
                host: step("b").0,
                step: step("b").1,
                reason: "b: \"Configure \u{1b}[2Jit\" failed at \"file /x\" (exit status 1)".into(),
            },
            Event::ItemDone { title: "registry.k8s.io/pause:3.10".into(), detail: String::new() },
            Event::Warning { message: "the clock is off".into() },
            Event::PhaseDone { title: "Configure".into(), seconds: 65.0 },
        ];
        let lines: Vec<String> = events.iter().filter_map(|event| narrator.line(event)).map(|line| line.text).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        ==> Work on 2 hosts
          a: Configure [2Jit: 2 changed, 0.5 s
          b: Configure [2Jit: FAILED at "file /x" (exit status 1)
          registry.k8s.io/pause:3.10
        warning: the clock is off
        Configure: done in 1 min 05 s
        "#);
    }

    #[test]
    fn bytes_are_told_every_ten_seconds() {
        let mut narrator = Narrator::default();
        narrator.line(&Event::BytesTotal { total: 3 << 30 });
        assert_eq!(narrator.bytes_line(Instant::now()), None);
        narrator.line(&Event::BytesMoved { bytes: 1 << 30 });
        let begin = narrator.bytes.since.unwrap();
        assert_eq!(narrator.bytes_line(begin + Duration::from_secs(9)), None);
        let told = narrator.bytes_line(begin + Duration::from_secs(10)).unwrap();
        assert_eq!(told, "  1.0 GiB of 3.0 GiB, 102.4 MiB/s, 20.0 s left");
        assert_eq!(narrator.bytes_line(begin + Duration::from_secs(19)), None);
    }
}
