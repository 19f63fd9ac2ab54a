//! One start's world.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use arc_swap::ArcSwap;
use bytestring::ByteString;
use rocketmq_producer_core::{
    client::{Input, Wait},
    delivery::{
        Ask, Delivery, Parcel, SendError, SendErrorKind, SendOptions, TimeoutPhase, validate_batch,
    },
    model::{Identity, Message, ProducerConfig, UniqKeys},
    route::{Choice, Routes},
    time::{Instant, Now},
};

use crate::{
    Clock, HalfSending, Inbox, Sending, ShutdownError, Wire,
    batch::{Batch, BatchOrNone},
    desk::Desk,
    gate::Gate,
    links::LinkTable,
    lock,
    oneways::OnewayCounters,
    slot::Slot,
};

/// What senders see: routes, and the links that they name.
#[derive(Debug)]
pub struct View<W> {
    pub(crate) routes: Arc<Routes>,
    pub(crate) links: LinkTable<W>,
}

/// Everything between one `start` and its end. Shared by senders, drivers and the hub.
#[derive(Debug)]
pub struct Session<W> {
    pub(crate) config: Arc<ProducerConfig>,
    pub(crate) clock: Clock,
    pub(crate) view: ArcSwap<View<W>>,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) oneways: Arc<OnewayCounters>,
    /// Where transactions are kept, and what brokers ask about them.
    pub(crate) desk: Desk,
    uniq_keys: Mutex<UniqKeys>,
    seeds: AtomicUsize,
    in_flight: AtomicUsize,
    /// No more sends may begin.
    closing: AtomicBool,
    end: Mutex<End>,
}

/// What is in flight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Sends that hold a permit: in flight themselves, or with a call that is.
    pub sends: usize,
    /// Their bytes.
    pub bytes: usize,
    /// Sharding keys with a message on its way.
    pub lanes: usize,
}

/// Whether the session is over, and who waits for that.
#[derive(Debug, Default)]
struct End {
    reached: bool,
    cut_off: usize,
    waiters: Vec<oneshot::Sender<()>>,
}

impl<W> Session<W> {
    pub(crate) fn new(
        config: Arc<ProducerConfig>,
        identity: &Identity,
        clock: Clock,
        desk: Desk,
    ) -> Self {
        Self {
            desk,
            oneways: Arc::default(),
            clock,
            view: ArcSwap::from_pointee(View {
                routes: Arc::default(),
                links: LinkTable::default(),
            }),
            inbox: Arc::new(Inbox::open()),
            gate: Arc::new(Gate::new(&config)),
            config,
            uniq_keys: Mutex::new(UniqKeys::new(identity)),
            seeds: AtomicUsize::new(identity.nonce as usize),
            in_flight: AtomicUsize::new(0),
            closing: AtomicBool::new(false),
            end: Mutex::default(),
        }
    }

    /// The session's clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// What senders see at the moment.
    pub(crate) fn routes(&self) -> Arc<Routes> {
        Arc::clone(&self.view.load().routes)
    }

    /// The hub's letter box.
    pub fn inbox(&self) -> &Arc<Inbox> {
        &self.inbox
    }

    /// True while sends may begin.
    pub fn is_open(&self) -> bool {
        !self.closing.load(Ordering::SeqCst)
    }

    /// A seed for whatever is to differ from its like.
    pub(crate) fn next_seed(&self) -> u64 {
        self.seeds.fetch_add(1, Ordering::Relaxed) as u64
    }

    /// What holds permits and lanes.
    pub fn load(&self) -> Load {
        let ((sends, bytes), lanes) = (self.gate.held(), self.gate.lanes());
        Load { sends, bytes, lanes }
    }

