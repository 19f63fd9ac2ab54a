//! The state machine of one send.

use std::{sync::Arc, time::Duration};

use super::{Attempt, AttemptFailure, SendError, SendErrorKind, TimeoutPhase};
use crate::{
    codec::Frame,
    command::{DEFAULT_TOPIC, ResponseCode, SendMessage, SendReply, Verdict},
    ids::LinkId,
    link::{CallError, LinkError},
    model::{Address, Message, MessageQueue, ProducerConfig, SendReceipt, validate_message},
    mutants::{Mutant::*, is_on},
    route::{Phase, Reach, RouteError, Routes, TopicRoute},
    time::{Instant, Now},
};

/// The shortest pause after a busy answer, and before a broker that has failed this send twice is
/// tried a third time; doubles with the attempts.
const PAUSE: Duration = Duration::from_millis(20);
/// An attempt that could get no more than this part of `attempt_timeout_min` is not begun.
const ATTEMPT_WORTH_PART: u32 = 10;

/// What a send needs from the client.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Ask {
    /// The route of a topic.
    Route(bytestring::ByteString),
    /// A connection to a broker.
    Connection(Address),
}

/// What is to be done next for a send.
#[derive(Debug)]
#[must_use]
pub enum Step {
    /// Tell the client about `ask`, then call [`Delivery::step`] again with the next published
    /// [`Routes`], or at `until` at the latest.
    Wait {
        /// What is missing; `None` for a mere pause.
        ask: Option<Ask>,
        /// When to come back in any case.
        until: Instant,
    },
    /// Hand [`Delivery::request`] to this link, waiting for room and for the answer until
    /// `deadline`, then pass what comes back to [`Delivery::handle_outcome`] and step again.
    Call {
        /// The connection.
        link: LinkId,
        /// The attempt's end.
        deadline: Instant,
    },
    /// It is over. The delivery must not be used any more.
    Done(Result<SendReceipt, SendError>),
}

/// One message on its way, from validation to receipt.
///
/// Drive it in a loop: [`step`](Self::step) says what to do next. It runs on the caller's task or
/// thread, and reads the world from an immutable [`Routes`] snapshot.
///
/// One deadline bounds the whole send. Each attempt gets its share of what is left, at least
/// `attempt_timeout_min` where the budget allows; none is begun without time. Retries avoid the
/// brokers tried already, and keep the message's UNIQ_KEY. A message with a sharding key never
/// changes its queue.
#[derive(Debug)]
pub struct Delivery {
    config: Arc<ProducerConfig>,
    message: Message,
    properties: String,
    started: Now,
    deadline: Instant,
    attempts: Vec<Attempt>,
    state: State,
    /// Rounds of questions about the topic that were over when this send first asked.
    route_rounds: Option<u64>,
    jitter: fastrand::Rng,
}

#[derive(Debug)]
enum State {
    /// A queue is to be chosen, not before `not_before`.
    Choosing { not_before: Instant },
    /// The chosen queue's broker is to be connected. `failures` had been counted when it was first
    /// seen to be down; `gone` is a link that has turned out to have ended, whatever the routes
    /// still say.
    Connecting { target: Target, failures: Option<u64>, gone: Option<LinkId> },
    /// A call is out.
    Calling { target: Target, link: LinkId },
    /// A call has ended well or badly, for good.
    Over(Box<Result<SendReceipt, SendErrorKind>>),
}

/// One attempt's aim.
#[derive(Clone, Debug)]
struct Target {
    queue: MessageQueue,
    address: Address,
    begun: Instant,
    until: Instant,
}

