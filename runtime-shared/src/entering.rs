//! How sends, batches and transactions begin.

use std::sync::Arc;

use bytestring::ByteString;
use rocketmq_producer_core::{
    client::Wait,
    delivery::{
        Accumulator, Ask, Delivery, LaneKey, Lot, Parcel, SendError, SendErrorKind, SendOptions,
        TimeoutPhase, lot_key, validate_batch,
    },
    model::{Message, ProducerConfig, check_message},
    route::Choice,
    time::{Instant, Now},
};

use crate::{
    HalfSending, Sending, Session, View, Wire,
    batch::{Batch, BatchOrNone},
    gathering::{Gathered, Seat, Trip, tell_all},
    lock,
    sending::{Answered, Cargo},
    session::InFlight,
    slot::Slot,
};

/// Others that want an id wait for so many at most.
const IDS_AT_ONCE: usize = 64;

/// What a batch says of one of its requests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<'a> {
    /// When the batch was begun.
    pub(crate) started: Now,
    /// Holds the batch's lanes.
    pub(crate) slot: &'a Arc<Slot>,
    /// How many of its messages go in the request.
    pub(crate) messages: u64,
}

impl<W: Wire> Session<W> {
    /// Begins a send, which waits for its permit if `patient`; `wrap` makes of the message what goes
    /// on the wire.
    ///
    /// # Errors
    ///
    /// Nothing has been sent then: [`SendErrorKind::AlreadyShutDown`] once the session is closing,
    /// [`SendErrorKind::InvalidMessage`], [`SendErrorKind::TooLarge`], and
    /// [`SendErrorKind::Full`] unless `patient`.
    #[inline]
    pub(crate) fn begin(
        self: Arc<Self>,
        message: Message,
        options: SendOptions,
        choice: &Choice,
        patient: bool,
        wrap: impl FnOnce(&ProducerConfig, Message) -> Result<Parcel, SendError>,
    ) -> Result<Sending<W>, SendError> {
        match self.enter() {
            Some(guard) => guard.begin(message, options, choice, patient, wrap),
            None => Err(SendError::not_sent(SendErrorKind::AlreadyShutDown, message)),
        }
    }

    /// Begins a send that is answered: it gathers, if it may.
    ///
    /// # Errors
    ///
    /// As [`begin`](Self::begin).
    #[inline]
    pub(crate) fn begin_answered(
        self: Arc<Self>,
        message: Message,
        options: SendOptions,
        choice: &Choice,
    ) -> Result<Answered<W>, SendError> {
        if self.gatherer.is_none() {
            let sending = self.begin(message, options, choice, true, Parcel::new);
            return sending.map(Answered::Alone);
        }
        let Some(guard) = self.enter() else {
            return Err(SendError::not_sent(SendErrorKind::AlreadyShutDown, message));
        };
        let session = &guard.session;
        let now = session.clock.now();
        let message = session.with_id(now, message);
        let Some(key) = lot_key(&session.config, &message, &options, choice) else {
            let sending = guard.begin(message, options, choice, true, Parcel::new);
            return sending.map(Answered::Alone);
        };
        // One that breaks a rule would take its lot along.
        if let Err(rule) = check_message(&message, session.config.max_message_size) {
            return Err(SendError::not_sent(rule.into(), message));
        }
        Ok(Answered::Gathered(Gathered::begin(now, key, message, guard)))
    }

    /// What there is no room for.
    fn full(&self, delivery: Delivery) -> SendError {
        let (sends, bytes) = self.gate.held();
        delivery.refused(SendErrorKind::Full { sends, bytes })
    }

    /// Gives the slot these lanes, each now or when its turn comes, after what has gathered for them.
    pub(crate) fn enter_lanes(self: &Arc<Self>, keys: Vec<LaneKey>, slot: &Arc<Slot>) {
        let Some(gatherer) = &self.gatherer else { return self.gate.enter(keys, slot) };
        let release = keys.clone();
        // It only takes away: nothing is due sooner after that.
        let (lots, _) = gatherer.step(
            |accumulator| release.into_iter().for_each(|key| accumulator.handle_lane(key)),
            |lot| self.take_turn(lot),
            || self.gate.enter(keys, slot),
        );
        lots.into_iter().for_each(|(lot, slot)| self.depart(lot, slot));
    }

