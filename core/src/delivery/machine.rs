//! The state machine of one send.

use std::{convert::Infallible, sync::Arc};

use bytestring::ByteString;

use super::{
    Ask, Attempt, Delivered, Errand, LaneKey, Parcel, SendError, SendErrorKind, SendOptions, Step,
    TimeoutPhase, lanes::lane_of, options::Policy, pacing::Pacing, tally::Answered,
    unusual::Unusual,
};
use crate::{
    codec::Frame,
    command::SendMessage,
    ids::LinkId,
    link::{CallError, LinkError},
    model::{InvalidMessage, Message, MessageQueue, ProducerConfig, SendReceipt},
    mutants::{Mutant::NoRetries, is_on},
    route::{Broker, Choice, Phase, Routes},
    time::{Instant, Now},
};

/// One message, or one request of a batch, on its way to a receipt.
///
/// Drive it in a loop: [`step`](Self::step) says what to do next. It runs on the caller's task or
/// thread, and reads the world from an immutable [`Routes`] snapshot.
///
/// One deadline bounds the whole send. Each attempt gets its share of what is left, at least
/// `attempt_timeout_min` where the budget allows; none is begun without time. Retries avoid the
/// brokers tried already and those that are ill, and keep the message's UNIQ_KEY. A message with a
/// sharding key, a queue or a selector of its own never changes its queue.
///
/// A busy answer is no failure of the message: it is tried again, after a pause, for as long as
/// there is time. The late answer to an attempt that was given up still ends the send.
#[derive(Debug)]
pub struct Delivery {
    pub(super) config: Arc<ProducerConfig>,
    pub(super) policy: Policy,
    pub(super) parcel: Parcel,
    pub(super) started: Now,
    pub(super) deadline: Instant,
    pub(super) pacing: Pacing,
    pub(super) attempts: Vec<Attempt>,
    /// Attempts made, busy answers and untold ones included.
    pub(super) made: u32,
    /// The message may go to one queue only: that of its first attempt.
    pub(super) fixed: bool,
    /// The route has led astray: the client is to be told.
    pub(super) stale: bool,
    /// The route is wrong: a newer one is worth waiting for where this one offers nothing else.
    pub(super) wrong: bool,
    pub(super) state: State,
    /// What it has waited for before its first attempt.
    pub(super) waited_for: TimeoutPhase,
    /// Rounds of questions about the topic that were over when this send first asked.
    pub(super) route_rounds: Option<u64>,
    /// The latest answer that says that it is stored, for whoever counts.
    pub(super) answered: Option<Answered>,
    /// Whom the transport has taken it for.
    pub(super) handed_over: Option<Arc<Broker>>,
    pub(super) unusual: Option<Box<Unusual>>,
}

#[derive(Debug)]
pub(super) enum State {
    /// A queue is to be chosen, not before `not_before`; sooner when the topic has had more rounds
    /// of questions than `unless`.
    Choosing { not_before: Instant, unless: Option<u64> },
    /// The chosen queue's broker is to be connected. `failures` had been counted when it was first
    /// seen to be down; `gone` is a link that has turned out to have ended, whatever the routes
    /// still say.
    Connecting { target: Target, failures: Option<u64>, gone: Option<LinkId> },
    /// A call is out.
    Calling { target: Target, link: LinkId },
    /// No attempt is left, but one that was given up may still be answered.
    Lingering(Box<SendErrorKind>),
    /// It has ended well or badly, for good.
    Over(Result<Delivered, Box<SendErrorKind>>),
}

/// A step on the way, which says nothing of the end, and is small.
pub(super) type NextStep = Step<Infallible>;

/// One attempt's aim.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) queue: MessageQueue,
    pub(super) broker: Arc<Broker>,
    pub(super) begun: Instant,
    pub(super) until: Instant,
    /// There is no other broker that it would be worth asking.
    pub(super) alone: bool,
}

