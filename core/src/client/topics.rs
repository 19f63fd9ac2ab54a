//! The topics in use, and what is known of each.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytestring::ByteString;

use crate::{
    model::Address,
    route::{RouteError, TopicEntry, TopicRoute},
    time::{Deadline, Instant, Now},
};

/// A topic without a route that nobody waits for is forgotten after this long.
const FORGET_AFTER: Duration = Duration::from_secs(60);
/// The first pause before name servers are asked again for somebody who waits; doubles.
const RETRY: Duration = Duration::from_millis(100);
/// The longest such pause.
const RETRY_MAX: Duration = Duration::from_secs(1);

/// One topic.
#[derive(Debug, Default)]
pub(super) struct Topic {
    pub(super) entry: TopicEntry,
    /// Some send waits for the route until then.
    pub(super) wanted_until: Instant,
    /// The question being asked; at most one.
    pub(super) query: Option<Query>,
    /// When to ask again, or to forget the topic.
    pub(super) due: Instant,
    /// Failed rounds in a row.
    streak: u32,
}

/// One round of questions about one topic.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) subject: Subject,
    /// Name servers that do not know the subject.
    pub(super) missing: Vec<Address>,
    /// Name servers that could not be asked, with the cause.
    pub(super) causes: Vec<(Address, String)>,
    /// The worst answer, which is more telling than silence.
    pub(super) bad: Option<RouteError>,
    pub(super) stage: Stage,
}

/// Whose route is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    Own,
    /// The default topic's, which stands in for one that does not exist yet.
    Default,
}

/// Where a question is.
#[derive(Clone, Debug)]
pub(super) enum Stage {
    /// The next name server is to be chosen.
    Choosing,
    /// Its connection is being opened.
    Connecting { server: Address, failures: u64, until: Instant },
    /// It has been asked.
    Asked { server: Address },
}

impl Query {
    pub(super) fn new(subject: Subject) -> Self {
        Self { subject, missing: Vec::new(), causes: Vec::new(), bad: None, stage: Stage::Choosing }
    }

    pub(super) fn was_asked(&self, server: &Address) -> bool {
        self.missing.contains(server) || self.causes.iter().any(|(asked, _)| asked == server)
    }
}

impl Topic {
    /// A topic that nobody has asked for yet. It counts its rounds on from those of forgotten
    /// topics, one of which it may have been: its senders must not take an old answer for new.
    pub(super) fn new(rounds: u64) -> Self {
        Self { entry: TopicEntry { rounds, ..TopicEntry::default() }, ..Self::default() }
    }

    /// A round has found the route; true when it is news.
    pub(super) fn found(&mut self, now: Now, route: TopicRoute, interval: Duration) -> bool {
        let same = self.entry.route.as_ref().is_some_and(|known| **known == route);
        if !same {
            self.entry.route = Some(Arc::new(route));
        }
        let recovered = self.entry.failure.take().is_some();
        self.entry.rounds += 1;
        self.query = None;
        self.streak = 0;
        self.due = now.instant + interval;
        !same || recovered
    }

    /// A round has failed. The last good route stays, unless the answer is that there are no
    /// queues any more.
    pub(super) fn failed(&mut self, now: Now, error: RouteError, retry: Duration) {
        if matches!(error, RouteError::NoWritableQueue { .. }) {
            self.entry.route = None;
        }
        let transient = error.is_transient();
        self.entry.failure = Some(Arc::new(error));
        self.entry.rounds += 1;
        self.query = None;
        self.streak = self.streak.saturating_add(1);
        let pause = match self.entry.route {
            Some(_) => retry,
            // Whether or not somebody waits now: who comes later must not find this an answer.
            None if transient => RETRY_MAX.min(RETRY * 2u32.pow(self.streak.min(8) - 1)),
            None => FORGET_AFTER,
        };
        self.due = now.instant + pause;
    }

    /// Its time has come, one way or the other.
    pub(super) fn is_due(&self, now: Now) -> bool {
        self.query.is_none() && self.attention_at() <= now.instant
    }

    /// Nobody needs it: it has no route, no question, and nobody has waited for long.
    pub(super) fn is_forgotten(&self, now: Now) -> bool {
        self.is_due(now) && !self.is_asked_again()
    }

    fn is_asked_again(&self) -> bool {
        self.entry.route.is_some() || self.due < self.wanted_until
    }

    /// When it is to be asked for again or forgotten. Those who have waited until the end can still
    /// learn why it was in vain.
    fn attention_at(&self) -> Instant {
        match self.is_asked_again() {
            true => self.due,
            false => self.due.max(self.wanted_until + FORGET_AFTER),
        }
    }

    fn deadline(&self) -> Deadline {
        match self.query.as_ref().map(|query| &query.stage) {
            Some(Stage::Connecting { until, .. }) => {
                Deadline { at: *until, why: "a name server's connection is overdue" }
            }
            // The call has its own deadline, in its link.
            Some(_) => Deadline { at: Instant::FAR_FUTURE, why: "a name server's answer is due" },
            None => Deadline {
                at: self.attention_at(),
                why: "a route is to be asked for again, or forgotten",
            },
        }
    }
}

/// When the first topic needs attention.
pub(super) fn deadline(topics: &BTreeMap<ByteString, Topic>) -> Option<Deadline> {
    let soonest = topics.values().map(Topic::deadline).min_by_key(|deadline| deadline.at)?;
    (soonest.at != Instant::FAR_FUTURE).then_some(soonest)
}
