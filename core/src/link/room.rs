//! Who is queued, who has to wait for room, and who need not be sent any more.

use std::ops::Range;

use bytes::{Buf as _, BufMut as _, Bytes};

use super::{CallError, Link, LinkError, LinkEvent, backlog::Held, calls::Entry};
use crate::{
    mutants::{Mutant::HalfAFrame, is_on},
    waiter::Waiter,
};

impl<T: Waiter> Link<T> {
    /// Calls that the window counts: probes need no room, and take none.
    pub(super) fn in_window(&self) -> usize {
        self.in_flight().saturating_sub(self.calls.probes())
    }

    pub(super) fn has_room(&self) -> bool {
        self.window.admits(self.in_window()) && self.queue.remaining() < self.config.queue_bytes_max
    }

    /// Appends a body to the head in the queue's tail; returns where the whole call is.
    pub(super) fn enqueue(&mut self, body: Bytes) -> Range<u64> {
        self.queue.push_body(body);
        let start = self.queued_end;
        self.queued_end = self.end_of_queue();
        start..self.queued_end
    }

    pub(super) fn end_of_queue(&self) -> u64 {
        self.lent_end + self.queue.remaining() as u64
    }

    /// Queues those of the held calls that there is room for, in their order.
    pub(super) fn admit(&mut self) {
        while self.has_room()
            && let Some(Held { opaque, head, body }) = self.held.pop()
        {
            let gone = |entry: &Entry<T>| entry.token.is_gone();
            if let Some(entry) = self.calls.remove_if(opaque, gone) {
                // Given up before a byte of it was queued: it need not be sent.
                if is_on(HalfAFrame) {
                    self.queue.tail().put_slice(&head);
                }
                self.no_room_for(entry.token);
                continue;
            }
            self.queue.tail().put_slice(&head);
            let place = Some(self.enqueue(body));
            let round = self.window.round();
            if let Some(entry) = self.calls.get_mut(opaque) {
                (entry.place, entry.round) = (place, round);
                entry.oneway.then(|| self.oneways.queued(opaque));
            }
        }
    }

    fn no_room_for(&mut self, token: T) {
        self.events.push_back(LinkEvent::Done { token, outcome: Err(CallError::Full) });
    }

    /// Drops held calls that nobody waits for any more, when they may have become many.
    pub(super) fn forget_the_gone(&mut self) {
        if !self.held.needs_a_look() {
            return;
        }
        let gone = |entry: &Entry<T>| entry.place.is_none() && entry.token.is_gone();
        for entry in self.calls.extract(gone) {
            self.no_room_for(entry.token);
        }
        self.retain_held();
        self.held.looked_through();
    }

    /// Keeps of what is held whatever is still called.
    pub(super) fn retain_held(&mut self) {
        self.held.retain(|opaque| self.calls.get_mut(opaque).is_some());
    }

    /// The peer takes no more calls on this connection: what has not been queued goes elsewhere.
    pub(super) fn leave(&mut self, cause: LinkError) {
        for entry in self.calls.extract(|entry| entry.place.is_none()) {
            let outcome = Err(CallError::Unsent(cause.clone()));
            self.events.push_back(LinkEvent::Done { token: entry.token, outcome });
        }
        self.retain_held();
        self.leaving = Some(cause);
    }
}
