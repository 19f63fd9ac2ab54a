//! How attempts end, and what follows.

use std::sync::Arc;

use bytestring::ByteString;

use super::{
    Attempt, AttemptEnd, AttemptFailure, AttemptReport, Delivered, Delivery, Outcome,
    SendErrorKind, TimeoutPhase,
    machine::{Late, State, Target},
    tally::Answered,
};
use crate::{
    codec::Frame,
    command::{ResponseCode, SendReply, Verdict},
    link::{CallError, LinkError},
    model::{Address, MessageQueue, SendReceipt, SendStatus},
    mutants::{Mutant::AtMostOnceIsNot, is_on},
    route::{BrokerHealth, BrokerState},
    time::{Instant, Now},
};

/// Attempts that are told one by one. A broker that is busy for long can be asked more often.
pub(super) const ATTEMPTS_TOLD: usize = 32;
/// Where brokers are that nobody has told where they are.
const DEFAULT_REGION: &str = "DefaultRegion";

impl Delivery {
    /// A call that lingers ends twice.
    pub(super) fn handle_end(&mut self, now: Now, attempt: u32, outcome: Result<Frame, CallError>) {
        match self.take_state() {
            State::Calling { target, .. } if attempt == self.made => {
                self.handle_answer(now, target, &outcome);
            }
            // Answers that come together: the first has ended it.
            over @ State::Over(_) => self.state = over,
            state => {
                self.state = state;
                self.handle_late(now, attempt, &outcome);
            }
        }
    }

    /// The transport has all bytes of a one-way call. Whether the broker will get them, nobody says:
    /// it speaks neither for its health nor against it.
    pub(super) fn handle_handed_over(&mut self, now: Now) {
        if matches!(self.state, State::Over(_)) {
            return;
        }
        if let State::Calling { target, .. } = &self.state {
            let target = target.clone();
            let broker = target.queue.broker_name.clone();
            self.tally.handed_over = Some((broker, target.address.clone()));
            self.report_end(now, &target, AttemptEnd::HandedOver);
        }
        self.end_well(Delivered::HandedOver);
    }

    fn report_end(&mut self, now: Now, target: &Target, end: AttemptEnd) {
        let number = self.made;
        self.report(|| AttemptReport::Ended {
            number,
            queue: target.queue.clone(),
            address: Some(target.address.clone()),
            elapsed: now.instant.saturating_since(target.begun),
            end,
        });
    }

    fn handle_answer(&mut self, now: Now, target: Target, outcome: &Result<Frame, CallError>) {
        let overdue = matches!(outcome, Err(CallError::Expired { lent: true }));
        match judge(outcome) {
            Ok(reply) => self.handle_stored(now, target, &reply),
            Err(failure) => {
                // It comes again, if only to say that it has ended.
                if overdue && target.until < self.deadline {
                    let (number, begun) = (self.made, target.begun);
                    self.late.push(Late { number, begun, health: target.health.clone() });
                }
                self.fail_attempt(now, target, failure);
            }
        }
    }

    fn handle_stored(&mut self, now: Now, target: Target, reply: &SendReply<'_>) {
        let broker = target.queue.broker_name.clone();
        self.report_success(now, target.begun, target.health.as_deref(), &broker);
        let status = reply.status;
        let elsewhere = self.config.retry_another_broker_when_not_store_ok
            && status != SendStatus::SendOk
            && self.policy.retry_unknown
            && self.fixed.is_none()
            && !target.alone
            && self.stored.is_none()
            && self.attempts_left() > 1;
        let mut answered = Answered {
            attempt: self.made,
            broker,
            address: None,
            latency: now.instant.saturating_since(target.begun),
            at: now.instant,
            is_traced: reply.is_traced,
        };
        let attempts = self.made + 1;
        if elsewhere {
            answered.address = Some(target.address.clone());
            self.tally.answered = Some(answered);
            self.stored = Some(Box::new(self.receipt(target.queue.clone(), reply, attempts)));
            return self.fail_attempt(now, target, AttemptFailure::NotStoreOk { status });
        }
        self.report_end(now, &target, AttemptEnd::Stored(status));
        let Target { queue, address, .. } = target;
        answered.address = Some(address);
        self.tally.answered = Some(answered);
        self.end_well(Delivered::Stored(self.receipt(queue, reply, attempts)));
    }

    fn report_success(
        &mut self,
        now: Now,
        begun: Instant,
        health: Option<&BrokerHealth>,
        broker: &ByteString,
    ) {
        let Some(health) = health else { return };
        let (latency, watched) =
            (now.instant.saturating_since(begun), self.config.send_latency_enable);
        if health.report_success(now.instant, latency, watched) {
            self.changed = Some(broker.clone());
        }
    }

