//! Counters by name.

use std::{collections::BTreeMap, sync::Arc};

use arc_swap::ArcSwap;
use bytestring::ByteString;

/// What stands for all names that there is no room for.
const OTHERS: &str = "(others)";

/// One `T` for each name, found without a lock. A new name copies the table; there are `max` of them,
/// and one more for whatever comes then.
#[derive(Debug)]
pub(super) struct Table<T> {
    by_name: ArcSwap<BTreeMap<ByteString, Arc<T>>>,
    max: usize,
}

impl<T> Table<T> {
    pub(super) fn new(max: usize) -> Self {
        Self { by_name: ArcSwap::default(), max }
    }

    /// Does something with the `T` of this name.
    pub(super) fn with(&self, name: &str, new: impl Fn(&str) -> T, act: impl FnOnce(&T)) {
        let known = self.by_name.load();
        match known.get(name) {
            Some(value) => act(value),
            None => act(&self.add(name, new)),
        }
    }

    /// The `T` of a name that was not there a moment ago.
    fn add(&self, name: &str, new: impl Fn(&str) -> T) -> Arc<T> {
        let known = self.by_name.load();
        let name = if known.len() >= self.max { OTHERS } else { name };
        if let Some(value) = known.get(name) {
            return Arc::clone(value);
        }
        // Whoever is faster decides which it is.
        let fresh = Arc::new(new(name));
        let table = || self.by_name.load_full();
        self.by_name.rcu(|table| {
            let mut table = BTreeMap::clone(table);
            table.entry(name.into()).or_insert_with(|| Arc::clone(&fresh));
            table
        });
        table().get(name).map_or(fresh, Arc::clone)
    }

    /// All of them at this moment.
    pub(super) fn all(&self) -> Arc<BTreeMap<ByteString, Arc<T>>> {
        self.by_name.load_full()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicU64, Ordering},
        thread,
    };

    use super::*;

    fn count(table: &Table<AtomicU64>, name: &str) {
        table.with(name, |_| AtomicU64::new(0), |count| _ = count.fetch_add(1, Ordering::Relaxed));
    }

    fn counted(table: &Table<AtomicU64>) -> Vec<(String, u64)> {
        let all = table.all();
        all.iter().map(|(name, count)| (name.to_string(), count.load(Ordering::Relaxed))).collect()
    }

    #[test]
    fn names_beyond_the_limit_are_counted_together() {
        let table = Table::new(2);
        ["a", "b", "c", "d", "a"].iter().for_each(|name| count(&table, name));
        let expected = [("(others)", 2), ("a", 2), ("b", 1)];
        assert_eq!(counted(&table), expected.map(|(name, count)| (name.to_owned(), count)));
    }

    #[test]
    fn names_beyond_the_limit_copy_the_table_once() {
        let table = Table::new(1);
        ["a", "b"].iter().for_each(|name| count(&table, name));
        let full = table.all();
        ["b", "c"].iter().for_each(|name| count(&table, name));
        assert!(Arc::ptr_eq(&full, &table.all()));
    }

    #[test]
    fn row_53_names_that_many_threads_meet_first_lose_no_count() {
        let table = Table::new(100);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..2_000).for_each(|n| count(&table, &format!("{}", n % 50))));
            }
        });
        let counted = counted(&table);
        assert_eq!(counted.len(), 50);
        assert!(counted.iter().all(|(_, count)| *count == 160), "{counted:?}");
    }
}
