//! One topic: what is known of it, and the question that is being asked about it.

use std::{ops::RangeInclusive, sync::Arc, time::Duration};

use bytestring::ByteString;

use crate::{
    model::{Address, MessageQueue},
    route::{RouteError, TopicEntry, TopicRoute},
    time::{Deadline, Instant, Now},
};

/// A topic without a route that nobody waits for is forgotten after this long.
const FORGET_AFTER: Duration = Duration::from_secs(60);
/// The first pause before name servers are asked again for somebody who waits; doubles.
const RETRY: Duration = Duration::from_millis(100);
/// The longest such pause.
const RETRY_MAX: Duration = Duration::from_secs(1);

/// How soon after a round that was asked for out of turn the next such round may begin.
const REFRESH_PAUSE: Duration = Duration::from_secs(1);
/// When a route is fetched anew, in ten-thousandths of the interval: not all at the same time.
const STEADY: RangeInclusive<u32> = 8_000..=10_000;
/// The same for a route that others may have been found together with, so that they part.
const SCATTERED: RangeInclusive<u32> = 1_000..=10_000;
/// The same for pauses after failures: a fleet that has lost its name servers does not ask in step.
const JITTERED: RangeInclusive<u32> = 5_000..=10_000;
/// Sweeps that find a topic unused, one a refresh interval, until it is forgotten.
const UNUSED_MAX: u32 = 10;

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
    /// Some send waits for the end of the next round, whatever it brings.
    refresh_wanted: bool,
    /// No round out of turn begins before.
    refresh_not_before: Instant,
    /// Where order keys stay: the layout of the first route, where order is strict.
    pub(super) pinned: Option<Arc<[MessageQueue]>>,
    /// They are to go by the next route's layout instead, if a route comes of this round.
    pub(super) repin: bool,
    /// Sweeps in a row that have found no trace of a send.
    unused: u32,
    /// A failure was told, and no route since.
    pub(super) failure_told: bool,
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
    /// It is lined up with those that sends wait for.
    pub(super) preferred: bool,
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Others are asked for first.
    Waiting,
    /// The next name server is to be chosen.
    Choosing,
    /// Its connection is being opened.
    Connecting { server: Address, failures: u64, until: Instant },
    /// It has been asked.
    Asked { server: Address },
}

impl Query {
    pub(super) fn new(subject: Subject) -> Self {
        Self {
            subject,
            missing: Vec::new(),
            causes: Vec::new(),
            bad: None,
            preferred: false,
            stage: Stage::Waiting,
        }
    }

    pub(super) fn was_asked(&self, server: &Address) -> bool {
        self.missing.contains(server) || self.causes.iter().any(|(asked, _)| asked == server)
    }

    /// Why the round was in vain.
    pub(super) fn error(&mut self, topic: &ByteString) -> RouteError {
        match self.bad.take() {
            Some(error) => error,
            None if !self.missing.is_empty() => RouteError::TopicNotFound {
                topic: topic.clone(),
                asked: std::mem::take(&mut self.missing),
            },
            None => RouteError::NameServersUnreachable { causes: std::mem::take(&mut self.causes) },
        }
    }
}

impl Topic {
    /// A topic that nobody has asked for yet. It counts its rounds on from those of forgotten
    /// topics, one of which it may have been: its senders must not take an old answer for new.
    pub(super) fn new(rounds: u64) -> Self {
        Self { entry: TopicEntry { rounds, ..TopicEntry::default() }, ..Self::default() }
    }

    /// A round is wanted out of turn.
    pub(super) fn want_refresh(&mut self, now: Now, until: Instant) {
        self.refresh_wanted = true;
        self.wanted_until = self.wanted_until.max(until);
        self.due = self.due.min(self.refresh_not_before.max(now.instant));
    }

    /// A round is over; true when somebody waits for that.
    fn end_round(&mut self, now: Now) -> bool {
        self.entry.rounds += 1;
        self.query = None;
        let wanted = std::mem::take(&mut self.refresh_wanted);
        if wanted {
            self.refresh_not_before = now.instant + REFRESH_PAUSE;
        }
        wanted
    }