    /// Another's answer ends the send while this one's is awaited; false when none is.
    fn abandon_current(&mut self) -> bool {
        let State::Calling { target, .. } = &self.state else { return false };
        self.tally.abandoned = Some(target.queue.broker_name.clone());
        true
    }

    /// An attempt that was given up is answered after all, or will never be.
    fn handle_late(&mut self, now: Now, attempt: u32, outcome: &Result<Frame, CallError>) {
        let late = self.late.iter().position(|late| late.number == attempt);
        let late = late.map(|index| self.late.swap_remove(index));
        let told = self.attempts.iter_mut().find(|told| told.number == attempt);
        match (judge(outcome), told) {
            (Ok(reply), Some(told)) => {
                let (queue, address, mut elapsed) =
                    (told.queue.clone(), told.address.clone(), told.elapsed);
                if let Some(late) = &late {
                    elapsed = now.instant.saturating_since(late.begun);
                    let health = late.health.as_deref();
                    self.report_success(now, late.begun, health, &queue.broker_name);
                }
                let begun = late.map_or(now.instant, |late| late.begun);
                let attempts = self.made + u32::from(self.abandon_current());
                self.tally.answered = Some(Answered {
                    attempt,
                    broker: queue.broker_name.clone(),
                    address: address.clone(),
                    latency: now.instant.saturating_since(begun),
                    at: now.instant,
                    is_traced: reply.is_traced,
                });
                let end = AttemptEnd::StoredLate(reply.status);
                let receipt = self.receipt(queue.clone(), &reply, attempts);
                let number = attempt;
                self.report(|| AttemptReport::Ended { number, queue, address, elapsed, end });
                return self.end_well(Delivered::Stored(receipt));
            }
            // What was unknown is known now.
            (Err(failure @ AttemptFailure::Refused { .. }), Some(told)) => {
                self.stale |= failure.is_of_a_stale_route();
                told.failure = failure;
            }
            _ => {}
        }
        if !self.late.is_empty() {
            return;
        }
        let State::Lingering(kind) = &self.state else { return };
        if self.may_go_on(now) {
            self.state = State::Choosing { not_before: now.instant, unless: None };
            return;
        }
        // What the last attempt has come to in the end says more than what it was given up for.
        let last = self.attempts.last().filter(|last| last.number == attempt);
        let kind = match last {
            Some(last) => self.kind_of(now, last),
            None => SendErrorKind::clone(kind),
        };
        self.give_up(kind);
    }

    /// Whether a send that is sent at most once, and has waited because it might be stored, may be
    /// tried again: by now it is certain that it is not.
    fn may_go_on(&self, now: Now) -> bool {
        let is_harmless =
            |told: &Attempt| told.failure.outcome() != Outcome::Unknown && !told.failure.is_fatal();
        self.attempts.iter().all(is_harmless)
            && self.attempts_left() > 0
            && self.pacing.is_worth_another(self.deadline, now)
    }

    /// The link had ended before the call was made: the attempt goes on with the next connection to
    /// the same broker.
    pub(super) fn reconnect(&mut self) {
        if let State::Calling { target, link } = &self.state {
            let (target, gone) = (target.clone(), Some(*link));
            self.state = State::Connecting { target, failures: None, gone };
        }
    }

    pub(super) fn fail_attempt(&mut self, now: Now, target: Target, failure: AttemptFailure) {
        self.wrong = failure.is_of_a_wrong_route();
        let health = target.health.as_ref().filter(|_| failure.is_the_brokers_fault());
        if health.is_some_and(|h| h.report_failure(now.instant, self.config.send_latency_enable)) {
            self.changed = Some(target.queue.broker_name.clone());
        }
        // Whoever has been silent to many may be gone. Those that are merely slow now and then are
        // no reason to ask.
        let is_ill = |health: Arc<BrokerHealth>| health.state() != BrokerState::Healthy;
        let silent = matches!(failure, AttemptFailure::Call(CallError::Expired { lent: true }));
        self.stale |= failure.is_of_a_stale_route() || silent && target.health.is_some_and(is_ill);
        let place = (Some(target.address), target.advertised);
        self.record(now, target.begun, target.queue, place, failure);
    }

