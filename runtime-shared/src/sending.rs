//! One send, as a future that needs no reactor and no timer of its caller.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use rocketmq_producer_core::{
    client::{Input, Wait},
    delivery::{Delivery, SendError, Step, TimeoutPhase},
    ids::LinkId,
    link::{Call, CallError, CallRefused, Refusal},
    model::SendReceipt,
    time::Instant,
};

use crate::{
    Clock, Session, SharedLink, Token, View, Wire,
    session::InFlight,
    slot::{Caller, Slot},
};

/// A send in flight: a [`Delivery`], and all that it waits for.
///
/// Dropping it abandons the send: what was queued on a link is still written, so the stream stays
/// whole, and the broker may store the message.
///
/// Its waits end by themselves where links have drivers that keep time; an adapter whose drivers do
/// not calls [`expire`](Self::expire) when [`deadline`](Self::deadline) has come.
#[derive(Debug)]
#[must_use = "a send does nothing unless it is polled"]
pub struct Sending<W: Wire> {
    delivery: Delivery,
    slot: Arc<Slot>,
    /// What it waits for before its first step.
    turn: Option<TimeoutPhase>,
    /// Where the current attempt calls, and until when.
    calling: Option<(Arc<SharedLink<W>>, Instant)>,
    /// Where earlier attempts called.
    called: Vec<Arc<SharedLink<W>>>,
    /// Nothing is to be done before something arrives.
    settled: bool,
    session: InFlight<W>,
}

impl<W: Wire> Sending<W> {
    /// A send that has asked for what it needs first: its lane, or its permit.
    pub(crate) fn new(
        delivery: Delivery,
        slot: Arc<Slot>,
        turn: TimeoutPhase,
        session: InFlight<W>,
    ) -> Self {
        let (turn, calling, called) = (Some(turn), None, Vec::new());
        Self { delivery, slot, turn, calling, called, settled: false, session }
    }

    fn session(&self) -> &Session<W> {
        &self.session.0
    }

    /// The session's clock.
    pub fn clock(&self) -> &Clock {
        &self.session().clock
    }

    /// When the time of the calls that it waits for is up.
    pub fn deadline(&self) -> Option<Instant> {
        match &self.calling {
            Some((_, deadline)) => Some(*deadline),
            None if self.called.is_empty() => None,
            None => Some(self.delivery.deadline()),
        }
    }

    /// Ends the waits whose time is up on the links that it has called on, its own among them.
    pub fn expire(&self) {
        let current = self.calling.iter().map(|(link, _)| link);
        for link in current.chain(&self.called) {
            link.handle_timeout();
        }
    }

    /// One that has waited for its permit and has gone makes way for those behind it.
    fn leave_line(&mut self) {
        if self.turn.take() == Some(TimeoutPhase::Permit) {
            self.session().gate.let_in();
        }
    }

    /// Takes in what has arrived; true when that was anything.
    fn look(&mut self, context: &Context<'_>) -> bool {
        let mut news = false;
        loop {
            let arrived = self.slot.look(context);
            news |= arrived.rung || !arrived.answers.is_empty();
            for (attempt, outcome) in arrived.answers {
                let now = self.session().clock.now();
                self.delivery.handle_outcome(now, attempt, outcome);
            }
            self.turn = match self.turn {
                Some(TimeoutPhase::Order) if arrived.has_lane && !arrived.has_permit => {
                    self.session().gate.ask(self.delivery.size(), &self.slot);
                    Some(TimeoutPhase::Permit)
                }
                Some(TimeoutPhase::Order) if arrived.has_lane => None,
                Some(TimeoutPhase::Permit) if arrived.has_permit => None,
                _ => return news,
            };
            news = true;
        }
    }

    /// Steps until there is something to wait for; none then.
    fn advance(&mut self) -> Option<Result<SendReceipt, SendError>> {
        self.slot.no_longer_waits();
        self.called.extend(self.calling.take().map(|(link, _)| link));
        loop {
            let view = self.session().view.load_full();
            let now = self.session().clock.now();
            let step = match self.turn {
                Some(phase) => self.delivery.wait_for_turn(now, &view.routes, phase),
                None => self.delivery.step(now, &view.routes),
            };
            match step {
                Step::Done(result) => return Some(result),
                Step::Wait { ask, until } => {
                    let (seen, waiter) = (view.routes.version, self.slot.bell());
                    let topic = self.delivery.message().shared_topic();
                    self.session().inbox.push_wait(Wait { ask, topic, until, seen, waiter });
                    return None;
                }
                Step::Tell(ask) => {
                    let until = self.delivery.deadline();
                    self.session().inbox.push(Input::Ask { ask, until });
                }
                Step::Call { link, attempt, deadline, linger } => {
                    self.call(&view, link, attempt, deadline, linger);
                }
                Step::Answer => return None,
            }
        }
    }

    /// Makes the current attempt's call.
    fn call(
        &mut self,
        view: &View<W>,
        link: LinkId,
        attempt: u32,
        deadline: Instant,
        linger: Instant,
    ) {
        let (Some(link), Some(request)) = (view.links.get(link), self.delivery.request()) else {
            return self.delivery.handle_gone();
        };
        let token = Token::Caller(Caller::new(&self.slot, attempt));
        let linger = (linger > deadline).then_some(linger);
        match link.call(Call { request: &request, token, deadline, linger, probe: false }) {
            Ok(()) => self.calling = Some((Arc::clone(link), deadline)),
            Err(CallRefused { why, token, .. }) => {
                token.forget();
                match why {
                    Refusal::Encode(error) => {
                        let (now, error) = (self.clock().now(), Err(CallError::Encode(error)));
                        self.delivery.handle_outcome(now, attempt, error);
                    }
                    _ => self.delivery.handle_gone(),
                }
            }
        }
    }
}

impl<W: Wire> Future for Sending<W> {
    type Output = Result<SendReceipt, SendError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        // What comes between a step and the next look is seen by that look.
        while this.look(context) || !this.settled {
            if let Some(result) = this.advance() {
                this.slot.finish();
                this.leave_line();
                return Poll::Ready(result);
            }
            this.settled = true;
        }
        Poll::Pending
    }
}

impl<W: Wire> Drop for Sending<W> {
    fn drop(&mut self) {
        self.slot.abandon();
        self.leave_line();
    }
}
