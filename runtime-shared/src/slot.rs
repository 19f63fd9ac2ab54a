//! One send's place: where answers, rings and permits arrive for whoever polls it.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, Weak,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    task::{Context, Waker},
};

use rocketmq_producer_core::{
    Waiter,
    command::ResponseCode,
    link::{CallError, LinkError},
};

use crate::{
    Completion,
    gate::{Lane, Permit},
    lock,
};

/// Shared by a send, by the calls that it has made, and by those who may wake it.
///
/// The permit lives here: it goes back when the send is over *and* no call of it is in flight any
/// more, so that dropped futures do not make room for more than there is.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    state: Mutex<State>,
    /// Counts the waits for the hub and their ends, so it is odd during one; a bell of an earlier one
    /// rings nobody.
    wait: AtomicU32,
    /// The send is over or was dropped.
    gone: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    answers: Answers,
    /// Calls that have not come back.
    calls: usize,
    rung: bool,
    permit: Option<Permit>,
    lanes: Vec<Lane>,
    /// Of a request, what holds the lanes for its whole batch. It is let go as the permit is: it must
    /// not go with the last reference to this, which may be had under the lock of the permits.
    batch: Option<Arc<Slot>>,
    waker: Option<Waker>,
}

/// What a send has held. To give it back takes other locks, so the slot's is let go of before.
type Holdings = (Vec<Lane>, Option<Permit>, Option<Arc<Slot>>);

impl State {
    /// The permit, unless calls are in flight that it is held for.
    fn give_back_permit(&mut self) -> Option<Permit> {
        if self.calls == 0 { self.permit.take() } else { None }
    }

    /// Everything of one that has gone, unless calls are in flight that it is held for.
    fn give_back_all(&mut self) -> Option<Holdings> {
        let all = || (std::mem::take(&mut self.lanes), self.permit.take(), self.batch.take());
        (self.calls == 0).then(all)
    }
}

/// How a call has come back.
#[derive(Debug)]
pub(crate) enum Arrival {
    /// Answered, or not.
    Answer(Completion),
    /// One-way: all its bytes have been taken.
    Written,
}

/// How calls have come back, in the order in which they did, by their numbers. Seldom more than one
/// at a time, which then needs no memory of its own.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    first: Option<(u32, Arrival)>,
    others: Vec<(u32, Arrival)>,
}

