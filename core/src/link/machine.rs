//! The connection's state machine.

use std::{collections::VecDeque, ops::Range};

use bytes::{Buf, BytesMut};

use super::{
    Call, CallError, CallRefused, LinkConfig, LinkError, LinkEvent, LinkStats, Outgoing, Refusal,
    backlog::{Backlog, Held},
    calls::{Calls, Entry},
    io::Manner,
    oneways::Oneways,
    window::Window,
};
use crate::{
    codec::{Frame, Header, Request, SerializeType, encode_request, encode_response},
    command::{ResponseCode, Verdict},
    mutants::{Mutant::*, is_on},
    time::{Deadline, Instant, Now},
    waiter::Waiter,
};

/// Room for so many events is worth keeping for the next burst.
const EVENTS_KEPT: usize = 256;

/// One connection's state: calls in flight, bytes to be written, calls that wait for room.
///
/// `T` is the caller's token: a oneshot sender, a parking slot, a test's id. **Every token handed
/// in comes out exactly once**: in a [`LinkEvent`], in a [`CallRefused`], or dropped with the link.
///
/// * *Inputs* are [`handle_call`](Self::handle_call) from callers;
///   [`handle_frames`](Self::handle_frames), [`handle_timeout`](Self::handle_timeout) and
///   [`handle_closed`](Self::handle_closed) from the one driver of the socket.
/// * *Outputs* are bytes by [`lend`](Self::lend) and events by [`poll`](Self::poll). Any number of
///   inputs may come before a drain.
/// * [`deadline`](Self::deadline) says when `handle_timeout` is due. It may be early, never late.
///
/// Everything is bounded: calls in flight by `in_flight_max` (by less after the peer has said that
/// it is busy, until it has proved otherwise), bytes in the queue by
/// `queue_bytes_max` plus one call, and events by what was put in since the last drain. A call for
/// which there is no room is held, encoded, until its turn comes: nobody has to try again, nobody
/// is overtaken, and what is held is no more than what callers wait for (and, for a while, as much
/// again for callers who have gone).
#[derive(Debug)]
pub struct Link<T> {
    pub(super) config: LinkConfig,
    pub(super) calls: Calls<T>,
    pub(super) queue: Outgoing,
    /// Stream offset behind the last queued byte.
    pub(super) queued_end: u64,
    /// Stream offset behind the last byte lent out.
    pub(super) lent_end: u64,
    /// Stretches of the queue that are not to be sent: calls that have expired in it.
    pub(super) expired: Vec<Range<u64>>,
    /// Each is in `calls`, too.
    pub(super) held: Backlog,
    pub(super) window: Window,
    pub(super) oneways: Oneways,
    pub(super) events: VecDeque<LinkEvent<T>>,
    /// When the peer was last heard.
    pub(super) heard: Instant,
    /// The silence after this has been told.
    pub(super) silent_since: Option<Instant>,
    /// No deadline in the tables is sooner.
    pub(super) soonest: Instant,
    /// The peer has asked to be left alone.
    pub(super) leaving: Option<LinkError>,
    pub(super) closed: Option<LinkError>,
    pub(super) stats: LinkStats,
}

impl<T: Waiter> Link<T> {
    /// A fresh connection.
    pub fn new(config: LinkConfig) -> Self {
        Self {
            config,
            calls: Calls::new(config.first_opaque),
            queue: Outgoing::default(),
            queued_end: 0,
            lent_end: 0,
            expired: Vec::new(),
            held: Backlog::default(),
            window: Window::new(config.in_flight_max, config.seed),
            oneways: Oneways::default(),
            events: VecDeque::new(),
            heard: Instant::default(),
            silent_since: None,
            soonest: Instant::FAR_FUTURE,
            leaving: None,
            closed: None,
            stats: LinkStats::default(),
        }
    }

