//! One send: its way through the gate, then its delivery.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use rocketmq_producer_core::{
    delivery::{Delivered, Delivery, SendError, Step, TimeoutPhase},
    model::SendReceipt,
    time::Instant,
};

use crate::{
    Clock, Journey, Timed, Wire, gathering::Gathered, journey::Moment, session::InFlight,
    slot::Slot, statistics::Sent, telling::SendSpan,
};

/// A send in flight: a [`Delivery`], and all that it waits for. See [`Journey`] for what becomes of
/// it when it is dropped.
#[derive(Debug)]
#[must_use = "a send does nothing unless it is polled"]
pub struct Sending<W: Wire> {
    journey: Journey<W, Delivery>,
    /// What it waits for before its first step.
    turn: Option<TimeoutPhase>,
    /// The hub has been told to wake it when its time is up.
    settled: bool,
    span: SendSpan,
    /// What is to be counted when it is over; none once it is.
    uncounted: Option<Cargo>,
}

/// Whose messages a send carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cargo {
    /// One, that it answers for itself.
    Own,
    /// So many, that a batch answers for.
    Of(u64),
    /// So many, that those who wait for a lot answer for: it is part of nothing that one of them does.
    Lot(u64),
}

impl<W: Wire> Sending<W> {
    /// A send that has asked for what it needs first: its lane, or its permit, unless it has that
    /// already.
    pub(crate) fn new(
        mut delivery: Box<Delivery>,
        slot: Arc<Slot>,
        turn: Option<TimeoutPhase>,
        session: InFlight<W>,
        cargo: Cargo,
    ) -> Self {
        if cargo == Cargo::Own {
            session.session.statistics.entered(1);
        }
        let config = &session.session.config;
        let span = match cargo {
            Cargo::Own | Cargo::Of(_) => SendSpan::of(&mut delivery, config),
            Cargo::Lot(_) => SendSpan::apart(&mut delivery, config),
        };
        let journey = Journey::new(delivery, slot, session);
        Self { journey, turn, settled: false, span, uncounted: Some(cargo) }
    }

    /// It is not to be begun after all, and its message is counted elsewhere.
    pub(crate) fn disown(&mut self) {
        if self.uncounted.take() == Some(Cargo::Own) {
            self.journey.session().statistics.disowned();
        }
    }

    /// It is over, or dropped before that: whoever counts sends, or keeps records of them, is told.
    fn end(&mut self, result: Option<&Result<Delivered, SendError>>) {
        let Some(cargo) = self.uncounted.take() else { return };
        self.count(cargo, result);
        if result.is_some() || self.journey.has_called() {
            let (session, delivery) = self.journey.session_and_errand();
            session.trace_send(delivery, result);
        }
    }

    fn count(&mut self, cargo: Cargo, result: Option<&Result<Delivered, SendError>>) {
        let (session, delivery) = self.journey.session_and_errand();
        let statistics = &session.statistics;
        let (Cargo::Of(messages) | Cargo::Lot(messages)) = cargo else {
            let topic = delivery.message().topic();
            let since = delivery.started().instant;
            match result {
                Some(Ok(_)) => statistics.sent(topic, how(delivery), 1, false),
                Some(Err(error)) => {
                    let after = || session.clock.now().instant.saturating_since(since);
                    statistics.failed(error.message().topic(), error.kind(), 1, after);
                }
                None => statistics.dropped(1),
            }
            return statistics.request_over(delivery, result, 1);
        };
        statistics.request_over(delivery, result, messages);
    }

    /// Waits for its lane and its permit; none once it has them, or else how it has ended for want
    /// of them.
    fn poll_turn(&mut self, context: &Context<'_>) -> Poll<Option<Result<Delivered, SendError>>> {
        while let Some(phase) = self.turn {
            let arrived = self.journey.slot().look(context);
            self.turn = match phase {
                TimeoutPhase::Order if arrived.lanes > 0 && !arrived.has_permit => {
                    let (session, slot) =
                        (Arc::clone(self.journey.session()), Arc::clone(self.journey.slot()));
                    session.gate.ask(self.journey.errand().size(), &slot);
                    Some(TimeoutPhase::Permit)
                }
                TimeoutPhase::Order if arrived.lanes > 0 => None,
                TimeoutPhase::Permit if arrived.has_permit => None,
                _ => Some(phase),
            };
            if self.turn != Some(phase) {
                // A bell that has rung in the same moment rings no more.
                self.settled &= !arrived.rung;
                continue;
            }
            if self.settled && !arrived.rung {
                return Poll::Pending;
            }
            self.settled = true;
            let session = Arc::clone(self.journey.session());
            let (view, now) = (session.view.load_full(), session.clock.now());
            match self.journey.errand().wait_for_turn(now, &view.routes, phase) {
                Step::Done(result) => return Poll::Ready(Some(result)),
                Step::Wait { ask, until } => self.journey.wait(&view, ask, until),
                // Whoever waits for its turn wants nothing else.
                _ => {}
            }
        }
        Poll::Ready(None)
    }

