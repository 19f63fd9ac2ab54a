//! How attempts end, and what follows.

use std::sync::Arc;

use bytestring::ByteString;

use super::{
    Attempt, AttemptEnd, AttemptFailure, AttemptReport, Delivered, Delivery, Outcome,
    SendErrorKind, TimeoutPhase,
    machine::{State, Target},
    tally::Answered,
    unusual::Late,
};
use crate::{
    codec::Frame,
    command::{ResponseCode, SendReply, Verdict},
    link::{CallError, LinkError},
    model::{Address, MessageQueue, SendReceipt, SendStatus},
    mutants::{Mutant::AtMostOnceIsNot, is_on},
    route::{Broker, BrokerState},
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
            self.handed_over = Some(Arc::clone(&target.broker));
            self.report_end(now, &target, AttemptEnd::HandedOver);
        }
        self.end_well(Delivered::HandedOver);
    }

    #[inline]
    fn report_end(&mut self, now: Now, target: &Target, end: AttemptEnd) {
        let number = self.made;
        self.report(|| AttemptReport::Ended {
            number,
            queue: target.queue.clone(),
            address: Some(target.broker.address.clone()),
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
                    let late = Late { number, begun, broker: Arc::clone(&target.broker) };
                    self.unusual().late.push(late);
                }
                self.fail_attempt(now, target, failure);
            }
        }
    }

    fn handle_stored(&mut self, now: Now, target: Target, reply: &SendReply<'_>) {
        self.report_success(now, target.begun, &target.broker);
        self.note_answer(now, self.made, target.begun, Arc::clone(&target.broker), reply);
        let status = reply.status;
        let elsewhere = self.config.retry_another_broker_when_not_store_ok
            && status != SendStatus::SendOk
            && self.policy.retry_unknown
            && !self.fixed
            && !target.alone
            && self.unusual.as_ref().is_none_or(|unusual| unusual.stored.is_none())
            && self.attempts_left() > 1;
        let attempts = self.made + 1;
        if elsewhere {
            let receipt = self.receipt(target.queue.clone(), reply, attempts);
            self.unusual().stored = Some(receipt);
            return self.fail_attempt(now, target, AttemptFailure::NotStoreOk { status });
        }
        self.report_end(now, &target, AttemptEnd::Stored(status));
        self.end_well(Delivered::Stored(self.receipt(target.queue, reply, attempts)));
    }

    fn note_answer(
        &mut self,
        now: Now,
        attempt: u32,
        begun: Instant,
        broker: Arc<Broker>,
        reply: &SendReply<'_>,
    ) {
        self.answered = Some(Answered {
            attempt,
            broker,
            latency: now.instant.saturating_since(begun),
            at: now.instant,
            is_traced: reply.is_traced,
        });
    }

    fn report_success(&mut self, now: Now, begun: Instant, broker: &Broker) {
        let (latency, watched) =
            (now.instant.saturating_since(begun), self.config.send_latency_enable);
        if broker.health.report_success(now.instant, latency, watched) {
            self.unusual().changed = Some(broker.name.clone());
        }
    }

    /// Another's answer ends the send while this one's is awaited; false when none is.
    fn abandon_current(&mut self) -> bool {
        let State::Calling { target, .. } = &self.state else { return false };
        let broker = target.broker.name.clone();
        self.unusual().abandoned = Some(broker);
        true
    }

    /// An attempt that was given up is answered after all, or will never be.
    fn handle_late(&mut self, now: Now, attempt: u32, outcome: &Result<Frame, CallError>) {
        let late = self.unusual.as_mut().and_then(|unusual| {
            let index = unusual.late.iter().position(|late| late.number == attempt)?;
            Some(unusual.late.swap_remove(index))
        });
        let told = self.attempts.iter_mut().find(|told| told.number == attempt);
        match (judge(outcome), told, late) {
            (Ok(reply), Some(told), Some(late)) => {
                let queue = told.queue.clone();
                return self.handle_stored_late(now, queue, late, &reply);
            }
            // What was unknown is known now.
            (Err(failure @ AttemptFailure::Refused { .. }), Some(told), _) => {
                self.stale |= failure.is_of_a_stale_route();
                told.failure = failure;
            }
            _ => {}
        }
        if self.awaits_late() {
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

    fn handle_stored_late(
        &mut self,
        now: Now,
        queue: MessageQueue,
        Late { number, begun, broker }: Late,
        reply: &SendReply<'_>,
    ) {
        self.report_success(now, begun, &broker);
        let attempts = self.made + u32::from(self.abandon_current());
        let receipt = self.receipt(queue.clone(), reply, attempts);
        self.report(|| AttemptReport::Ended {
            number,
            queue,
            address: Some(broker.address.clone()),
            elapsed: now.instant.saturating_since(begun),
            end: AttemptEnd::StoredLate(reply.status),
        });
        self.note_answer(now, number, begun, broker, reply);
        self.end_well(Delivered::Stored(receipt));
    }

    /// Some attempt was given up and may still be answered.
    fn awaits_late(&self) -> bool {
        self.unusual.as_ref().is_some_and(|unusual| !unusual.late.is_empty())
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
        let broker = target.broker;
        if failure.is_the_brokers_fault()
            && broker.health.report_failure(now.instant, self.config.send_latency_enable)
        {
            self.unusual().changed = Some(broker.name.clone());
        }
        // Whoever has been silent to many may be gone. Those that are merely slow now and then are
        // no reason to ask.
        let silent = matches!(failure, AttemptFailure::Call(CallError::Expired { lent: true }));
        self.stale |= failure.is_of_a_stale_route()
            || silent && broker.health.state() != BrokerState::Healthy;
        let place = (Some(broker.address.clone()), broker.advertised.clone());
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
        match SendErrorKind::of_attempt(attempt, after, self.fixed) {
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
            self.unusual().count_untold(busy.queue.broker_name);
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
        match self.awaits_late() {
            true => self.state = State::Lingering(Box::new(kind)),
            false => self.give_up(kind),
        }
    }

    /// Texts are copied out of the reply, so that a receipt kept for long does not keep the read
    /// buffer that it came in.
    #[inline]
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
