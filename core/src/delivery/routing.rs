//! Waiting for a topic's route, and for connections to its brokers.

use std::sync::Arc;

use bytestring::ByteString;

use super::{Ask, Errand, SendErrorKind, Step, TimeoutPhase};
use crate::{
    codec::Frame,
    command::ClientCommand,
    link::CallError,
    route::{Phase, Reach, RouteError, Routes, TopicEntry, TopicRoute},
    time::{Instant, Now},
};

/// Finds a topic's route, asking for it if need be; and, to warm up, waits until its brokers are
/// connected or have failed to be.
#[derive(Debug)]
pub struct Routing {
    topic: ByteString,
    started: Instant,
    deadline: Instant,
    /// Wait for connections, too.
    connect: bool,
    /// Rounds of questions that were over when this was first asked.
    rounds: Option<u64>,
}

impl Routing {
    /// Gets a route, by `deadline` at the latest.
    pub fn new(now: Now, topic: ByteString, deadline: Instant) -> Self {
        Self { topic, started: now.instant, deadline, connect: false, rounds: None }
    }

    /// The same, and connections to the topic's brokers.
    #[must_use]
    pub fn connecting(self) -> Self {
        Self { connect: true, ..self }
    }

    /// Why there is no route, if that is known and will not change by itself.
    fn failure(&mut self, entry: Option<&TopicEntry>) -> Option<RouteError> {
        let rounds = entry.map_or(0, |entry| entry.rounds);
        let asked = *self.rounds.get_or_insert(rounds);
        let failure = entry?.failure.as_ref()?;
        (rounds > asked && !failure.is_transient()).then(|| RouteError::clone(failure))
    }

    fn time_out(&self, now: Now, entry: Option<&TopicEntry>) -> SendErrorKind {
        let after = now.instant.saturating_since(self.started);
        match entry.and_then(|entry| entry.failure.as_ref()) {
            Some(failure) => SendErrorKind::Route(RouteError::clone(failure)),
            None => SendErrorKind::TimedOut { phase: TimeoutPhase::Route, after },
        }
    }

    /// What is to be waited for before all brokers of the route are connected, or out of reach.
    fn unconnected(&self, routes: &Routes, route: &TopicRoute) -> Option<Ask> {
        let mut brokers = route.brokers().filter(|_| self.connect);
        let pending = brokers
            .find(|(_, address)| matches!(routes.reach(address), Reach::Down { failures: 0, .. }));
        pending.map(|(_, address)| Ask::Connection(address.clone()))
    }
}

impl Errand for Routing {
    /// It asks brokers nothing.
    type Request<'a> = ClientCommand;
    type Output = Result<Arc<TopicRoute>, SendErrorKind>;

    fn step(&mut self, now: Now, routes: &Routes) -> Step<Self::Output> {
        if let Phase::Closed(why) = &routes.phase {
            return Step::Done(Err(SendErrorKind::ShuttingDown(why.clone())));
        }
        let entry = routes.topic(&self.topic);
        let route = entry.and_then(|entry| entry.route.as_ref());
        let ask = match route {
            Some(route) => match self.unconnected(routes, route) {
                Some(ask) if now.instant < self.deadline => ask,
                _ => return Step::Done(Ok(Arc::clone(route))),
            },
            None if now.instant >= self.deadline => {
                return Step::Done(Err(self.time_out(now, entry)));
            }
            None => match self.failure(entry) {
                Some(failure) => return Step::Done(Err(SendErrorKind::Route(failure))),
                None => Ask::Route(self.topic.clone()),
            },
        };
        Step::Wait { ask: Some(ask), until: self.deadline }
    }

    fn request(&self) -> Option<ClientCommand> {
        None
    }

    fn handle_outcome(&mut self, _: Now, _: u32, _: Result<Frame, CallError>) {}

    fn handle_written(&mut self, _: Now, _: u32) {}

    fn handle_gone(&mut self) {}

    fn deadline(&self) -> Instant {
        self.deadline
    }

    fn topic(&self) -> ByteString {
        self.topic.clone()
    }
}
