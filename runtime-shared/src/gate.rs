//! What sends pass on their way in: permits for all of them, lanes for ordered ones.

use std::sync::{Arc, Mutex};

use rocketmq_producer_core::{
    delivery::{Asked, LaneKey, Lanes, Permits},
    model::ProducerConfig,
};

use crate::{
    lock,
    slot::{Slot, Turn},
};

/// One session's permits and lanes, each behind a lock that is held for a few steps and nothing
/// else.
#[derive(Debug)]
pub(crate) struct Gate {
    permits: Mutex<Permits<Turn>>,
    lanes: Mutex<Lanes<Turn>>,
}

impl Gate {
    pub(crate) fn new(config: &ProducerConfig) -> Self {
        let permits = Permits::new(config.async_send_semaphore, config.in_flight_bytes_max);
        Self { permits: Mutex::new(permits), lanes: Mutex::default() }
    }

    /// Gives the slot a permit, now or when its turn comes.
    pub(crate) fn ask(self: &Arc<Self>, bytes: usize, slot: &Arc<Slot>) {
        let asked = lock(&self.permits).ask(bytes, Turn::of(slot));
        if let Asked::Granted(_) = asked {
            slot.put_permit(Permit { gate: Arc::clone(self), bytes });
        }
    }

    /// A permit, if there is one now.
    pub(crate) fn try_ask(self: &Arc<Self>, bytes: usize) -> Option<Permit> {
        let granted = lock(&self.permits).try_ask(bytes);
        granted.then(|| Permit { gate: Arc::clone(self), bytes })
    }

    /// A slot that is given a permit when its turn comes.
    pub(crate) fn stand_in_line(self: &Arc<Self>, bytes: usize) -> Arc<Slot> {
        let slot = Arc::default();
        self.ask(bytes, &slot);
        slot
    }

    /// True when a permit is to be had at once.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        lock(&self.permits).has_room(bytes)
    }

    /// Grants the permits that can be granted, after one has come back or somebody who waited has
    /// gone.
    pub(crate) fn let_in(self: &Arc<Self>) {
        self.grant(|_| {});
    }

    fn grant(self: &Arc<Self>, before: impl FnOnce(&mut Permits<Turn>)) {
        let mut permits = lock(&self.permits);
        before(&mut permits);
        let granted: Vec<_> = std::iter::from_fn(|| permits.grant()).collect();
        drop(permits);
        for (bytes, turn) in granted {
            let permit = Permit { gate: Arc::clone(self), bytes };
            // Of one that has gone in this moment, it goes back at once.
            if let Some(slot) = turn.slot() {
                slot.put_permit(permit);
            }
        }
    }

    /// Gives the slot these lanes, each now or when its turn comes. It enters all in one moment: of
    /// two that want the same ones, neither waits for the other in one and is waited for in another.
    pub(crate) fn enter(
        self: &Arc<Self>,
        keys: impl IntoIterator<Item = LaneKey>,
        slot: &Arc<Slot>,
    ) {
        let mut lanes = lock(&self.lanes);
        let free = |key: &LaneKey| lanes.enter(key.clone(), Turn::of(slot)).is_some();
        let entered: Vec<_> = keys.into_iter().filter(free).collect();
        drop(lanes);
        for key in entered {
            slot.put_lane(Lane { gate: Arc::clone(self), key });
        }
    }

    /// Sends and bytes that hold permits.
    pub(crate) fn held(&self) -> (usize, usize) {
        lock(&self.permits).held()
    }

    /// Lanes in use.
    pub(crate) fn lanes(&self) -> usize {
        lock(&self.lanes).len()
    }
}

/// Goes back when it is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    gate: Arc<Gate>,
    bytes: usize,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.gate.grant(|permits| permits.give_back(self.bytes));
    }
}

/// Is left when it is dropped.
#[derive(Debug)]
pub(crate) struct Lane {
    gate: Arc<Gate>,
    key: LaneKey,
}

impl Drop for Lane {
    fn drop(&mut self) {
        let next = lock(&self.gate.lanes).leave(&self.key);
        if let Some(turn) = next {
            let lane = Self { gate: Arc::clone(&self.gate), key: self.key.clone() };
            if let Some(slot) = turn.slot() {
                slot.put_lane(lane);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use super::*;

    fn gate(sends: usize, bytes: usize) -> Arc<Gate> {
        let config = ProducerConfig::default();
        let config = config.with_async_send_semaphore(sends).with_in_flight_bytes_max(bytes);
        Arc::new(Gate::new(&config))
    }

    fn slots<const COUNT: usize>() -> [Arc<Slot>; COUNT] {
        [(); COUNT].map(|()| Arc::new(Slot::default()))
    }

    /// Whether it has its lane, and its permit.
    fn has(slot: &Slot) -> (bool, bool) {
        let arrived = slot.look(&Context::from_waker(Waker::noop()));
        (arrived.lanes > 0, arrived.has_permit)
    }

    #[test]
    fn row_6_a_send_that_is_over_takes_no_lane() {
        let (gate, [first, over, last]) = (gate(10, 100), slots());
        for slot in [&first, &over, &last] {
            gate.enter([("T".into(), "k".into())], slot);
        }
        // Its time was up in its turn; whoever has its future has not dropped it yet.
        over.finish();
        first.finish();
        assert_eq!(has(&last), (true, false));
    }

    #[test]
    fn row_15_what_is_dropped_in_its_turn_has_left_its_lanes_before_its_last_reference_goes() {
        let (gate, [first, batch]) = (gate(10, 100), slots());
        let lane = |key: &'static str| ("T".into(), key.into());
        gate.enter([lane("a")], &first);
        gate.enter([lane("a"), lane("b")], &batch);
        assert_eq!(gate.lanes(), 2);
        // Whoever leaves a lane looks at who waits for it, and may be the last to know one: its lanes
        // cannot be left then, for they are locked.
        batch.abandon();
        assert_eq!(gate.lanes(), 1);
    }

    #[test]
    fn row_6_what_comes_to_one_that_has_gone_goes_back() {
        let (gate, [over]) = (gate(10, 100), slots());
        over.finish();
        gate.ask(10, &over);
        gate.enter([("T".into(), "k".into())], &over);
        assert_eq!((gate.held(), gate.lanes()), ((0, 0), 0));
    }

    #[test]
    fn row_6_who_waits_behind_one_that_has_gone_goes() {
        let (gate, [first, large, small]) = (gate(10, 100), slots());
        for (slot, bytes) in [(&first, 60), (&large, 50), (&small, 10)] {
            gate.ask(bytes, slot);
        }
        assert_eq!(has(&small), (false, false), "nobody is overtaken");
        large.abandon();
        gate.let_in();
        assert_eq!(has(&small), (false, true));
    }
}
