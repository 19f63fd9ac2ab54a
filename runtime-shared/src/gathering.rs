//! Sends that gather: one of those who wait for a lot takes it along for all.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
};

use rocketmq_producer_core::{
    Waiter,
    delivery::{Accumulator, Delivered, Lot, LotKey, SendError, split_receipt},
    model::{Message, ProducerConfig, SendReceipt},
    time::{Deadline, Instant, Now},
};

use crate::{Clock, Sending, Timed, Wire, lock, session::InFlight};

/// One session's messages that wait for company, behind a lock that is held for a few steps.
#[derive(Debug)]
pub(crate) struct Gatherer<W: Wire>(Mutex<Accumulator<Seat<W>>>);

impl<W: Wire> Gatherer<W> {
    pub(crate) fn new(config: &ProducerConfig) -> Self {
        Self(Mutex::new(Accumulator::new(config)))
    }

    /// Takes one step; what is to leave after that takes its turn by `leave`, and then `after` is
    /// called, all under the lock: what enters a lane there does so in order.
    pub(crate) fn step<R>(
        &self,
        step: impl FnOnce(&mut Accumulator<Seat<W>>),
        leave: impl FnMut(Lot<Seat<W>>) -> R,
        after: impl FnOnce(),
    ) -> Vec<R> {
        let mut accumulator = lock(&self.0);
        step(&mut accumulator);
        let left = std::iter::from_fn(|| accumulator.poll()).map(leave).collect();
        after();
        left
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
}

#[derive(Debug)]
enum State<W: Wire> {
    /// Its lot gathers, or another takes it along.
    Waiting(Option<Waker>),
    /// It is the one who takes the lot along.
    Leading(Box<Trip<W>>),
    /// The lot has arrived, or has not.
    Told(Result<SendReceipt, SendError>),
    /// It knows.
    Over,
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
        let (state, gone) = (Mutex::new(State::Waiting(None)), AtomicBool::new(false));
        Self(Arc::new(Place { state, gone }))
    }

    /// Changes the state of one who waits, and wakes it; gives the new state back if nobody does.
    fn put(&self, new: State<W>) -> Option<State<W>> {
        let mut state = lock(&self.0.state);
        if self.is_gone() {
            return Some(new);
        }
        let before = std::mem::replace(&mut *state, new);
        drop(state);
        if let State::Waiting(Some(waker)) = before {
            waker.wake();
        }
        None
    }

    pub(crate) fn tell(&self, result: Result<SendReceipt, SendError>) {
        // One who has gone does not want to know.
        let _ = self.put(State::Told(result));
    }
}

/// A lot on its way.
#[derive(Debug)]
pub(crate) struct Trip<W: Wire> {
    sending: Sending<W>,
    messages: Vec<Message>,
    seats: Vec<Seat<W>>,
}

impl<W: Wire> Trip<W> {
    pub(crate) fn new(sending: Sending<W>, messages: Vec<Message>, seats: Vec<Seat<W>>) -> Self {
        Self { sending, messages, seats }
    }

    /// Has one of those who wait take the lot along. When there is none, it is dropped.
    pub(crate) fn pass_on(self) {
        let seats = self.seats.clone();
        let mut trip = Box::new(self);
        for seat in seats {
            match seat.put(State::Leading(trip)) {
                Some(State::Leading(back)) => trip = back,
                _ => return,
            }
        }
    }

    /// Everybody is told how it has ended.
    fn arrive(self, result: Result<Delivered, SendError>) {
        let Self { messages, seats, .. } = self;
        match result {
            // One alone has travelled as itself.
            Ok(Delivered::Stored(receipt)) if messages.len() == 1 => {
                seats.iter().for_each(|seat| seat.tell(Ok(receipt.clone())));
            }
            Ok(Delivered::Stored(receipt)) => {
                let receipts = split_receipt(&receipt, &messages);
                seats.iter().zip(receipts).for_each(|(seat, receipt)| seat.tell(Ok(receipt)));
            }
            Ok(Delivered::HandedOver) => unreachable!("lots are answered"),
            Err(error) => tell_all(&seats, messages, &error),
        }
    }
}

/// What one message of a lot has met, all have.
pub(crate) fn tell_all<W: Wire>(seats: &[Seat<W>], messages: Vec<Message>, error: &SendError) {
    for (seat, message) in seats.iter().zip(messages) {
        seat.tell(Err(error.for_message(message)));
    }
}

/// A send that gathers, then waits for its lot, or takes it along for all. Dropped, another takes the
/// lot along; its message goes with it, if it has left already.
#[derive(Debug)]
#[must_use = "a send does nothing unless it is polled"]
pub struct Gathered<W: Wire> {
    seat: Seat<W>,
    trip: Option<Box<Trip<W>>>,
    session: InFlight<W>,
}

impl<W: Wire> Gathered<W> {
    /// Takes a message in, which has its id and was checked.
    pub(crate) fn begin(now: Now, key: LotKey, message: Message, session: InFlight<W>) -> Self {
        let seat = Seat::new();
        let own = seat.clone();
        session.session.gather(|accumulator| accumulator.handle_message(now, key, message, own));
        Self { seat, trip: None, session }
    }
}

impl<W: Wire> Future for Gathered<W> {
    type Output = Result<SendReceipt, SendError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        loop {
            if let Some(mut trip) = this.trip.take() {
                match Pin::new(&mut trip.sending).poll(context) {
                    Poll::Ready(result) => trip.arrive(result),
                    Poll::Pending => {
                        this.trip = Some(trip);
                        return Poll::Pending;
                    }
                }
            }
            let mut state = lock(&this.seat.0.state);
            match std::mem::replace(&mut *state, State::Over) {
                State::Leading(trip) => this.trip = Some(trip),
                State::Told(result) => return Poll::Ready(result),
                State::Waiting(_) => {
                    *state = State::Waiting(Some(context.waker().clone()));
                    return Poll::Pending;
                }
                State::Over => return Poll::Pending,
            }
        }
    }
}

impl<W: Wire> Timed for Gathered<W> {
    fn clock(&self) -> &Clock {
        &self.session.session.clock
    }

    fn deadline(&self) -> Option<Instant> {
        self.trip.as_ref().and_then(|trip| trip.sending.deadline())
    }

    fn expire(&self) {
        if let Some(trip) = &self.trip {
            trip.sending.expire();
        }
    }
}

impl<W: Wire> Drop for Gathered<W> {
    fn drop(&mut self) {
        let mut state = lock(&self.seat.0.state);
        self.seat.0.gone.store(true, Ordering::Release);
        let left = std::mem::replace(&mut *state, State::Over);
        drop(state);
        let unheeded = match left {
            State::Leading(trip) => Some(trip),
            _ => None,
        };
        if let Some(trip) = self.trip.take().or(unheeded) {
            trip.pass_on();
        }
    }
}
