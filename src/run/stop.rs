//! The wish to stop: the first Ctrl-C lets what runs finish, the second does not.

use std::io;
use std::sync::Arc;

use tokio::sync::watch;

use crate::event::{Event, Events};

/// Shared by all who may ask for a stop and all who must heed it.
#[derive(Clone, Debug)]
pub struct Stop {
    level: Arc<watch::Sender<u8>>,
}

impl Stop {
    /// One that only [`Stop::ask`] sets.
    pub fn new() -> Self {
        Self { level: Arc::new(watch::Sender::new(0)) }
    }

    /// One that Ctrl-C and SIGTERM set. From now on they do not end the process by themselves. Must be called inside a
    /// tokio runtime.
    pub fn on_signals(events: Events) -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let stop = Self::new();
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let asked = stop.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    received = interrupt.recv() => if received.is_none() { return },
                    received = terminate.recv() => if received.is_none() { return },
                }
                asked.ask();
                events.emit(Event::Warning {
                    message: "Stopping: what runs on the hosts is being finished. Press Ctrl-C again to stop at once."
                        .into(),
                });
            }
        });
        Ok(stop)
    }

    /// Asks for a stop; asked a second time, for one at once.
    pub fn ask(&self) {
        self.level.send_modify(|level| *level = level.saturating_add(1));
    }

    /// Whether no new work should begin.
    pub fn asked(&self) -> bool {
        *self.level.borrow() > 0
    }

    /// Returns when no new work should begin.
    pub async fn soon(&self) {
        self.reached(1).await;
    }

    /// Returns when everything should be dropped.
    pub async fn at_once(&self) {
        self.reached(2).await;
    }

    async fn reached(&self, wanted: u8) {
        // The sender lives as long as `self`.
        let _ = self.level.subscribe().wait_for(|level| *level >= wanted).await;
    }
}

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}
