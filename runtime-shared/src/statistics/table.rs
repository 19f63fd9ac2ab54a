//! Counters by name.

use std::sync::{
    OnceLock,
    atomic::{AtomicUsize, Ordering},
};

use bytestring::ByteString;

/// What stands for all names that there is no room for.
const OTHERS: &str = "(others)";
/// Lists that names are spread over, as a power of two.
const LISTS_BITS: u32 = 6;

/// One `T` for each name, found without a lock and without writing to anything that is shared. Names
/// stay; there are `max` of them, and one more for whatever comes then.
#[derive(Debug)]
pub(super) struct Table<T> {
    lists: [Place<T>; 1 << LISTS_BITS],
    /// Names that are there, or are just being added.
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

    /// The `T` of a name that was not there a moment ago.
    fn add(&self, name: &str, new: impl Fn(&str) -> T) -> &T {
        let room = |names: usize| (names < self.max).then_some(names + 1);
        let has_room = self.names.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).is_ok();
        let name = if has_room { name } else { OTHERS };
        let (mut place, mut fresh, mut is_added) = (self.place(name), None, false);
        let entry = loop {
            match place.get() {
                Some(entry) if entry.name == *name => break entry,
                Some(entry) => place = &entry.next,
                None => {
                    let entry =
                        || Entry { name: name.into(), value: new(name), next: Place::new() };
                    let entry = fresh.take().unwrap_or_else(|| Box::new(entry()));
                    // Whoever is faster decides what comes here.
                    fresh = place.set(entry).err();
                    is_added = fresh.is_none();
                }
            }
        };
        if has_room && !is_added {
            self.names.fetch_sub(1, Ordering::Relaxed);
        }
        &entry.value
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
        // Of names that are alike, mostly the ends differ.
        let (bytes, fold) = (name.as_bytes(), |sum, byte: &u8| sum << 8 ^ u64::from(*byte));
        let end = match bytes.last_chunk() {
            Some(end) => u64::from_ne_bytes(*end),
            None => bytes.iter().fold(0, fold),
        };
        let mixed = (end ^ bytes.len() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        &self.lists[(mixed >> (u64::BITS - LISTS_BITS)) as usize]
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
        let table = Table::new(100);
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
