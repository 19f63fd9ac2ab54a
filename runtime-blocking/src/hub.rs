//! The housekeeping thread.

use std::{
    sync::Arc,
    task::{Context, Wake, Waker},
    thread::{self, Thread},
    time::{Duration, Instant},
};

use rocketmq_producer_core::{model::Address, time::Deadline};
use rocketmq_producer_shared::{Dialer, Driver, Hub, Turn};

use crate::{
    connect::{connect, look_up, no_thread},
    link::ThreadWire,
    wire::{Link, SocketWire},
};

/// Runs the hub until it has stopped.
pub(crate) fn run(mut hub: Box<Hub<ThreadDialer>>) {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let context = Context::from_waker(&waker);
    let clock = hub.session().clock().clone();
    let inbox = Arc::clone(hub.session().inbox());
    loop {
        let Turn::Wait(deadline) = hub.turn() else { return };
        // Readers are blocked in their sockets: the hub keeps time for its own calls.
        let deadline = Deadline::sooner(deadline, hub.expire_links());
        let until = deadline.and_then(|deadline| clock.to_std(deadline.at));
        while !inbox.poll_ready(&context) {
            match until.map(|until| until.saturating_duration_since(Instant::now())) {
                Some(Duration::ZERO) => break,
                Some(left) => thread::park_timeout(left),
                None => thread::park(),
            }
        }
    }
}

/// Wakes a parked thread.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Opens each connection on a thread of its own, which then reads from it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ThreadDialer;

impl Dialer for ThreadDialer {
    type Wire = SocketWire;

    fn wire(&self) -> SocketWire {
        SocketWire::Threads(ThreadWire::default())
    }

    fn dial(&mut self, link: Arc<Link>, address: Address, timeout: Duration) {
        let thread = thread::Builder::new().name(format!("rmq-{}", link.id()));
        let failed = Arc::clone(&link);
        let spawned = thread.spawn(move || {
            let driver = Driver::new(link);
            let Some(wire) = driver.link().wire.threads() else { return };
            let cause = match connect(&address, timeout) {
                Ok(socket) => wire.read(driver.link(), socket),
                Err(cause) => cause,
            };
            driver.finish(cause);
        });
        if let Err(error) = spawned {
            failed.disconnected(no_thread(&error));
        }
    }

    fn resolve(&mut self, link: Arc<Link>, address: Address) {
        look_up(link, address);
    }
}
