//! Messages of one sharding key, in their order.

use std::collections::BTreeMap;

/// Whose order it is: a producer, a topic, a sharding key.
pub(super) type Whose = (usize, String, String);

/// The last acknowledged message of each key. One at a time means that acknowledgements come in the
/// order of the sends, and that the places of the messages do, too.
#[derive(Debug, Default)]
pub(super) struct OrderBook {
    last: BTreeMap<Whose, Last>,
}

#[derive(Clone, Debug)]
struct Last {
    /// Its place among all sends of the run.
    order: u64,
    broker: String,
    queue: i32,
    /// Of its first copy.
    first_offset: i64,
}

impl OrderBook {
    /// A message is acknowledged, whose first copy is at `first_offset`; tells what is out of order.
    pub(super) fn acknowledged(
        &mut self,
        whose: Whose,
        order: u64,
        (broker, queue, first_offset): (&str, i32, i64),
    ) -> Option<String> {
        let now = Last { order, broker: broker.to_owned(), queue, first_offset };
        let before = self.last.insert(whose.clone(), now.clone())?;
        let same_queue = (&before.broker, before.queue) == (&now.broker, now.queue);
        let overtaken = before.order > order || same_queue && before.first_offset > first_offset;
        overtaken.then(|| format!("of {whose:?}, {now:?} came after {before:?}"))
    }
}
