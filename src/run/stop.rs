//! The wish to stop: the first Ctrl-C lets what runs finish, the second does not. One wish counts for all runs of a command.

use std::io;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

use crate::event::{Event, Events};

/// Shared by all who may ask for a stop and all who must heed it.
#[derive(Clone, Debug)]
pub struct Stop {
    level: Arc<watch::Sender<u8>>,
    /// Wishes that have been heeded already.
    heeded: u8,
    listens: Arc<AtomicBool>,
}

/// Exit status of a program that Ctrl-C has ended: 128 and the number of SIGINT, as shells count.
const INTERRUPTED: i32 = 130;

impl Stop {
    /// One that only [`Stop::ask`] sets.
    pub fn new() -> Self {
        Self { level: Arc::new(watch::Sender::new(0)), heeded: 0, listens: Arc::default() }
    }

    /// Ctrl-C and SIGTERM ask for a stop from now on, and do not end the process by themselves: where there is no run between
    /// two of them that could heed the second, that one does. However often it is called, each is heard once. Must be called
    /// inside a tokio runtime.
    pub fn heed_signals(&self, events: Events) -> io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        if self.listens.load(Ordering::Relaxed) {
            return Ok(());
        }
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        self.listens.store(true, Ordering::Relaxed);
        let asked = self.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    received = interrupt.recv() => if received.is_none() { return },
                    received = terminate.recv() => if received.is_none() { return },
                }
                asked.ask();
                if *asked.level.borrow() > 1 && asked.level.receiver_count() == 0 {
                    process::exit(INTERRUPTED);
                }
                events.emit(Event::Warning {
                    message: "Stopping: what runs on the hosts is being finished. Press Ctrl-C again to stop at once."
                        .into(),
                });
            }
        });
        Ok(())
    }

    /// A run heeds the wish while what is returned lives.
    pub(super) fn heed(&self) -> watch::Receiver<u8> {
        self.level.subscribe()
    }

    /// Asks for a stop; asked a second time, for one at once.
    pub fn ask(&self) {
        self.level.send_modify(|level| *level = level.saturating_add(1));
    }

    /// For a run that tidies up after another one: what has been asked so far was heeded by that one, and what is asked from
    /// now on is heeded by this one.
    pub fn anew(&self) -> Self {
        Self { heeded: *self.level.borrow(), ..self.clone() }
    }

    /// Whether no new work should begin.
    pub fn asked(&self) -> bool {
        *self.level.borrow() > self.heeded
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
        let wanted = wanted.saturating_add(self.heeded);
        // The sender lives as long as `self`.
        let _ = self.level.subscribe().wait_for(|level| *level >= wanted).await;
    }
}

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}