impl Delivery {
    /// Validates the message and takes it on. A message without a UNIQ_KEY must have been given
    /// one by now; `seed` drives the jitter of pauses.
    ///
    /// # Errors
    ///
    /// [`SendErrorKind::InvalidMessage`] names the rule broken; nothing has been sent.
    pub fn new(
        now: Now,
        config: Arc<ProducerConfig>,
        message: Message,
        seed: u64,
    ) -> Result<Self, SendError> {
        let properties = match validate_message(&message, config.max_message_size) {
            Ok(properties) => properties,
            Err(rule) => return Err(SendError::not_sent(rule.into(), message)),
        };
        Ok(Self {
            deadline: now.instant + config.send_msg_timeout,
            config,
            message,
            properties,
            started: now,
            attempts: Vec::new(),
            state: State::Choosing { not_before: now.instant },
            route_rounds: None,
            jitter: fastrand::Rng::with_seed(seed),
        })
    }

    /// When the whole send ends at the latest.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// The message.
    pub fn message(&self) -> &Message {
        &self.message
    }

    /// What to do next.
    pub fn step(&mut self, now: Now, routes: &Routes) -> Step {
        loop {
            if let State::Over(_) = self.state {
                return self.finish();
            }
            if let Phase::Closed(why) = &routes.phase {
                self.close_attempt(now, why);
                self.give_up(SendErrorKind::ShuttingDown(why.clone()));
                continue;
            }
            let step = match self.state {
                State::Choosing { not_before } if now.instant < not_before => {
                    Some(Step::Wait { ask: None, until: not_before })
                }
                State::Choosing { .. } => self.choose(now, routes),
                State::Connecting { .. } => self.connect(now, routes),
                State::Calling { .. } => Some(Step::Wait { ask: None, until: self.deadline }),
                State::Over(_) => None,
            };
            if let Some(step) = step {
                return step;
            }
        }
    }

