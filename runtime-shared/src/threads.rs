//! Threads for what blocks, where nothing else may.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
};

use crate::lock;

type Work = Box<dyn FnOnce() + Send>;

/// Up to so many threads, started one by one as work finds none idle. They end when this is dropped,
/// each after the work that it is at.
#[derive(Debug)]
pub struct Threads {
    name: &'static str,
    threads_max: usize,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    bell: Condvar,
}

#[derive(Default)]
struct State {
    work: VecDeque<Work>,
    threads: usize,
    idle: usize,
    closed: bool,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Threads {
    /// None is started yet.
    pub fn new(name: &'static str, threads_max: usize) -> Self {
        Self { name, threads_max, shared: Arc::default() }
    }

    /// Runs the work on one of the threads; none when it has panicked, or there is no thread to be
    /// had.
    pub async fn run<R: Send + 'static>(
        &self,
        work: impl FnOnce() -> R + Send + 'static,
    ) -> Option<R> {
        let (sender, receiver) = oneshot::channel();
        self.put(Box::new(move || {
            // Whoever has waited for it may have gone.
            let _ = sender.send(work());
        }));
        receiver.await.ok()
    }

    fn put(&self, work: Work) {
        let mut state = lock(&self.shared.state);
        state.work.push_back(work);
        let more = state.idle < state.work.len() && state.threads < self.threads_max;
        state.threads += usize::from(more);
        drop(state);
        self.shared.bell.notify_one();
        if more && self.start().is_err() {
            let mut state = lock(&self.shared.state);
            state.threads -= 1;
            if state.threads == 0 {
                // Dropped, it says that it will not be done.
                state.work.clear();
            }
        }
    }

    fn start(&self) -> std::io::Result<()> {
        let shared = Arc::clone(&self.shared);
        thread::Builder::new().name(self.name.to_owned()).spawn(move || shared.work()).map(drop)
    }
}

impl Shared {
    fn work(&self) {
        let mut state = lock(&self.state);
        loop {
            while let Some(work) = state.work.pop_front() {
                drop(state);
                work();
                state = lock(&self.state);
            }
            if state.closed {
                return;
            }
            state.idle += 1;
            state = self.bell.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        lock(&self.shared.state).closed = true;
        self.shared.bell.notify_all();
    }
}
