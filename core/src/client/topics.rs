//! The topics in use, and whose turn it is.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytestring::ByteString;

use super::{
    brokers::Brokers,
    topic::{Query, Stage, Subject, Topic},
};
use crate::{
    route::TopicTable,
    time::{Deadline, Instant, Now},
};

/// Rounds of questions that may be under way. However many topics there are, name servers are not
/// asked for all of them at once.
const ROUNDS_MAX: usize = 64;
/// How many of them no send may be waiting for.
const ROUNDS_UNWANTED_MAX: usize = ROUNDS_MAX / 2;

/// All topics, in the order of their names and of their times, so that ten thousand cost little
/// more than ten.
#[derive(Debug, Default)]
pub(super) struct Topics {
    table: BTreeMap<ByteString, Topic>,
    /// Those that need attention some time, soonest first.
    schedule: BTreeSet<(Instant, ByteString)>,
    /// Those whose rounds have begun.
    under_way: BTreeSet<ByteString>,
    /// Those that a send waits for, and all, in the order in which they are to be asked for. Some
    /// may have had their turn already.
    wanted: VecDeque<ByteString>,
    waiting: VecDeque<ByteString>,
    /// No topic that was forgotten had more rounds of questions.
    rounds_forgotten: u64,
    /// Those that their routes lead to.
    pub(super) brokers: Brokers,
    /// What senders were told last, and the topics of which there is more to tell.
    published: TopicTable,
    unpublished: BTreeSet<ByteString>,
}

impl Topics {
    pub(super) fn get(&self, name: &str) -> Option<&Topic> {
        self.table.get(name)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Takes a topic in, unless it is known.
    pub(super) fn enter(&mut self, name: &ByteString) {
        if !self.table.contains_key(name) {
            self.table.insert(name.clone(), Topic::new(self.rounds_forgotten));
            self.unpublished.insert(name.clone());
            self.note(name, Instant::FAR_FUTURE);
        }
    }

    /// Changes a topic: the only way to.
    pub(super) fn change<R>(
        &mut self,
        name: &ByteString,
        change: impl FnOnce(&mut Topic) -> R,
    ) -> Option<R> {
        let topic = self.table.get_mut(name)?;
        let (before, entry) = (topic.attention().at, topic.entry.clone());
        let result = change(topic);
        if topic.query.is_none() {
            self.under_way.remove(name);
        }
        if topic.entry.rounds != entry.rounds {
            self.brokers.follow(entry.route.as_deref(), topic.entry.route.as_deref());
            self.unpublished.insert(name.clone());
        }
        self.note(name, before);
        Some(result)
    }

    /// Forgets the topics that `is_over` says so of; which they were.
    pub(super) fn forget(
        &mut self,
        mut is_over: impl FnMut(&mut Topic) -> bool,
    ) -> Vec<ByteString> {
        let over =
            self.table.iter_mut().filter_map(|(name, topic)| is_over(topic).then(|| name.clone()));
        let over: Vec<_> = over.collect();
        over.iter().for_each(|name| self.remove(name));
        over
    }

    pub(super) fn remove(&mut self, name: &ByteString) {
        let Some(topic) = self.table.remove(name) else { return };
        self.rounds_forgotten = self.rounds_forgotten.max(topic.entry.rounds);
        self.under_way.remove(name);
        self.schedule.remove(&(topic.attention().at, name.clone()));
        self.brokers.follow(topic.entry.route.as_deref(), None);
        self.unpublished.insert(name.clone());
    }

    /// All that senders may know of topics, and the topics of which there is more to know than the
    /// last time.
    pub(super) fn publish(&mut self) -> (TopicTable, BTreeSet<ByteString>) {
        let news = std::mem::take(&mut self.unpublished);
        for name in &news {
            let entry = self.table.get(name).map(|topic| topic.entry.clone());
            self.published.set(name, entry);
        }
        (self.published.clone(), news)
    }

    /// Has the schedule follow a change.
    fn note(&mut self, name: &ByteString, before: Instant) {
        let Some(topic) = self.table.get(name) else { return };
        let after = topic.attention().at;
        if before == after {
            return;
        }
        self.schedule.remove(&(before, name.clone()));
        if after != Instant::FAR_FUTURE {
            self.schedule.insert((after, name.clone()));
        }
    }

    /// The topics whose time has come.
    pub(super) fn due(&self, now: Now) -> Vec<ByteString> {
        let due = self.schedule.iter().take_while(|(at, _)| *at <= now.instant);
        due.map(|(_, name)| name.clone()).collect()
    }

    /// When the first topic needs attention.
    pub(super) fn deadline(&self) -> Option<Deadline> {
        let (_, name) = self.schedule.first()?;
        self.table.get(name).map(Topic::attention)
    }

    /// Lines a topic up for a round. One that waits already goes first if it is wanted now.
    pub(super) fn line_up(&mut self, now: Now, name: &ByteString) {
        let joins = self.change(name, |topic| {
            let wanted = topic.is_wanted(now);
            match &mut topic.query {
                Some(query) => {
                    let joins = wanted && !query.preferred && query.stage == Stage::Waiting;
                    query.preferred |= joins;
                    joins.then_some(true)
                }
                None => {
                    topic.query = Some(Query { preferred: wanted, ..Query::new(Subject::Own) });
                    Some(wanted)
                }
            }
        });
        match joins.flatten() {
            Some(true) => self.wanted.push_back(name.clone()),
            Some(false) => self.waiting.push_back(name.clone()),
            None => {}
        }
    }

    /// Begins the next round, if there is room for one more.
    pub(super) fn begin_next(&mut self) -> Option<ByteString> {
        loop {
            let name = match self.under_way.len() {
                ROUNDS_MAX.. => return None,
                ROUNDS_UNWANTED_MAX.. => self.wanted.pop_front()?,
                _ => self.wanted.pop_front().or_else(|| self.waiting.pop_front())?,
            };
            let begun = self.change(&name, |topic| match topic.query.as_mut() {
                Some(query) if query.stage == Stage::Waiting => {
                    query.stage = Stage::Choosing;
                    true
                }
                _ => false,
            });
            if begun == Some(true) {
                self.under_way.insert(name.clone());
                return Some(name);
            }
        }
    }

    /// The topics whose questions wait for a connection.
    pub(super) fn connecting(&self) -> Vec<ByteString> {
        let connecting = |name: &&ByteString| {
            let query = self.get(name).and_then(|topic| topic.query.as_ref());
            query.is_some_and(|query| matches!(query.stage, Stage::Connecting { .. }))
        };
        self.under_way.iter().filter(connecting).cloned().collect()
    }
}
