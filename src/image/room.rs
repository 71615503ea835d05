//! How much is under way to a registry at a time: what was sent of a blob and not yet completed has to be sent again when
//! `kk` is killed, since registries forget uploads that broke off.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Bytes of blobs that are sent at a time, or one larger blob.
const ROOM: u64 = 60 << 20;

/// Lets blobs pass as long as what is under way stays within bounds.
#[derive(Default)]
pub(super) struct Room {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    entered: u64,
    under_way: HashMap<u64, Blob>,
}

struct Blob {
    size: u64,
    sent: u64,
}

impl State {
    /// A blob may begin before the one ahead of it is done, if no more of it can be sent until then than there is room for.
    fn has_room_for(&self, size: u64) -> bool {
        let all: u64 = self.under_way.values().map(|blob| blob.size).sum();
        let rest = self.under_way.values().map(|blob| blob.size.saturating_sub(blob.sent)).max().unwrap_or(0);
        all == 0 || all.saturating_add(size.min(rest)) <= ROOM
    }
}

/// The right to send one blob, until it is dropped.
pub(super) struct Passage {
    room: Arc<Room>,
    number: u64,
}

impl Room {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a blob of `size` bytes may be sent.
    pub async fn enter(self: &Arc<Self>, size: u64) -> Passage {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            // What changes from here on is not missed.
            changed.as_mut().enable();
            {
                let mut state = self.state();
                if state.has_room_for(size) {
                    state.entered += 1;
                    let number = state.entered;
                    state.under_way.insert(number, Blob { size, sent: 0 });
                    return Passage { room: self.clone(), number };
                }
            }
            changed.await;
        }
    }
}

impl Passage {
    /// So many bytes of the blob are on their way.
    pub fn sent(&self, bytes: u64) {
        if let Some(blob) = self.room.state().under_way.get_mut(&self.number) {
            blob.sent = bytes;
        }
        self.room.changed.notify_waiters();
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        self.room.state().under_way.remove(&self.number);
        self.room.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn state(blobs: &[(u64, u64)]) -> State {
        let blob =
            |(number, (size, sent)): (usize, &(u64, u64))| (number as u64, Blob { size: size * MIB, sent: sent * MIB });
        State { entered: blobs.len() as u64, under_way: blobs.iter().enumerate().map(blob).collect() }
    }

    #[test]
    fn what_is_under_way_stays_within_bounds() {
        assert!(state(&[]).has_room_for(900 * MIB), "one that is larger goes by itself");
        assert!(!state(&[(900, 899)]).has_room_for(2 * MIB));
        assert!(state(&[(20, 0), (20, 0)]).has_room_for(20 * MIB));
        assert!(!state(&[(20, 0), (25, 0)]).has_room_for(21 * MIB));
        assert!(!state(&[(50, 0)]).has_room_for(50 * MIB));
        assert!(!state(&[(50, 39)]).has_room_for(50 * MIB));
        assert!(state(&[(50, 40)]).has_room_for(50 * MIB), "ten more of it are sent until the first one is done");
    }

    #[tokio::test]
    async fn who_waits_is_let_in_when_the_one_ahead_is_nearly_done() {
        let room = Arc::new(Room::default());
        let first = room.enter(50 * MIB).await;
        let waiting = tokio::spawn({
            let room = room.clone();
            async move { room.enter(50 * MIB).await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        first.sent(45 * MIB);
        let second = waiting.await.unwrap();
        drop(first);
        second.sent(50 * MIB);
        drop(second);
        assert!(room.state().under_way.is_empty());
    }
}
