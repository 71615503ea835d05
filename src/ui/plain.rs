//! Progress for logs and pipes: one line for each thing done.

use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::narrator::Narrator;
use crate::event::{Event, Sink};

/// Writes lines to a stream. When the stream is closed, progress is dropped and the work goes on.
pub struct Plain<W> {
    state: Mutex<(Narrator, W)>,
}

impl<W: Write + Send> Plain<W> {
    pub fn new(stream: W) -> Self {
        Self { state: Mutex::new((Narrator::default(), stream)) }
    }
}

impl<W: Write + Send> Sink for Plain<W> {
    fn emit(&self, event: Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (narrator, stream) = &mut *state;
        let line = narrator.line(&event).map(|line| line.text).or_else(|| narrator.bytes_line(Instant::now()));
        if let Some(line) = line {
            let _ = writeln!(stream, "{line}");
        }
    }
}
