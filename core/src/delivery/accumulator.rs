//! Messages that wait for company.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use super::{LaneKey, Lot, LotKey, lanes::lane_of, lot::bytes_max};
use crate::{
    Waiter,
    model::{Message, ProducerConfig},
    time::{Deadline, Instant, Now},
};

/// Gathers messages that are sent one by one into lots, each of which travels as one request.
///
/// ```text
///                      full, due, overtaken, closed
///   message ──▶ Gathering ─────────────────────────▶ Ready ──▶ out, without those who have gone
/// ```
///
/// A lot is *full* when it has `batch_size` messages, or no room for the bytes of the one that
/// comes (which begins the next lot then); *due* when its first message has waited for
/// `batch_linger`; *overtaken* when a message of its sharding key comes that cannot join it, or
/// that goes alone. So messages of one sharding key leave in their order, whatever else they are.
///
/// Pure data: whoever shares it puts it behind a short lock. For each message:
///
/// 1. Give it its id, check it, and see that there is a permit for it: what gathers is held here,
///    and only what lets messages in bounds how much that is.
/// 2. Ask [`lot_key`](super::lot_key), which needs no lock, whether it may gather. If so,
///    [`handle_message`](Self::handle_message); if not, [`handle_lone`](Self::handle_lone) before
///    it is sent by itself.
/// 3. Send what [`poll`](Self::poll) gives until it gives no more, and be back with
///    [`handle_timeout`](Self::handle_timeout) when [`deadline`](Self::deadline) has come.
///
/// Ordered lots enter their [lane](LotKey::lane) in the order in which they came out, and before
/// the lone message that they were let go for: under the lock, or others may come in between.
///
/// When `poll` is called changes nothing about what is in a lot, but for callers who go meanwhile.
/// Each token comes out once, in a lot, or is dropped when its caller has gone.
///
/// Source: `ProduceAccumulator` of Java clients from 5.1 on. Theirs looks at the time every 5 ms,
/// lets a lot grow beyond its limit by one message, and knows neither counts nor order.
#[derive(Debug)]
pub struct Accumulator<W> {
    count_max: usize,
    bytes_max: usize,
    linger: Duration,
    gathering: BTreeMap<Place, Gathering<W>>,
    /// The same, soonest due first.
    schedule: BTreeMap<Due, Place>,
    /// How many lots have been begun.
    begun: u64,
    ready: VecDeque<Lot<W>>,
    closed: bool,
}

/// Where one lot gathers at a time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// Whatever else differs: the first to differ has to wait for those before it.
    Lane(LaneKey),
    Free(LotKey),
}

/// When a lot is due, and its number among those that are due at once.
type Due = (Instant, u64);

#[derive(Debug)]
struct Gathering<W> {
    lot: Lot<W>,
    bytes: usize,
    due: Due,
}

impl<W: Waiter> Accumulator<W> {
    /// Nothing has gathered yet.
    pub fn new(config: &ProducerConfig) -> Self {
        Self {
            count_max: config.batch_size,
            bytes_max: bytes_max(config),
            linger: config.batch_linger,
            gathering: BTreeMap::new(),
            schedule: BTreeMap::new(),
            begun: 0,
            ready: VecDeque::new(),
            closed: false,
        }
    }

    /// Takes a message in, with the key that [`lot_key`](super::lot_key) gave.
    pub fn handle_message(&mut self, now: Now, key: LotKey, message: Message, waiter: W) {
        let bytes = message.encoded_len_max();
        let place = key.lane().map_or_else(|| Place::Free(key.clone()), Place::Lane);
        let can_join = |gathering: &Gathering<W>| {
            gathering.lot.key == key && gathering.bytes + bytes <= self.bytes_max
        };
        if self.gathering.get(&place).is_some_and(|gathering| !can_join(gathering)) {
            self.release(&place);
        }
        let gathering = self.gathering.entry(place.clone()).or_insert_with(|| {
            let due = (now.instant + self.linger, self.begun);
            self.begun += 1;
            self.schedule.insert(due, place.clone());
            Gathering { lot: Lot::new(key, now), bytes: 0, due }
        });
        gathering.bytes += bytes;
        gathering.lot.messages.push(message);
        gathering.lot.waiters.push(waiter);
        if self.closed || gathering.lot.messages.len() >= self.count_max {
            self.release(&place);
        }
    }

    /// A message is going alone: whatever has gathered of its sharding key goes before it.
    pub fn handle_lone(&mut self, message: &Message) {
        if let Some(lane) = lane_of(message) {
            self.handle_lane(lane);
        }
    }

    /// The same, by the lane of what is going.
    pub fn handle_lane(&mut self, lane: LaneKey) {
        self.release(&Place::Lane(lane));
    }

    /// Lets go what is due.
    pub fn handle_timeout(&mut self, now: Now) {
        while let Some(entry) = self.schedule.first_entry()
            && entry.key().0 <= now.instant
        {
            let place = entry.remove();
            self.release(&place);
        }
    }

    /// Lets everything go; from now on each message leaves at once.
    pub fn handle_close(&mut self) {
        self.closed = true;
        while let Some((_, place)) = self.schedule.pop_first() {
            self.release(&place);
        }
    }

    /// The next lot to send, in the order in which they were let go.
    pub fn poll(&mut self) -> Option<Lot<W>> {
        std::iter::from_fn(|| self.ready.pop_front()).find_map(Lot::without_gone)
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do.
    pub fn deadline(&self) -> Option<Deadline> {
        let ((at, _), _) = self.schedule.first_key_value()?;
        Some(Deadline { at: *at, why: "a lot has waited long enough for more messages" })
    }

    /// True when nothing gathers, and nothing is left to [`poll`](Self::poll).
    pub fn is_empty(&self) -> bool {
        self.gathering.is_empty() && self.ready.is_empty()
    }

    fn release(&mut self, place: &Place) {
        if let Some(Gathering { lot, due, .. }) = self.gathering.remove(place) {
            self.schedule.remove(&due);
            self.ready.push_back(lot);
        }
    }
}

#[cfg(test)]
mod tests;
