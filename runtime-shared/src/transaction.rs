//! One transaction: its half message, then its end.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use rocketmq_producer_core::{
    command::{EndTransaction, HalfMessage, LocalTransactionState},
    delivery::{SendError, SendErrorKind},
    ids::LinkId,
    model::{Address, Message, SendReceipt},
    route::Reach,
    time::Instant,
    trace::TracedEnd,
    transaction::{Beginning, Confirmation, Confirmed, Decision, TransactionReceipt, Unconfirmed},
};

use crate::{Clock, Journey, Sending, Session, Timed, Wire, sending::receipt, session::InFlight};

/// A half message on its way.
#[derive(Debug)]
#[must_use = "a send does nothing unless it is polled"]
pub struct HalfSending<W: Wire> {
    sending: Sending<W>,
    message: Message,
    /// None once its half message is stored.
    open: Option<Opened<W>>,
}

/// Takes the transaction out of the table when its half message was not sent, as far as anybody here
/// knows: brokers that have it all the same ask the listener.
#[derive(Debug)]
struct Opened<W: Wire> {
    session: InFlight<W>,
    id: String,
    stored: bool,
}

impl<W: Wire> Drop for Opened<W> {
    fn drop(&mut self) {
        if !self.stored {
            self.session.session.desk.with(|table| table.not_sent(&self.id));
        }
    }
}

impl<W: Wire> HalfSending<W> {
    /// A send that has been begun with this message, which has its id.
    ///
    /// # Errors
    ///
    /// [`SendErrorKind::TransactionOpen`] when there is a transaction of this id already,
    /// [`SendErrorKind::TransactionEnded`] when there was one.
    pub(crate) fn new(
        mut sending: Sending<W>,
        message: Message,
        session: InFlight<W>,
    ) -> Result<Self, SendError> {
        let now = session.session.clock.now();
        let (beginning, sooner) = session.session.desk.begin(now, &message);
        if sooner {
            // The hub keeps the time.
            session.session.inbox.ring();
        }
        let refused = match beginning {
            Beginning::Begun => None,
            Beginning::Open => Some(SendErrorKind::TransactionOpen),
            Beginning::Ended(state) => Some(SendErrorKind::TransactionEnded(state)),
        };
        if let Some(why) = refused {
            sending.disown();
            return Err(SendError::not_sent(why, message));
        }
        let id = message.uniq_key().unwrap_or_default().to_owned();
        Ok(Self { sending, message, open: Some(Opened { session, id, stored: false }) })
    }
}

impl<W: Wire> Future for HalfSending<W> {
    type Output = Result<Half<W>, SendError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let Poll::Ready(result) = Pin::new(&mut this.sending).poll(context) else {
            return Poll::Pending;
        };
        let opened = this.open.take();
        Poll::Ready(result.and_then(|delivered| {
            let message = this.message.clone();
            let Some(opened) = opened else {
                return Err(SendError::not_sent(SendErrorKind::AlreadyShutDown, message));
            };
            Ok(Half::new(opened, message, receipt(delivered)))
        }))
    }
}

impl<W: Wire> Timed for HalfSending<W> {
    fn clock(&self) -> &Clock {
        self.sending.clock()
    }

    fn deadline(&self) -> Option<Instant> {
        self.sending.deadline()
    }

    fn expire(&self) {
        self.sending.expire();
    }
}

/// A half message that is stored, and what its local transaction has to know. Dropped, its
/// transaction is *unknown*, and brokers will ask.
#[derive(Debug)]
#[must_use = "a half message is delivered when its transaction is committed, and not before"]
pub struct Half<W: Wire> {
    message: Message,
    receipt: SendReceipt,
    /// Where the broker listens that has it.
    address: Option<Address>,
    session: InFlight<W>,
    ended: bool,
}

