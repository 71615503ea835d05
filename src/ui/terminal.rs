//! Progress on a terminal: lines for what is done, below them a line for each busy host and a bar for all bytes.

use std::collections::HashMap;
use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::narrator::{Narrator, printable};
use super::style::Style;
use crate::event::{Event, Sink};

/// Draws on stderr. What is drawn is wiped when it is dropped.
pub struct Terminal {
    bars: MultiProgress,
    style: Style,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    narrator: Narrator,
    /// Host → its line.
    hosts: HashMap<String, ProgressBar>,
    bytes: Option<ProgressBar>,
}

impl Terminal {
    /// On stderr.
    pub fn new(style: Style) -> Self {
        Self::on(ProgressDrawTarget::stderr(), style)
    }

    fn on(target: ProgressDrawTarget, style: Style) -> Self {
        Self { bars: MultiProgress::with_draw_target(target), style, state: Mutex::default() }
    }

    fn begin_step(&self, state: &mut State, host: &str, title: &str) {
        let bars = &self.bars;
        let bar = state.hosts.entry(host.to_owned()).or_insert_with(|| {
            let bar = ProgressBar::new_spinner().with_style(template("{spinner} {prefix}: {msg} ({elapsed})"));
            // Above the bar for bytes, which stays the last line.
            let bar = bars.insert(0, bar);
            bar.set_prefix(printable(host));
            bar.enable_steady_tick(Duration::from_millis(250));
            bar
        });
        bar.reset_elapsed();
        bar.set_message(printable(title));
    }

    fn end_step(&self, state: &mut State, host: &str) {
        if let Some(bar) = state.hosts.remove(host) {
            bar.finish_and_clear();
            self.bars.remove(&bar);
        }
    }

    fn show_bytes(&self, state: &mut State) {
        let bytes = state.narrator.bytes();
        let (moved, total) = (bytes.moved, bytes.total);
        if total == 0 {
            return;
        }
        let bar = state.bytes.get_or_insert_with(|| {
            let style =
                template("[{bar:30}] {binary_bytes} of {binary_total_bytes}, {binary_bytes_per_sec}, {eta} left");
            let bar = self.bars.add(ProgressBar::new(total).with_style(style.progress_chars("=> ")));
            bar.enable_steady_tick(Duration::from_secs(1));
            bar
        });
        bar.set_length(total.max(moved));
        bar.set_position(moved);
    }

    fn hide_bytes(&self, state: &mut State) {
        if let Some(bar) = state.bytes.take() {
            bar.finish_and_clear();
            self.bars.remove(&bar);
        }
    }
}

impl Sink for Terminal {
    fn emit(&self, event: Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let line = state.narrator.line(&event);
        match &event {
            Event::StepStarted { host, title, .. } => self.begin_step(&mut state, host, title),
            Event::StepDone { host, .. } | Event::StepFailed { host, .. } => self.end_step(&mut state, host),
            Event::BytesTotal { .. } | Event::BytesMoved { .. } => self.show_bytes(&mut state),
            Event::PhaseStarted { .. } | Event::PhaseDone { .. } if state.narrator.bytes().total == 0 => {
                self.hide_bytes(&mut state);
            }
            Event::PhaseDone { .. } if state.narrator.idle() => self.hide_bytes(&mut state),
            _ => {}
        }
        // What holds already needs no line here: the reader sees it pass.
        let quiet = matches!(event, Event::StepDone { changed: 0, .. });
        if let Some(line) = line.filter(|_| !quiet) {
            let text = self.style.apply(&line);
            self.bars.suspend(|| {
                let _ = writeln!(std::io::stderr(), "{text}");
            });
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        for bar in state.hosts.values().chain(&state.bytes) {
            bar.finish_and_clear();
        }
        // Nobody is left to tell when stderr is closed.
        let _ = self.bars.clear();
    }
}

fn template(text: &str) -> ProgressStyle {
    // The templates are ours and tested; the default style serves should one ever be wrong.
    ProgressStyle::with_template(text).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_bytes_come_and_go() {
        let terminal = Terminal::on(ProgressDrawTarget::hidden(), Style::plain());
        let step = || ("a".to_owned(), "os".to_owned());
        terminal.emit(Event::PhaseStarted { title: "Work".into() });
        terminal.emit(Event::StepStarted { host: step().0, step: step().1, title: "Configure".into() });
        terminal.emit(Event::BytesTotal { total: 10 });
        terminal.emit(Event::BytesMoved { bytes: 12 });
        {
            let state = terminal.state.lock().unwrap();
            assert_eq!(state.hosts.len(), 1);
            assert_eq!(state.bytes.as_ref().unwrap().length(), Some(12));
        }
        terminal.emit(Event::StepDone { host: step().0, step: step().1, changed: 1, seconds: 0.1 });
        terminal.emit(Event::PhaseDone { title: "Work".into(), seconds: 0.2 });
        let state = terminal.state.lock().unwrap();
        assert!(state.hosts.is_empty() && state.bytes.is_none());
    }

    #[test]
    fn templates_are_well_formed() {
        for text in [
            "{spinner} {prefix}: {msg} ({elapsed})",
            "[{bar:30}] {binary_bytes} of {binary_total_bytes}, {binary_bytes_per_sec}, {eta} left",
        ] {
            ProgressStyle::with_template(text).unwrap();
        }
    }
}
