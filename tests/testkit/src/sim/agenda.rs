//! What is to happen, and when.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    task::{Context, Poll, Waker},
};

use rocketmq_producer_core::time::Instant;

/// Things by the time at which they are due; those of one time in the order in which they came.
#[derive(Debug)]
pub(super) struct Agenda<E> {
    entries: BTreeMap<(Instant, u64), E>,
    next: u64,
}

impl<E> Default for Agenda<E> {
    fn default() -> Self {
        Self { entries: BTreeMap::new(), next: 0 }
    }
}

impl<E> Agenda<E> {
    pub(super) fn add(&mut self, at: Instant, entry: E) {
        self.entries.insert((at, self.next), entry);
        self.next += 1;
    }

    pub(super) fn soonest(&self) -> Option<Instant> {
        self.entries.first_key_value().map(|((at, _), _)| *at)
    }

    /// The next thing that is due by then.
    pub(super) fn pop(&mut self, by: Instant) -> Option<E> {
        let entry = self.entries.first_entry()?;
        (entry.key().0 <= by).then(|| entry.remove())
    }
}

/// Timers of tasks.
#[derive(Debug, Default)]
pub(super) struct Timers {
    armed: RefCell<BTreeMap<(Instant, u64), Waker>>,
    next: Cell<u64>,
}

/// One timer, which can be set again. Dropped, it does not ring.
pub(super) struct Timer<'a> {
    timers: &'a Timers,
    armed: Option<(Instant, u64)>,
}

impl Timers {
    pub(super) fn timer(&self) -> Timer<'_> {
        Timer { timers: self, armed: None }
    }

    pub(super) fn soonest(&self) -> Option<Instant> {
        self.armed.borrow().first_key_value().map(|((at, _), _)| *at)
    }

    /// Wakes all whose time has come.
    pub(super) fn ring(&self, now: Instant) {
        loop {
            let mut armed = self.armed.borrow_mut();
            match armed.first_entry().filter(|entry| entry.key().0 <= now) {
                Some(entry) => entry.remove().wake(),
                None => return,
            }
        }
    }
}

impl Timer<'_> {
    /// Ready when `until` has come; otherwise the task is woken then.
    pub(super) fn poll(&mut self, context: &Context<'_>, now: Instant, until: Instant) -> Poll<()> {
        if let Some(armed) = self.armed.take() {
            self.timers.armed.borrow_mut().remove(&armed);
        }
        if until <= now {
            return Poll::Ready(());
        }
        let key = (until, self.timers.next.replace(self.timers.next.get() + 1));
        self.timers.armed.borrow_mut().insert(key, context.waker().clone());
        self.armed = Some(key);
        Poll::Pending
    }
}

impl Drop for Timer<'_> {
    fn drop(&mut self) {
        if let Some(armed) = self.armed.take() {
            self.timers.armed.borrow_mut().remove(&armed);
        }
    }
}
