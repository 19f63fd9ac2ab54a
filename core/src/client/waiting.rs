//! Sends that wait for something to change.

use std::collections::{BTreeMap, BTreeSet};

use bytestring::ByteString;

use crate::{
    Waiter,
    route::News,
    time::{Deadline, Instant, Now},
    waiter::{ENTRY_SIZE, Sweep},
};

/// Waiters with their topics and deadlines, for drivers whose callers have no timer of their own.
/// Every waiter handed in comes out exactly once, unless it is gone or the table is dropped.
#[derive(Debug)]
pub struct Waiting<W> {
    waiters: BTreeMap<Place, (ByteString, W)>,
    by_topic: BTreeSet<(ByteString, Place)>,
    next: u64,
    sweep: Sweep,
}

/// Until when somebody waits, and a number of his own.
type Place = (Instant, u64);

impl<W> Default for Waiting<W> {
    fn default() -> Self {
        Self {
            waiters: BTreeMap::new(),
            by_topic: BTreeSet::new(),
            next: 0,
            sweep: Sweep::default(),
        }
    }
}

impl<W: Waiter> Waiting<W> {
    /// Takes a waiter in, until `until` at the latest.
    pub fn insert(&mut self, until: Instant, topic: ByteString, waiter: W) {
        let place = (until, self.next);
        self.next += 1;
        self.by_topic.insert((topic.clone(), place));
        self.waiters.insert(place, (topic, waiter));
        if self.sweep.is_due(self.waiters.len() * ENTRY_SIZE) {
            self.waiters.retain(|_, (_, waiter)| !waiter.is_gone());
            self.by_topic.retain(|(_, place)| self.waiters.contains_key(place));
            self.sweep.done(self.waiters.len() * ENTRY_SIZE);
        }
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiters.len()
    }

    /// True when nobody waits.
    pub fn is_empty(&self) -> bool {
        self.waiters.is_empty()
    }

    /// Takes out a waiter whose time has come.
    pub fn expired(&mut self, now: Now) -> Option<W> {
        let (place, _) = self.waiters.first_key_value()?;
        let place = *place;
        if place.0 > now.instant {
            return None;
        }
        self.take(place)
    }

    /// Takes out all whom the news are about, soonest deadline first.
    pub fn release(&mut self, news: &News) -> Vec<W> {
        if news.others {
            self.by_topic.clear();
            let all = std::mem::take(&mut self.waiters);
            return all.into_values().map(|(_, waiter)| waiter).collect();
        }
        let mut places: Vec<_> =
            news.topics.iter().flat_map(|topic| self.of_topic(topic)).collect();
        places.sort_unstable();
        places.into_iter().filter_map(|place| self.take(place)).collect()
    }

    fn of_topic<'a>(&'a self, topic: &'a ByteString) -> impl Iterator<Item = Place> + 'a {
        let first = (topic.clone(), (Instant::default(), 0));
        let later = self.by_topic.range(first..);
        later.take_while(move |(of, _)| of == topic).map(|(_, place)| *place)
    }

    fn take(&mut self, place: Place) -> Option<W> {
        let (topic, waiter) = self.waiters.remove(&place)?;
        self.by_topic.remove(&(topic, place));
        Some(waiter)
    }

    /// When [`expired`](Self::expired) has something to give.
    pub fn deadline(&self) -> Option<Deadline> {
        let ((at, _), _) = self.waiters.first_key_value()?;
        Some(Deadline { at: *at, why: "a send has waited long enough" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(topic: &'static str) -> News {
        News { topics: [topic.into()].into(), others: false }
    }

    #[test]
    fn row_43_news_of_one_topic_wake_nobody_who_waits_for_another() {
        let at = Instant::from_nanos;
        let mut waiting = Waiting::<u64>::default();
        for (until, topic, waiter) in [(9, "A", 1), (5, "B", 2), (7, "A", 3), (6, "AB", 4)] {
            waiting.insert(at(until), topic.into(), waiter);
        }
        assert_eq!(waiting.release(&about("A")), [3, 1], "soonest deadline first");
        assert!(waiting.release(&about("A")).is_empty(), "each comes out once");
        let now = Now { instant: at(5), ..Now::default() };
        assert_eq!((waiting.expired(now), waiting.expired(now)), (Some(2), None));
        assert!(waiting.release(&about("B")).is_empty());
        assert_eq!(waiting.release(&News { others: true, ..News::default() }), [4]);
        assert!(waiting.is_empty() && waiting.by_topic.is_empty());
    }
}
