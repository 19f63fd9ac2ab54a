//! Where the next attempt goes.

use std::{sync::Arc, time::Duration};

use super::{
    Ask, Attempt, AttemptFailure, AttemptReport, Delivery, SendErrorKind, Step, TimeoutPhase,
    machine::{NextStep, State, Target},
    outcome::ATTEMPTS_TOLD,
    parcel::Needs,
};
use crate::{
    ids::LinkId,
    link::CallError,
    model::{Address, MessageQueue},
    route::{
        BadSelection, Broker, BrokerState, Circumstances, Place, Reach, RouteError, Routes,
        TopicRoute,
    },
    time::{Instant, Now},
};

/// How much it speaks against a broker that it could not do what is asked: more than any number of
/// attempts, and less than a suspension.
const UNFIT: u32 = 1_000;

/// What a new route may take where the old one has nothing more to offer.
const REFRESH_WAIT: Duration = Duration::from_millis(500);

impl Delivery {
    pub(super) fn has_news(&self, routes: &Routes, unless: Option<u64>) -> bool {
        let rounds = routes.topic(self.message().topic()).map_or(0, |entry| entry.rounds);
        unless.is_some_and(|known| rounds > known)
    }

    /// Chooses a queue and begins an attempt.
    #[inline(never)]
    pub(super) fn choose(&mut self, now: Now, routes: &Routes) -> Option<NextStep> {
        if now.instant >= self.deadline {
            self.time_out(now, routes);
            return None;
        }
        let entry = routes.topic(self.message().topic());
        let Some(route) = entry.and_then(|entry| entry.route.as_deref()) else {
            let rounds = entry.map_or(0, |entry| entry.rounds);
            let asked = *self.route_rounds.get_or_insert(rounds);
            let failure = entry.and_then(|entry| entry.failure.as_ref());
            return match failure.filter(|failure| rounds > asked && !failure.is_transient()) {
                Some(failure) => {
                    self.give_up(SendErrorKind::Route(RouteError::clone(failure)));
                    None
                }
                None => {
                    self.waited_for = TimeoutPhase::Route;
                    let ask = Some(Ask::Route(self.message().shared_topic()));
                    Some(Step::Wait { ask, until: self.deadline })
                }
            };
        };
        let rounds = entry.map(|entry| entry.rounds);
        let no_news = |queue: &MessageQueue| self.fixed || self.was_tried(queue);
        if self.wrong && route.queues().iter().all(no_news) {
            self.wrong = false;
            let wait = self.pacing.bounded(REFRESH_WAIT, self.deadline, now);
            self.state = State::Choosing { not_before: now.instant + wait, unless: rounds };
            return None;
        }
        self.aim(now, routes, route)
    }

    fn aim(&mut self, now: Now, routes: &Routes, route: &TopicRoute) -> Option<NextStep> {
        route.mark_used();
        self.stale |= route.is_first_found_stale(now.instant, self.config.route_timeout);
        let until = self.pacing.until(self.deadline, now, self.attempts_left());
        let (queue, broker) = match self.fixed_queue(route) {
            Ok(Some(queue)) => {
                self.fixed = true;
                let broker = route.broker(&queue.broker_name);
                (queue, broker)
            }
            Ok(None) => match self.free_place(now, routes, route, until) {
                Some(Place { queue, broker }) => (queue.clone(), broker),
                None => {
                    let topic = self.message().shared_topic();
                    let error = RouteError::NoWritableQueue { topic };
                    self.give_up(SendErrorKind::Route(error));
                    return None;
                }
            },
            Err(selection) => {
                self.give_up(selection.into());
                return None;
            }
        };
        let Some(broker) = broker else {
            (self.stale, self.wrong) = (true, true);
            self.record(now, now.instant, queue, (None, None), AttemptFailure::NoMaster);
            return None;
        };
        let alone = !self.config.retry_another_broker_when_not_store_ok
            || !self.has_others(routes, route, &queue.broker_name);
        let (number, begun) = (self.made, now.instant);
        self.report(|| AttemptReport::Begun {
            number,
            queue: queue.clone(),
            address: broker.address.clone(),
        });
        let target = Target { queue, broker: Arc::clone(broker), begun, until, alone };
        if self.stale {
            self.state = State::Connecting { target, failures: None, gone: None };
            return None;
        }
        self.connect(now, routes, target, None, None)
    }

    /// The only queue that the message may go to, if there is only one: whatever has become of the
    /// route since the first attempt.
    fn fixed_queue(&self, route: &TopicRoute) -> Result<Option<MessageQueue>, BadSelection> {
        match self.attempts.last() {
            Some(last) if self.fixed => Ok(Some(last.queue.clone())),
            _ => route.fixed_queue(&self.parcel.message, &self.policy.choice),
        }
    }