impl Answers {
    fn push(&mut self, attempt: u32, arrival: Arrival) {
        match &self.first {
            None => self.first = Some((attempt, arrival)),
            Some(_) => self.others.push((attempt, arrival)),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Hands them over in their order.
    pub(crate) fn hand_over(self, mut to: impl FnMut(u32, Arrival)) {
        if let Some((attempt, arrival)) = self.first {
            to(attempt, arrival);
        }
        for (attempt, arrival) in self.others {
            to(attempt, arrival);
        }
    }
}

/// What has arrived since the last look.
#[derive(Debug, Default)]
pub(crate) struct Arrived {
    pub(crate) answers: Answers,
    /// The wait for the hub is over.
    pub(crate) rung: bool,
    pub(crate) has_permit: bool,
    pub(crate) lanes: usize,
}

impl Slot {
    /// One that has its permit.
    pub(crate) fn permitted(permit: Permit) -> Self {
        let state = State { permit: Some(permit), ..State::default() };
        Self { state: Mutex::new(state), ..Self::default() }
    }

    /// One for a part of what that slot is for.
    pub(crate) fn within(batch: &Arc<Self>) -> Self {
        let state = State { batch: Some(Arc::clone(batch)), ..State::default() };
        Self { state: Mutex::new(state), ..Self::default() }
    }

    /// Takes what has arrived. The waker is registered, unless there are answers: whoever has taken
    /// them in looks again before it waits.
    pub(crate) fn look(&self, context: &Context<'_>) -> Arrived {
        let mut state = lock(&self.state);
        if state.answers.is_empty() {
            match &state.waker {
                Some(waker) if waker.will_wake(context.waker()) => {}
                _ => state.waker = Some(context.waker().clone()),
            }
        }
        Arrived {
            answers: std::mem::take(&mut state.answers),
            rung: std::mem::take(&mut state.rung),
            has_permit: state.permit.is_some(),
            lanes: state.lanes.len(),
        }
    }

    /// Of one that has gone in this moment, it goes back at once.
    pub(crate) fn put_permit(&self, permit: Permit) {
        self.change(|state| match self.is_gone() {
            true => Some(permit),
            false => state.permit.replace(permit),
        });
    }

    /// Of one that has gone in this moment, it is left at once.
    pub(crate) fn put_lane(&self, lane: Lane) {
        self.change(|state| match self.is_gone() {
            true => Some(lane),
            false => {
                state.lanes.push(lane);
                None
            }
        });
    }

    /// The send is over: the next of its sharding key may go in any case, and the next of all, unless
    /// a call of this one is still in flight.
    pub(crate) fn finish(&self) {
        self.gone.store(true, Ordering::Release);
        let mut state = lock(&self.state);
        let given_back = (std::mem::take(&mut state.lanes), state.give_back_all());
        drop(state);
        drop(given_back);
    }

    /// A call has come back. One that is as good as can be ends the send, so its permit is free,
    /// however long its caller takes to look. Its lane is not: only the caller can tell whether the
    /// answer is one, and the next of its key may not go before.
    fn put_arrival(&self, attempt: u32, arrival: Arrival) {
        let is_over = match &arrival {
            Arrival::Answer(Ok(frame)) => frame.header.code == ResponseCode::SUCCESS.0,
            Arrival::Answer(Err(_)) => false,
            Arrival::Written => true,
        };
        let mut state = lock(&self.state);
        state.calls -= 1;
        state.answers.push(attempt, arrival);
        let given_back = match self.is_gone() {
            true => state.give_back_all(),
            false if is_over => Some((Vec::new(), state.give_back_permit(), None)),
            false => None,
        };
        Self::wake(state, given_back);
    }

    /// Nobody will look any more. What it holds goes back, unless a call of it is in flight: it must
    /// not go with the last reference, which those who look at who waits may have, under the very
    /// locks that giving back needs.
    pub(crate) fn abandon(&self) {
        let is_news = !self.is_gone() && !self.gone.swap(true, Ordering::AcqRel);
        if is_news {
            let given_back = lock(&self.state).give_back_all();
            drop(given_back);
        }
    }

    /// A bell for the wait that begins now.
    pub(crate) fn bell(self: &Arc<Self>) -> Bell {
        let wait = self.wait.load(Ordering::Relaxed).wrapping_add(1) | 1;
        self.wait.store(wait, Ordering::Release);
        Bell { slot: Arc::downgrade(self), wait }
    }

    /// Whatever was waited for, the hub need not wake it. For whoever polls alone, as are bells.
    pub(crate) fn no_longer_waits(&self) {
        let wait = self.wait.load(Ordering::Relaxed);
        if wait % 2 == 1 {
            self.wait.store(wait.wrapping_add(1), Ordering::Release);
        }
    }

    fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    /// What the change hands out goes back, without the lock, before whoever polls is woken.
    fn change<R>(&self, change: impl FnOnce(&mut State) -> R) {
        let mut state = lock(&self.state);
        let given_back = change(&mut state);
        Self::wake(state, given_back);
    }

    fn wake<R>(mut state: MutexGuard<'_, State>, given_back: R) {
        let waker = state.waker.take();
        drop(state);
        drop(given_back);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// Wakes a send that waits for the hub; so does dropping it.
#[derive(Debug)]
pub struct Bell {
    slot: Weak<Slot>,
    wait: u32,
}

impl Bell {
    /// Wakes it.
    pub(crate) fn ring(self) {}
}

impl Drop for Bell {
    fn drop(&mut self) {
        let Some(slot) = self.slot.upgrade() else { return };
        if slot.wait.load(Ordering::Acquire) == self.wait {
            slot.change(|state| state.rung = true);
        }
    }
}

impl Waiter for Bell {
    fn is_gone(&self) -> bool {
        let slot = self.slot.upgrade();
        slot.is_none_or(|slot| slot.is_gone() || slot.wait.load(Ordering::Acquire) != self.wait)
    }
}

/// A send that waits for its turn.
#[derive(Debug)]
pub(crate) struct Turn(Weak<Slot>);

impl Turn {
    pub(crate) fn of(slot: &Arc<Slot>) -> Self {
        Self(Arc::downgrade(slot))
    }

    pub(crate) fn slot(&self) -> Option<Arc<Slot>> {
        self.0.upgrade()
    }
}

impl Waiter for Turn {
    fn is_gone(&self) -> bool {
        self.0.upgrade().is_none_or(|slot| slot.is_gone())
    }
}

/// One call of a send: where its answer goes. Dropped without one, it says that its driver is gone.
#[derive(Debug)]
pub struct Caller {
    slot: Option<Arc<Slot>>,
    attempt: u32,
}

impl Caller {
    pub(crate) fn new(slot: &Arc<Slot>, attempt: u32) -> Self {
        lock(&slot.state).calls += 1;
        Self { slot: Some(Arc::clone(slot)), attempt }
    }

    pub(crate) fn answer(mut self, completion: Completion) {
        self.put(Arrival::Answer(completion));
    }

    pub(crate) fn written(mut self) {
        self.put(Arrival::Written);
    }

    /// The call was not made.
    pub(crate) fn forget(mut self) {
        if let Some(slot) = self.slot.take() {
            lock(&slot.state).calls -= 1;
        }
    }

    fn put(&mut self, arrival: Arrival) {
        if let Some(slot) = self.slot.take() {
            slot.put_arrival(self.attempt, arrival);
        }
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        self.put(Arrival::Answer(Err(CallError::Lost(LinkError::DriverGone))));
    }
}

impl Waiter for Caller {
    fn is_gone(&self) -> bool {
        self.slot.as_ref().is_none_or(|slot| slot.is_gone())
    }

    fn again(&self) -> Option<Self> {
        self.slot.as_ref().map(|slot| Self::new(slot, self.attempt))
    }
}

#[cfg(test)]
mod tests;
