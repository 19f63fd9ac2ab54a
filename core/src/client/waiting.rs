//! Sends that wait for something to change.

use std::collections::BTreeMap;

use crate::{
    Waiter,
    time::{Deadline, Instant, Now},
    waiter::{ENTRY_SIZE, Sweep},
};

/// Waiters with their deadlines, for drivers whose callers have no timer of their own. Every
/// waiter handed in comes out exactly once, unless it is gone or the table is dropped.
#[derive(Debug)]
pub struct Waiting<W> {
    waiters: BTreeMap<(Instant, u64), W>,
    next: u64,
    sweep: Sweep,
}

impl<W> Default for Waiting<W> {
    fn default() -> Self {
        Self { waiters: BTreeMap::new(), next: 0, sweep: Sweep::default() }
    }
}

impl<W: Waiter> Waiting<W> {
    /// Takes a waiter in, until `until` at the latest.
    pub fn insert(&mut self, until: Instant, waiter: W) {
        self.waiters.insert((until, self.next), waiter);
        self.next += 1;
        if self.sweep.is_due(self.waiters.len() * ENTRY_SIZE) {
            self.waiters.retain(|_, waiter| !waiter.is_gone());
            self.sweep.done(self.waiters.len() * ENTRY_SIZE);
        }
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiters.len()
    }

    /// True when nobody waits.
    pub fn is_empty(&self) -> bool {
        self.waiters.is_empty()
    }

    /// Takes out a waiter whose time has come.
    pub fn expired(&mut self, now: Now) -> Option<W> {
        let entry = self.waiters.first_entry()?;
        (entry.key().0 <= now.instant).then(|| entry.remove())
    }

    /// Takes out all waiters, soonest deadline first.
    pub fn release(&mut self) -> impl Iterator<Item = W> + use<W> {
        std::mem::take(&mut self.waiters).into_values()
    }

    /// When [`expired`](Self::expired) has something to give.
    pub fn deadline(&self) -> Option<Deadline> {
        let ((at, _), _) = self.waiters.first_key_value()?;
        Some(Deadline { at: *at, why: "a send has waited long enough" })
    }
}
