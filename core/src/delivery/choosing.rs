//! Where the next attempt goes.

use std::time::Duration;

use super::{
    Ask, Attempt, AttemptFailure, AttemptReport, Delivery, SendErrorKind, Step, TimeoutPhase,
    machine::{State, Target},
    outcome::ATTEMPTS_TOLD,
    parcel::Needs,
};
use crate::{
    ids::LinkId,
    link::CallError,
    model::{Address, MessageQueue},
    route::{Circumstances, Reach, RouteError, Routes, TopicRoute},
    time::Now,
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
    pub(super) fn choose(&mut self, now: Now, routes: &Routes) -> Option<Step> {
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
        let no_news = |queue: &MessageQueue| self.fixed.is_some() || self.was_tried(queue);
        if self.wrong && route.queues().iter().all(no_news) {
            self.wrong = false;
            let wait = self.pacing.bounded(REFRESH_WAIT, self.deadline, now);
            self.state = State::Choosing { not_before: now.instant + wait, unless: rounds };
        } else {
            self.aim(now, routes, route);
        }
        None
    }

    fn aim(&mut self, now: Now, routes: &Routes, route: &TopicRoute) {
        route.mark_used();
        self.stale |= route.is_first_found_stale(now.instant, self.config.route_timeout);
        let queue = match self.next_queue(now, routes, route) {
            Ok(Some(queue)) => queue,
            Ok(None) => {
                let topic = self.message().shared_topic();
                let error = RouteError::NoWritableQueue { topic };
                return self.give_up(SendErrorKind::Route(error));
            }
            Err(kind) => return self.give_up(kind),
        };
        let until = now.instant + self.pacing.attempt(self.deadline, now, self.attempts_left());
        let health = routes.health(&queue.broker_name).cloned();
        let Some(address) = route.master(&queue.broker_name).cloned() else {
            (self.stale, self.wrong) = (true, true);
            return self.record(now, now.instant, queue, (None, None), AttemptFailure::NoMaster);
        };
        let advertised = route.advertised(&queue.broker_name).cloned();
        let alone = !self.config.retry_another_broker_when_not_store_ok
            || !self.has_others(routes, route, &queue.broker_name);
        let (number, begun) = (self.made, now.instant);
        self.report(|| AttemptReport::Begun {
            number,
            queue: queue.clone(),
            address: address.clone(),
        });
        let target = Target { queue, address, advertised, health, begun, until, alone };
        self.state = State::Connecting { target, failures: None, gone: None };
    }

    fn next_queue(
        &mut self,
        now: Now,
        routes: &Routes,
        route: &TopicRoute,
    ) -> Result<Option<MessageQueue>, SendErrorKind> {
        if self.fixed.is_none() {
            self.fixed = route.fixed_queue(&self.parcel.message, &self.policy.choice)?;
        }
        // Whatever has become of the route since the first attempt.
        if self.fixed.is_some() {
            return Ok(self.fixed.clone());
        }
        let share = self.pacing.attempt(self.deadline, now, self.attempts_left());
        let mut random = self.pacing.jitter.fork();
        let around = Circumstances {
            now: now.instant,
            tried: &|broker| {
                let unfit = self.is_known_to_be_unfit(routes, route, broker);
                self.tried(broker) + UNFIT * u32::from(unfit)
            },
            // An ill broker is given first attempts: most have time for a second.
            patience: self.attempts.is_empty().then_some(share),
        };
        let (message, choice) = (&self.parcel.message, &self.policy.choice);
        Ok(routes.free_queue(route, message, choice, &around, &mut random).cloned())
    }

    /// Waits until the chosen broker is connected.
    pub(super) fn connect(&mut self, now: Now, routes: &Routes) -> Option<Step> {
        let State::Connecting { mut target, failures: mut seen, gone } = self.take_state() else {
            return None;
        };
        let reach = routes.reach(&target.address);
        if !matches!(reach, Reach::Up(_))
            && let Some(moved) = master_elsewhere(routes, &target)
        {
            target.address = moved;
            self.state = State::Connecting { target, failures: None, gone };
            return None;
        }
        if let Reach::Down { failures, .. } = &reach {
            seen.get_or_insert(*failures);
        }
        let ask = match reach {
            Reach::Up(link) if Some(link) != gone && now.instant < target.until => {
                match self.fitness(routes, &target.address) {
                    Fitness::Fit => return Some(self.call(target, link)),
                    Fitness::TooOld(version) => {
                        self.fail_attempt(now, target, AttemptFailure::TooOld { version });
                        return None;
                    }
                    Fitness::Unknown => None,
                }
            }
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
            _ => Some(Ask::Connection(target.address.clone())),
        };
        let until = target.until;
        self.state = State::Connecting { target, failures: seen, gone };
        Some(Step::Wait { ask, until })
    }

    fn call(&mut self, target: Target, link: LinkId) -> Step {
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
    fn is_known_to_be_unfit(&self, routes: &Routes, route: &TopicRoute, broker: &str) -> bool {
        let too_old = |address| matches!(self.fitness(routes, address), Fitness::TooOld(_));
        self.parcel.needs != Needs::Nothing && route.master(broker).is_some_and(too_old)
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
        let is_worth_it = |queue: &MessageQueue| {
            let name = &queue.broker_name;
            *name != broker
                && !self.was_tried(queue)
                && !routes.is_down(route, name)
                && !routes.is_suspended(name)
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

/// Where the target's broker listens by now, if no longer where it did.
fn master_elsewhere(routes: &Routes, target: &Target) -> Option<Address> {
    let route = routes.topic(&target.queue.topic)?.route.as_ref()?;
    let master = route.master(&target.queue.broker_name)?;
    (*master != target.address).then(|| master.clone())
}
