//! A batch: its way through the gate, its route, then one send for each request.

use std::{
    collections::{BTreeSet, VecDeque},
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use rocketmq_producer_core::{
    delivery::{
        Delivered, LaneKey, Parcel, Routing, SendError, SendErrorKind, SendOptions, Share,
        TimeoutPhase, share_out, split_receipt,
    },
    model::{Message, MessageQueue, RoutingStrategy, SendReceipt},
    route::{Choice, Phase, TopicRoute},
    time::{Instant, Now},
};

use crate::{
    Clock, Journey, Sending, Session, Timed, Wire, entering::Part, sending::receipt,
    session::InFlight, slot::Slot, statistics::Sent,
};

/// How each message of a batch has ended, in the order of the call.
type Results = Vec<Result<Delivered, SendError>>;

/// Messages to one topic, in as few requests as their queues and sizes allow, and all of them in
/// flight at one time but for those whose order matters.
///
/// Dropping it abandons what is not over.
#[derive(Debug)]
#[must_use = "nothing is sent unless it is polled"]
pub(crate) struct Batch<W: Wire> {
    messages: Vec<Message>,
    results: Vec<Option<Result<Delivered, SendError>>>,
    options: SendOptions,
    choice: Choice,
    oneway: bool,
    started: Now,
    deadline: Instant,
    /// Holds the lanes of all sharding keys until everything is over.
    slot: Arc<Slot>,
    stage: Stage<W>,
    session: InFlight<W>,
    /// Messages that are in flight still.
    uncounted: u64,
}

#[derive(Debug)]
enum Stage<W: Wire> {
    /// Waits for so many lanes.
    Lanes {
        wanted: usize,
        asked: bool,
    },
    Routing(Journey<W, Routing>),
    Sending(Vec<Line<W>>),
}

/// Requests that go one after the other.
#[derive(Debug)]
struct Line<W: Wire> {
    queue: Option<MessageQueue>,
    requests: VecDeque<Vec<usize>>,
    current: Option<(Vec<usize>, Sending<W>)>,
}

impl<W: Wire> Batch<W> {
    /// Messages that were found to be a batch, and have their ids.
    pub(crate) fn new(
        messages: Vec<Message>,
        options: SendOptions,
        default: &Choice,
        oneway: bool,
        session: InFlight<W>,
    ) -> Self {
        let started = session.session.clock.now();
        let timeout = options.timeout.unwrap_or(session.session.config.send_msg_timeout);
        let key = |message: &Message| -> Option<LaneKey> {
            Some((message.shared_topic(), message.sharding_key()?.into()))
        };
        let keys: BTreeSet<LaneKey> = messages.iter().filter_map(key).collect();
        let (wanted, slot) = (keys.len(), Arc::new(Slot::default()));
        session.session.enter_lanes(keys.into_iter().collect(), &slot);
        let uncounted = messages.len() as u64;
        session.session.statistics.entered(uncounted);
        Self {
            uncounted,
            results: messages.iter().map(|_| None).collect(),
            messages,
            choice: options.choice.clone().unwrap_or_else(|| default.clone()),
            options,
            oneway,
            started,
            deadline: started.instant + timeout,
            slot,
            stage: Stage::Lanes { wanted, asked: false },
            session,
        }
    }

    fn session(&self) -> &Arc<Session<W>> {
        &self.session.session
    }

    /// Waits for the lanes; true when it has them all.
    fn poll_lanes(&mut self, context: &Context<'_>) -> Poll<Result<(), SendErrorKind>> {
        let Stage::Lanes { wanted, asked } = &mut self.stage else { return Poll::Ready(Ok(())) };
        let arrived = self.slot.look(context);
        if arrived.lanes == *wanted {
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
        let topic = self.messages.first().map(Message::shared_topic).unwrap_or_default();
        self.session.session.wait_for_hub(&view, topic, None, self.deadline, &self.slot);
        Poll::Pending
    }

    /// True when the route decides which messages go together.
    fn needs_route(&self) -> bool {
        let free = matches!(
            self.choice,
            Choice::Strategy(RoutingStrategy::RoundRobin | RoutingStrategy::Random)
        );
        !free || self.messages.iter().any(|message| message.sharding_key().is_some())
    }

    fn enter_routing(&mut self) {
        if !self.needs_route() {
            return self.enter_sending(None);
        }
        let topic = self.messages.first().map(Message::shared_topic).unwrap_or_default();
        let routing = Routing::new(self.started, topic, self.deadline);
        let journey = Journey::new(Box::new(routing), Arc::default(), self.session.share());
        self.stage = Stage::Routing(journey);
    }

    fn enter_sending(&mut self, route: Option<&TopicRoute>) {
        // A sharding key goes before the producer's own choice, and after the call's.
        let by_call = self.options.choice.is_some();
        let choice = |message: &Message| match message.sharding_key() {
            Some(_) if !by_call => Choice::default(),
            _ => self.choice.clone(),
        };
        match share_out(&self.session().config, &self.messages, choice, route) {
            Ok(shares) => {
                self.stage = Stage::Sending(shares.into_iter().flat_map(lines).collect());
            }
            Err(bad) => {
                self.fail_rest(&bad.into());
                self.stage = Stage::Sending(Vec::new());
            }
        }
    }

    /// Nothing more is sent.
    fn fail_rest(&mut self, why: &SendErrorKind) {
        let rest =
            (0..self.messages.len()).filter(|at| matches!(self.results.get(*at), Some(None)));
        let (rest, after) = (rest.collect::<Vec<_>>(), self.elapsed());
        for (index, message) in rest.iter().zip(self.pick(&rest)) {
            let failed = Err(SendError::not_sent(why.clone(), message));
            self.put(*index, failed, after, false);
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

    fn poll_line(&mut self, line: &mut Line<W>, context: &mut Context<'_>) {
        loop {
            if let Some((members, sending)) = &mut line.current {
                let Poll::Ready(result) = Pin::new(sending).poll(context) else { return };
                let members = std::mem::take(members);
                line.current = None;
                self.take_in(&members, result);
            }
            let Some(members) = line.requests.pop_front() else { return };
            match self.begin(&members, line.queue.clone()) {
                Ok(sending) => line.current = Some((members, sending)),
                Err(error) => self.take_in(&members, Err(error)),
            }
        }
    }

    /// Begins one request.
    fn begin(
        &self,
        members: &[usize],
        queue: Option<MessageQueue>,
    ) -> Result<Sending<W>, SendError> {
        let messages = self.pick(members);
        let session = self.session();
        let Some(parcel) = Parcel::batch(&session.config, &messages) else {
            let (kind, none) = (SendErrorKind::AlreadyShutDown, Message::new("", ""));
            return Err(SendError::not_sent(kind, none));
        };
        let parcel = if self.oneway { parcel?.oneway() } else { parcel? };
        let mut options = self.options.clone();
        options.choice = Some(queue.map_or_else(|| self.choice.clone(), Choice::Queue));
        let (guard, messages) = (self.session.share(), members.len() as u64);
        let part = Part { started: self.started, slot: &self.slot, messages };
        session.begin_request(parcel, options, part, guard)
    }

    fn pick(&self, members: &[usize]) -> Vec<Message> {
        members.iter().filter_map(|index| self.messages.get(*index).cloned()).collect()
    }

    /// One request is over.
    fn take_in(&mut self, members: &[usize], result: Result<Delivered, SendError>) {
        let messages = self.pick(members);
        let each: Results = match result {
            // One alone has travelled as itself.
            Ok(delivered) if members.len() == 1 => vec![Ok(delivered)],
            Ok(Delivered::Stored(receipt)) => split_receipt(&receipt, &messages)
                .map(|receipt| Ok(Delivered::Stored(receipt)))
                .collect(),
            Ok(Delivered::HandedOver) => {
                messages.iter().map(|_| Ok(Delivered::HandedOver)).collect()
            }
            Err(error) => {
                messages.into_iter().map(|message| Err(error.for_message(message))).collect()
            }
        };
        let after = self.elapsed();
        for (index, result) in members.iter().zip(each) {
            self.put(*index, result, after, members.len() > 1);
        }
    }

    /// Since its call.
    fn elapsed(&self) -> Duration {
        self.session().clock.now().instant.saturating_since(self.started.instant)
    }

    /// One message's end, so long after the call.
    fn put(
        &mut self,
        index: usize,
        result: Result<Delivered, SendError>,
        after: Duration,
        in_company: bool,
    ) {
        let statistics = &self.session.session.statistics;
        let topic = self.messages.get(index).map_or("", Message::topic);
        match &result {
            Ok(Delivered::Stored(_)) => statistics.sent(topic, Sent::Stored(after), in_company),
            Ok(Delivered::HandedOver) => statistics.sent(topic, Sent::HandedOver, in_company),
            Err(error) => statistics.failed(topic, error.kind(), || after),
        }
        self.uncounted -= 1;
        if let Some(place) = self.results.get_mut(index) {
            *place = Some(result);
        }
    }
}

/// Requests to one queue go one after the other, all others for themselves.
fn lines<W: Wire>(Share { queue, requests }: Share) -> Vec<Line<W>> {
    let line = |requests: VecDeque<_>| Line { queue: queue.clone(), requests, current: None };
    match &queue {
        Some(_) => vec![line(requests.into())],
        None => requests.into_iter().map(|request| line(VecDeque::from([request]))).collect(),
    }
}

impl<W: Wire> Future for Batch<W> {
    type Output = Results;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Results> {
        let this = &mut *self;
        loop {
            match &mut this.stage {
                Stage::Lanes { .. } => match this.poll_lanes(context) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Ok(())) => this.enter_routing(),
                    Poll::Ready(Err(why)) => {
                        this.fail_rest(&why);
                        this.stage = Stage::Sending(Vec::new());
                    }
                },
                Stage::Routing(journey) => match Pin::new(journey).poll(context) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Ok(route)) => this.enter_sending(Some(&route)),
                    Poll::Ready(Err(why)) => {
                        if why.is_unrouted() {
                            this.session().statistics.batch_unrouted();
                        }
                        this.fail_rest(&why);
                        this.stage = Stage::Sending(Vec::new());
                    }
                },
                Stage::Sending(_) => {
                    if !this.poll_lines(context) {
                        return Poll::Pending;
                    }
                    this.slot.finish();
                    return Poll::Ready(this.results.drain(..).flatten().collect());
                }
            }
        }
    }
}

