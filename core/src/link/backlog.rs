//! Calls that wait for room.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::waiter::{ENTRY_SIZE, Sweep};

/// A call that waits: encoded, in the table of calls, and not in the queue yet.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) opaque: i32,
    pub(super) head: Bytes,
    pub(super) body: Bytes,
}

/// First come, first served; and how much memory it takes.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    calls: VecDeque<Held>,
    bytes: usize,
    sweep: Sweep,
}

impl Backlog {
    pub(super) fn len(&self) -> usize {
        self.calls.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    pub(super) fn push(&mut self, held: Held) {
        self.bytes += held.size();
        self.calls.push_back(held);
    }

    pub(super) fn pop(&mut self) -> Option<Held> {
        let held = self.calls.pop_front()?;
        self.bytes -= held.size();
        Some(held)
    }

    /// Keeps the calls whose opaques `stays` agrees with.
    pub(super) fn retain(&mut self, mut stays: impl FnMut(i32) -> bool) {
        self.calls.retain(|held| stays(held.opaque));
        self.bytes = self.calls.iter().map(Held::size).sum();
    }

    /// True when it has grown so much that callers who have gone may be a good part of it.
    pub(super) fn needs_a_look(&self) -> bool {
        self.sweep.is_due(self.bytes)
    }

    /// They have been taken out.
    pub(super) fn looked_through(&mut self) {
        self.sweep.done(self.bytes);
    }
}

impl Held {
    fn size(&self) -> usize {
        ENTRY_SIZE + self.head.len() + self.body.len()
    }
}
