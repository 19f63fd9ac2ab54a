//! The connection's state machine.

use std::{collections::VecDeque, ops::Range};

use bytes::Buf;

use super::{
    CallError, CallRefused, LinkError, Outgoing, Refusal,
    calls::{Calls, Entry},
};
use crate::{
    codec::{Frame, Header, Request, SerializeType, encode_request, encode_response},
    command::ResponseCode,
    time::{Deadline, Instant, Now},
};

/// Waiters that are told of room at once: where bytes are scarce, few of them find any.
const GRANTS_MAX: usize = 64;

/// Limits and habits of one connection.
#[derive(Clone, Copy, Debug)]
pub struct LinkConfig {
    /// The form of requests.
    pub form: SerializeType,
    /// Calls that may await their answers.
    pub in_flight_max: usize,
    /// Bytes that may be queued, beyond which no further call is taken. One call may exceed it, so
    /// that no message is too large to be sent at all.
    pub queue_bytes_max: usize,
    /// Where opaques start; tests start near the wrap.
    pub first_opaque: i32,
}

impl Default for LinkConfig {
    fn default() -> Self {
        Self {
            form: SerializeType::Binary,
            in_flight_max: 10_000,
            queue_bytes_max: 16 * 1024 * 1024,
            first_opaque: 0,
        }
    }
}

/// A request, whose it is, and how long its answer is waited for.
#[derive(Debug)]
pub struct Call<'a, R: ?Sized, T> {
    /// What to ask.
    pub request: &'a R,
    /// Comes back with the answer.
    pub token: T,
    /// When to stop waiting.
    pub deadline: Instant,
    /// A question of life: taken even when there is no room, and given up only after the peer has
    /// not been heard for as long as it was given, so that a connection that is merely busy is not
    /// taken for dead. For the few heartbeats of the client.
    pub probe: bool,
}

/// What a link has to say.
#[derive(Debug)]
#[non_exhaustive]
pub enum LinkEvent<T> {
    /// A call is over.
    Done {
        /// The caller's token.
        token: T,
        /// The peer's answer, whatever its code, or why there is none.
        outcome: Result<Frame, CallError>,
    },
    /// There is room again for the one who waited with this token.
    Room {
        /// The token given to [`Link::wait_for_room`].
        token: T,
    },
    /// A request of the peer.
    Request(Frame),
    /// The peer has answered some call with GO_AWAY: do not use this connection for new calls.
    GoAway,
}

/// What a link has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LinkStats {
    /// Answers to no call in flight: late, repeated, or never asked for. They have no effect.
    pub stray_answers: u64,
    /// Requests of the peer.
    pub peer_requests: u64,
}

/// One connection's state: calls in flight, bytes to be written, who waits for room.
///
/// `T` is the caller's token: a oneshot sender, a parking slot, a test's id. **Every token handed
/// in comes out exactly once**: in a [`LinkEvent`], in a [`CallRefused`], or dropped with the link.
///
/// * *Inputs* are [`handle_call`](Self::handle_call) and [`wait_for_room`](Self::wait_for_room)
///   from callers; [`handle_frames`](Self::handle_frames), [`handle_timeout`](Self::handle_timeout)
///   and [`handle_closed`](Self::handle_closed) from the one driver of the socket.
/// * *Outputs* are bytes by [`lend`](Self::lend) and events by [`poll`](Self::poll). Any number of
///   inputs may come before a drain.
/// * [`deadline`](Self::deadline) says when `handle_timeout` is due. It may be early, never late.
///
/// Everything is bounded: calls by `in_flight_max`, bytes by `queue_bytes_max` plus one call, and
/// events by what was put in since the last drain.
#[derive(Debug)]
pub struct Link<T> {
    config: LinkConfig,
    calls: Calls<T>,
    queue: Outgoing,
    /// Stream offset behind the last queued byte.
    queued_end: u64,
    /// Stream offset behind the last byte lent out.
    lent_end: u64,
    /// Stretches of the queue that are not to be sent: calls that have expired in it.
    expired: Vec<Range<u64>>,
    /// First come, first served.
    waiting: VecDeque<(Instant, T)>,
    events: VecDeque<LinkEvent<T>>,
    /// When the peer was last heard.
    heard: Instant,
    /// No deadline in the tables is sooner.
    soonest: Instant,
    closed: Option<LinkError>,
    stats: LinkStats,
}

impl<T> Link<T> {
    /// A fresh connection.
    pub fn new(config: LinkConfig) -> Self {
        Self {
            config,
            calls: Calls::new(config.first_opaque),
            queue: Outgoing::default(),
            queued_end: 0,
            lent_end: 0,
            expired: Vec::new(),
            waiting: VecDeque::new(),
            events: VecDeque::new(),
            heard: Instant::default(),
            soonest: Instant::FAR_FUTURE,
            closed: None,
            stats: LinkStats::default(),
        }
    }

