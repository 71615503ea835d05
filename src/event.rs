//! What happened, as data. Lower rooms report through a [`Sink`]; only [`crate::ui`] decides how it looks.

use std::sync::Arc;

use serde::Serialize;

/// One thing that happened during a job. Serialised as one JSON object a line with `--output json`.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A part of the job began: "Pull images", "Verify the bundle".
    PhaseStarted { title: String },
    /// A part of the job ended.
    PhaseDone { title: String, seconds: f64 },
    /// How many bytes the current phase will move in all. May be sent again when more is known.
    BytesTotal { total: u64 },
    /// Bytes moved since the last such event.
    BytesMoved { bytes: u64 },
    /// One item of a phase is done, such as an image or a download.
    ItemDone { title: String, detail: String },
    /// A host began a step.
    StepStarted { host: String, step: String, title: String },
    /// A host's step holds; `changed` counts the parts that had to be made to hold.
    StepDone { host: String, step: String, changed: usize, seconds: f64 },
    /// A host's step failed; the error itself is returned by the run.
    StepFailed { host: String, step: String, reason: String },
    /// Something a person should know and need not act on at once.
    Warning { message: String },
    /// Something a person may like to know.
    Note { message: String },
}

/// Receives events, from any thread.
pub trait Sink: Send + Sync {
    fn emit(&self, event: Event);
}

/// The sink that jobs hand down.
pub type Events = Arc<dyn Sink>;

/// Drops every event: for tests, and for calls whose progress nobody watches.
pub struct Silent;

impl Sink for Silent {
    fn emit(&self, _event: Event) {}
}

/// A sink that drops every event.
pub fn silent() -> Events {
    Arc::new(Silent)
}