impl<W: Wire> Half<W> {
    fn new(mut opened: Opened<W>, message: Message, receipt: SendReceipt) -> Self {
        let session = opened.session.hand_over();
        // It stays in the table.
        opened.stored = true;
        session.session.desk.with(|table| table.stored());
        let routes = session.session.routes();
        let route = routes.topic(message.topic()).and_then(|entry| entry.route.clone());
        let master = route.and_then(|r| r.master(&receipt.message_queue.broker_name).cloned());
        Self { message, receipt, address: master, session, ended: false }
    }

    /// The message.
    pub fn message(&self) -> &Message {
        &self.message
    }

    /// Where its half message is stored.
    pub fn receipt(&self) -> &SendReceipt {
        &self.receipt
    }

    /// The transaction's id.
    pub fn transaction_id(&self) -> &str {
        &self.receipt.message_id
    }

    /// One that is stored with doubt is rolled back: nobody is to act on it.
    ///
    /// # Errors
    ///
    /// What ends the transaction, and what its sender is told then.
    pub fn sound(self) -> Result<Self, Box<(Ending<W>, SendError)>> {
        if self.receipt.may_execute() {
            return Ok(self);
        }
        let error = SendError::in_doubt(self.receipt.status, self.message.clone());
        Err(Box::new((self.end(LocalTransactionState::RollbackMessage), error)))
    }

    /// Ends the transaction, and tells the broker.
    pub fn end(mut self, state: LocalTransactionState) -> Ending<W> {
        self.ended = true;
        let session = self.session.hand_over();
        let (now, id) = (session.session.clock.now(), self.transaction_id().to_owned());
        let check_times = session.session.desk.with(|table| table.check_times(&id));
        let over = |confirmation| Telling::Over(Some(confirmation));
        let telling = match state {
            LocalTransactionState::Unknown => {
                self.trace(state);
                self.say_unknown();
                session.session.desk.with(|table| table.unresolved(&id));
                over(Confirmed::NotNeeded)
            }
            _ => match session.session.desk.with(|table| table.decide(now, &id, state)) {
                Decision::Already { state: told, confirmed: true } if told == state => {
                    over(Confirmed::Yes)
                }
                Decision::Already { state, .. } => {
                    over(Confirmed::No(Unconfirmed::Overtaken { state }))
                }
                Decision::Tell => {
                    self.trace(state);
                    Telling::begin(&session, &self, state, id)
                }
            },
        };
        let receipt = self.receipt.clone();
        Ending { telling, receipt: Some(receipt), state, check_times, session }
    }

    fn trace(&self, state: LocalTransactionState) {
        let session = &self.session.session;
        session.trace_end(&TracedEnd {
            producer_group: &session.config.producer_group,
            message: &self.message,
            transaction_id: self.transaction_id(),
            broker: self.address.as_ref(),
            region: self.receipt.region_id.as_deref(),
            state,
            from_check: false,
        });
    }

    /// Tells the broker, if it is connected. Brokers do not answer that.
    fn say_unknown(&self) {
        let session = &self.session.session;
        let view = session.view.load();
        let Some(Reach::Up(link)) = self.address.as_ref().map(|at| view.routes.reach(at)) else {
            return;
        };
        let place = HalfMessage::of_receipt(&self.receipt);
        if let (Some(link), Some(half)) = (view.links.get(link), place) {
            // It asks in any case.
            let _ = link.oneway(&EndTransaction {
                producer_group: &session.config.producer_group,
                half: &half,
                state: LocalTransactionState::Unknown,
                from_check: false,
                broker_name: &self.receipt.message_queue.broker_name,
            });
        }
    }
}

impl<W: Wire> Drop for Half<W> {
    fn drop(&mut self) {
        if !self.ended {
            self.session.session.desk.with(|table| table.unresolved(self.transaction_id()));
        }
    }
}

/// A transaction whose end is being told. Dropped, the broker may not know, and will ask.
#[derive(Debug)]
#[must_use = "the broker is told as this is polled"]
pub struct Ending<W: Wire> {
    telling: Telling<W>,
    receipt: Option<SendReceipt>,
    state: LocalTransactionState,
    check_times: u32,
    session: InFlight<W>,
}