    /// The request of the attempt that [`Step::Call`] asked for; none at any other time.
    pub fn request(&self) -> Option<SendMessage<'_>> {
        let State::Calling { target, .. } = &self.state else { return None };
        Some(SendMessage {
            producer_group: &self.config.producer_group,
            topic: self.message.topic(),
            default_topic: DEFAULT_TOPIC,
            default_topic_queue_nums: self.config.default_topic_queue_nums,
            queue_id: target.queue.queue_id,
            sys_flag: 0,
            born_timestamp: self.started.wall,
            flag: self.message.flag(),
            properties: &self.properties,
            broker_name: &target.queue.broker_name,
            body: self.message.body(),
        })
    }

    /// Takes in how the call that [`Step::Call`] asked for has ended.
    pub fn handle_outcome(&mut self, now: Now, outcome: Result<Frame, CallError>) {
        let State::Calling { target, .. } = &self.state else { return };
        let target = target.clone();
        match judge(outcome) {
            Ok(reply) => self.state = State::Over(Box::new(Ok(self.receipt(target.queue, reply)))),
            Err(failure) => self.fail_attempt(now, target, failure),
        }
    }

    /// Takes in that the link that [`Step::Call`] named has ended before the call was made: the
    /// attempt goes on with the next connection to the same broker.
    pub fn handle_gone(&mut self) {
        if let State::Calling { target, link } = &self.state {
            let (target, gone) = (target.clone(), Some(*link));
            self.state = State::Connecting { target, failures: None, gone };
        }
    }

    /// Chooses a queue and begins an attempt.
    fn choose(&mut self, now: Now, routes: &Routes) -> Option<Step> {
        if now.instant >= self.deadline {
            self.time_out(now, routes);
            return None;
        }
        let entry = routes.topic(self.message.topic());
        let Some(route) = entry.and_then(|entry| entry.route.as_ref()) else {
            let rounds = entry.map_or(0, |entry| entry.rounds);
            let asked = *self.route_rounds.get_or_insert(rounds);
            let failure = entry.and_then(|entry| entry.failure.as_ref());
            return match failure.filter(|failure| rounds > asked && !failure.is_transient()) {
                Some(failure) => {
                    self.give_up(SendErrorKind::Route(RouteError::clone(failure)));
                    None
                }
                None => {
                    let ask = Some(Ask::Route(self.message.shared_topic()));
                    Some(Step::Wait { ask, until: self.deadline })
                }
            };
        };
        self.aim(now, routes, &Arc::clone(route));
        None
    }

    fn aim(&mut self, now: Now, routes: &Routes, route: &TopicRoute) {
        let queue = match self.message.sharding_key() {
            // Whatever has become of the route since the first attempt.
            Some(key) => match self.attempts.first() {
                Some(attempt) => Some(&attempt.queue),
                None => route.queue_for_key(key),
            },
            None => {
                let tried = |queue: &MessageQueue| self.was_tried(queue);
                route.next_queue([&|queue| tried(queue) || is_down(routes, route, queue), &tried])
            }
        };
        let Some(queue) = queue.cloned() else {
            let topic = self.message.shared_topic();
            return self.give_up(SendErrorKind::Route(RouteError::NoWritableQueue { topic }));
        };
        let until = now.instant + self.attempt_time(now);
        let Some(address) = route.master(&queue.broker_name).cloned() else {
            return self.record(now, now.instant, queue, None, AttemptFailure::NoMaster);
        };
        let target = Target { queue, address, begun: now.instant, until };
        self.state = State::Connecting { target, failures: None, gone: None };
    }

    /// Waits until the chosen broker is connected.
    fn connect(&mut self, now: Now, routes: &Routes) -> Option<Step> {
        let State::Connecting { target, failures: seen, gone } = &mut self.state else {
            return None;
        };
        let reach = routes.reach(&target.address);
        if let Reach::Down { failures, .. } = &reach {
            seen.get_or_insert(*failures);
        }
        let (target, seen, gone) = (target.clone(), *seen, *gone);
        match reach {
            Reach::Up(link) if Some(link) != gone && now.instant < target.until => {
                let deadline = target.until;
                self.state = State::Calling { target, link };
                return Some(Step::Call { link, deadline });
            }
            Reach::Down { failures, error: Some(error), .. } if Some(failures) > seen => {
                self.fail_attempt(now, target, CallError::Unsent(error).into());
            }
            _ if now.instant >= target.until => {
                self.fail_attempt(now, target, AttemptFailure::NotConnected);
            }
            _ => {
                let ask = Some(Ask::Connection(target.address));
                return Some(Step::Wait { ask, until: target.until });
            }
        }
        None
    }

    fn fail_attempt(&mut self, now: Now, target: Target, failure: AttemptFailure) {
        self.record(now, target.begun, target.queue, Some(target.address), failure);
    }

    /// Writes a failed attempt down and decides whether there is another.
    fn record(
        &mut self,
        now: Now,
        begun: Instant,
        queue: MessageQueue,
        address: Option<Address>,
        failure: AttemptFailure,
    ) {
        let elapsed = now.instant.saturating_since(begun);
        let ambiguous = failure.outcome() == super::Outcome::Unknown;
        let at_most_once = !self.config.retry_unknown && !is_on(AtMostOnceIsNot);
        let hopeless = failure.is_fatal() || ambiguous && at_most_once;
        let busy = failure.is_busy();
        let attempt = Attempt { queue, address, elapsed, failure };
        let after = now.instant.saturating_since(self.started.instant);
        let kind = SendErrorKind::of_attempt(&attempt, after);
        let again = self.was_tried(&attempt.queue);
        self.attempts.push(attempt);
        let left = self.deadline.saturating_since(now.instant);
        let worth = self.config.attempt_timeout_min / ATTEMPT_WORTH_PART;
        let worth = worth.min(self.config.send_msg_timeout);
        if hopeless || self.attempts_left() == 0 || left < worth {
            return self.give_up(kind);
        }
        // However long it should be, it leaves time for the attempt that it is for.
        let most = if is_on(PausesBeyondTheDeadline) { Duration::MAX } else { left - worth };
        let pause = if busy || again { self.pause().min(most) } else { Duration::ZERO };
        self.state = State::Choosing { not_before: now.instant + pause };
    }

    /// A jittered pause that doubles with every attempt.
    fn pause(&mut self) -> Duration {
        let doublings = (self.attempts.len().saturating_sub(1)).min(6) as u32;
        PAUSE * 2u32.pow(doublings) * self.jitter.u32(50..150) / 100
    }

    /// What the next attempt may take: its share of what is left, but no less than the minimum.
    fn attempt_time(&self, now: Now) -> Duration {
        let left = self.deadline.saturating_since(now.instant);
        if is_on(OneDeadlineForTheFirstBroker) {
            return left;
        }
        let share = left / self.attempts_left().max(1);
        share.max(self.config.attempt_timeout_min).min(left)
    }

    fn attempts_left(&self) -> u32 {
        let made = u32::try_from(self.attempts.len()).unwrap_or(u32::MAX);
        self.config.retry_times.saturating_add(1).saturating_sub(made)
    }

    fn was_tried(&self, queue: &MessageQueue) -> bool {
        self.attempts.iter().any(|attempt| attempt.queue.broker_name == queue.broker_name)
    }

    /// The time is up before an attempt could begin: for want of a route, when it never had one.
    fn time_out(&mut self, now: Now, routes: &Routes) {
        let failure = routes.topic(self.message.topic()).and_then(|entry| entry.failure.as_ref());
        let kind = match failure {
            Some(failure) if self.attempts.is_empty() => {
                SendErrorKind::Route(RouteError::clone(failure))
            }
            _ => {
                let waited_for_route = self.attempts.is_empty();
                SendErrorKind::TimedOut {
                    phase: match waited_for_route {
                        true => TimeoutPhase::Route,
                        false => TimeoutPhase::Retry,
                    },
                    after: now.instant.saturating_since(self.started.instant),
                }
            }
        };
        self.give_up(kind);
    }

    /// The producer closes while an attempt is under way: it is part of the story.
    fn close_attempt(&mut self, now: Now, why: &LinkError) {
        let (target, error) = match &self.state {
            State::Connecting { target, .. } => (target, CallError::Unsent(why.clone())),
            State::Calling { target, .. } => (target, CallError::Lost(why.clone())),
            State::Choosing { .. } | State::Over(_) => return,
        };
        self.fail_attempt(now, target.clone(), error.into());
    }

    fn give_up(&mut self, kind: SendErrorKind) {
        self.state = State::Over(Box::new(Err(kind)));
    }

    fn finish(&mut self) -> Step {
        let over = State::Choosing { not_before: Instant::FAR_FUTURE };
        let State::Over(result) = std::mem::replace(&mut self.state, over) else {
            return Step::Wait { ask: None, until: self.deadline };
        };
        Step::Done((*result).map_err(|kind| {
            let message = std::mem::replace(&mut self.message, Message::new("", ""));
            SendError::new(kind, std::mem::take(&mut self.attempts), message)
        }))
    }

    fn receipt(&self, queue: MessageQueue, reply: SendReply) -> SendReceipt {
        SendReceipt {
            message_id: self.message.uniq_key().unwrap_or_default().to_owned(),
            offset_message_id: reply.offset_message_id,
            message_queue: MessageQueue { queue_id: reply.queue_id, ..queue },
            queue_offset: reply.queue_offset,
            status: reply.status,
            transaction_id: reply.transaction_id,
            region_id: reply.region_id,
            send_timestamp: self.started.wall,
            attempts: u32::try_from(self.attempts.len()).unwrap_or(u32::MAX).saturating_add(1),
        }
    }
}

/// What a call's end means.
fn judge(outcome: Result<Frame, CallError>) -> Result<SendReply, AttemptFailure> {
    let frame = outcome?;
    let code = frame.header.code;
    if ResponseCode(code).verdict() == Verdict::Stored {
        return Ok(SendReply::parse(&frame)?);
    }
    let remark = frame.header.remark.map(|remark| remark.to_string()).unwrap_or_default();
    Err(AttemptFailure::Refused { code, remark })
}

fn is_down(routes: &Routes, route: &TopicRoute, queue: &MessageQueue) -> bool {
    let address = route.master(&queue.broker_name);
    address.is_none_or(|address| matches!(routes.reach(address), Reach::Down { resting: true, .. }))
}
