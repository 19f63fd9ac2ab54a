//! When name servers are asked for which topics, and when a topic is forgotten.

use std::time::Duration;

use bytestring::ByteString;

use super::{Client, topic::Topic};
use crate::{
    event::Event,
    time::{Deadline, Instant, Now},
};

/// The shortest time between two looks for topics that no send uses any more.
const SWEEP_MIN: Duration = Duration::from_secs(6);

impl Client {
    /// A send waits for this topic's route.
    pub(super) fn want_topic(&mut self, now: Now, name: ByteString, until: Instant) {
        if self.topics.is_empty() {
            self.sweep_at = now.instant + self.sweep_interval();
        }
        self.topics.enter(&name);
        let ask = self.topics.change(&name, |topic| {
            topic.wanted_until = topic.wanted_until.max(until);
            let failure = topic.entry.failure.as_ref();
            let failed_lately = failure.is_some_and(|error| error.is_transient());
            let resting = failed_lately && topic.query.is_none() && topic.due > now.instant;
            topic.entry.route.is_none() && !resting
        });
        if ask == Some(true) {
            self.ask(now, &name);
        }
    }

    /// The route is said to be out of date: name servers are asked at once, unless they are being
    /// asked already or have just been.
    pub(super) fn want_refresh(&mut self, now: Now, name: ByteString, until: Instant) {
        if self.topics.get(&name).is_none_or(|topic| topic.entry.route.is_none()) {
            return self.want_topic(now, name, until);
        }
        let due = self.topics.change(&name, |topic| {
            topic.want_refresh(now, until);
            topic.is_due(now) || topic.query.is_some()
        });
        if due == Some(true) {
            self.ask(now, &name);
        }
    }

    /// Somebody wants the route as it is now, and order keys spread over what it has.
    pub(super) fn want_update(&mut self, now: Now, name: ByteString, until: Instant) {
        self.topics.change(&name, |topic| topic.repin = true);
        self.want_refresh(now, name, until);
    }

    /// Begins a round, or lines up for one.
    fn ask(&mut self, now: Now, name: &ByteString) {
        self.topics.line_up(now, name);
        self.begin_rounds(now);
    }

    /// Begins as many rounds as may be under way.
    pub(super) fn begin_rounds(&mut self, now: Now) {
        while let Some(name) = self.topics.begin_next() {
            self.advance(now, &name);
        }
    }

    /// Topics whose time has come: refreshed, asked for again, or forgotten.
    pub(super) fn handle_topic_timeouts(&mut self, now: Now) {
        self.sweep(now);
        for name in self.topics.due(now) {
            let Some(topic) = self.topics.get(&name) else { continue };
            if topic.is_forgotten(now) {
                self.topics_changed |= topic.entry.failure.is_some();
                self.topics.remove(&name);
            } else {
                self.topics.line_up(now, &name);
            }
        }
        self.advance_connecting(now);
    }

    /// Forgets the topics that no send has used for long, and the brokers that only they have led
    /// to.
    fn sweep(&mut self, now: Now) {
        if self.topics.is_empty() || now.instant < self.sweep_at {
            return;
        }
        self.sweep_at = now.instant + self.sweep_interval();
        self.forget_topics(now, |topic| !topic.is_still_used(now));
    }

    /// Forgets the routes that no name server has confirmed for `route_timeout`, and that nobody
    /// uses.
    pub(super) fn clear_expired_routes(&mut self, now: Now) {
        let timeout = self.config.route_timeout;
        self.forget_topics(now, |topic| topic.is_expired(now, timeout));
        self.begin_rounds(now);
    }

    fn forget_topics(&mut self, now: Now, mut is_over: impl FnMut(&mut Topic) -> bool) {
        // Where order is strict, the layout of keys is not to be forgotten; where brokers ask about
        // half messages, they are not.
        let answers_checks = self.answers_checks;
        let is_kept = |topic: &Topic| {
            topic.pinned.is_some() || (answers_checks && topic.entry.route.is_some())
        };
        for topic in self.topics.forget(|topic| is_over(topic) && !is_kept(topic)) {
            self.topics_changed = true;
            self.notify(Event::TopicForgotten { topic });
        }
        self.drop_unrouted_brokers(now);
    }

    fn sweep_interval(&self) -> Duration {
        self.config.update_topic_route_info_interval.max(SWEEP_MIN)
    }

    /// When [`handle_topic_timeouts`](Self::handle_topic_timeouts) is due.
    pub(super) fn topics_deadline(&self) -> Option<Deadline> {
        let sweep = Deadline { at: self.sweep_at, why: "unused topics are to be looked for" };
        let sweep = (!self.topics.is_empty()).then_some(sweep);
        Deadline::sooner(self.topics.deadline(), sweep)
    }

    /// Moves every question that waits for a connection as far as it goes.
    pub(super) fn advance_connecting(&mut self, now: Now) {
        for name in self.topics.connecting() {
            self.advance(now, &name);
        }
        self.begin_rounds(now);
    }
}