    /// Sends that have begun and are not over.
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::SeqCst)
    }

    /// Refuses new sends and tells the client to leave once those in flight are over.
    pub(crate) fn close(&self) {
        if !self.closing.swap(true, Ordering::SeqCst) {
            self.inbox.push(Input::Shutdown);
            if self.in_flight.load(Ordering::SeqCst) == 0 {
                self.inbox.push(Input::Drained);
            }
        }
    }

    /// The sends that are in flight now will not be waited for.
    pub(crate) fn cut_off_now(&self) {
        lock(&self.end).cut_off = self.in_flight.load(Ordering::SeqCst);
    }

    /// Marks the end, and tells all who wait for it.
    pub(crate) fn ended(&self) {
        self.closing.store(true, Ordering::SeqCst);
        let mut end = lock(&self.end);
        end.reached = true;
        let waiters = std::mem::take(&mut end.waiters);
        drop(end);
        self.desk.close();
        for waiter in waiters {
            let _ = waiter.send(());
        }
    }

    /// Comes back, with a message or with its end, when the session is over.
    #[must_use]
    pub fn end(&self) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        let mut end = lock(&self.end);
        if !end.reached {
            end.waiters.push(sender);
        }
        receiver
    }

    /// True when the session is over.
    pub fn is_over(&self) -> bool {
        lock(&self.end).reached
    }

    /// How an ended session has ended.
    ///
    /// # Errors
    ///
    /// [`ShutdownError`] when sends had to be cut off.
    pub fn result(&self) -> Result<(), ShutdownError> {
        match lock(&self.end).cut_off {
            0 => Ok(()),
            unfinished => Err(ShutdownError { unfinished }),
        }
    }
}

impl<W: Wire> Session<W> {
    /// Begins a send, which waits for its permit if `patient`; `wrap` makes of the message what goes
    /// on the wire.
    ///
    /// # Errors
    ///
    /// Nothing has been sent then: [`SendErrorKind::NotRunning`] once the session is closing,
    /// [`SendErrorKind::InvalidMessage`], [`SendErrorKind::TooLarge`], and
    /// [`SendErrorKind::Full`] unless `patient`.
    pub(crate) fn begin(
        self: &Arc<Self>,
        message: Message,
        options: SendOptions,
        choice: &Choice,
        patient: bool,
        wrap: impl FnOnce(&ProducerConfig, Message) -> Result<Parcel, SendError>,
    ) -> Result<Sending<W>, SendError> {
        match self.enter() {
            Some(guard) => self.begin_in(guard, message, options, choice, patient, wrap),
            None => Err(SendError::not_sent(SendErrorKind::NotRunning, message)),
        }
    }

    fn begin_in(
        &self,
        guard: InFlight<W>,
        message: Message,
        options: SendOptions,
        choice: &Choice,
        patient: bool,
        wrap: impl FnOnce(&ProducerConfig, Message) -> Result<Parcel, SendError>,
    ) -> Result<Sending<W>, SendError> {
        let now = self.clock.now();
        let parcel = wrap(&self.config, self.with_id(now, message))?;
        let delivery = self.delivery(now, parcel, options, choice)?;
        let (bytes, slot) = (delivery.size(), Arc::new(Slot::default()));
        let key = delivery.order_key();
        let has_room = match (patient, &key) {
            (true, _) => true,
            (false, None) => self.gate.try_ask(bytes, &slot),
            (false, Some(_)) => self.gate.has_room(bytes),
        };
        if !has_room {
            let (sends, bytes) = self.gate.held();
            return Err(delivery.refused(SendErrorKind::Full { sends, bytes }));
        }
        // An ordered message has its place from now on, and asks for a permit when it is its turn:
        // those who wait for each other do not keep permits from the rest.
        let turn = match key {
            Some(key) => {
                self.gate.enter([key], &slot);
                TimeoutPhase::Order
            }
            None => {
                if patient {
                    self.gate.ask(bytes, &slot);
                }
                TimeoutPhase::Permit
            }
        };
        Ok(Sending::new(delivery, slot, turn, guard))
    }

