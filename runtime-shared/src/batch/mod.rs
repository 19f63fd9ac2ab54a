//! A batch: its way through the gate, its route, then one send for each request.

mod ends;
mod faces;
mod line;

use std::{
    collections::BTreeSet,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytestring::ByteString;
use rocketmq_producer_core::{
    delivery::{
        Delivered, LaneKey, Routing, SendError, SendErrorKind, SendOptions, TimeoutPhase, share_out,
    },
    model::{Message, RoutingStrategy},
    route::{Choice, Phase, TopicRoute},
    time::{Instant, Now},
};

use crate::{
    Clock, Journey, Sending, Session, Timed, Wire, session::InFlight, slot::Slot, statistics::Sent,
};
use ends::{End, Told, tell};
pub(crate) use faces::BatchOrNone;
pub use faces::{AnsweredBatch, OnewayBatch};
use line::{Line, lines};

/// Messages to one topic, in as few requests as their queues and sizes allow, and all of them in
/// flight at one time but for those whose order matters.
///
/// Dropping it abandons what is not over.
#[derive(Debug)]
#[must_use = "nothing is sent unless it is polled"]
pub(crate) struct Batch<W: Wire> {
    messages: Vec<Message>,
    ends: Vec<End>,
    options: SendOptions,
    choice: Choice,
    oneway: bool,
    started: Now,
    deadline: Instant,
    /// Holds the lanes of all sharding keys until everything is over.
    slot: Arc<Slot>,
    /// How many those are.
    lanes: usize,
    stage: Stage<W>,
    session: InFlight<W>,
    /// Messages that are in flight still.
    uncounted: u64,
}

#[derive(Debug)]
enum Stage<W: Wire> {
    /// Waits for its lanes.
    Lanes {
        asked: bool,
    },
    Routing(Journey<W, Routing>),
    Sending(Vec<Line<W>>),
}

impl<W: Wire> Batch<W> {
    /// Messages that were found to be a batch, and have their ids.
    pub(crate) fn new(
        started: Now,
        messages: Vec<Message>,
        options: SendOptions,
        default: &Choice,
        oneway: bool,
        session: InFlight<W>,
    ) -> Self {
        let timeout = options.timeout.unwrap_or(session.session.config.send_msg_timeout);
        let key = |message: &Message| -> Option<LaneKey> {
            Some((message.shared_topic(), message.sharding_key()?.into()))
        };
        let keys: BTreeSet<LaneKey> = messages.iter().filter_map(key).collect();
        let (lanes, slot) = (keys.len(), Arc::new(Slot::default()));
        if lanes > 0 {
            session.session.enter_lanes(keys.into_iter().collect(), &slot);
        }
        let uncounted = messages.len() as u64;
        session.session.statistics.entered(uncounted);
        Self {
            uncounted,
            messages,
            ends: Vec::new(),
            choice: options.choice.clone().unwrap_or_else(|| default.clone()),
            options,
            oneway,
            started,
            deadline: started.instant + timeout,
            slot,
            lanes,
            stage: Stage::Lanes { asked: false },
            session,
        }
    }

    fn session(&self) -> &Arc<Session<W>> {
        &self.session.session
    }

    fn shared_topic(&self) -> ByteString {
        self.messages.first().map(Message::shared_topic).unwrap_or_default()
    }

    /// Waits for the lanes.
    fn poll_lanes(&mut self, context: &Context<'_>) -> Poll<Result<(), SendErrorKind>> {
        let Stage::Lanes { asked } = &mut self.stage else { return Poll::Ready(Ok(())) };
        if self.lanes == 0 {
            return Poll::Ready(Ok(()));
        }
        let arrived = self.slot.look(context);
        if arrived.lanes == self.lanes {
            return Poll::Ready(Ok(()));
        }
        if std::mem::replace(asked, true) && !arrived.rung {
            return Poll::Pending;
        }
        let (view, now) = (self.session.session.view.load_full(), self.session.session.clock.now());
        if let Phase::Closed(why) = &view.routes.phase {
            return Poll::Ready(Err(SendErrorKind::ShuttingDown(why.clone())));
        }
        if now.instant >= self.deadline {
            let after = now.instant.saturating_since(self.started.instant);
            let phase = TimeoutPhase::Order;
            return Poll::Ready(Err(SendErrorKind::TimedOut { phase, after }));
        }
        let topic = self.shared_topic();
        self.session.session.wait_for_hub(&view, topic, None, self.deadline, &self.slot);
        Poll::Pending
    }

    /// True when the route decides which messages go together.
    fn needs_route(&self) -> bool {
        let free = matches!(
            self.choice,
            Choice::Strategy(RoutingStrategy::RoundRobin | RoutingStrategy::Random)
        );
        !free || self.lanes > 0
    }

    fn enter_routing(&mut self) {
        if !self.needs_route() {
            return self.enter_sending(None);
        }
        let routing = Routing::new(self.started, self.shared_topic(), self.deadline);
        let journey = Journey::new(Box::new(routing), Arc::default(), self.session.share());
        self.stage = Stage::Routing(journey);
    }

    fn enter_sending(&mut self, route: Option<&TopicRoute>) {
        // A sharding key goes before the producer's own choice, and after the call's.
        let (by_call, by_key) = (self.options.choice.is_some(), Choice::default());
        let choice = |message: &Message| match message.sharding_key() {
            Some(_) if !by_call => &by_key,
            _ => &self.choice,
        };
        match share_out(&self.session().config, &self.messages, choice, route) {
            Ok(shares) => {
                self.stage = Stage::Sending(shares.into_iter().flat_map(lines).collect());
            }
            Err(bad) => self.fail_all(bad.into()),
        }
    }

    /// Nothing is sent.
    fn fail_all(&mut self, why: SendErrorKind) {
        self.stage = Stage::Sending(Vec::new());
        if let Some(first) = self.messages.first() {
            let failed = Err(SendError::not_sent(why, first.clone()));
            self.take_in((0..self.messages.len()).collect(), failed);
        }
    }

    /// Moves every line as far as it goes; true when all are over.
    fn poll_lines(&mut self, context: &mut Context<'_>) -> bool {
        let Stage::Sending(mut lines) = std::mem::replace(&mut self.stage, Stage::Sending(vec![]))
        else {
            return false;
        };
        for line in &mut lines {
            self.poll_line(line, context);
        }
        lines.retain(|line| line.current.is_some());
        let over = lines.is_empty();
        self.stage = Stage::Sending(lines);
        over
    }

    /// What these messages have ended with is counted, and kept until all is over.
    fn take_in(&mut self, members: Vec<usize>, result: Result<Delivered, SendError>) {
        let session = self.session();
        let after = session.clock.now().instant.saturating_since(self.started.instant);
        let topic = self.messages.first().map_or("", Message::topic);
        let (messages, in_company) = (members.len() as u64, members.len() > 1);
        let sent = |how| session.statistics.sent(topic, how, messages, in_company);
        match &result {
            Ok(Delivered::Stored(_)) => sent(Sent::Stored(after)),
            Ok(Delivered::HandedOver) => sent(Sent::HandedOver),
            Err(error) => session.statistics.failed(topic, error.kind(), messages, || after),
        }
        self.uncounted -= messages;
        self.ends.push(End { members, result });
    }

    /// Moves it on until all is over.
    fn poll_over(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            match &mut self.stage {
                Stage::Lanes { .. } => match self.poll_lanes(context) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Ok(())) => self.enter_routing(),
                    Poll::Ready(Err(why)) => self.fail_all(why),
                },
                Stage::Routing(journey) => match Pin::new(journey).poll(context) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Ok(route)) => self.enter_sending(Some(&route)),
                    Poll::Ready(Err(why)) => {
                        if why.is_unrouted() {
                            self.session().statistics.batch_unrouted();
                        }
                        self.fail_all(why);
                    }
                },
                Stage::Sending(_) => {
                    if !self.poll_lines(context) {
                        return Poll::Pending;
                    }
                    self.slot.finish();
                    return Poll::Ready(());
                }
            }
        }
    }

    /// The end of each message, in the order of the call, once all is over.
    fn tell<T: Told>(&mut self) -> Vec<Result<T, SendError>> {
        tell(&self.messages, std::mem::take(&mut self.ends))
    }
}

/// As those of [`Timed`].
impl<W: Wire> Batch<W> {
    fn clock(&self) -> &Clock {
        &self.session().clock
    }

    fn sends(&self) -> impl Iterator<Item = &Sending<W>> {
        let lines = match &self.stage {
            Stage::Sending(lines) => &lines[..],
            Stage::Lanes { .. } | Stage::Routing(_) => &[],
        };
        lines.iter().filter_map(|line| line.current.as_ref()).map(|(_, sending)| sending)
    }

    fn deadline(&self) -> Option<Instant> {
        self.sends().filter_map(Timed::deadline).min()
    }

    fn expire(&self) {
        self.sends().for_each(Timed::expire);
    }
}

impl<W: Wire> Drop for Batch<W> {
    fn drop(&mut self) {
        // Its lanes go with it, and with what is in flight of its requests.
        if let Stage::Lanes { .. } = self.stage {
            self.slot.abandon();
        }
        self.session().statistics.dropped(self.uncounted);
    }
}