    /// One that has waited for its permit and has gone makes way for those behind it.
    fn leave_line(&mut self) {
        if self.turn.take() == Some(TimeoutPhase::Permit) {
            self.journey.session().gate.let_in();
        }
    }
}

impl<W: Wire> Sending<W> {
    /// Through the gate, then on its journey, and into the records.
    fn poll_on(&mut self, context: &mut Context<'_>) -> Poll<Result<Delivered, SendError>> {
        let polled = self.poll_through(context);
        if let Poll::Ready(result) = &polled {
            self.end(Some(result));
        }
        polled
    }

    fn poll_through(&mut self, context: &mut Context<'_>) -> Poll<Result<Delivered, SendError>> {
        let mut moment = Moment::default();
        if self.turn.is_none() && !self.journey.is_under_way() {
            // A send that waits for nothing is polled as soon as it is begun, as its makers are told.
            moment = Moment::at(self.journey.errand().started());
        }
        if self.turn.is_some() {
            match self.poll_turn(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => {}
                Poll::Ready(Some(result)) => {
                    self.journey.slot().finish();
                    self.leave_line();
                    return Poll::Ready(result);
                }
            }
        }
        self.journey.poll_at(moment, context)
    }
}

impl<W: Wire> Future for Sending<W> {
    type Output = Result<Delivered, SendError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if !this.span.is_watched() {
            return this.poll_on(context);
        }
        let mut span = std::mem::take(&mut this.span);
        let polled = {
            let _entered = span.enter();
            this.poll_on(context)
        };
        span.follow(this.journey.errand());
        if let Poll::Ready(result) = &polled {
            span.over(this.journey.clock().now(), result);
        }
        this.span = span;
        polled
    }
}

impl<W: Wire> Timed for Sending<W> {
    fn clock(&self) -> &Clock {
        self.journey.clock()
    }

    fn deadline(&self) -> Option<Instant> {
        self.journey.deadline()
    }

    fn expire(&self) {
        self.journey.expire();
    }
}

impl<W: Wire> Drop for Sending<W> {
    fn drop(&mut self) {
        self.end(None);
        self.journey.slot().abandon();
        self.leave_line();
    }
}

/// A send that waits for the broker's answer.
#[derive(Debug)]
#[must_use = "a send does nothing unless it is polled"]
pub enum Answered<W: Wire> {
    /// By itself.
    Alone(Sending<W>),
    /// With others.
    Gathered(Gathered<W>),
}

/// A send that is not answered.
#[derive(Debug)]
#[must_use = "a send does nothing unless it is polled"]
pub struct Oneway<W: Wire>(pub(crate) Sending<W>);

/// How a delivery has ended well.
fn how(delivery: &Delivery) -> Sent {
    match delivery.answered_at() {
        Some(at) => Sent::Stored(at.saturating_since(delivery.started().instant)),
        None => Sent::HandedOver,
    }
}

/// What a send that was to be answered has ended with.
pub(crate) fn receipt(delivered: Delivered) -> SendReceipt {
    match delivered {
        Delivered::Stored(receipt) => receipt,
        Delivered::HandedOver => unreachable!("only one-way parcels are handed over"),
    }
}

impl<W: Wire> Future for Answered<W> {
    type Output = Result<SendReceipt, SendError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Self::Alone(sending) => Pin::new(sending).poll(context).map_ok(receipt),
            Self::Gathered(gathered) => Pin::new(gathered).poll(context),
        }
    }
}

impl<W: Wire> Timed for Answered<W> {
    fn clock(&self) -> &Clock {
        match self {
            Self::Alone(sending) => sending.clock(),
            Self::Gathered(gathered) => gathered.clock(),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Alone(sending) => sending.deadline(),
            Self::Gathered(gathered) => gathered.deadline(),
        }
    }

    fn expire(&self) {
        match self {
            Self::Alone(sending) => sending.expire(),
            Self::Gathered(gathered) => gathered.expire(),
        }
    }
}

impl<W: Wire> Future for Oneway<W> {
    type Output = Result<(), SendError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map_ok(drop)
    }
}

impl<W: Wire> Timed for Oneway<W> {
    fn clock(&self) -> &Clock {
        self.0.clock()
    }

    fn deadline(&self) -> Option<Instant> {
        self.0.deadline()
    }

    fn expire(&self) {
        self.0.expire();
    }
}
