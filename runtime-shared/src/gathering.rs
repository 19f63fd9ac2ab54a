//! Sends that gather: whoever of those who wait for a lot is polled moves it on, for all.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use rocketmq_producer_core::{
    Waiter,
    delivery::{Accumulator, Delivered, Lot, LotKey, SendError, split_receipt},
    model::{Message, ProducerConfig, SendReceipt},
    time::{Deadline, Instant, Now},
};

use crate::{
    Clock, Sending, Timed, Wire, lock, sending::receipt, session::InFlight, statistics::Sent,
    telling::GatheredSpan,
};

/// One session's messages that wait for company, behind a lock that is held for a few steps.
#[derive(Debug)]
pub(crate) struct Gatherer<W: Wire>(Mutex<Accumulator<Seat<W>>>);

impl<W: Wire> Gatherer<W> {
    pub(crate) fn new(config: &ProducerConfig) -> Self {
        Self(Mutex::new(Accumulator::new(config)))
    }

    /// Takes one step; what is to leave after that takes its turn by `leave`, and then `after` is
    /// called, all under the lock: what enters a lane there does so in order.
    ///
    /// Gives what has left, and whether the next is due sooner than before: whoever keeps the time
    /// must look again. Under the same lock, or the keeper could look in between and miss
    /// what this step has begun.
    pub(crate) fn step<R>(
        &self,
        step: impl FnOnce(&mut Accumulator<Seat<W>>),
        leave: impl FnMut(Lot<Seat<W>>) -> R,
        after: impl FnOnce(),
    ) -> (Vec<R>, bool) {
        let mut accumulator = lock(&self.0);
        let before = accumulator.deadline();
        step(&mut accumulator);
        let left = std::iter::from_fn(|| accumulator.poll()).map(leave).collect();
        after();
        (left, Deadline::is_sooner(accumulator.deadline(), before))
    }

    pub(crate) fn deadline(&self) -> Option<Deadline> {
        lock(&self.0).deadline()
    }
}

/// The place of one send in its lot.
#[derive(Debug)]
pub(crate) struct Seat<W: Wire>(Arc<Place<W>>);

#[derive(Debug)]
struct Place<W: Wire> {
    state: Mutex<State<W>>,
    /// Its caller does not wait any longer.
    gone: AtomicBool,
    /// It travels with others.
    in_company: AtomicBool,
}

#[derive(Debug)]
enum State<W: Wire> {
    /// Its lot gathers.
    Gathering(Option<Waker>),
    /// Its lot is on its way.
    Travelling(Arc<Trip<W>>, Option<Waker>),
    /// The lot has arrived, or has not.
    Told(Result<SendReceipt, SendError>),
    /// It knows, or has gone.
    Over,
}

impl<W: Wire> State<W> {
    fn waker(&mut self) -> Option<&mut Option<Waker>> {
        match self {
            Self::Gathering(waker) | Self::Travelling(_, waker) => Some(waker),
            Self::Told(_) | Self::Over => None,
        }
    }
}

impl<W: Wire> Clone for Seat<W> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<W: Wire> Waiter for Seat<W> {
    fn is_gone(&self) -> bool {
        self.0.gone.load(Ordering::Acquire)
    }
}

impl<W: Wire> Seat<W> {
    fn new() -> Self {
        let state = Mutex::new(State::Gathering(None));
        let (gone, in_company) = (AtomicBool::new(false), AtomicBool::new(false));
        Self(Arc::new(Place { state, gone, in_company }))
    }

    /// Something has become of one who waits: it is woken.
    fn put(&self, new: State<W>) {
        let mut state = lock(&self.0.state);
        if state.waker().is_none() {
            // Dropped without the lock: it may be all that is left of a lot.
            drop(state);
            return drop(new);
        }
        let mut before = std::mem::replace(&mut *state, new);
        drop(state);
        if let Some(waker) = before.waker().and_then(Option::take) {
            waker.wake();
        }
    }

