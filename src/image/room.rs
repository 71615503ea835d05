//! How much is under way to a registry at a time: what was sent of a blob and not yet completed has to be sent again when
//! `kk` is killed, since registries forget uploads that broke off. A blob is let in when it is likely to fit; its pieces
//! are held back where it turns out that it does not.

use std::collections::BTreeMap;
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
    /// By the number with which they came in: the first one is the oldest.
    under_way: BTreeMap<u64, Blob>,
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

    /// Whether a blob may be sent up to this many bytes. The oldest one always may, so its whole size is taken as sent.
    fn may_send(&self, number: u64, upto: u64) -> bool {
        let oldest = self.under_way.first_key_value().map(|(number, _)| *number);
        let others = self.under_way.iter().filter(|(other, _)| **other != number);
        let sent = others.map(|(other, blob)| if Some(*other) == oldest { blob.size } else { blob.sent }).sum::<u64>();
        oldest == Some(number) || sent.saturating_add(upto) <= ROOM
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
        self.when(|state| {
            state.has_room_for(size).then(|| {
                state.entered += 1;
                state.under_way.insert(state.entered, Blob { size, sent: 0 });
                Passage { room: self.clone(), number: state.entered }
            })
        })
        .await
    }

    /// Tries anew after every change, until there is an answer.
    async fn when<T>(&self, mut attempt: impl FnMut(&mut State) -> Option<T>) -> T {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            // What changes from here on is not missed.
            changed.as_mut().enable();
            if let Some(answer) = attempt(&mut self.state()) {
                return answer;
            }
            changed.await;
        }
    }
}

impl Passage {
    /// Waits until the blob may be sent up to this many bytes, and takes them as sent.
    pub async fn send(&self, upto: u64) {
        self.room
            .when(|state| {
                let may = state.may_send(self.number, upto);
                if may && let Some(blob) = state.under_way.get_mut(&self.number) {
                    blob.sent = upto;
                }
                may.then_some(())
            })
            .await;
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

    #[test]
    fn a_blob_that_came_in_early_is_held_back_until_the_one_ahead_is_done() {
        let early = state(&[(50, 40), (50, 10)]);
        assert!(early.may_send(0, 50 * MIB), "the oldest always may");
        assert!(early.may_send(1, 10 * MIB));
        assert!(!early.may_send(1, 11 * MIB));
        let three = state(&[(20, 0), (20, 15), (30, 25)]);
        assert!(three.may_send(1, 15 * MIB));
        assert!(!three.may_send(1, 16 * MIB), "20 of the oldest, 25 of the youngest");
        assert!(state(&[(900, 10)]).may_send(0, 900 * MIB));
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
        first.send(45 * MIB).await;
        let second = waiting.await.unwrap();
        let held = tokio::time::timeout(std::time::Duration::from_millis(20), second.send(11 * MIB)).await;
        assert!(held.is_err());
        drop(first);
        second.send(50 * MIB).await;
        drop(second);
        assert!(room.state().under_way.is_empty());
    }
}