    /// A round has found the route; true when it is news, or waited for.
    pub(super) fn found(
        &mut self,
        now: Now,
        route: TopicRoute,
        interval: Duration,
        jitter: &mut fastrand::Rng,
    ) -> bool {
        // What has begun, failed or been doubted together is found together.
        let in_company = self.entry.route.is_none() || self.streak > 0 || self.refresh_wanted;
        let part = jitter.u32(if in_company { SCATTERED } else { STEADY });
        route.usage().confirm(now.instant);
        let same = self.entry.route.as_ref().is_some_and(|known| **known == route);
        if !same {
            self.entry.route = Some(Arc::new(route));
        }
        let recovered = self.entry.failure.take().is_some();
        let waited_for = self.end_round(now);
        self.streak = 0;
        self.due = now.instant + part_of(interval, part);
        !same || recovered || waited_for
    }

    /// A round has failed; true when that is news, or waited for. The last good route stays, unless
    /// the answer is that there are no queues any more.
    pub(super) fn failed(
        &mut self,
        now: Now,
        error: RouteError,
        retry: Duration,
        jitter: &mut fastrand::Rng,
    ) -> bool {
        let again = self.entry.failure.is_some() && self.entry.route.is_some();
        if matches!(error, RouteError::NoWritableQueue { .. }) {
            self.entry.route = None;
        }
        self.repin = false;
        let transient = error.is_transient();
        self.entry.failure = Some(Arc::new(error));
        let waited_for = self.end_round(now);
        self.streak = self.streak.saturating_add(1);
        let pause = match self.entry.route {
            Some(_) => part_of(retry, jitter.u32(STEADY)),
            // Whether or not somebody waits now: who comes later must not find this an answer.
            None if transient => {
                let pause = RETRY_MAX.min(RETRY * 2u32.pow(self.streak.min(8) - 1));
                part_of(pause, jitter.u32(JITTERED))
            }
            None => FORGET_AFTER,
        };
        self.due = now.instant + pause;
        // Whoever has a route to go by is not told again and again.
        waited_for || !again || self.entry.route.is_none()
    }

    /// Its time has come, one way or the other.
    pub(super) fn is_due(&self, now: Now) -> bool {
        self.attention().at <= now.instant
    }

    /// Some send waits for what the next round brings.
    pub(super) fn is_wanted(&self, now: Now) -> bool {
        self.wanted_until > now.instant
    }

    /// Nobody needs it: it has no route, no question, and nobody has waited for long.
    pub(super) fn is_forgotten(&self, now: Now) -> bool {
        self.query.is_none() && self.is_due(now) && !self.is_asked_again()
    }

    /// Looks whether sends have used the route of late; false when none has for long.
    pub(super) fn is_still_used(&mut self, now: Now) -> bool {
        let Some(route) = &self.entry.route else { return true };
        self.unused = if route.usage().take() { 0 } else { self.unused + 1 };
        self.unused <= UNUSED_MAX || self.query.is_some() || self.is_wanted(now)
    }

    /// Its route is stale, and nobody has used it since before the last sweep, or waits for it.
    pub(super) fn is_expired(&self, now: Now, route_timeout: Duration) -> bool {
        let expired =
            |route: &TopicRoute| route.age(now.instant) > route_timeout && !route.is_used();
        let unused = self.unused > 0 && !self.is_wanted(now);
        unused && self.entry.route.as_deref().is_some_and(expired)
    }

    fn is_asked_again(&self) -> bool {
        self.entry.route.is_some() || self.pinned.is_some() || self.due < self.wanted_until
    }

    /// When it is to be asked for again or forgotten. Those who have waited until the end can still
    /// learn why it was in vain.
    fn attention_at(&self) -> Instant {
        match self.is_asked_again() {
            true => self.due,
            false => self.due.max(self.wanted_until + FORGET_AFTER),
        }
    }

    /// When it needs attention, and what for.
    pub(super) fn attention(&self) -> Deadline {
        match self.query.as_ref().map(|query| &query.stage) {
            Some(Stage::Connecting { until, .. }) => {
                Deadline { at: *until, why: "a name server's connection is overdue" }
            }
            // A call has its own deadline, in its link, and others that end let those that wait begin.
            Some(_) => Deadline { at: Instant::FAR_FUTURE, why: "others have to end first" },
            None => Deadline {
                at: self.attention_at(),
                why: "a route is to be asked for again, or forgotten",
            },
        }
    }
}

/// So many ten-thousandths, also of what is too long to be multiplied.
fn part_of(time: Duration, part: u32) -> Duration {
    (time / 100) * part / 100
}
