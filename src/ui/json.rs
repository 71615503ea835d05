//! Events as JSON, one object a line, for programs.

use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::event::{Event, Sink};

/// Moved bytes are told at most this often.
const BYTES_EVERY: Duration = Duration::from_secs(1);

/// Writes events to a stream. When the stream is closed, events are dropped and the work goes on.
pub struct JsonLines<W> {
    state: Mutex<State<W>>,
}

struct State<W> {
    stream: W,
    untold: u64,
    told: Instant,
}

#[derive(Serialize)]
struct Line<'a> {
    time: String,
    #[serde(flatten)]
    event: &'a Event,
}

impl<W: Write + Send> JsonLines<W> {
    pub fn new(stream: W) -> Self {
        Self { state: Mutex::new(State { stream, untold: 0, told: Instant::now() }) }
    }
}

impl<W: Write> State<W> {
    fn write(&mut self, event: &Event) {
        let time = OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default();
        if let Ok(text) = serde_json::to_string(&Line { time, event }) {
            let _ = writeln!(self.stream, "{text}");
        }
    }

    fn write_bytes(&mut self) {
        if self.untold > 0 {
            let event = Event::BytesMoved { bytes: std::mem::take(&mut self.untold) };
            self.write(&event);
        }
        self.told = Instant::now();
    }
}

impl<W: Write + Send> Sink for JsonLines<W> {
    fn emit(&self, event: Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Event::BytesMoved { bytes } = event {
            state.untold = state.untold.saturating_add(bytes);
            if state.told.elapsed() >= BYTES_EVERY {
                state.write_bytes();
            }
        } else {
            state.write_bytes();
            state.write(&event);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn each_event_is_one_object_and_bytes_are_added_up() {
        let stream = Shared::default();
        let sink = JsonLines::new(stream.clone());
        sink.emit(Event::BytesMoved { bytes: 2 });
        sink.emit(Event::BytesMoved { bytes: 3 });
        sink.emit(Event::StepDone { host: "a".into(), step: "os".into(), changed: 0, seconds: 0.1 });
        let text = String::from_utf8(stream.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!((&lines[0]["event"], &lines[0]["bytes"]), (&"bytes-moved".into(), &5.into()));
        assert_eq!((&lines[1]["event"], &lines[1]["host"]), (&"step-done".into(), &"a".into()));
        assert!(lines[1]["time"].is_string());
    }
}
