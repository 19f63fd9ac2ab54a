//! One connection's machine, shared between its callers and its one driver.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use rocketmq_producer_core::{
    Waiter,
    client::Input,
    codec::{Frame, Header, Request},
    ids::{ChoreId, LinkId},
    link::{
        Call, CallError, CallRefused, Link, LinkConfig, LinkError, LinkEvent, Outgoing, Refusal,
    },
    time::{Deadline, Instant, Now},
};

use crate::{Clock, Inbox, lock, slot::Caller, statistics::OnewayCounters};

/// How a call has ended.
pub type Completion = Result<Frame, CallError>;

/// Whose call it is.
#[derive(Debug)]
pub enum Token {
    /// A send's.
    Caller(Caller),
    /// The client's own.
    Chore(ChoreId),
}

impl Waiter for Token {
    fn is_gone(&self) -> bool {
        match self {
            Self::Caller(caller) => caller.is_gone(),
            Self::Chore(_) => false,
        }
    }

    fn again(&self) -> Option<Self> {
        match self {
            Self::Caller(caller) => caller.again().map(Self::Caller),
            Self::Chore(_) => None,
        }
    }
}

impl Token {
    /// The call was not made, and its caller knows.
    pub(crate) fn forget(self) {
        if let Self::Caller(caller) = self {
            caller.forget();
        }
    }
}

/// What an adapter adds to a link: how its driver hears of work. Called without any lock held.
pub trait Wire: Send + Sync + Sized + 'static {
    /// Bytes have been queued.
    fn bytes_queued(link: &Arc<SharedLink<Self>>);

    /// The link has been closed from this side: the socket is to be given up.
    fn hang_up(&self);

    /// The link is to be looked after sooner than its [`deadline`](SharedLink::deadline) said
    /// before its driver took in what it has read. Nothing to do where the driver keeps time.
    fn is_due_sooner(_link: &Arc<SharedLink<Self>>) {}
}

/// A link behind a lock that is held for the machine's own work and nothing else.
#[derive(Debug)]
pub struct SharedLink<W> {
    id: LinkId,
    machine: Mutex<Link<Token>>,
    inbox: Arc<Inbox>,
    clock: Clock,
    oneways: Arc<OnewayCounters>,
    /// Where the connection leads.
    peer: OnceLock<SocketAddr>,
    /// Bytes that the transport has taken, and whether anybody waits for that.
    written: AtomicU64,
    awaits_writes: AtomicBool,
    /// The adapter's part.
    pub wire: W,
}

impl<W> SharedLink<W> {
    pub(crate) fn new(
        id: LinkId,
        config: LinkConfig,
        inbox: Arc<Inbox>,
        clock: Clock,
        oneways: Arc<OnewayCounters>,
        wire: W,
    ) -> Self {
        Self {
            id,
            machine: Mutex::new(Link::new(config)),
            inbox,
            clock,
            oneways,
            peer: OnceLock::new(),
            written: AtomicU64::new(0),
            awaits_writes: AtomicBool::new(false),
            wire,
        }
    }

    /// Its name.
    pub fn id(&self) -> LinkId {
        self.id
    }

    /// The session's clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }
}

impl<W: Wire> SharedLink<W> {
    /// Queues a request, or holds it until there is room, and tells the driver.
    ///
    /// # Errors
    ///
    /// As [`Link::handle_call`].
    pub fn call(
        self: &Arc<Self>,
        now: Now,
        call: Call<'_, impl Request, Token>,
    ) -> Result<(), CallRefused<Token>> {
        self.change(|link| link.handle_call(now, call))?;
        W::bytes_queued(self);
        Ok(())
    }

    /// Queues a request that is not answered.
    ///
    /// # Errors
    ///
    /// As [`Link::handle_oneway`].
    pub(crate) fn oneway(
        self: &Arc<Self>,
        request: &(impl Request + ?Sized),
    ) -> Result<(), Refusal> {
        lock(&self.machine).handle_oneway(request)?;
        W::bytes_queued(self);
        Ok(())
    }

    /// When the peer was last heard.
    pub(crate) fn heard(&self) -> Instant {
        lock(&self.machine).heard()
    }

    /// Answers a request of the peer.
    pub fn respond(self: &Arc<Self>, header: &Header) {
        lock(&self.machine).handle_respond(header);
        W::bytes_queued(self);
    }

    /// Takes the queued bytes: see [`Link::lend`].
    pub fn lend(&self, into: &mut Outgoing) -> bool {
        self.change(|link| {
            let any = link.lend(self.clock.now(), into);
            self.awaits_writes.store(link.awaits_writes(), Ordering::Relaxed);
            any
        })
    }