impl Delivery {
    /// Takes on what is to be sent. A message without a UNIQ_KEY must have been given one by now.
    /// `default` is the producer's way to choose queues; `seed` drives random choices and the jitter
    /// of pauses.
    ///
    /// Made where it is to stay: it is large, and futures that contain one are moved a lot.
    ///
    /// # Errors
    ///
    /// [`SendErrorKind::InvalidMessage`] when it is to go to another topic's queue; nothing has been
    /// sent.
    pub fn new(
        now: Now,
        config: Arc<ProducerConfig>,
        parcel: Parcel,
        options: SendOptions,
        default: &Choice,
        seed: u64,
    ) -> Result<Box<Self>, SendError> {
        let ordered = parcel.message.sharding_key().is_some();
        let timeout = options.timeout.unwrap_or(config.send_msg_timeout);
        let policy = Policy::new(&config, options, default, ordered);
        if let Choice::Queue(queue) = &policy.choice
            && queue.topic != *parcel.message.topic()
        {
            let rule = InvalidMessage::QueueOfAnotherTopic { topic: queue.topic.clone() };
            return Err(parcel.refused(rule.into()));
        }
        Ok(Box::new(Self {
            deadline: now.instant + timeout,
            pacing: Pacing::new(config.attempt_timeout_min, timeout, seed),
            config,
            policy,
            parcel,
            started: now,
            attempts: Vec::new(),
            made: 0,
            fixed: false,
            stale: false,
            wrong: false,
            state: State::Choosing { not_before: now.instant, unless: None },
            waited_for: TimeoutPhase::Route,
            route_rounds: None,
            answered: None,
            handed_over: None,
            unusual: None,
        }))
    }

    /// The message; of a batch the first.
    pub fn message(&self) -> &Message {
        &self.parcel.message
    }

    /// The bytes that it takes, properties included.
    pub fn size(&self) -> usize {
        self.parcel.size()
    }

    /// What is sent.
    pub fn parcel(&self) -> &Parcel {
        &self.parcel
    }

    /// The lane of an ordered message: those with a sharding key go one at a time.
    pub fn order_key(&self) -> Option<LaneKey> {
        lane_of(self.message())
    }

    /// The send is not to begin, and this is why.
    #[must_use]
    pub fn refused(self, why: SendErrorKind) -> SendError {
        self.parcel.refused(why)
    }

    /// What to do next; none when it is over.
    fn next_step(&mut self, now: Now, routes: &Routes) -> Option<NextStep> {
        loop {
            if let Some(broker) = self.unusual.as_mut().and_then(|unusual| unusual.changed.take()) {
                return Some(Step::Tell(Ask::Notice(broker)));
            }
            // For those who come after it, if not for this send.
            if std::mem::take(&mut self.stale) {
                return Some(Step::Tell(Ask::Refresh(self.message().shared_topic())));
            }
            if let State::Over(_) = self.state {
                return None;
            }
            if let Phase::Closed(why) = &routes.phase {
                self.close(now, why);
                continue;
            }
            let step = match &self.state {
                State::Choosing { not_before, unless }
                    if now.instant < *not_before && !self.has_news(routes, *unless) =>
                {
                    Some(Step::Wait { ask: None, until: *not_before })
                }
                State::Choosing { .. } => self.choose(now, routes),
                State::Connecting { .. } => self.go_on(now, routes),
                State::Calling { .. } | State::Lingering(_) => Some(Step::Answer),
                State::Over(_) => None,
            };
            if step.is_some() {
                return step;
            }
        }
    }

    #[cold]
    fn close(&mut self, now: Now, why: &LinkError) {
        self.close_attempt(now, why);
        if !matches!(self.state, State::Over(_)) {
            self.give_up(SendErrorKind::ShuttingDown(why.clone()));
        }
    }

    /// Goes on with an attempt whose broker was not connected.
    #[cold]
    fn go_on(&mut self, now: Now, routes: &Routes) -> Option<NextStep> {
        match self.take_state() {
            State::Connecting { target, failures, gone } => {
                self.connect(now, routes, target, failures, gone)
            }
            _ => None,
        }
    }

