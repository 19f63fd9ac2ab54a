//! Counters by name.

use std::sync::{
    OnceLock,
    atomic::{AtomicUsize, Ordering},
};

use bytestring::ByteString;
use rocketmq_producer_core::model::name_hash;

/// What stands for all names that there is no room for.
const OTHERS: &str = "(others)";
/// Lists that names are spread over, as a power of two.
const LISTS_BITS: u32 = 6;

/// One `T` for each name, found without a lock and without writing to anything that is shared. Names
/// stay; there are about `max` of them, and one more for whatever comes then.
#[derive(Debug)]
pub(super) struct Table<T> {
    lists: [Place<T>; 1 << LISTS_BITS],
    /// How many names are there.
    names: AtomicUsize,
    max: usize,
}

/// Where the next name of a list goes, once.
type Place<T> = OnceLock<Box<Entry<T>>>;

#[derive(Debug)]
struct Entry<T> {
    name: ByteString,
    value: T,
    next: Place<T>,
}

impl<T> Table<T> {
    pub(super) fn new(max: usize) -> Self {
        let lists = [const { OnceLock::new() }; 1 << LISTS_BITS];
        Self { lists, names: AtomicUsize::new(0), max }
    }

    /// Does something with the `T` of this name.
    pub(super) fn with(&self, name: &str, new: impl Fn(&str) -> T, act: impl FnOnce(&T)) {
        let known = self.list(name).find(|entry| entry.name == *name);
        act(known.map_or_else(|| self.add(name, new), |entry| &entry.value));
    }

    /// The `T` of a name that was not there a moment ago. Where there is room for a last name, those
    /// that come together may all find it.
    fn add(&self, name: &str, new: impl Fn(&str) -> T) -> &T {
        let has_room = self.names.load(Ordering::Relaxed) < self.max;
        let name = if has_room { name } else { OTHERS };
        let (mut place, mut fresh) = (self.place(name), None);
        loop {
            match place.get() {
                Some(entry) if entry.name == *name => return &entry.value,
                Some(entry) => place = &entry.next,
                None => {
                    let entry =
                        || Entry { name: name.into(), value: new(name), next: Place::new() };
                    let entry = fresh.take().unwrap_or_else(|| Box::new(entry()));
                    // Whoever is faster decides what comes here.
                    fresh = place.set(entry).err();
                    let is_name = fresh.is_none() && has_room;
                    self.names.fetch_add(usize::from(is_name), Ordering::Relaxed);
                }
            }
        }
    }

    /// All of them at this moment.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &T)> {
        self.lists.iter().flat_map(entries).map(|entry| (&*entry.name, &entry.value))
    }

    fn list(&self, name: &str) -> impl Iterator<Item = &Entry<T>> {
        entries(self.place(name))
    }

    /// The beginning of the list that this name is in.
    fn place(&self, name: &str) -> &Place<T> {
        &self.lists[(name_hash(name) >> (u64::BITS - LISTS_BITS)) as usize]
    }
}

fn entries<T>(first: &Place<T>) -> impl Iterator<Item = &Entry<T>> {
    std::iter::successors(first.get(), |entry| entry.next.get()).map(Box::as_ref)
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeMap,
        sync::atomic::{AtomicU64, Ordering},
        thread,
    };

    use super::*;

    fn count(table: &Table<AtomicU64>, name: &str) {
        table.with(name, |_| AtomicU64::new(0), |count| _ = count.fetch_add(1, Ordering::Relaxed));
    }

    /// No name is there twice.
    fn counted(table: &Table<AtomicU64>) -> BTreeMap<&str, u64> {
        let mut counted = BTreeMap::new();
        for (name, count) in table.all() {
            assert_eq!(counted.insert(name, count.load(Ordering::Relaxed)), None, "{name}");
        }
        counted
    }

    #[test]
    fn names_beyond_the_limit_are_counted_together() {
        let table = Table::new(2);
        ["a", "b", "c", "d", "a"].iter().for_each(|name| count(&table, name));
        assert_eq!(counted(&table), [("(others)", 2), ("a", 2), ("b", 1)].into());
    }

    #[test]
    fn names_beyond_the_limit_take_no_memory() {
        let table = Table::new(1);
        ["a", "b"].iter().for_each(|name| count(&table, name));
        let before = table.all().count();
        (0..1_000).for_each(|number| count(&table, &format!("{number}")));
        assert_eq!((before, table.all().count()), (2, 2));
    }

    #[test]
    fn names_that_share_a_list_are_told_apart() {
        let table = Table::new(1_000);
        let names: Vec<_> = (0..1_000).map(|number| format!("{number}, with one end")).collect();
        names.iter().chain(&names).for_each(|name| count(&table, name));
        let counted = counted(&table);
        assert_eq!(counted.len(), 1_000);
        assert!(counted.values().all(|count| *count == 2), "{counted:?}");
    }

    #[test]
    fn row_53_names_that_many_threads_meet_first_lose_no_count() {
        // As many as there are names: none of them may be taken for another.
        let table = Table::new(50);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..2_000).for_each(|n| count(&table, &format!("{}", n % 50))));
            }
        });
        let counted = counted(&table);
        assert_eq!(counted.len(), 50);
        assert!(counted.values().all(|count| *count == 160), "{counted:?}");
    }
}
