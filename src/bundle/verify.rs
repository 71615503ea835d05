//! Proves a bundle: every byte of the file is what the writer would have written for this inventory.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::blame::Blame;
use super::depth::VerifyDepth;
use super::entry::{EntryReader, Place};
use super::fault::{BadObject, Fault};
use super::frame::{self, CHUNK, Stream};
use super::header::{BLOCK, END};
use super::layout::Member;
use super::medium::{DamagedPart, Window};
use super::read::{Bundle, Places, Shared, Unverified, Verified};
use crate::event::{Event, Events};

/// A bundle that is not what its inventory says.
#[derive(Debug)]
pub struct VerifyError {
    /// The bundle.
    pub path: PathBuf,
    /// Every bad entry, in the bundle's order.
    pub bad: Vec<BadObject>,
    /// Of a bundle in parts: those that are damaged.
    pub parts: Vec<DamagedPart>,
}

/// A message lists this many bad entries.
const SHOWN: usize = 20;

impl fmt::Display for VerifyError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = if self.bad.len() == 1 { "entry is" } else { "entries are" };
        write!(formatter, "the bundle {} is damaged: {} {entries} bad", self.path.display(), self.bad.len())?;
        for bad in self.bad.iter().take(SHOWN) {
            write!(formatter, "\n  {bad}")?;
        }
        if self.bad.len() > SHOWN {
            write!(formatter, "\n  and {} more", self.bad.len() - SHOWN)?;
        }
        for part in &self.parts {
            write!(formatter, "\n{part}")?;
        }
        if !self.parts.is_empty() {
            return Ok(());
        }
        formatter.write_str("\nCopy the bundle again; if it stays damaged, export it again")
    }
}

impl std::error::Error for VerifyError {}

/// More threads than this do not make a medium faster, and each holds a chunk in memory.
const MAX_THREADS: usize = 16;

/// Fewer bytes than this are read before another thread has begun.
const WORTH_A_THREAD: u64 = 1 << 20;

impl Bundle<Unverified> {
    /// Reads the file once, with all cores, and checks every byte of it. All bad entries are reported at once.
    pub fn verify(self, depth: VerifyDepth, events: &Events) -> Result<Bundle<Verified>, VerifyError> {
        self.verify_into(depth, events, &|_, _| ())
    }

    /// Proves each entry while it is read, and only then: for whoever can take back what was done with an entry that proves
    /// to be damaged at its end, as a registry gives up an upload. Where entries cannot even be found, all is verified.
    pub fn prove_while_reading(self, events: &Events) -> Result<Bundle<Verified>, VerifyError> {
        let (places, broken) = self.shared.find();
        let end = places.last().map_or(self.shared.start, |place| place.end);
        if broken.is_some() || self.shared.check_end(end).is_some() {
            return self.verify(VerifyDepth::Blake3, events);
        }
        Ok(Self::found(self.shared, places))
    }

    /// As [`Bundle::verify`], and hands each entry to `take` while it is read for the first time, on several threads at
    /// once. What `take` leaves is read behind it. It must keep to itself what it was given before the whole is proven;
    /// where a damaged part has a good copy, entries are given twice.
    pub fn verify_into(
        self,
        depth: VerifyDepth,
        events: &Events,
        take: &Take<'_>,
    ) -> Result<Bundle<Verified>, VerifyError> {
        let shared = self.shared;
        let mut proven = shared.prove(depth, events, take);
        let mut parts = Vec::new();
        if let Err(unsound) = &proven {
            // Only now, and only where the damage is, the checksums of the medium's own parts matter.
            let rechecked = shared.medium.recheck(&unsound.ranges(shared.start));
            parts = rechecked.damaged;
            if rechecked.replaced && parts.is_empty() {
                events.emit(Event::Note { message: "A part is damaged; its other copy is read instead.".into() });
                proven = shared.prove(depth, events, take);
            }
        }
        let places = proven.map_err(|unsound| shared.refuse(unsound, parts))?;
        Ok(Self::found(shared, places))
    }

    fn found(shared: Arc<Shared>, places: Vec<Place>) -> Bundle<Verified> {
        let members = || shared.members.iter().enumerate();
        let by_path = HashMap::from_iter(members().map(|(index, member)| (member.path.clone(), index)));
        let by_digest = HashMap::from_iter(members().map(|(index, member)| (member.sha256, index)));
        let places = Arc::new(Places { by_path, by_digest, places });
        Bundle { shared, state: Verified { places, holders: Vec::new() } }
    }
}

/// Takes an entry while it is verified; see [`Bundle::verify_into`].
pub type Take<'a> = dyn Fn(&Member, &mut EntryReader) + Sync + 'a;

/// What was found wrong, and where every entry lies that was found.
struct Unsound {
    places: Vec<Place>,
    /// Bad entries by their index; one past the last stands for the end of the archive.
    bad: Vec<(usize, Fault)>,
}

impl Unsound {
    /// Where in the file the damage is.
    fn ranges(&self, start: u64) -> Vec<Range<u64>> {
        // A wrong length in a frame's header puts the entry's end before that header's.
        const AROUND: u64 = 1024;
        let end = self.places.last().map_or(start, |place| place.end);
        let of = |index: usize| match self.places.get(index) {
            Some(place) => place.start.saturating_sub(AROUND)..place.end.saturating_add(AROUND),
            None => end.saturating_sub(AROUND)..u64::MAX,
        };
        self.bad.iter().map(|(index, _)| of(*index)).collect()
    }
}