    /// What to do while the send may not begin, for want of what `phase` says: wait, or give up.
    pub fn wait_for_turn(&mut self, now: Now, routes: &Routes, phase: TimeoutPhase) -> Step {
        self.waited_for = phase;
        if let Phase::Closed(why) = &routes.phase {
            self.give_up(SendErrorKind::ShuttingDown(why.clone()));
        } else if now.instant >= self.deadline {
            self.time_out_in(now, phase);
        } else {
            return Step::Wait { ask: None, until: self.deadline };
        }
        self.finish(now)
    }

    pub(super) fn time_out_in(&mut self, now: Now, phase: TimeoutPhase) {
        let after = now.instant.saturating_since(self.started.instant);
        self.give_up(SendErrorKind::TimedOut { phase, after });
    }

    pub(super) fn attempts_left(&self) -> u32 {
        if is_on(NoRetries) {
            return u32::from(self.made == 0);
        }
        self.pacing.attempts_left(self.policy.retry_times)
    }

    pub(super) fn give_up(&mut self, kind: SendErrorKind) {
        let result = match self.unusual.as_mut().and_then(|unusual| unusual.stored.take()) {
            Some(stored) => Ok(Delivered::Stored(SendReceipt { attempts: self.made, ..stored })),
            None => Err(Box::new(kind)),
        };
        self.state = State::Over(result);
    }

    pub(super) fn end_well(&mut self, delivered: Delivered) {
        self.state = State::Over(Ok(delivered));
    }

    /// The state, which whoever takes it replaces.
    pub(super) fn take_state(&mut self) -> State {
        let none = State::Choosing { not_before: Instant::FAR_FUTURE, unless: None };
        std::mem::replace(&mut self.state, none)
    }

    fn finish(&mut self, now: Now) -> Step {
        match self.take_state() {
            State::Over(Ok(delivered)) => Step::Done(Ok(delivered)),
            State::Over(Err(kind)) => Step::Done(Err(self.fail(now, *kind))),
            _ => Step::Answer,
        }
    }

    #[cold]
    fn fail(&mut self, now: Now, kind: SendErrorKind) -> SendError {
        let message = std::mem::replace(&mut self.parcel.message, Message::new("", ""));
        let elapsed = now.instant.saturating_since(self.started.instant);
        SendError::new(kind, std::mem::take(&mut self.attempts), elapsed, message)
    }
}

impl Errand for Delivery {
    type Request<'a> = SendMessage<'a>;
    type Output = Result<Delivered, SendError>;

    fn step(&mut self, now: Now, routes: &Routes) -> Step {
        match self.next_step(now, routes) {
            Some(step) => step.unfinished(),
            None => self.finish(now),
        }
    }

    fn request(&self) -> Option<SendMessage<'_>> {
        let State::Calling { target, .. } = &self.state else { return None };
        let parcel = &self.parcel;
        Some(SendMessage {
            producer_group: &self.config.producer_group,
            topic: parcel.message.topic(),
            default_topic_queue_nums: self.config.default_topic_queue_nums,
            queue_id: target.queue.queue_id,
            sys_flag: parcel.sys_flag,
            born_timestamp: self.started.wall,
            flag: if parcel.is_batch { 0 } else { parcel.message.flag() },
            properties: parcel.properties(),
            batch: parcel.is_batch,
            broker_name: &target.queue.broker_name,
            template: target.broker.template.as_deref(),
            body: parcel.body(),
        })
    }

    fn handle_outcome(&mut self, now: Now, attempt: u32, outcome: Result<Frame, CallError>) {
        self.handle_end(now, attempt, outcome);
    }

    fn handle_written(&mut self, now: Now, _: u32) {
        self.handle_handed_over(now);
    }

    fn handle_gone(&mut self) {
        self.reconnect();
    }

    fn deadline(&self) -> Instant {
        self.deadline
    }

    fn topic(&self) -> ByteString {
        self.message().shared_topic()
    }
}
