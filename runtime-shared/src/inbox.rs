//! The way from callers and drivers to the hub.

use std::{
    collections::VecDeque,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::Context,
};

use rocketmq_producer_core::client::{Input, Mailbox, Wait};

use crate::{Bell, WakerSlot, lock};

/// The hub's mailbox behind a short lock, with a bell.
#[derive(Debug, Default)]
pub struct Inbox {
    /// None once the hub is gone: whatever comes then is dropped, and its waiters with it.
    mailbox: Mutex<Option<Mailbox<Bell>>>,
    bell: WakerSlot,
    /// A ring that nobody has heard yet.
    rung: AtomicBool,
}

type Letters = (VecDeque<Input>, VecDeque<Wait<Bell>>);

impl Inbox {
    pub(crate) fn open() -> Self {
        Self { mailbox: Mutex::new(Some(Mailbox::default())), ..Self::default() }
    }

    /// Leaves an input and rings.
    pub fn push(&self, input: Input) {
        if let Some(mailbox) = &mut *lock(&self.mailbox) {
            mailbox.push(input);
        }
        self.ring();
    }

    /// Leaves several inputs and rings once.
    pub(crate) fn push_all(&self, inputs: impl IntoIterator<Item = Input>) {
        if let Some(mailbox) = &mut *lock(&self.mailbox) {
            inputs.into_iter().for_each(|input| mailbox.push(input));
        }
        self.ring();
    }

    /// Leaves a wait and rings. When the hub is gone the waiter is dropped, which wakes it.
    pub(crate) fn push_wait(&self, wait: Wait<Bell>) {
        if let Some(mailbox) = &mut *lock(&self.mailbox) {
            mailbox.push_wait(wait);
        }
        self.ring();
    }

    /// True when there is something for the hub; otherwise its waker is registered.
    pub fn poll_ready(&self, context: &Context<'_>) -> bool {
        self.bell.register(context);
        self.rung.swap(false, Ordering::Acquire)
    }

    pub(crate) fn take(&self) -> Letters {
        lock(&self.mailbox).as_mut().map(Mailbox::take).unwrap_or_default()
    }

    /// Refuses everything from now on.
    pub(crate) fn close(&self) -> Option<Mailbox<Bell>> {
        lock(&self.mailbox).take()
    }

    pub(crate) fn ring(&self) {
        self.rung.store(true, Ordering::Release);
        self.bell.wake();
    }
}