    /// Queues a request, or holds it until there is room: its turn comes after all that were held
    /// before it. A held call whose deadline passes first ends as [`CallError::Full`].
    ///
    /// A call that may linger is told of its deadline as [`CallError::Expired`], and comes out a
    /// second time: with its late answer, or with its end.
    ///
    /// # Errors
    ///
    /// [`CallRefused`] gives the token back: the connection has ended, or the request cannot be
    /// encoded. Nothing has been queued then.
    pub fn handle_call<R: Request + ?Sized>(
        &mut self,
        now: Now,
        call: Call<'_, R, T>,
    ) -> Result<(), CallRefused<T>> {
        let Call { request, token, deadline, linger, manner } = call;
        let (probe, oneway) = (manner == Manner::Probe, manner == Manner::Oneway);
        if let Some(error) = self.closed.as_ref().or(self.leaving.as_ref()) {
            return Err(CallRefused { token, why: Refusal::Closed(error.clone()) });
        }
        let at_once = probe || self.held.is_empty() && self.has_room();
        let opaque = self.calls.vacant();
        let body = request.body();
        let mut aside = BytesMut::new();
        let head = if at_once { self.queue.tail() } else { &mut aside };
        let form = self.config.form;
        if let Err(error) = encode_request(head, form, opaque, oneway, request, body.len()) {
            return Err(CallRefused { token, why: Refusal::Encode(error) });
        }
        let place = if at_once {
            oneway.then(|| self.oneways.queued(opaque));
            Some(self.enqueue(body))
        } else {
            self.held.push(Held { opaque, head: aside.freeze(), body });
            None
        };
        let patience = probe.then(|| deadline.saturating_since(now.instant));
        let round = self.window.round();
        let entry = Entry { opaque, place, deadline, linger, patience, oneway, round, token };
        self.calls.insert(entry);
        self.soonest = self.soonest.min(deadline);
        self.forget_the_gone();
        Ok(())
    }

    /// Queues a request that the peer does not answer, whether or not there is room: for the few
    /// heartbeats of the client.
    ///
    /// # Errors
    ///
    /// [`Refusal`], as for a call; nothing has been queued then.
    pub fn handle_oneway<R: Request + ?Sized>(&mut self, request: &R) -> Result<(), Refusal> {
        if let Some(error) = self.closed.as_ref().or(self.leaving.as_ref()) {
            return Err(Refusal::Closed(error.clone()));
        }
        let (form, opaque, body) = (self.config.form, self.calls.pass_over(), request.body());
        encode_request(self.queue.tail(), form, opaque, true, request, body.len())
            .map_err(Refusal::Encode)?;
        self.enqueue(body);
        Ok(())
    }

    /// Answers a request of the peer; dropped when there is no room, so that a peer that asks and
    /// never reads cannot make this side grow.
    pub fn handle_respond(&mut self, header: &Header) {
        if self.closed.is_none() && self.queue.remaining() < self.config.queue_bytes_max {
            // What does not encode has no place on the wire; the peer's request times out.
            let _ = encode_response(self.queue.tail(), SerializeType::Json, header, 0);
            self.queued_end = self.end_of_queue();
        }
    }

    /// Takes the queued bytes, to be written after whatever `into` still holds; false when there
    /// were none, and none are left then. From here on they may have been sent: a call whose bytes
    /// were lent is [`CallError::Lost`] when the connection ends, however few of them reached the
    /// socket. What is over its deadline by now is not lent any more.
    pub fn lend(&mut self, now: Now, into: &mut Outgoing) -> bool {
        self.handle_timeout(now);
        loop {
            // Nothing may come between these: where calls begin is counted from `lent_end`, over
            // the bytes that have been cut.
            self.cut_expired();
            self.lent_end = self.queued_end;
            let any = self.queue.has_remaining();
            self.oneways.lent(self.queue.remaining());
            into.append(&mut self.queue);
            self.admit();
            if any || !self.queue.has_remaining() || is_on(LendingLooksOnce) {
                return any;
            }
        }
    }

    /// So many of the bytes that were lent have been taken by the transport, ever. Need be told only
    /// while [`awaits_writes`](Self::awaits_writes) says so.
    pub fn handle_written(&mut self, written: u64) {
        while let Some(opaque) = self.oneways.next_written(written) {
            // One that is not there any more has expired.
            if let Some(entry) = self.calls.remove_if(opaque, |entry| entry.oneway) {
                self.oneways.unproven(entry.place.map_or(0, |place| place.end));
                self.events.push_back(LinkEvent::Written { token: entry.token });
            }
        }
        self.admit();
    }

    /// True when a one-way call has been lent whose caller waits for it to be written.
    pub fn awaits_writes(&self) -> bool {
        self.oneways.awaits_writes()
    }