    /// Takes a step of what gathers, and sends what is to leave then.
    pub(crate) fn gather(self: &Arc<Self>, step: impl FnOnce(&mut Accumulator<Seat<W>>)) {
        let Some(gatherer) = &self.gatherer else { return };
        let (lots, sooner) = gatherer.step(step, |lot| self.take_turn(lot), || ());
        lots.into_iter().for_each(|(lot, slot)| self.depart(lot, slot));
        if sooner {
            // The hub keeps the time.
            self.inbox.ring();
        }
    }

    /// The session ends: nothing gathers any more.
    pub(crate) fn let_gathered_go(self: &Arc<Self>) {
        self.gather(Accumulator::handle_close);
    }

    /// A lot takes its place among what is ordered.
    fn take_turn(&self, lot: Lot<Seat<W>>) -> (Lot<Seat<W>>, Arc<Slot>) {
        let slot = Arc::default();
        self.gate.enter(lot.key.lane(), &slot);
        (lot, slot)
    }

    /// Sends a lot: one of those who wait for it takes it along.
    fn depart(self: &Arc<Self>, lot: Lot<Seat<W>>, slot: Arc<Slot>) {
        let Lot { key, messages, waiters, since, .. } = lot;
        // Those who wait are counted, each for itself.
        let guard = InFlight::uncounted(self);
        let Some(parcel) = Parcel::batch(&self.config, &messages) else { return slot.finish() };
        let begin = |parcel| self.delivery(since, parcel, key.options(), &Choice::default());
        match parcel.and_then(begin) {
            Ok(delivery) => {
                let turn = match key.lane() {
                    Some(_) => TimeoutPhase::Order,
                    None => {
                        self.gate.ask(delivery.size(), &slot);
                        TimeoutPhase::Permit
                    }
                };
                let cargo = Cargo::Lot(messages.len() as u64);
                let sending = Sending::new(delivery, slot, Some(turn), guard, cargo);
                Trip::begin(sending, messages, waiters);
            }
            Err(error) => {
                slot.finish();
                tell_all(&waiters, &messages, &error);
            }
        }
    }

    /// Begins a transaction: the send of its half message.
    ///
    /// # Errors
    ///
    /// The same, [`SendErrorKind::TransactionOpen`] and [`SendErrorKind::TransactionEnded`].
    pub(crate) fn begin_half(
        self: Arc<Self>,
        message: Message,
        choice: &Choice,
    ) -> Result<HalfSending<W>, SendError> {
        let Some(guard) = self.enter() else {
            return Err(SendError::not_sent(SendErrorKind::AlreadyShutDown, message));
        };
        let session = &guard.session;
        let message = session.with_id(session.clock.now(), message);
        let (part, options, sent) = (guard.share(), SendOptions::new(), message.clone());
        let sending = part.begin(sent, options, choice, true, Parcel::half)?;
        HalfSending::new(sending, message, guard)
    }

    /// Begins a batch; what it is refused for is told of each message.
    pub(crate) fn begin_batch(
        self: Arc<Self>,
        mut messages: Vec<Message>,
        options: SendOptions,
        choice: &Choice,
        oneway: bool,
    ) -> BatchOrNone<W> {
        let clock = self.clock.clone();
        let Some(guard) = self.enter() else {
            return BatchOrNone::refused(&SendErrorKind::AlreadyShutDown, messages, clock);
        };
        let (session, now) = (&guard.session, clock.now());
        for some in messages.chunks_mut(IDS_AT_ONCE) {
            lock(&session.uniq_keys).give(now.wall, some);
        }
        if let Err(rule) = validate_batch(&session.config, &messages) {
            return BatchOrNone::refused(&rule.into(), messages, clock);
        }
        BatchOrNone::Begun(Box::new(Batch::new(now, messages, options, choice, oneway, guard)))
    }

