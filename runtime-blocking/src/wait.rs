//! Waiting on a thread.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::{Duration, Instant},
};

use rocketmq_producer_shared::Timed;

/// What an expired wait is given to come back, should the two clocks' roundings differ.
const ROUNDING: Duration = Duration::from_millis(1);

/// Waits on this thread for what makes calls, and ends the waits of its calls itself when their time
/// is up: a link's reader is blocked in its socket and cannot keep time. Where a poller does, nothing is
/// left to end.
///
/// Others may run once before it parks: among many threads the answer is often there by then, and
/// neither parking nor being woken costs a system call.
pub(crate) fn wait<T: Timed>(mut sending: T) -> T::Output {
    let waker = waker();
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(result) = Pin::new(&mut sending).poll(&mut context) {
            return result;
        }
        match sending.deadline().and_then(|deadline| sending.clock().to_std(deadline)) {
            Some(deadline) => {
                let left = (deadline + ROUNDING).saturating_duration_since(Instant::now());
                if left.is_zero() {
                    sending.expire();
                }
                thread::yield_now();
                thread::park_timeout(left.max(ROUNDING));
            }
            None => thread::park(),
        }
    }
}

/// Waits for something that keeps its own time.
pub(crate) fn block_on<F: Future + Unpin>(mut future: F) -> F::Output {
    let waker = waker();
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = Pin::new(&mut future).poll(&mut context) {
            return output;
        }
        thread::park();
    }
}

thread_local! {
    /// Of this thread, for all its waits.
    static WAKER: Waker = new_waker();
}

fn waker() -> Waker {
    // A thread that ends has forgotten it.
    WAKER.try_with(Waker::clone).unwrap_or_else(|_| new_waker())
}

fn new_waker() -> Waker {
    Waker::from(Arc::new(Sleeper(thread::current())))
}

/// A thread that waits.
struct Sleeper(Thread);

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
