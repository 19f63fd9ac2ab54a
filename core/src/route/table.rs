//! The topics of a snapshot, so kept that the next snapshot shares all that has not changed.

use std::{collections::BTreeMap, sync::Arc};

use bytestring::ByteString;

use super::TopicEntry;
use crate::model::name_hash;

/// Parts of a table. A change copies one of them. A prime, so that names which differ in a number
/// are spread evenly.
const SHARDS: usize = 127;

type Shard = BTreeMap<ByteString, TopicEntry>;

/// Topics by name. A clone costs as much for ten thousand topics as for one.
#[derive(Clone, Debug)]
pub(crate) struct TopicTable {
    shards: Vec<Arc<Shard>>,
}

impl Default for TopicTable {
    fn default() -> Self {
        let empty = Arc::<Shard>::default();
        Self { shards: vec![empty; SHARDS] }
    }
}

impl TopicTable {
    pub(crate) fn get(&self, topic: &str) -> Option<&TopicEntry> {
        self.shards.get(shard_of(topic))?.get(topic)
    }

    /// How many topics there are whose route is known.
    pub(crate) fn routed(&self) -> usize {
        let entries = self.shards.iter().flat_map(|shard| shard.values());
        entries.filter(|entry| entry.route.is_some()).count()
    }

    /// What is known of `topic` from now on; none when it is forgotten.
    pub(crate) fn set(&mut self, topic: &ByteString, entry: Option<TopicEntry>) {
        let Some(shard) = self.shards.get_mut(shard_of(topic)) else { return };
        match entry {
            Some(entry) => _ = Arc::make_mut(shard).insert(topic.clone(), entry),
            None => _ = Arc::make_mut(shard).remove(topic),
        }
    }
}

fn shard_of(topic: &str) -> usize {
    (name_hash(topic) >> 32) as usize % SHARDS
}

#[cfg(test)]
impl TopicTable {
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&ByteString, &TopicEntry)> {
        self.shards.iter().flat_map(|shard| shard.iter())
    }

    pub(crate) fn len(&self) -> usize {
        self.iter().count()
    }

    /// The entry of `topic`, to change it.
    pub(crate) fn entry(&mut self, topic: &str) -> &mut TopicEntry {
        Arc::make_mut(&mut self.shards[shard_of(topic)]).entry(topic.into()).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_43_a_change_leaves_earlier_snapshots_alone_and_shares_with_them_what_it_can() {
        let mut table = TopicTable::default();
        for number in 0..10_000 {
            let entry = TopicEntry { rounds: number, ..TopicEntry::default() };
            table.set(&format!("T{number}").into(), Some(entry));
        }
        let before = table.clone();
        table.set(&"T7".into(), None);
        table.set(&"T8".into(), Some(TopicEntry::default()));
        assert_eq!((before.len(), table.len()), (10_000, 9_999));
        assert_eq!(before.get("T7").map(|entry| entry.rounds), Some(7));
        assert_eq!(table.get("T8").map(|entry| entry.rounds), Some(0));
        let shared = before.shards.iter().zip(&table.shards);
        let shared = shared.filter(|(before, after)| Arc::ptr_eq(before, after)).count();
        assert!(shared >= SHARDS - 2, "{shared}");
        let largest = before.shards.iter().map(|shard| shard.len()).max();
        assert!(largest < Some(10_000 / SHARDS * 2), "{largest:?}");
    }
}