    /// Queues a request.
    ///
    /// # Errors
    ///
    /// [`CallRefused`] gives the token back: there is no room or others wait for it, the connection
    /// has ended, or the request cannot be encoded. Nothing has been queued then.
    pub fn handle_call<R: Request + ?Sized>(
        &mut self,
        now: Now,
        call: Call<'_, R, T>,
    ) -> Result<(), CallRefused<T>> {
        if !self.waiting.is_empty() && !call.probe && self.closed.is_none() {
            // Whoever comes now does not overtake those who came before.
            return Err(CallRefused { token: call.token, why: Refusal::Full });
        }
        self.handle_granted_call(now, call)
    }

    /// Queues the request of one who has waited and was told of room: it comes before those who
    /// still wait.
    ///
    /// # Errors
    ///
    /// As [`handle_call`](Self::handle_call). Room is not kept for anybody, so it may be gone: see
    /// [`wait_for_room_again`](Self::wait_for_room_again).
    pub fn handle_granted_call<R: Request + ?Sized>(
        &mut self,
        now: Now,
        call: Call<'_, R, T>,
    ) -> Result<(), CallRefused<T>> {
        let Call { request, token, deadline, probe } = call;
        if let Some(error) = &self.closed {
            return Err(CallRefused { token, why: Refusal::Closed(error.clone()) });
        }
        if !probe && !self.has_room() {
            return Err(CallRefused { token, why: Refusal::Full });
        }
        let body = request.body();
        let opaque = self.calls.vacant();
        let tail = self.queue.tail();
        let form = self.config.form;
        if let Err(error) = encode_request(tail, form, opaque, false, request, body.len()) {
            return Err(CallRefused { token, why: Refusal::Encode(error) });
        }
        self.queue.push_body(body);
        let start = self.queued_end;
        self.queued_end = self.lent_end + self.queue.remaining() as u64;
        let patience = probe.then(|| deadline.saturating_since(now.instant));
        let end = self.queued_end;
        self.calls.insert(Entry { opaque, start, end, deadline, patience, token });
        self.soonest = self.soonest.min(deadline);
        Ok(())
    }

    /// Waits, in order, for the room that [`handle_call`](Self::handle_call) did not find: the
    /// token comes out as [`LinkEvent::Room`], or as `Done` with [`CallError::Full`] when the
    /// deadline passes first.
    pub fn wait_for_room(&mut self, token: T, deadline: Instant) {
        self.wait(token, deadline, VecDeque::push_back);
    }

    /// The same for one who was told of room and found it gone: it keeps its place, at the front.
    pub fn wait_for_room_again(&mut self, token: T, deadline: Instant) {
        self.wait(token, deadline, VecDeque::push_front);
    }

    /// One who was told of room does not want it any more: the next in line may.
    pub fn handle_declined(&mut self) {
        self.grant_room();
    }

    fn wait(
        &mut self,
        token: T,
        deadline: Instant,
        line_up: impl FnOnce(&mut VecDeque<(Instant, T)>, (Instant, T)),
    ) {
        match &self.closed {
            Some(error) => {
                let outcome = Err(CallError::Unsent(error.clone()));
                self.events.push_back(LinkEvent::Done { token, outcome });
            }
            None => {
                line_up(&mut self.waiting, (deadline, token));
                self.soonest = self.soonest.min(deadline);
                self.grant_room();
            }
        }
    }

    /// Answers a request of the peer; dropped when there is no room, so that a peer that asks and
    /// never reads cannot make this side grow.
    pub fn handle_respond(&mut self, header: &Header) {
        if self.closed.is_none() && self.queue.remaining() < self.config.queue_bytes_max {
            // What does not encode has no place on the wire; the peer's request times out.
            let _ = encode_response(self.queue.tail(), SerializeType::Json, header, 0);
            self.queued_end = self.lent_end + self.queue.remaining() as u64;
        }
    }

    /// Takes the queued bytes, to be written after whatever `into` still holds; false when there
    /// were none. From here on they may have been sent: a call whose bytes were lent is
    /// [`CallError::Lost`] when the connection ends, however few of them reached the socket.
    pub fn lend(&mut self, into: &mut Outgoing) -> bool {
        self.cut_expired();
        let any = self.queue.has_remaining();
        self.lent_end = self.queued_end;
        into.append(&mut self.queue);
        self.grant_room();
        any
    }

