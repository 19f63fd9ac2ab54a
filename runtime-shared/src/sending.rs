//! One send, as a loop that only has to be waited for.

use std::sync::Arc;

use rocketmq_producer_core::{
    client::Wait,
    delivery::{Delivery, SendError, Step},
    link::{Call, CallError, CallRefused, LinkError, Refusal},
    model::SendReceipt,
    time::Instant,
};

use crate::{Bell, Clock, Completion, Session, SharedLink, Token, Wire, session::InFlight};

/// What to wait for.
#[derive(Debug)]
#[must_use]
pub enum Next {
    /// Something may have changed when this comes back, with a message or with its end.
    Wait(oneshot::Receiver<()>),
    /// The broker's answer, to be passed to [`Sending::complete`]. It comes by `deadline`, if the
    /// link's driver keeps time; an adapter whose driver does not calls [`Sending::expire`].
    Reply {
        /// Gives the answer; its end without one means that the driver is gone.
        reply: oneshot::Receiver<Completion>,
        /// When the wait ends.
        deadline: Instant,
    },
    /// It is over.
    Done(Result<SendReceipt, SendError>),
}

/// A send in flight. Dropping it abandons the send: what was queued on a link is still written, so
/// the stream stays whole, and the broker may store the message.
#[derive(Debug)]
pub struct Sending<W: Wire> {
    delivery: Delivery,
    /// Where the current attempt calls.
    link: Option<Arc<SharedLink<W>>>,
    session: InFlight<W>,
}

impl<W: Wire> Sending<W> {
    pub(crate) fn new(delivery: Delivery, session: InFlight<W>) -> Self {
        Self { delivery, link: None, session }
    }

    fn session(&self) -> &Session<W> {
        &self.session.0
    }

    /// The session's clock.
    pub fn clock(&self) -> &Clock {
        &self.session().clock
    }

    /// What to wait for next.
    pub fn advance(&mut self) -> Next {
        loop {
            let view = self.session().view.load_full();
            let now = self.session().clock.now();
            match self.delivery.step(now, &view.routes) {
                Step::Done(result) => return Next::Done(result),
                Step::Wait { ask, until } => {
                    let (waiter, released) = oneshot::channel();
                    let (seen, waiter) = (view.routes.version, Bell(waiter));
                    self.session().inbox.push_wait(Wait { ask, until, seen, waiter });
                    return Next::Wait(released);
                }
                Step::Call { link, deadline } => match view.links.get(link) {
                    Some(link) => {
                        if let Some(reply) = self.call(link, deadline) {
                            return Next::Reply { reply, deadline };
                        }
                    }
                    None => self.delivery.handle_gone(),
                },
            }
        }
    }

    /// Makes the current attempt's call; none when the link did not take it.
    fn call(
        &mut self,
        link: &Arc<SharedLink<W>>,
        deadline: Instant,
    ) -> Option<oneshot::Receiver<Completion>> {
        let request = self.delivery.request()?;
        let (caller, reply) = oneshot::channel();
        let token = Token::Caller(caller);
        match link.call(Call { request: &request, token, deadline, probe: false }) {
            Ok(()) => {
                self.link = Some(Arc::clone(link));
                return Some(reply);
            }
            Err(CallRefused { why: Refusal::Encode(error), .. }) => {
                let now = self.session().clock.now();
                self.delivery.handle_outcome(now, Err(CallError::Encode(error)));
            }
            Err(_) => self.delivery.handle_gone(),
        }
        None
    }

    /// Takes in what [`Next::Reply`] gave.
    pub fn complete(&mut self, completion: Result<Completion, oneshot::RecvError>) {
        let gone = |_| Err(CallError::Lost(LinkError::DriverGone));
        let now = self.session().clock.now();
        self.delivery.handle_outcome(now, completion.unwrap_or_else(gone));
    }

    /// Ends the waits on the current link whose time is up, this one's among them.
    pub fn expire(&self) {
        if let Some(link) = &self.link {
            link.handle_timeout();
        }
    }
}
