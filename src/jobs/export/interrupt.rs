//! Ctrl-C: what has arrived is kept, what was half written is removed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

use crate::jobs::{JobError, Kind};

/// Becomes set when the user interrupts the command.
#[derive(Clone)]
pub(super) struct Interrupt {
    shared: Arc<Shared>,
}

struct Shared {
    set: AtomicBool,
    told: Notify,
}

impl Interrupt {
    /// Watches for Ctrl-C from now on. Without a signal handler the process just ends, which is as safe.
    pub fn watch() -> Self {
        let shared = Arc::new(Shared { set: AtomicBool::new(false), told: Notify::new() });
        let watcher = shared.clone();
        tokio::spawn(async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                watcher.set.store(true, Ordering::Relaxed);
                watcher.told.notify_waiters();
            }
        });
        Self { shared }
    }

    pub fn is_set(&self) -> bool {
        self.shared.set.load(Ordering::Relaxed)
    }

    /// Does the work, or gives up when the user interrupts it.
    pub async fn race<T>(&self, work: impl Future<Output = Result<T, JobError>>) -> Result<T, JobError> {
        let told = self.shared.told.notified();
        tokio::pin!(told);
        told.as_mut().enable();
        if self.is_set() {
            return Err(Self::error());
        }
        tokio::select! {
            result = work => result,
            () = told => Err(Self::error()),
        }
    }

    pub fn error() -> JobError {
        JobError::new(Kind::Interrupted, "the export was interrupted")
            .hint("Run the same command again: it continues with what has been downloaded.")
    }
}