    /// Takes in what the driver has decoded. An answer always wins over a deadline that passed
    /// before it but was not handled yet.
    pub fn handle_frames(&mut self, now: Now, frames: impl IntoIterator<Item = Frame>) {
        for frame in frames {
            self.heard = self.heard.max(now.instant);
            if !frame.header.is_response() {
                self.stats.peer_requests += 1;
                self.events.push_back(LinkEvent::Request(frame));
                continue;
            }
            if frame.header.code == ResponseCode::GO_AWAY.0 {
                self.events.push_back(LinkEvent::GoAway);
                self.leave(LinkError::GoAway);
            }
            let (lent_end, in_flight) = (self.lent_end, self.in_window());
            let is_answer = |entry: &Entry<T>| entry.is_lent(lent_end) && !entry.oneway;
            match self.calls.remove_if(frame.header.opaque, is_answer) {
                Some(entry) => {
                    self.oneways.proven(entry.place.as_ref().map_or(0, |place| place.start));
                    self.learn(now, &entry, frame.header.code, in_flight);
                    let token = entry.token;
                    self.events.push_back(LinkEvent::Done { token, outcome: Ok(frame) });
                }
                None => self.stats.stray_answers += 1,
            }
        }
        self.admit();
    }

    /// What an answer tells of the peer's load.
    fn learn(&mut self, now: Now, entry: &Entry<T>, code: i32, in_flight: usize) {
        if entry.is_probe() {
            return;
        }
        match ResponseCode(code).verdict() {
            Verdict::Busy => {
                self.stats.busy_answers += 1;
                self.window.was_busy(now.instant, entry.round, in_flight);
                let pause = self.window.handle_timeout(now.instant);
                self.soonest = pause.map_or(self.soonest, |until| until.min(self.soonest));
            }
            _ => self.window.succeeded(in_flight),
        }
    }

    /// Ends the connection: every call and every wait is answered. The first cause stays.
    pub fn handle_closed(&mut self, cause: LinkError) {
        if self.closed.is_some() {
            return;
        }
        for entry in self.calls.extract(|_| true) {
            if is_on(LostCallsAreForgotten) {
                continue;
            }
            let outcome = Err(match entry.is_lent(self.lent_end) && !is_on(LentIsUnsent) {
                true => CallError::Lost(cause.clone()),
                false => CallError::Unsent(cause.clone()),
            });
            self.events.push_back(LinkEvent::Done { token: entry.token, outcome });
        }
        let in_doubt = self.oneways.in_doubt();
        self.events.extend((in_doubt > 0).then_some(LinkEvent::InDoubt(in_doubt)));
        self.oneways = Oneways::default();
        self.held = Backlog::default();
        self.queue = Outgoing::default();
        self.expired = Vec::new();
        self.soonest = Instant::FAR_FUTURE;
        self.closed = Some(cause);
    }

    /// The next event, in the order in which things happened.
    pub fn poll(&mut self) -> Option<LinkEvent<T>> {
        self.events.pop_front()
    }

    /// All events at once; [`recycle`](Self::recycle) takes their memory back.
    pub fn take_events(&mut self) -> VecDeque<LinkEvent<T>> {
        if self.events.is_empty() { VecDeque::new() } else { std::mem::take(&mut self.events) }
    }

    /// Keeps the memory of events that have been handed out for the next ones.
    pub fn recycle(&mut self, mut events: VecDeque<LinkEvent<T>>) {
        events.clear();
        if self.events.capacity() == 0 && events.capacity() <= EVENTS_KEPT {
            self.events = events;
        }
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

    /// When the peer was last heard; the beginning of time, if never.
    pub fn heard(&self) -> Instant {
        self.heard
    }

    /// Calls that are queued or await their answers.
    pub fn in_flight(&self) -> usize {
        self.calls.len().saturating_sub(self.held.len())
    }

    /// Calls that wait for room.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// Calls that may be in flight: fewer than configured while the peer has been busy.
    pub fn window(&self) -> usize {
        self.window.size()
    }

    /// Bytes that wait to be lent out.
    pub fn queued_bytes(&self) -> usize {
        self.queue.remaining()
    }

    /// What was counted.
    pub fn stats(&self) -> LinkStats {
        self.stats
    }
}