    /// The transport has taken so many more of the bytes that were lent.
    pub fn wrote(self: &Arc<Self>, bytes: usize) {
        let written = self.written.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64;
        // Whoever writes has lent before: both are up to date for it.
        if self.awaits_writes.load(Ordering::Relaxed) {
            self.make_room(|link, _| link.handle_written(written));
        }
    }

    /// Calls in flight, and calls that wait for room.
    pub fn load(&self) -> (usize, usize) {
        let link = lock(&self.machine);
        (link.in_flight(), link.held())
    }

    /// True when bytes wait to be lent.
    pub fn has_queued(&self) -> bool {
        lock(&self.machine).queued_bytes() > 0
    }

    /// Takes in what the driver has decoded.
    pub fn handle_frames(self: &Arc<Self>, frames: &mut Vec<Frame>) {
        let is_sooner = self.make_room(|link, now| {
            let before = link.deadline();
            link.handle_frames(now, frames.drain(..));
            Deadline::is_sooner(link.deadline(), before)
        });
        if is_sooner {
            W::is_due_sooner(self);
        }
    }

    /// Wakes the hub.
    pub fn ring_hub(&self) {
        self.inbox.ring();
    }

    /// Ends the waits whose time is up.
    pub fn handle_timeout(self: &Arc<Self>) {
        self.make_room(|link, now| link.handle_timeout(now));
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    pub fn deadline(&self) -> Option<Deadline> {
        lock(&self.machine).deadline()
    }

    /// True once the link has ended, by whichever side.
    pub fn is_closed(&self) -> bool {
        lock(&self.machine).closed().is_some()
    }

    /// Where the connection leads, once it is there.
    pub(crate) fn peer(&self) -> Option<SocketAddr> {
        self.peer.get().copied()
    }

    /// The driver's last word: the socket is gone. Tells the hub.
    pub fn disconnected(&self, cause: LinkError) {
        self.change(|link| link.handle_closed(cause.clone()));
        self.inbox.push(Input::Closed { link: self.id, cause });
    }

    /// The driver's first word: the socket is there, and leads to `peer`.
    pub fn connected(&self, peer: Option<SocketAddr>) {
        if let Some(peer) = peer {
            self.peer.get_or_init(|| peer);
        }
        self.inbox.push(Input::Opened(self.id));
    }

    /// The name that once led to this connection has been resolved to these; to none, if it could
    /// not be.
    pub fn resolved(&self, addresses: impl IntoIterator<Item = SocketAddr>) {
        let place = |address: &SocketAddr| (address.ip().to_canonical(), address.port());
        let mut addresses = addresses.into_iter().peekable();
        let somewhere = addresses.peek().is_some();
        let here = self.peer.get().is_none_or(|peer| addresses.any(|a| place(&a) == place(peer)));
        self.inbox.push(Input::Resolved { link: self.id, moved: somewhere && !here });
    }

    /// Ends the link from this side.
    pub(crate) fn close(&self, cause: LinkError) {
        self.change(|link| link.handle_closed(cause));
        self.wire.hang_up();
    }

    /// Makes a change that may let held calls into the queue, and tells the driver if it does.
    fn make_room<R>(self: &Arc<Self>, change: impl FnOnce(&mut Link<Token>, Now) -> R) -> R {
        let (result, grown) = self.change(|link| {
            let before = link.queued_bytes();
            let result = change(link, self.clock.now());
            (result, link.queued_bytes() > before)
        });
        if grown {
            W::bytes_queued(self);
        }
        result
    }

    /// Runs the machine under the lock, then hands out its events without it.
    fn change<R>(&self, change: impl FnOnce(&mut Link<Token>) -> R) -> R {
        let mut link = lock(&self.machine);
        let result = change(&mut link);
        let mut events = link.take_events();
        drop(link);
        if !events.is_empty() {
            self.hand_out(&mut events);
            lock(&self.machine).recycle(events);
        }
        result
    }

    fn hand_out(&self, events: &mut VecDeque<LinkEvent<Token>>) {
        let mut letters = Vec::new();
        while let Some(event) = events.pop_front() {
            match event {
                LinkEvent::Done { token: Token::Caller(caller), outcome } => {
                    caller.answer(outcome);
                }
                LinkEvent::Written { token: Token::Caller(caller) } => caller.written(),
                LinkEvent::InDoubt(count) => self.oneways.in_doubt(count),
                LinkEvent::Done { token: Token::Chore(chore), outcome } => {
                    letters.push(Input::Answer { chore, outcome });
                }
                LinkEvent::Request(frame) => letters.push(Input::Request { link: self.id, frame }),
                LinkEvent::GoAway => letters.push(Input::GoAway(self.id)),
                LinkEvent::Silent => letters.push(Input::Silent(self.id)),
                // Later kinds of events come with the adapters that know them.
                _ => {}
            }
        }
        if !letters.is_empty() {
            self.inbox.push_all(letters);
        }
    }
}