    /// Writes a failed attempt down and decides whether there is another.
    pub(super) fn record(
        &mut self,
        now: Now,
        begun: Instant,
        queue: MessageQueue,
        (address, advertised): (Option<Address>, Option<Address>),
        failure: AttemptFailure,
    ) {
        let elapsed = now.instant.saturating_since(begun);
        let ambiguous = failure.outcome() == Outcome::Unknown;
        let at_most_once = !self.policy.retry_unknown && !is_on(AtMostOnceIsNot);
        let (fatal, busy) = (failure.is_fatal(), failure.is_busy());
        let again = self.was_tried(&queue);
        let number = self.made;
        self.report(|| AttemptReport::Ended {
            number,
            queue: queue.clone(),
            address: address.clone(),
            elapsed,
            end: AttemptEnd::Failed(failure.clone()),
        });
        let attempt = Attempt { number, queue, address, advertised, elapsed, failure };
        let kind = self.kind_of(now, &attempt);
        self.made += 1;
        self.pacing.count(busy);
        self.tell(attempt);
        let worth = self.pacing.is_worth_another(self.deadline, now);
        if fatal || ambiguous && at_most_once || self.attempts_left() == 0 || !worth {
            return self.linger(kind);
        }
        let not_before = match busy || again {
            true => self.pacing.pause(self.deadline, now),
            false => Some(now.instant),
        };
        match not_before {
            Some(not_before) => self.state = State::Choosing { not_before, unless: None },
            None => self.linger(kind),
        }
    }

    /// What the send ends with when this is the attempt that ends it.
    fn kind_of(&self, now: Now, attempt: &Attempt) -> SendErrorKind {
        let after = now.instant.saturating_since(self.started.instant);
        match SendErrorKind::of_attempt(attempt, after, self.fixed.is_some()) {
            // Nobody was to answer.
            SendErrorKind::TimedOut { phase: TimeoutPhase::Reply, after }
                if self.parcel.is_oneway =>
            {
                SendErrorKind::TimedOut { phase: TimeoutPhase::Write, after }
            }
            kind => kind,
        }
    }

    /// Keeps an attempt for the story; of the busy answers, when they become many, the last.
    fn tell(&mut self, attempt: Attempt) {
        if self.attempts.len() >= ATTEMPTS_TOLD
            && let Some(busy) = self.attempts.iter().position(|told| told.failure.is_busy())
        {
            let busy = self.attempts.remove(busy);
            self.tally.count_untold(busy.queue.broker_name);
        }
        self.attempts.push(attempt);
    }

    /// The producer closes while an attempt is under way: it is part of the story.
    pub(super) fn close_attempt(&mut self, now: Now, why: &LinkError) {
        let (target, error) = match &self.state {
            State::Connecting { target, .. } => (target, CallError::Unsent(why.clone())),
            State::Calling { target, .. } => (target, CallError::Lost(why.clone())),
            State::Choosing { .. } | State::Lingering(_) | State::Over(_) => return,
        };
        self.fail_attempt(now, target.clone(), error.into());
    }

    /// Ends the send badly, unless an attempt that was given up may still end it well.
    pub(super) fn linger(&mut self, kind: SendErrorKind) {
        if self.late.is_empty() {
            return self.give_up(kind);
        }
        self.state = State::Lingering(Box::new(kind));
    }

    /// Texts are copied out of the reply, so that a receipt kept for long does not keep the read
    /// buffer that it came in.
    fn receipt(&self, queue: MessageQueue, reply: &SendReply<'_>, attempts: u32) -> SendReceipt {
        let message_id = self.message().shared_uniq_key().cloned().unwrap_or_default();
        let transaction_id = reply.transaction_id.map(|id| match message_id == *id {
            true => message_id.clone(),
            false => id.into(),
        });
        let region_id = reply.region_id.map(|region| match region {
            DEFAULT_REGION => ByteString::from_static(DEFAULT_REGION),
            region => region.into(),
        });
        SendReceipt {
            message_id,
            offset_message_id: reply.offset_message_id.into(),
            message_queue: MessageQueue { queue_id: reply.queue_id, ..queue },
            queue_offset: reply.queue_offset,
            status: reply.status,
            transaction_id,
            region_id,
            send_timestamp: self.started.wall,
            attempts,
        }
    }
}

/// What a call's end means.
fn judge(outcome: &Result<Frame, CallError>) -> Result<SendReply<'_>, AttemptFailure> {
    let frame = outcome.as_ref().map_err(CallError::clone)?;
    let code = frame.header.code;
    if ResponseCode(code).verdict() == Verdict::Stored {
        return Ok(SendReply::parse(frame)?);
    }
    let remark = frame.header.remark.as_deref().unwrap_or_default().to_owned();
    Err(AttemptFailure::Refused { code, remark })
}
