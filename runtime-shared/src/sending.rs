//! One send, as a loop that only has to be waited for.

use std::sync::Arc;

use rocketmq_producer_core::{
    client::Wait,
    delivery::{Delivery, SendError, Step},
    link::{Call, CallError, CallRefused, LinkError, Refusal},
    model::SendReceipt,
    time::Instant,
};

use crate::{Clock, Completion, Session, SharedLink, Token, Wire, session::InFlight};

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
    /// Where the current attempt calls, until when.
    call: Option<(Arc<SharedLink<W>>, Instant)>,
    /// Room was granted: call again.
    room: bool,
    session: InFlight<W>,
}

impl<W: Wire> Sending<W> {
    pub(crate) fn new(delivery: Delivery, session: InFlight<W>) -> Self {
        Self { delivery, call: None, room: false, session }
    }
}

impl<W: Wire> Sending<W> {
    fn session(&self) -> &Session<W> {
        &self.session.0
    }

    /// The session's clock.
    pub fn clock(&self) -> Clock {
        self.session().clock
    }

    /// What to wait for next.
    pub fn advance(&mut self) -> Next {
        loop {
            if self.room
                && let Some(next) = self.make_call()
            {
                return next;
            }
            let view = self.session().view.load_full();
            let now = self.session().clock.now();
            match self.delivery.step(now, &view.routes) {
                Step::Done(result) => return Next::Done(result),
                Step::Wait { ask, until } => {
                    let (waiter, released) = oneshot::channel();
                    let seen = view.routes.version;
                    self.session().inbox.push_wait(Wait { ask, until, seen, waiter });
                    return Next::Wait(released);
                }
                Step::Call { link, deadline } => match view.links.get(link) {
                    Some(link) => {
                        self.call = Some((Arc::clone(link), deadline));
                        if let Some(next) = self.make_call() {
                            return next;
                        }
                    }
                    None => self.delivery.handle_gone(),
                },
            }
        }
    }

    /// Makes the current attempt's call, or queues for room.
    fn make_call(&mut self) -> Option<Next> {
        let granted = std::mem::take(&mut self.room);
        let (link, deadline) = self.call.clone()?;
        let request = self.delivery.request()?;
        let (caller, reply) = oneshot::channel();
        let token = Token::Caller(caller);
        let call = Call { request: &request, token, deadline, probe: false };
        match if granted { link.call_granted(call) } else { link.call(call) } {
            Ok(()) => return Some(Next::Reply { reply, deadline }),
            Err(CallRefused { token, why: Refusal::Full }) => {
                match granted {
                    true => link.wait_for_room_again(token, deadline),
                    false => link.wait_for_room(token, deadline),
                }
                return Some(Next::Reply { reply, deadline });
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
        let outcome = match completion {
            Ok(Completion::Room) => {
                self.room = true;
                return;
            }
            Ok(Completion::Done(outcome)) => outcome,
            Err(_) => Err(CallError::Lost(LinkError::DriverGone)),
        };
        let now = self.session().clock.now();
        self.delivery.handle_outcome(now, outcome);
    }

    /// Ends the waits on the current link whose time is up, this one's among them.
    pub fn expire(&self) {
        if let Some((link, _)) = &self.call {
            link.handle_timeout();
        }
    }
}

impl<W: Wire> Drop for Sending<W> {
    /// Room that was granted and not used is the next one's.
    fn drop(&mut self) {
        if let (true, Some((link, _))) = (self.room, &self.call) {
            link.decline_room();
        }
    }
}
