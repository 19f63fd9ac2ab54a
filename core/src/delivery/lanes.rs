//! One message of a sharding key at a time.

use std::collections::{BTreeMap, VecDeque};

use bytestring::ByteString;

use crate::{
    Waiter,
    model::Message,
    mutants::{Mutant::OrderedInParallel, is_on},
};

/// Lanes of ordered messages, one for each topic and sharding key: a message enters its lane when
/// the one before it has left, however that has ended, so that no retry can overtake.
///
/// Pure data: whoever shares it puts it behind a short lock, and sees to it that whoever has entered
/// leaves once.
#[derive(Debug)]
pub struct Lanes<T> {
    /// Those who wait behind the one that is in its lane.
    lanes: BTreeMap<LaneKey, VecDeque<T>>,
}

/// A topic and a sharding key.
pub type LaneKey = (ByteString, ByteString);

/// The lane of a message, if it is an ordered one.
pub(super) fn lane_of(message: &Message) -> Option<LaneKey> {
    Some((message.shared_topic(), message.sharding_key()?.into()))
}

impl<T> Default for Lanes<T> {
    fn default() -> Self {
        Self { lanes: BTreeMap::new() }
    }
}

impl<T: Waiter> Lanes<T> {
    /// Enters a lane, if it is free: the token comes back then. Otherwise it comes out of
    /// [`leave`](Self::leave).
    pub fn enter(&mut self, key: LaneKey, token: T) -> Option<T> {
        match self.lanes.get_mut(&key) {
            Some(waiting) if !is_on(OrderedInParallel) => {
                waiting.push_back(token);
                None
            }
            _ => {
                self.lanes.insert(key, VecDeque::new());
                Some(token)
            }
        }
    }

    /// Leaves a lane, and says who is in it now.
    pub fn leave(&mut self, key: &LaneKey) -> Option<T> {
        let waiting = self.lanes.get_mut(key)?;
        while let Some(token) = waiting.pop_front() {
            if !token.is_gone() {
                return Some(token);
            }
        }
        self.lanes.remove(key);
        None
    }

    /// Lanes that somebody is in.
    pub fn len(&self) -> usize {
        self.lanes.len()
    }

    /// True when nobody is in any lane.
    pub fn is_empty(&self) -> bool {
        self.lanes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(key: &'static str) -> LaneKey {
        (ByteString::from_static("T"), ByteString::from_static(key))
    }

    #[test]
    fn row_15_messages_of_one_key_go_one_at_a_time_in_their_order() {
        let mut lanes = Lanes::default();
        assert_eq!(lanes.enter(key("a"), 1_u64), Some(1));
        assert_eq!(lanes.enter(key("a"), 2), None);
        assert_eq!(lanes.enter(key("a"), 3), None);
        assert_eq!(lanes.enter(key("b"), 4), Some(4), "another key does not wait");
        assert_eq!(lanes.leave(&key("a")), Some(2));
        assert_eq!(lanes.leave(&key("a")), Some(3));
        assert_eq!(lanes.leave(&key("a")), None);
        assert_eq!(lanes.leave(&key("b")), None);
        assert!(lanes.is_empty(), "a lane that nobody is in takes no memory");
    }

    struct Gone;

    impl Waiter for Gone {
        fn is_gone(&self) -> bool {
            true
        }
    }

    #[test]
    fn those_who_have_gone_are_passed_over() {
        let mut lanes = Lanes::default();
        assert!(lanes.enter(key("a"), Gone).is_some());
        assert!(lanes.enter(key("a"), Gone).is_none());
        assert!(lanes.leave(&key("a")).is_none());
        assert!(lanes.is_empty());
    }
}
