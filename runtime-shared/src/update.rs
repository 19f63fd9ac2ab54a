//! Asking the name servers about a topic now, and waiting for what they say.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use rocketmq_producer_core::{
    client::Wait,
    delivery::Ask,
    route::{Phase, TopicEntry},
    time::Instant,
};

use crate::{Session, Wire, slot::Slot};

/// A round of questions about a topic, as a future that needs no reactor and no timer; true when the
/// route is another than before.
#[derive(Debug)]
#[must_use = "nothing is asked unless it is polled"]
pub struct RouteUpdate<W: Wire> {
    session: Arc<Session<W>>,
    topic: String,
    slot: Arc<Slot>,
    before: TopicEntry,
    until: Instant,
    asked: bool,
}

impl<W: Wire> RouteUpdate<W> {
    pub(crate) fn new(session: Arc<Session<W>>, topic: String) -> Self {
        let before = session.routes().topic(&topic).cloned().unwrap_or_default();
        // One round, and the pause before it when one has just been.
        let until = session.clock.now().instant + session.config.name_server_timeout * 2;
        Self { session, topic, slot: Arc::default(), before, until, asked: false }
    }

    /// What has become of it, as far as the routes tell.
    fn outcome(&self) -> Option<bool> {
        let routes = self.session.routes();
        if matches!(routes.phase, Phase::Closed(_))
            || self.session.clock.now().instant >= self.until
        {
            return Some(false);
        }
        let entry = routes.topic(&self.topic)?;
        let over = self.asked && entry.rounds > self.before.rounds;
        over.then(|| entry.route != self.before.route)
    }
}

impl<W: Wire> Future for RouteUpdate<W> {
    type Output = bool;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<bool> {
        let this = &mut *self;
        // What comes between a look at the routes and the next at the slot rings there.
        while this.slot.look(context).rung || !this.asked {
            if let Some(changed) = this.outcome() {
                return Poll::Ready(changed);
            }
            let first = !std::mem::replace(&mut this.asked, true);
            let ask = first.then(|| Ask::Update(this.topic.clone().into()));
            let topic = this.topic.clone().into();
            let seen = this.session.routes().version;
            let waiter = this.slot.bell();
            this.session.inbox.push_wait(Wait { ask, topic, until: this.until, seen, waiter });
        }
        Poll::Pending
    }
}

impl<W: Wire> Drop for RouteUpdate<W> {
    fn drop(&mut self) {
        self.slot.abandon();
    }
}
