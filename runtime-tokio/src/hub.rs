//! The housekeeping task.

use std::{future::poll_fn, pin::pin, sync::Arc, task::Poll, time::Duration};

use rocketmq_producer_core::model::Address;
use rocketmq_producer_shared::{Dialer, Driver, DriverBell, Hub, SharedLink, Turn};
use tokio::time::{Instant, sleep_until};

use crate::{
    connect::{connect, look_up},
    link::drive,
    spawner::Spawner,
};

/// Runs the hub until it has stopped. Dropped before, with its runtime, it ends the session.
pub(crate) async fn run(mut hub: Box<Hub<TaskDialer>>) {
    let clock = hub.session().clock().clone();
    let inbox = Arc::clone(hub.session().inbox());
    let mut timer = pin!(sleep_until(Instant::now()));
    while let Turn::Wait(deadline) = hub.turn() {
        let until = deadline.and_then(|deadline| clock.to_std(deadline.at));
        if let Some(until) = until {
            timer.as_mut().reset(until.into());
        }
        poll_fn(|context| {
            let due = until.is_some() && timer.as_mut().poll(context).is_ready();
            if inbox.poll_ready(context) || due { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

/// Opens each connection on a task of its own, which then drives it.
#[derive(Debug)]
pub(crate) struct TaskDialer(Spawner);

impl TaskDialer {
    pub(crate) fn new(spawner: Spawner) -> Self {
        Self(spawner)
    }
}

impl Dialer for TaskDialer {
    type Wire = DriverBell;

    fn wire(&self) -> DriverBell {
        DriverBell::default()
    }

    fn dial(&mut self, link: Arc<SharedLink<DriverBell>>, address: Address, _timeout: Duration) {
        // The client itself gives up on a dial that takes too long, and closes the link.
        let driver = Driver::new(link);
        self.0.spawn(async move {
            let cause = match connect(driver.link(), &address).await {
                Ok(socket) => drive(driver.link(), socket).await,
                Err(cause) => cause,
            };
            driver.finish(cause);
        });
    }
    fn resolve(&mut self, link: Arc<SharedLink<DriverBell>>, address: Address) {
        self.0.spawn(async move { link.resolved(look_up(&address).await) });
    }
}
