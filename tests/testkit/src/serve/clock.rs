//! The thread that lets the model act by itself when its time has come.

use std::{
    sync::{Arc, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
};

use rocketmq_producer_core::time::Now;

use super::Shared;
use crate::model::{ModelCluster, Output};

/// Sleeps until the model's deadline, and for as long as it has none. Dropped, it ends.
#[derive(Debug)]
pub(super) struct Clock {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Clock {
    pub(super) fn start(shared: &Arc<Shared>) -> Self {
        let keeper = Arc::clone(shared);
        let thread = thread::spawn(move || keep_time(&keeper));
        Self { shared: Arc::clone(shared), thread: Some(thread) }
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        *self.shared.stopping() = true;
        self.shared.wake_clock();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn keep_time(shared: &Shared) {
    let mut model = shared.model();
    while !*shared.stopping() {
        let now = shared.now();
        let outputs = act(&mut model, now);
        model = if outputs.is_empty() {
            wait(shared, model, now)
        } else {
            // What is written may have to wait for its reader: not with the model in hand.
            drop(model);
            shared.put_out(outputs);
            shared.model()
        };
    }
}

fn act(model: &mut ModelCluster, now: Now) -> Vec<Output> {
    if model.soonest().is_none_or(|at| at > now.instant) {
        return Vec::new();
    }
    model.nodes().iter().flat_map(|node| model.handle_timeout(now, node)).collect()
}

fn wait<'a>(
    shared: &'a Shared,
    model: MutexGuard<'a, ModelCluster>,
    now: Now,
) -> MutexGuard<'a, ModelCluster> {
    match model.soonest() {
        None => shared.deadline_changed.wait(model).unwrap_or_else(PoisonError::into_inner),
        Some(at) => {
            let time = at.saturating_since(now.instant);
            let woken = shared.deadline_changed.wait_timeout(model, time);
            woken.unwrap_or_else(PoisonError::into_inner).0
        }
    }
}
