//! One place to leave a waker.

use std::{
    sync::Mutex,
    task::{Context, Waker},
};

use crate::lock;

/// Holds the waker of one task (or of one thread, by [`std::task::Wake`]), to be rung by many.
#[derive(Debug, Default)]
pub struct WakerSlot(Mutex<Option<Waker>>);

impl WakerSlot {
    /// Leaves the waker; look at what is waited for *after* this, not before.
    pub fn register(&self, context: &Context<'_>) {
        let mut slot = lock(&self.0);
        match &*slot {
            Some(waker) if waker.will_wake(context.waker()) => {}
            _ => *slot = Some(context.waker().clone()),
        }
    }

    /// Wakes whoever is registered, once.
    pub fn wake(&self) {
        let waker = lock(&self.0).take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