    fn free_place<'a>(
        &mut self,
        now: Now,
        routes: &Routes,
        route: &'a TopicRoute,
        until: Instant,
    ) -> Option<Place<'a>> {
        let mut random = self.pacing.jitter.fork();
        let around = Circumstances {
            now: now.instant,
            tried: &|place| {
                let unfit = self.is_known_to_be_unfit(routes, place.broker);
                self.tried(&place.queue.broker_name) + UNFIT * u32::from(unfit)
            },
            // An ill broker is given first attempts: most have time for a second.
            patience: self.attempts.is_empty().then(|| until.saturating_since(now.instant)),
        };
        let (message, choice) = (&self.parcel.message, &self.policy.choice);
        routes.free_place(route, message, choice, &around, &mut random)
    }

    /// Calls the target's broker, once it is connected. `seen` failures had been counted when it was
    /// first seen to be down.
    pub(super) fn connect(
        &mut self,
        now: Now,
        routes: &Routes,
        target: Target,
        seen: Option<u64>,
        gone: Option<LinkId>,
    ) -> Option<NextStep> {
        if let Some(Reach::Up(link)) = routes.brokers.get(&target.broker.address)
            && Some(*link) != gone
            && now.instant < target.until
        {
            match self.fitness(routes, &target.broker.address) {
                Fitness::Fit => return Some(self.call(target, *link)),
                Fitness::TooOld(version) => {
                    self.fail_attempt(now, target, AttemptFailure::TooOld { version });
                    return None;
                }
                Fitness::Unknown => {}
            }
        }
        self.wait_for_broker(now, routes, target, seen, gone)
    }

    /// Waits until the target's broker is connected and fit, unless that is in vain.
    #[cold]
    fn wait_for_broker(
        &mut self,
        now: Now,
        routes: &Routes,
        mut target: Target,
        mut seen: Option<u64>,
        gone: Option<LinkId>,
    ) -> Option<NextStep> {
        let reach = routes.reach(&target.broker.address);
        if !matches!(reach, Reach::Up(_))
            && let Some(moved) = master_elsewhere(routes, &target)
        {
            target.broker = moved;
            self.state = State::Connecting { target, failures: None, gone };
            return None;
        }
        if let Reach::Down { failures, .. } = &reach {
            seen.get_or_insert(*failures);
        }
        let ask = match reach {
            // It is to be registered.
            Reach::Up(link) if Some(link) != gone && now.instant < target.until => None,
            Reach::Down { failures, error: Some(error), .. } if Some(failures) > seen => {
                self.fail_attempt(now, target, CallError::Unsent(error).into());
                return None;
            }
            Reach::Up(link) if Some(link) != gone && self.parcel.needs != Needs::Nothing => {
                self.fail_attempt(now, target, AttemptFailure::NotRegistered);
                return None;
            }
            _ if now.instant >= target.until => {
                self.fail_attempt(now, target, AttemptFailure::NotConnected);
                return None;
            }
            _ => Some(Ask::Connection(target.broker.address.clone())),
        };
        let until = target.until;
        self.state = State::Connecting { target, failures: seen, gone };
        Some(Step::Wait { ask, until })
    }

    fn call(&mut self, target: Target, link: LinkId) -> NextStep {
        let (deadline, linger) = (target.until, self.deadline);
        self.parcel.prepare_again(&self.config);
        self.state = State::Calling { target, link };
        Step::Call { link, attempt: self.made, deadline, linger, oneway: self.parcel.is_oneway }
    }

    /// Whether the broker can do with the parcel what is asked of it.
    fn fitness(&self, routes: &Routes, broker: &Address) -> Fitness {
        let version = || routes.broker_version(broker);
        match self.parcel.needs {
            Needs::Nothing => Fitness::Fit,
            Needs::Registration => version().map_or(Fitness::Unknown, |_| Fitness::Fit),
            Needs::Version(needed) => match version() {
                Some(version) if version >= needed => Fitness::Fit,
                Some(version) => Fitness::TooOld(version),
                None => Fitness::Unknown,
            },
        }
    }

    /// Whether it would be a waste of an attempt to ask a broker.
    fn is_known_to_be_unfit(&self, routes: &Routes, broker: Option<&Arc<Broker>>) -> bool {
        let too_old = |broker: &Arc<Broker>| {
            matches!(self.fitness(routes, &broker.address), Fitness::TooOld(_))
        };
        self.parcel.needs != Needs::Nothing && broker.is_some_and(too_old)
    }

    /// The time is up before an attempt could begin.
    fn time_out(&mut self, now: Now, routes: &Routes) {
        let failure = routes.topic(self.message().topic()).and_then(|entry| entry.failure.as_ref());
        match failure {
            _ if !self.attempts.is_empty() => self.time_out_in(now, TimeoutPhase::Retry),
            Some(failure) if self.waited_for == TimeoutPhase::Route => {
                self.give_up(SendErrorKind::Route(RouteError::clone(failure)));
            }
            _ => self.time_out_in(now, self.waited_for),
        }
    }

    pub(super) fn was_tried(&self, queue: &MessageQueue) -> bool {
        self.tried(&queue.broker_name) > 0
    }

    /// How much a broker's attempts so far speak against another: the last one most.
    fn tried(&self, broker: &str) -> u32 {
        let at_it = |attempt: &&Attempt| attempt.queue.broker_name == broker;
        let before = self.attempts.iter().filter(at_it).count() as u32;
        let last = self.attempts.last().filter(at_it).is_some();
        before + ATTEMPTS_TOLD as u32 * u32::from(last)
    }

    /// True when some other broker is worth an attempt.
    fn has_others(&self, routes: &Routes, route: &TopicRoute, broker: &str) -> bool {
        let is_usable = |broker: &Arc<Broker>| {
            !routes.is_down(broker) && broker.health.state() != BrokerState::Suspended
        };
        let is_worth_it = |queue: &MessageQueue| {
            queue.broker_name != broker
                && !self.was_tried(queue)
                && route.broker(&queue.broker_name).is_some_and(is_usable)
        };
        route.queues().iter().any(is_worth_it)
    }
}

/// What is known of a broker that is connected.
enum Fitness {
    Fit,
    /// It has not answered the first heartbeat yet.
    Unknown,
    /// It is of this version, which would not do what is asked.
    TooOld(i32),
}

/// The target's broker as it is reached by now, if no longer as it was.
fn master_elsewhere(routes: &Routes, target: &Target) -> Option<Arc<Broker>> {
    let route = routes.topic(&target.queue.topic)?.route.as_ref()?;
    let broker = route.broker(&target.queue.broker_name)?;
    (broker.address != target.broker.address).then(|| Arc::clone(broker))
}