impl<W: Wire> Timed for Batch<W> {
    fn clock(&self) -> &Clock {
        &self.session().clock
    }

    fn deadline(&self) -> Option<Instant> {
        let Stage::Sending(lines) = &self.stage else { return None };
        let sends = lines.iter().filter_map(|line| line.current.as_ref());
        sends.filter_map(|(_, sending)| sending.deadline()).min()
    }

    fn expire(&self) {
        let Stage::Sending(lines) = &self.stage else { return };
        lines.iter().filter_map(|line| line.current.as_ref()).for_each(|(_, send)| send.expire());
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

/// A batch that waits for the brokers' answers.
#[derive(Debug)]
#[must_use = "nothing is sent unless it is polled"]
pub struct AnsweredBatch<W: Wire>(pub(crate) BatchOrNone<W>);

/// A batch that is not answered.
#[derive(Debug)]
#[must_use = "nothing is sent unless it is polled"]
pub struct OnewayBatch<W: Wire>(pub(crate) BatchOrNone<W>);

/// A batch under way, or what it was refused for.
#[derive(Debug)]
pub(crate) enum BatchOrNone<W: Wire> {
    Begun(Box<Batch<W>>),
    Refused(Vec<SendError>, Clock),
}

impl<W: Wire> BatchOrNone<W> {
    pub(crate) fn refused(why: &SendErrorKind, messages: Vec<Message>, clock: Clock) -> Self {
        let error = |message| SendError::not_sent(why.clone(), message);
        Self::Refused(messages.into_iter().map(error).collect(), clock)
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Results> {
        match self {
            Self::Begun(batch) => Pin::new(batch).poll(context),
            Self::Refused(errors, _) => Poll::Ready(errors.drain(..).map(Err).collect()),
        }
    }

    fn timed(&self) -> Option<&Batch<W>> {
        match self {
            Self::Begun(batch) => Some(batch),
            Self::Refused(..) => None,
        }
    }

    fn clock(&self) -> &Clock {
        match self {
            Self::Begun(batch) => batch.clock(),
            Self::Refused(_, clock) => clock,
        }
    }

    /// What all its messages were refused for, if they were.
    pub(crate) fn refusals(&self) -> &[SendError] {
        match self {
            Self::Begun(_) => &[],
            Self::Refused(errors, _) => errors,
        }
    }
}

impl<W: Wire> Future for AnsweredBatch<W> {
    type Output = Vec<Result<SendReceipt, SendError>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll(context).map(|all| all.into_iter().map(|one| one.map(receipt)).collect())
    }
}

impl<W: Wire> Future for OnewayBatch<W> {
    type Output = Vec<Result<(), SendError>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll(context).map(|all| all.into_iter().map(|one| one.map(drop)).collect())
    }
}

/// Those that are a batch, or none, with a face around it.
macro_rules! timed_as_a_batch {
    ($($face:ident),+) => {
        $(impl<W: Wire> Timed for $face<W> {
            fn clock(&self) -> &Clock {
                self.0.clock()
            }

            fn deadline(&self) -> Option<Instant> {
                self.0.timed()?.deadline()
            }

            fn expire(&self) {
                if let Some(batch) = self.0.timed() {
                    batch.expire();
                }
            }
        })+
    };
}
timed_as_a_batch!(AnsweredBatch, OnewayBatch);