    fn wake(&self) {
        let waker = lock(&self.0.state).waker().and_then(Option::take);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// A lot on its way, owned by those who wait for it.
#[derive(Debug)]
pub(crate) struct Trip<W: Wire> {
    /// None while somebody moves it on, and when it is over.
    sending: Mutex<Option<Sending<W>>>,
    /// There has been news since it was moved on last.
    rung: AtomicBool,
    waker: Waker,
    messages: Vec<Message>,
    seats: Vec<Seat<W>>,
}

/// Wakes all who wait for a lot: any of them may move it on, and others may never be polled again.
struct Bell<W: Wire>(Weak<Trip<W>>);

impl<W: Wire> Wake for Bell<W> {
    fn wake(self: Arc<Self>) {
        let Some(trip) = self.0.upgrade() else { return };
        trip.rung.store(true, Ordering::SeqCst);
        trip.seats.iter().for_each(Seat::wake);
    }
}

impl<W: Wire> Trip<W> {
    /// Sends a lot off.
    pub(crate) fn begin(sending: Sending<W>, messages: Vec<Message>, seats: Vec<Seat<W>>) {
        let trip = Arc::new_cyclic(|trip| Self {
            sending: Mutex::new(Some(sending)),
            rung: AtomicBool::new(false),
            waker: Waker::from(Arc::new(Bell(Weak::clone(trip)))),
            messages,
            seats,
        });
        let in_company = trip.seats.len() > 1;
        for seat in &trip.seats {
            seat.0.in_company.store(in_company, Ordering::Relaxed);
            seat.put(State::Travelling(Arc::clone(&trip), None));
        }
    }

    /// Moves it on, unless somebody does. True when it has arrived, and all have been told.
    fn advance(&self) -> bool {
        loop {
            let Some(mut sending) = lock(&self.sending).take() else { return false };
            self.rung.store(false, Ordering::SeqCst);
            match Pin::new(&mut sending).poll(&mut Context::from_waker(&self.waker)) {
                Poll::Ready(result) => {
                    self.arrive(result);
                    return true;
                }
                Poll::Pending => *lock(&self.sending) = Some(sending),
            }
            // Whoever was woken meanwhile has found nothing to move on.
            if !self.rung.swap(false, Ordering::SeqCst) {
                return false;
            }
        }
    }

    /// Everybody is told how it has ended.
    fn arrive(&self, result: Result<Delivered, SendError>) {
        match result.map(receipt) {
            Ok(receipt) => {
                let receipts = split_receipt(&receipt, &self.messages);
                let each = self.seats.iter().zip(receipts);
                each.for_each(|(seat, receipt)| seat.put(State::Told(Ok(receipt))));
            }
            Err(error) => tell_all(&self.seats, &self.messages, &error),
        }
    }
}

/// What one message of a lot has met, all have.
pub(crate) fn tell_all<W: Wire>(seats: &[Seat<W>], messages: &[Message], error: &SendError) {
    for (seat, message) in seats.iter().zip(messages) {
        seat.put(State::Told(Err(error.for_message(message.clone()))));
    }
}

/// A send that gathers, then moves its lot on with all the others. Dropped, its message goes with the
/// lot, if that has left already.
#[derive(Debug)]
#[must_use = "a send does nothing unless it is polled"]
pub struct Gathered<W: Wire> {
    seat: Seat<W>,
    span: GatheredSpan,
    session: InFlight<W>,
    /// When it was called; none once its end is counted.
    since: Option<Instant>,
}

impl<W: Wire> Gathered<W> {
    /// Takes a message in, which has its id and was checked.
    pub(crate) fn begin(now: Now, key: LotKey, message: Message, session: InFlight<W>) -> Self {
        let (seat, span) = (Seat::new(), GatheredSpan::of(now, &message));
        let own = seat.clone();
        session.session.statistics.entered(1);
        session.session.gather(|accumulator| accumulator.handle_message(now, key, message, own));
        Self { seat, span, session, since: Some(now.instant) }
    }

    /// It is over, or dropped before that.
    fn count(&mut self, result: Option<&Result<SendReceipt, SendError>>) {
        let Some(since) = self.since.take() else { return };
        let session = &self.session.session;
        let after = || session.clock.now().instant.saturating_since(since);
        match result {
            Some(Ok(receipt)) => {
                let topic = &receipt.message_queue.topic;
                let in_company = self.seat.0.in_company.load(Ordering::Relaxed);
                session.statistics.sent(topic, Sent::Stored(after()), 1, in_company);
            }
            Some(Err(error)) => {
                session.statistics.failed(error.message().topic(), error.kind(), 1, after);
            }
            None => session.statistics.dropped(1),
        }
    }

    fn trip(&self) -> Option<Arc<Trip<W>>> {
        match &*lock(&self.seat.0.state) {
            State::Travelling(trip, _) => Some(Arc::clone(trip)),
            _ => None,
        }
    }
}

impl<W: Wire> Future for Gathered<W> {
    type Output = Result<SendReceipt, SendError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = self.poll_along(context);
        if let Poll::Ready(result) = &polled {
            let now = self.clock().now();
            self.span.over(now, result);
            self.count(Some(result));
        }
        polled
    }
}

impl<W: Wire> Gathered<W> {
    /// Moves its lot on, and looks what has become of it.
    fn poll_along(&self, context: &Context<'_>) -> Poll<Result<SendReceipt, SendError>> {
        loop {
            let mut state = lock(&self.seat.0.state);
            if let Some(waker) = state.waker() {
                *waker = Some(context.waker().clone());
            }
            let trip = match &*state {
                State::Travelling(trip, _) => Arc::clone(trip),
                State::Gathering(_) | State::Over => return Poll::Pending,
                State::Told(_) => match std::mem::replace(&mut *state, State::Over) {
                    State::Told(result) => return Poll::Ready(result),
                    _ => return Poll::Pending,
                },
            };
            drop(state);
            if !trip.advance() {
                return Poll::Pending;
            }
        }
    }
}

impl<W: Wire> Timed for Gathered<W> {
    fn clock(&self) -> &Clock {
        &self.session.session.clock
    }

    fn deadline(&self) -> Option<Instant> {
        lock(&self.trip()?.sending).as_ref().and_then(Timed::deadline)
    }

    fn expire(&self) {
        let Some(trip) = self.trip() else { return };
        let sending = lock(&trip.sending).take();
        if let Some(sending) = sending {
            sending.expire();
            *lock(&trip.sending) = Some(sending);
        }
    }
}

impl<W: Wire> Drop for Gathered<W> {
    fn drop(&mut self) {
        self.count(None);
        self.seat.0.gone.store(true, Ordering::Release);
        let left = std::mem::replace(&mut *lock(&self.seat.0.state), State::Over);
        // The last one takes what is left of the lot along, without the lock.
        drop(left);
    }
}