impl Shared {
    /// Reads everything once.
    fn prove(&self, depth: VerifyDepth, events: &Events, take: &Take<'_>) -> Result<Vec<Place>, Unsound> {
        events.emit(Event::BytesTotal { total: self.medium.size() });
        events.emit(Event::BytesMoved { bytes: self.start });
        let (places, broken) = self.find();
        let mut bad = self.check_all(&places, depth, events, take);
        match broken {
            Some(fault) => {
                bad.push((places.len(), fault));
                bad.extend((places.len() + 1..self.members.len()).map(|index| (index, Fault::OutOfReach)));
            }
            None => bad.extend(self.check_end(places.last().map_or(self.start, |place| place.end))),
        }
        if bad.is_empty() {
            return Ok(places);
        }
        bad.sort_by_key(|(index, _)| *index);
        Err(Unsound { places, bad })
    }

    fn refuse(&self, unsound: Unsound, parts: Vec<DamagedPart>) -> VerifyError {
        let blame = Blame::new(&self.inventory, &self.members);
        let bad = unsound.bad.into_iter().map(|(index, fault)| blame.bad_object(index, fault)).collect();
        VerifyError { path: self.path.clone(), bad, parts }
    }

    /// Where the entries lie, up to the first that cannot be found, and why it cannot.
    ///
    /// The place of a stored entry follows from its size; a packed one is passed over by the lengths of its frames.
    fn find(&self) -> (Vec<Place>, Option<Fault>) {
        let mut places = Vec::with_capacity(self.members.len());
        let mut start = self.start;
        for member in &self.members {
            let end = if member.is_stored(self.spelling) {
                Ok(start.saturating_add(frame::stored_length(self.spelling, member.length())))
            } else {
                self.pass_over(start, member.length())
            };
            let size = self.medium.size();
            match end {
                Ok(end) if end > size => return (places, Some(Fault::Truncated { offset: size })),
                Ok(end) => {
                    places.push(Place { start, end });
                    start = end;
                }
                Err(fault) => return (places, Some(fault)),
            }
        }
        (places, None)
    }

    /// The offset after the packed frames that begin at `at` and hold a run of `length` bytes.
    fn pass_over(&self, mut at: u64, length: u64) -> Result<u64, Fault> {
        for _ in 0..length.div_ceil(CHUNK as u64) {
            let head_end = at + frame::head_length(self.spelling);
            let mut window = Window::new(self.medium.clone(), at, head_end);
            let head = window.take((head_end - at) as usize)?;
            let length = frame::frame_length(self.spelling, head);
            at += length.ok_or(Fault::Frame { offset: at, what: "frame header" })?;
        }
        Ok(at)
    }

    /// Checks the entries at these places and returns the bad ones by their index.
    fn check_all(&self, places: &[Place], depth: VerifyDepth, events: &Events, take: &Take<'_>) -> Vec<(usize, Fault)> {
        let mut order: Vec<usize> = (0..places.len()).collect();
        if depth == VerifyDepth::Sha256 {
            // The processor is slower than the medium here: the longest first keeps all cores busy to the end.
            order.sort_by_key(|index| std::cmp::Reverse(self.members[*index].size));
        }
        let next = AtomicUsize::new(0);
        let bad = Mutex::new(Vec::new());
        let work = || {
            let mut progress = Progress { events, bytes: 0 };
            while let Some(index) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                let result = self.check_one(*index, places[*index], depth, &mut progress, take);
                if let (Err(fault), Ok(mut bad)) = (result, bad.lock()) {
                    bad.push((*index, fault));
                }
            }
        };
        let cores = std::thread::available_parallelism().map_or(1, |count| count.get());
        let threads = cores.min(MAX_THREADS).min(1 + (self.medium.size() / WORTH_A_THREAD) as usize);
        std::thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(work);
            }
            work();
        });
        bad.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn check_one(
        &self,
        index: usize,
        place: Place,
        depth: VerifyDepth,
        progress: &mut Progress,
        take: &Take<'_>,
    ) -> Result<(), Fault> {
        let mut reader = EntryReader::new(self.medium.clone(), self.spelling, &self.members[index], place, depth)?;
        take(&self.members[index], &mut reader);
        let mut left = place.end - place.start;
        loop {
            let count = reader.show()?.len();
            if count == 0 {
                progress.moved(left);
                return Ok(());
            }
            reader.pass(count);
            let moved = (count as u64).min(left);
            left -= moved;
            progress.moved(moved);
        }
    }

    /// Checks the end of the archive, which begins at `start`, and that nothing follows it.
    fn check_end(&self, start: u64) -> Option<(usize, Fault)> {
        let length = END.len() as u64;
        let end = start + frame::stored_length(self.spelling, length);
        let check = || {
            let mut stream = Stream::new(self.medium.clone(), self.spelling, true, length, start, end)?;
            let mut found = [0u8; BLOCK as usize];
            for _ in 0..length / BLOCK {
                stream.read_exact(&mut found)?;
                if found.iter().any(|byte| *byte != 0) {
                    return Err(Fault::of_header(&found, "", 0));
                }
            }
            stream.finish()?;
            match self.medium.size().saturating_sub(end) {
                0 => Ok(()),
                count => Err(Fault::Trailing { count }),
            }
        };
        check().err().map(|fault| (self.members.len(), fault))
    }
}

/// Reports moved bytes, not too often.
struct Progress<'a> {
    events: &'a Events,
    bytes: u64,
}

impl Progress<'_> {
    fn moved(&mut self, bytes: u64) {
        self.bytes += bytes;
        if self.bytes >= CHUNK as u64 {
            self.flush();
        }
    }

    fn flush(&mut self) {
        if self.bytes > 0 {
            self.events.emit(Event::BytesMoved { bytes: std::mem::take(&mut self.bytes) });
        }
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        self.flush();
    }
}