    /// Begins a transaction: the send of its half message.
    ///
    /// # Errors
    ///
    /// The same, and [`SendErrorKind::TransactionOpen`].
    pub(crate) fn begin_half(
        self: &Arc<Self>,
        message: Message,
        choice: &Choice,
    ) -> Result<HalfSending<W>, SendError> {
        let Some(guard) = self.enter() else {
            return Err(SendError::not_sent(SendErrorKind::NotRunning, message));
        };
        let message = self.with_id(self.clock.now(), message);
        let (part, options, sent) = (guard.share(), SendOptions::new(), message.clone());
        let sending = self.begin_in(part, sent, options, choice, true, Parcel::half)?;
        HalfSending::new(sending, message, guard)
    }

    /// Begins a batch; what it is refused for is told of each message.
    pub(crate) fn begin_batch(
        self: &Arc<Self>,
        messages: Vec<Message>,
        options: SendOptions,
        choice: &Choice,
        oneway: bool,
    ) -> BatchOrNone<W> {
        let clock = self.clock.clone();
        let Some(guard) = self.enter() else {
            return BatchOrNone::refused(&SendErrorKind::NotRunning, messages, clock);
        };
        if let Err(rule) = validate_batch(&self.config, &messages) {
            return BatchOrNone::refused(&rule.into(), messages, clock);
        }
        let now = self.clock.now();
        let messages = messages.into_iter().map(|message| self.with_id(now, message)).collect();
        BatchOrNone::Begun(Box::new(Batch::new(messages, options, choice, oneway, guard)))
    }

    /// Begins one request of a batch, whose lanes its batch holds: it waits for its permit.
    pub(crate) fn begin_request(
        self: &Arc<Self>,
        started: Now,
        parcel: Parcel,
        options: SendOptions,
        guard: InFlight<W>,
    ) -> Result<Sending<W>, SendError> {
        let delivery = self.delivery(started, parcel, options, &Choice::default())?;
        let slot = Arc::new(Slot::default());
        self.gate.ask(delivery.size(), &slot);
        Ok(Sending::new(delivery, slot, TimeoutPhase::Permit, guard))
    }

    fn delivery(
        &self,
        started: Now,
        parcel: Parcel,
        options: SendOptions,
        choice: &Choice,
    ) -> Result<Delivery, SendError> {
        let (bytes, limit) = (parcel.size(), self.config.in_flight_bytes_max);
        if bytes > limit {
            return Err(parcel.refused(SendErrorKind::TooLarge { bytes, limit }));
        }
        let (config, seed) = (Arc::clone(&self.config), self.next_seed());
        Delivery::new(started, config, parcel, options, choice, seed)
    }

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
    pub(crate) fn enter(self: &Arc<Self>) -> Option<InFlight<W>> {
        if !self.is_open() {
            return None;
        }
        self.in_flight.fetch_add(1, Ordering::SeqCst);
        let guard = InFlight { session: Arc::clone(self), is_counted: true };
        self.is_open().then_some(guard)
    }

    /// For what a shutdown does not wait for.
    pub(crate) fn look_in(self: &Arc<Self>) -> Option<InFlight<W>> {
        let guard = InFlight { session: Arc::clone(self), is_counted: false };
        self.is_open().then_some(guard)
    }
}

/// Counts one send, batch or transaction as in flight for as long as it lives.
#[derive(Debug)]
pub(crate) struct InFlight<W> {
    pub(crate) session: Arc<Session<W>>,
    is_counted: bool,
}

impl<W> InFlight<W> {
    /// For a part of what this counts, and which it outlives.
    pub(crate) fn share(&self) -> Self {
        Self { session: Arc::clone(&self.session), is_counted: false }
    }

    /// For what comes after this one.
    pub(crate) fn hand_over(&mut self) -> Self {
        let is_counted = std::mem::take(&mut self.is_counted);
        Self { session: Arc::clone(&self.session), is_counted }
    }
}

impl<W> Drop for InFlight<W> {
    fn drop(&mut self) {
        let session = &self.session;
        let last = self.is_counted && session.in_flight.fetch_sub(1, Ordering::SeqCst) == 1;
        if last && !session.is_open() {
            session.inbox.push(Input::Drained);
        }
    }
}
