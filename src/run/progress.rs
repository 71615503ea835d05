//! Bytes moved to hosts and bytes moved by the operator's machine, as one total for the whole job.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::event::{Event, Events, Sink};

/// Adds up what is known about the bytes that a run moves.
pub struct Progress {
    events: Events,
    uploads: AtomicU64,
    operator: AtomicU64,
}

impl Progress {
    pub fn new(events: Events) -> Arc<Self> {
        Arc::new(Self { events, uploads: AtomicU64::new(0), operator: AtomicU64::new(0) })
    }

    /// A host turned out to need this many bytes.
    pub fn add_upload(&self, bytes: u64) {
        self.uploads.fetch_add(bytes, Ordering::Relaxed);
        self.tell_total();
    }

    /// Reports what passes through a reader.
    pub fn watch(self: &Arc<Self>, reader: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
        Box::new(Watched { reader, progress: self.clone(), untold: 0 })
    }

    /// Bytes came another way than through a reader of ours.
    pub fn moved(&self, bytes: u64) {
        self.events.emit(Event::BytesMoved { bytes });
    }

    fn tell_total(&self) {
        let total = self.uploads.load(Ordering::Relaxed) + self.operator.load(Ordering::Relaxed);
        self.events.emit(Event::BytesTotal { total });
    }
}

/// What the operator's machine reports: its total is one part of the whole.
impl Sink for Progress {
    fn emit(&self, event: Event) {
        match event {
            Event::BytesTotal { total } => {
                self.operator.store(total, Ordering::Relaxed);
                self.tell_total();
            }
            event => self.events.emit(event),
        }
    }
}

/// Often enough for a bar, seldom enough to cost nothing.
const TELL_EVERY: u64 = 1 << 20;

struct Watched {
    reader: Box<dyn Read + Send>,
    progress: Arc<Progress>,
    untold: u64,
}

impl Watched {
    fn tell(&mut self) {
        if self.untold > 0 {
            self.progress.events.emit(Event::BytesMoved { bytes: self.untold });
            self.untold = 0;
        }
    }
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.untold += count as u64;
        if count == 0 || self.untold >= TELL_EVERY {
            self.tell();
        }
        Ok(count)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.tell();
    }
}
