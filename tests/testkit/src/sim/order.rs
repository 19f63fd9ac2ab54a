//! Messages of one sharding key, in their order.

use std::collections::BTreeMap;

/// Whose order it is: a producer, a topic, a sharding key.
pub(super) type Whose = (usize, String, String);

/// The acknowledged messages of each key. One at a time means that acknowledgements come in the order
/// of the sends, and that the places of the messages do, too. Those that gather are acknowledged
/// together, in any order, and their places keep it all the same.
#[derive(Debug, Default)]
pub(super) struct OrderBook {
    /// By their places among all sends of the run.
    acknowledged: BTreeMap<Whose, BTreeMap<u64, Place>>,
}

#[derive(Clone, Debug)]
struct Place {
    broker: String,
    queue: i32,
    /// Of its first copy.
    first_offset: i64,
}

impl Place {
    /// Whether this comes first, where that can be told.
    fn is_before(&self, other: &Self) -> bool {
        (&self.broker, self.queue) != (&other.broker, other.queue)
            || self.first_offset < other.first_offset
    }
}

impl OrderBook {
    /// A message is acknowledged, whose first copy is at `first_offset`; tells what is out of order.
    pub(super) fn acknowledged(
        &mut self,
        whose: Whose,
        order: u64,
        (broker, queue, first_offset): (&str, i32, i64),
        gathers: bool,
    ) -> Option<String> {
        let now = Place { broker: broker.to_owned(), queue, first_offset };
        let known = self.acknowledged.entry(whose.clone()).or_default();
        let before = known.range(..order).next_back();
        let after = known.range(order + 1..).next();
        let overtaken = before.is_some_and(|(_, before)| !before.is_before(&now))
            || after.is_some_and(|(_, after)| !now.is_before(after) || !gathers);
        let story = overtaken.then(|| {
            format!("of {whose:?}, {now:?} is number {order}, between {before:?} and {after:?}")
        });
        known.insert(order, now);
        story
    }
}
