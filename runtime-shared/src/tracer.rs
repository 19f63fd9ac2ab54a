//! The message trace: records on their way to a topic of their own.
//!
//! They travel as any other message does, over the same connections, routes and credentials, but take
//! no permits and no lanes, and nobody waits for them: the hub moves them on.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use rocketmq_producer_core::{
    client::Input,
    delivery::{Delivered, Delivery, Parcel, SendError, SendOptions},
    model::ProducerConfig,
    route::Choice,
    time::{Deadline, Now},
    trace::{TracePackage, TraceQueue, TraceRecord, TraceStats, TracedEnd},
};

use crate::{Inbox, Journey, Session, Wire, lock, session::InFlight};

/// What of a shutdown's time is for the brokers to be told, and not for the trace: as much as goodbyes
/// may take, and no more than half.
const GOODBYE: Duration = Duration::from_secs(1);

/// One session's records, behind a lock that is held for a few steps.
#[derive(Debug)]
pub(crate) struct Tracer {
    queue: Mutex<TraceQueue>,
    /// What the trace's own messages go by.
    config: Arc<ProducerConfig>,
}

impl Tracer {
    /// None when nothing is to be traced.
    pub(crate) fn new(config: &ProducerConfig) -> Option<Self> {
        let queue = Mutex::new(TraceQueue::new(config)?);
        Some(Self { queue, config: TraceQueue::config(config) })
    }

    fn with<R>(&self, step: impl FnOnce(&mut TraceQueue) -> R) -> R {
        step(&mut lock(&self.queue))
    }

    pub(crate) fn stats(&self) -> TraceStats {
        self.with(|queue| queue.stats())
    }

    /// Nothing waits, and nothing is on its way.
    pub(crate) fn is_idle(&self) -> bool {
        self.with(|queue| queue.is_idle())
    }

    pub(crate) fn deadline(&self) -> Option<Deadline> {
        self.with(|queue| queue.deadline())
    }

    /// The producer ends: what waits is to leave.
    pub(crate) fn close(&self, now: Now) {
        let timeout = self.config.shutdown_timeout;
        let until = now.instant + timeout.saturating_sub(GOODBYE.min(timeout / 2));
        self.with(|queue| queue.handle_close(now, until));
    }

    fn record(&self, now: Now, inbox: &Inbox, record: TraceRecord) {
        if self.with(|queue| queue.handle_record(now, record)) {
            inbox.ring();
        }
    }
}

impl<W: Wire> Session<W> {
    /// A send is over; without a result, it was dropped when a broker may have had it.
    pub(crate) fn trace_send(
        &self,
        delivery: &Delivery,
        result: Option<&Result<Delivered, SendError>>,
    ) {
        let Some(tracer) = &self.tracer else { return };
        let now = self.clock.now();
        if let Some(record) = TraceRecord::of_send(now, delivery, result) {
            tracer.record(now, &self.inbox, record);
        }
    }

    /// A broker is told how a transaction has ended.
    pub(crate) fn trace_end(&self, end: &TracedEnd<'_>) {
        let Some(tracer) = &self.tracer else { return };
        let now = self.clock.now();
        if let Some(record) = TraceRecord::of_end(now, end) {
            tracer.record(now, &self.inbox, record);
        }
    }

    /// Tells the client when the session is closing and nothing is in flight any more, of the trace
    /// either: it may leave then.
    pub(crate) fn leave_if_drained(&self) -> bool {
        let is_told = || self.tracer.as_ref().is_none_or(Tracer::is_idle);
        let is_drained = !self.is_open() && self.in_flight() == 0 && is_told();
        if is_drained {
            self.inbox.push(Input::Drained);
        }
        is_drained
    }
}

/// The trace's messages on their way, owned by the hub.
#[derive(Debug)]
pub(crate) struct Traces<W: Wire> {
    flights: Vec<Flight<W>>,
    bell: Arc<Bell>,
    /// The client knows that nothing is left to be waited for.
    has_left: bool,
}

#[derive(Debug)]
struct Flight<W: Wire> {
    journey: Journey<W, Delivery>,
    records: u64,
}

/// Wakes the hub for a message of the trace.
#[derive(Debug)]
struct Bell {
    rung: AtomicBool,
    inbox: Arc<Inbox>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.rung.store(true, Ordering::SeqCst);
        self.inbox.ring();
    }
}

impl<W: Wire> Traces<W> {
    pub(crate) fn new(inbox: &Arc<Inbox>) -> Self {
        let bell = Bell { rung: AtomicBool::new(false), inbox: Arc::clone(inbox) };
        Self { flights: Vec::new(), bell: Arc::new(bell), has_left: false }
    }

    /// Moves on what is on its way, and sends what is due.
    pub(crate) fn turn(&mut self, now: Now, session: &Arc<Session<W>>) {
        let Some(tracer) = &session.tracer else { return };
        if self.bell.rung.swap(false, Ordering::SeqCst) {
            self.move_on(now, tracer);
        }
        tracer.with(|queue| queue.handle_timeout(now));
        if tracer.with(|queue| queue.is_out_of_time(now)) {
            self.give_up(now, tracer);
        }
        while let Some(package) = tracer.with(|queue| queue.poll(now)) {
            self.begin(now, session, tracer, package);
        }
        self.has_left = self.has_left || session.leave_if_drained();
    }

    fn begin(
        &mut self,
        now: Now,
        session: &Arc<Session<W>>,
        tracer: &Tracer,
        TracePackage { message, records, .. }: TracePackage,
    ) {
        let message = session.with_id(now, message);
        let config = Arc::clone(&tracer.config);
        let (options, choice) = (SendOptions::new(), Choice::default());
        let delivery = Parcel::new(&config, message).and_then(|parcel| {
            Delivery::new(now, config, parcel, options, &choice, session.next_seed())
        });
        let Ok(delivery) = delivery else {
            return tracer.with(|queue| queue.handle_failed(now, records));
        };
        let guard = InFlight::uncounted(session);
        let mut flight = Flight { journey: Journey::new(delivery, Arc::default(), guard), records };
        if flight.is_under_way(&self.bell, now, tracer) {
            self.flights.push(flight);
        }
    }

    fn move_on(&mut self, now: Now, tracer: &Tracer) {
        let bell = &self.bell;
        self.flights.retain_mut(|flight| flight.is_under_way(bell, now, tracer));
    }

    /// Nothing of it is waited for any longer.
    fn give_up(&mut self, now: Now, tracer: &Tracer) {
        for flight in self.flights.drain(..) {
            tracer.with(|queue| queue.handle_failed(now, flight.records));
        }
    }

    /// The session is over.
    pub(crate) fn end(&mut self, now: Now, session: &Session<W>) {
        let Some(tracer) = &session.tracer else { return };
        tracer.with(TraceQueue::give_up);
        self.give_up(now, tracer);
    }
}

impl<W: Wire> Flight<W> {
    /// Moves it on; false when it has arrived, or never will.
    fn is_under_way(&mut self, bell: &Arc<Bell>, now: Now, tracer: &Tracer) -> bool {
        let waker = Waker::from(Arc::clone(bell));
        match Pin::new(&mut self.journey).poll(&mut Context::from_waker(&waker)) {
            Poll::Pending => return true,
            Poll::Ready(Ok(_)) => tracer.with(|queue| queue.handle_sent(self.records)),
            Poll::Ready(Err(_)) => tracer.with(|queue| queue.handle_failed(now, self.records)),
        }
        false
    }
}