#[derive(Debug)]
enum Telling<W: Wire> {
    Under(Box<Told<W>>),
    Over(Option<Confirmed>),
}

impl<W: Wire> Telling<W> {
    fn begin(
        session: &InFlight<W>,
        half: &Half<W>,
        state: LocalTransactionState,
        id: String,
    ) -> Self {
        let (now, config) = (session.session.clock.now(), Arc::clone(&session.session.config));
        let confirmation = match half.address.clone() {
            Some(at) => Confirmation::of_receipt(now, config, &half.receipt, at, state),
            None => Err(Unconfirmed::Unrouted {
                broker: half.receipt.message_queue.broker_name.clone(),
            }),
        };
        match confirmation {
            Ok(confirmation) => {
                Self::Under(Box::new(Told::new(confirmation, session.share(), id, true)))
            }
            Err(why) => {
                session.session.desk.with(|table| table.told(&id, None));
                Self::Over(Some(Confirmed::No(why)))
            }
        }
    }
}

/// A final state on its way, which goes on record however that ends.
#[derive(Debug)]
#[must_use = "the broker is told as this is polled"]
pub struct Told<W: Wire> {
    journey: Journey<W, Confirmation>,
    id: String,
    recorded: bool,
}

impl<W: Wire> Told<W> {
    /// What `settles` goes on record; what does not is the fate of a copy.
    pub(crate) fn new(
        confirmation: Confirmation,
        session: InFlight<W>,
        id: String,
        settles: bool,
    ) -> Self {
        let journey = Journey::new(Box::new(confirmation), Arc::default(), session);
        Self { journey, id, recorded: !settles }
    }

    fn record(&mut self, confirmed_on: Option<LinkId>) {
        if !std::mem::replace(&mut self.recorded, true) {
            self.journey.session().desk.with(|table| table.told(&self.id, confirmed_on));
        }
    }
}

impl<W: Wire> Future for Told<W> {
    type Output = Result<LinkId, Unconfirmed>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let result = Pin::new(&mut self.journey).poll(context);
        if let Poll::Ready(result) = &result {
            self.record(result.as_ref().ok().copied());
        }
        result
    }
}

impl<W: Wire> Drop for Told<W> {
    fn drop(&mut self) {
        self.record(None);
    }
}

impl<W: Wire> Timed for Told<W> {
    fn clock(&self) -> &Clock {
        self.journey.clock()
    }

    fn deadline(&self) -> Option<Instant> {
        self.journey.deadline()
    }

    fn expire(&self) {
        self.journey.expire();
    }
}

impl<W: Wire> Ending<W> {
    fn session(&self) -> &Arc<Session<W>> {
        &self.session.session
    }
}

impl<W: Wire> Future for Ending<W> {
    type Output = TransactionReceipt;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<TransactionReceipt> {
        let this = &mut *self;
        let confirmation = match &mut this.telling {
            Telling::Over(confirmation) => confirmation.take(),
            Telling::Under(told) => match Pin::new(told).poll(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(_)) => Some(Confirmed::Yes),
                Poll::Ready(Err(why)) => Some(Confirmed::No(why)),
            },
        };
        // Nobody polls it again.
        let confirmation = confirmation.unwrap_or(Confirmed::NotNeeded);
        let Some(receipt) = this.receipt.take() else { return Poll::Pending };
        let (state, checks) = (this.state, this.check_times);
        Poll::Ready(TransactionReceipt::new(receipt, state, checks, confirmation))
    }
}

impl<W: Wire> Timed for Ending<W> {
    fn clock(&self) -> &Clock {
        &self.session().clock
    }

    fn deadline(&self) -> Option<Instant> {
        match &self.telling {
            Telling::Under(told) => told.deadline(),
            Telling::Over(_) => None,
        }
    }

    fn expire(&self) {
        if let Telling::Under(told) = &self.telling {
            told.expire();
        }
    }
}
