//! One connection's machine, shared between its callers and its one driver.

use std::sync::{Arc, Mutex};

use rocketmq_producer_core::{
    client::Input,
    codec::{Frame, Header, Request},
    ids::{ChoreId, LinkId},
    link::{Call, CallError, CallRefused, Link, LinkConfig, LinkError, LinkEvent, Outgoing},
    time::{Deadline, Instant},
};

use crate::{Clock, Inbox, lock};

/// The end of a wait on a link.
#[derive(Debug)]
pub enum Completion {
    /// The call is over.
    Done(Result<Frame, CallError>),
    /// There is room: try the call again.
    Room,
}

/// Whose call it is.
#[derive(Debug)]
pub enum Token {
    /// A send's.
    Caller(oneshot::Sender<Completion>),
    /// The client's own.
    Chore(ChoreId),
}

/// What an adapter adds to a link: how its driver hears of work. Called without any lock held.
pub trait Wire: Send + Sync + Sized + 'static {
    /// Bytes have been queued.
    fn bytes_queued(link: &Arc<SharedLink<Self>>);

    /// The link has been closed from this side: the socket is to be given up.
    fn hang_up(&self);
}

/// A link behind a lock that is held for the machine's own work and nothing else.
#[derive(Debug)]
pub struct SharedLink<W> {
    id: LinkId,
    machine: Mutex<Link<Token>>,
    inbox: Arc<Inbox>,
    clock: Clock,
    /// The adapter's part.
    pub wire: W,
}

impl<W> SharedLink<W> {
    pub(crate) fn new(
        id: LinkId,
        config: LinkConfig,
        inbox: Arc<Inbox>,
        clock: Clock,
        wire: W,
    ) -> Self {
        Self { id, machine: Mutex::new(Link::new(config)), inbox, clock, wire }
    }

    /// Its name.
    pub fn id(&self) -> LinkId {
        self.id
    }

    /// The session's clock.
    pub fn clock(&self) -> Clock {
        self.clock
    }
}

impl<W: Wire> SharedLink<W> {
    /// Queues a request and tells the driver.
    ///
    /// # Errors
    ///
    /// As [`Link::handle_call`].
    pub fn call(
        self: &Arc<Self>,
        call: Call<'_, impl Request, Token>,
    ) -> Result<(), CallRefused<Token>> {
        let now = self.clock.now();
        lock(&self.machine).handle_call(now, call)?;
        W::bytes_queued(self);
        Ok(())
    }

    /// The same for one who has waited and was told of room.
    ///
    /// # Errors
    ///
    /// As [`Link::handle_granted_call`].
    pub fn call_granted(
        self: &Arc<Self>,
        call: Call<'_, impl Request, Token>,
    ) -> Result<(), CallRefused<Token>> {
        let now = self.clock.now();
        lock(&self.machine).handle_granted_call(now, call)?;
        W::bytes_queued(self);
        Ok(())
    }

    /// Waits for the room that [`call`](Self::call) did not find.
    pub fn wait_for_room(&self, token: Token, deadline: Instant) {
        self.change(|link| link.wait_for_room(token, deadline));
    }

    /// Waits for the room that [`call_granted`](Self::call_granted) did not find.
    pub fn wait_for_room_again(&self, token: Token, deadline: Instant) {
        self.change(|link| link.wait_for_room_again(token, deadline));
    }

    /// Room that was granted is not wanted any more.
    pub fn decline_room(&self) {
        self.change(Link::handle_declined);
    }

    /// Answers a request of the peer.
    pub fn respond(self: &Arc<Self>, header: &Header) {
        lock(&self.machine).handle_respond(header);
        W::bytes_queued(self);
    }

    /// Takes the queued bytes: see [`Link::lend`].
    pub fn lend(&self, into: &mut Outgoing) -> bool {
        self.change(|link| link.lend(into))
    }

    /// True when bytes wait to be lent.
    pub fn has_queued(&self) -> bool {
        lock(&self.machine).queued_bytes() > 0
    }

    /// Takes in what the driver has decoded.
    pub fn handle_frames(&self, frames: &mut Vec<Frame>) {
        let now = self.clock.now();
        self.change(|link| link.handle_frames(now, frames.drain(..)));
    }

    /// Ends the waits whose time is up.
    pub fn handle_timeout(&self) {
        let now = self.clock.now();
        self.change(|link| link.handle_timeout(now));
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    pub fn deadline(&self) -> Option<Deadline> {
        lock(&self.machine).deadline()
    }

    /// True once the link has ended, by whichever side.
    pub fn is_closed(&self) -> bool {
        lock(&self.machine).closed().is_some()
    }

    /// The driver's last word: the socket is gone. Tells the hub.
    pub fn disconnected(&self, cause: LinkError) {
        self.change(|link| link.handle_closed(cause.clone()));
        self.inbox.push(Input::Closed { link: self.id, cause });
    }

    /// The driver's first word: the socket is there.
    pub fn connected(&self) {
        self.inbox.push(Input::Opened(self.id));
    }

    /// Ends the link from this side.
    pub(crate) fn close(&self, cause: LinkError) {
        self.change(|link| link.handle_closed(cause));
        self.wire.hang_up();
    }

    /// Runs the machine under the lock, then hands out its events without it.
    fn change<R>(&self, change: impl FnOnce(&mut Link<Token>) -> R) -> R {
        let mut link = lock(&self.machine);
        let result = change(&mut link);
        let mut events = drain(&mut link);
        drop(link);
        // Room that was granted to somebody who has gone is the next one's.
        while self.hand_out(events) {
            let mut link = lock(&self.machine);
            link.handle_declined();
            events = drain(&mut link);
        }
        result
    }

    /// True when room was granted to somebody who has gone.
    fn hand_out(&self, events: Vec<LinkEvent<Token>>) -> bool {
        let mut letters = Vec::new();
        let mut declined = false;
        for event in events {
            match event {
                // A caller that is gone does not want its answer any more.
                LinkEvent::Done { token: Token::Caller(caller), outcome } => {
                    let _ = caller.send(Completion::Done(outcome));
                }
                LinkEvent::Room { token: Token::Caller(caller) } => {
                    declined |= caller.send(Completion::Room).is_err();
                }
                LinkEvent::Done { token: Token::Chore(chore), outcome } => {
                    letters.push(Input::Answer { chore, outcome });
                }
                LinkEvent::Request(frame) => letters.push(Input::Request { link: self.id, frame }),
                LinkEvent::GoAway => letters.push(Input::GoAway(self.id)),
                // Chores never wait for room, and later kinds of events are not for this crate.
                _ => {}
            }
        }
        if !letters.is_empty() {
            self.inbox.push_all(letters);
        }
        declined
    }
}

fn drain(link: &mut Link<Token>) -> Vec<LinkEvent<Token>> {
    std::iter::from_fn(|| link.poll()).collect()
}