    /// Takes in what the driver has decoded. An answer always wins over a deadline that passed
    /// before it but was not handled yet.
    pub fn handle_frames(&mut self, now: Now, frames: impl IntoIterator<Item = Frame>) {
        for frame in frames {
            self.heard = now.instant;
            if !frame.header.is_response() {
                self.stats.peer_requests += 1;
                self.events.push_back(LinkEvent::Request(frame));
                continue;
            }
            if frame.header.code == ResponseCode::GO_AWAY.0 {
                self.events.push_back(LinkEvent::GoAway);
            }
            match self.calls.remove(frame.header.opaque) {
                Some(Entry { token, .. }) => {
                    self.events.push_back(LinkEvent::Done { token, outcome: Ok(frame) });
                }
                None => self.stats.stray_answers += 1,
            }
        }
        self.grant_room();
    }

    /// Ends every wait whose deadline has passed.
    pub fn handle_timeout(&mut self, now: Now) {
        if now.instant < self.soonest {
            return;
        }
        for probe in self.calls.iter_mut() {
            let patience = probe.patience.map(|patience| self.heard + patience);
            probe.deadline = patience.map_or(probe.deadline, |until| until.max(probe.deadline));
        }
        let lent_end = self.lent_end;
        for entry in self.calls.extract(|entry| entry.deadline <= now.instant) {
            let lent = entry.start < lent_end;
            if !lent {
                // The caller is told that nothing was sent, and may send it elsewhere.
                self.expired.push(entry.start..entry.end);
            }
            let outcome = Err(CallError::Expired { lent });
            self.events.push_back(LinkEvent::Done { token: entry.token, outcome });
        }
        for (deadline, token) in std::mem::take(&mut self.waiting) {
            if deadline <= now.instant {
                let outcome = Err(CallError::Full);
                self.events.push_back(LinkEvent::Done { token, outcome });
            } else {
                self.waiting.push_back((deadline, token));
            }
        }
        let waits = self.waiting.iter().map(|(deadline, _)| *deadline);
        let soonest = waits.chain(self.calls.soonest()).min();
        self.soonest = soonest.unwrap_or(Instant::FAR_FUTURE);
        self.grant_room();
    }

    /// Ends the connection: every call and every wait is answered. The first cause stays.
    pub fn handle_closed(&mut self, cause: LinkError) {
        if self.closed.is_some() {
            return;
        }
        for Entry { token, start, .. } in self.calls.extract(|_| true) {
            let lent = start < self.lent_end;
            let outcome = Err(match lent {
                true => CallError::Lost(cause.clone()),
                false => CallError::Unsent(cause.clone()),
            });
            self.events.push_back(LinkEvent::Done { token, outcome });
        }
        for (_, token) in self.waiting.drain(..) {
            let outcome = Err(CallError::Unsent(cause.clone()));
            self.events.push_back(LinkEvent::Done { token, outcome });
        }
        self.queue = Outgoing::default();
        self.expired = Vec::new();
        self.soonest = Instant::FAR_FUTURE;
        self.closed = Some(cause);
    }

    /// The next event, in the order in which things happened.
    pub fn poll(&mut self) -> Option<LinkEvent<T>> {
        self.events.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    pub fn deadline(&self) -> Option<Deadline> {
        let due = Deadline { at: self.soonest, why: "a call's answer is due" };
        (self.soonest != Instant::FAR_FUTURE).then_some(due)
    }

    /// Why the connection has ended, if it has.
    pub fn closed(&self) -> Option<&LinkError> {
        self.closed.as_ref()
    }

    /// Calls that await their answers.
    pub fn in_flight(&self) -> usize {
        self.calls.len()
    }

    /// Bytes that wait to be lent out.
    pub fn queued_bytes(&self) -> usize {
        self.queue.remaining()
    }

    /// What was counted.
    pub fn stats(&self) -> LinkStats {
        self.stats
    }

    /// Takes the bytes of expired calls out of the queue.
    fn cut_expired(&mut self) {
        if self.expired.is_empty() {
            return;
        }
        let mut expired = std::mem::take(&mut self.expired);
        expired.sort_unstable_by_key(|range| range.start);
        let place = |offset: u64| (offset - self.lent_end) as usize;
        self.queue.cut(expired.into_iter().map(|range| place(range.start)..place(range.end)));
    }

    fn has_room(&self) -> bool {
        self.calls.len() < self.config.in_flight_max
            && self.queue.remaining() < self.config.queue_bytes_max
    }

    /// Tells as many waiters as there may be room for, in their order. Whatever they do next, a call
    /// or a refusal of the room, brings the others on.
    fn grant_room(&mut self) {
        if self.waiting.is_empty() || !self.has_room() {
            return;
        }
        let room = self.config.in_flight_max.saturating_sub(self.calls.len()).min(GRANTS_MAX);
        for (_, token) in self.waiting.drain(..room.min(self.waiting.len())) {
            self.events.push_back(LinkEvent::Room { token });
        }
    }
}