    /// Begins one request of a batch, which has its lanes: it waits for its permit.
    pub(crate) fn begin_request(
        self: &Arc<Self>,
        parcel: Parcel,
        options: SendOptions,
        part: Part<'_>,
        guard: InFlight<W>,
    ) -> Result<Sending<W>, SendError> {
        let delivery = self.delivery(part.started, parcel, options, &Choice::default())?;
        let (slot, cargo) = (Arc::new(Slot::within(part.slot)), Cargo::Of(part.messages));
        self.gate.ask(delivery.size(), &slot);
        Ok(Sending::new(delivery, slot, Some(TimeoutPhase::Permit), guard, cargo))
    }

    fn delivery(
        &self,
        started: Now,
        parcel: Parcel,
        options: SendOptions,
        choice: &Choice,
    ) -> Result<Box<Delivery>, SendError> {
        let (bytes, limit) = (parcel.size(), self.config.in_flight_bytes_max);
        if bytes > limit {
            return Err(parcel.refused(SendErrorKind::TooLarge { bytes, limit }));
        }
        let (config, seed) = (Arc::clone(&self.config), self.next_seed());
        Delivery::new(started, config, parcel, options, choice, seed)
    }

    #[inline]
    pub(crate) fn with_id(&self, now: Now, message: Message) -> Message {
        match message.uniq_key() {
            Some(_) => message,
            None => message.with_uniq_key(lock(&self.uniq_keys).next(now.wall)),
        }
    }

    /// Has the hub ring the slot when there is news about the topic, at `until` at the latest.
    pub(crate) fn wait_for_hub(
        &self,
        view: &View<W>,
        topic: ByteString,
        ask: Option<Ask>,
        until: Instant,
        slot: &Arc<Slot>,
    ) {
        let (seen, waiter) = (view.routes.version, slot.bell());
        self.inbox.push_wait(Wait { ask, topic, until, seen, waiter });
    }

    /// Counts a send in, unless it comes too late. A late one is not even counted for a moment,
    /// but for those that come in the very moment of closing.
    pub(crate) fn enter(self: Arc<Self>) -> Option<InFlight<W>> {
        if !self.is_open() {
            return None;
        }
        let guard = InFlight::counted(self);
        guard.session.is_open().then_some(guard)
    }

    /// For what a shutdown does not wait for.
    pub(crate) fn look_in(self: &Arc<Self>) -> Option<InFlight<W>> {
        self.is_open().then(|| InFlight::uncounted(self))
    }
}

impl<W: Wire> InFlight<W> {
    /// Begins the send that this counts: see [`Session::begin`].
    fn begin(
        self,
        message: Message,
        options: SendOptions,
        choice: &Choice,
        patient: bool,
        wrap: impl FnOnce(&ProducerConfig, Message) -> Result<Parcel, SendError>,
    ) -> Result<Sending<W>, SendError> {
        let (session, now) = (&self.session, self.session.clock.now());
        let parcel = wrap(&session.config, session.with_id(now, message))?;
        let delivery = session.delivery(now, parcel, options, choice)?;
        let (gate, bytes) = (&session.gate, delivery.size());
        // An ordered message has its place from now on, and asks for a permit when it is its turn:
        // those who wait for each other do not keep permits from the rest.
        let (slot, turn) = match delivery.order_key() {
            Some(_) if !patient && !gate.has_room(bytes) => return Err(session.full(*delivery)),
            Some(key) => {
                let slot = Arc::default();
                session.enter_lanes(vec![key], &slot);
                (slot, Some(TimeoutPhase::Order))
            }
            None => match gate.try_ask(bytes) {
                Some(permit) => (Arc::new(Slot::permitted(permit)), None),
                None if patient => (gate.stand_in_line(bytes), Some(TimeoutPhase::Permit)),
                None => return Err(session.full(*delivery)),
            },
        };
        Ok(Sending::new(delivery, slot, turn, self, Cargo::Own))
    }
}
