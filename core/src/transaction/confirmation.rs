//! Taking the end of a transaction to the broker that has the half message.

use std::{sync::Arc, time::Duration};

use bytestring::ByteString;

use crate::{
    codec::Frame,
    command::{EndTransaction, HalfMessage, LocalTransactionState, ResponseCode, Verdict},
    delivery::{Ask, CodeName, Errand, Step},
    ids::LinkId,
    link::{CallError, LinkError},
    model::{Address, ProducerConfig, SendReceipt},
    route::{Phase, Reach, Remark, Routes},
    time::{Instant, Now},
};

/// The first pause before a broker that was busy is told again; doubles.
const PAUSE: Duration = Duration::from_millis(50);
const DOUBLINGS_MAX: u32 = 5;

/// Why a broker may not know how a transaction has ended. It will ask about it, if it does not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unconfirmed {
    /// It could not be told in time.
    #[error("broker {broker} could not be told within {after:.1?}")]
    TimedOut {
        /// The broker.
        broker: ByteString,
        /// How long that was tried.
        after: Duration,
        /// Why the connection to it failed last, if it did.
        #[source]
        cause: Option<LinkError>,
    },
    /// It was told, and its answer has not come. To tell it again could deliver the message twice.
    #[error("broker {broker} was told, and has not answered")]
    Unanswered {
        /// The broker.
        broker: ByteString,
        /// What became of the call.
        #[source]
        cause: CallError,
    },
    /// It said no.
    #[error("broker {broker} refused with code {code}{}{}", CodeName(*.code), Remark(.remark))]
    Refused {
        /// The broker.
        broker: ByteString,
        /// Its response code.
        code: i32,
        /// Its words.
        remark: String,
    },
    /// The answer to a check-back had decided otherwise by then, or is being given.
    #[error("a check-back was answered first: {state:?}")]
    Overtaken {
        /// What it was answered.
        state: LocalTransactionState,
    },
    /// The broker's receipt does not tell where the half message is.
    #[error("the receipt's id {offset_message_id:?} names no place in a commit log")]
    NoPlace {
        /// As the broker gave it.
        offset_message_id: ByteString,
    },
    /// No route tells where the broker listens.
    #[error("no route leads to broker {broker} any more")]
    Unrouted {
        /// The broker.
        broker: ByteString,
    },
    /// Whoever was to tell it has gone.
    #[error("the wait for the broker's answer was given up")]
    Abandoned,
    /// The producer has been shut down, or its runtime dropped.
    #[error(transparent)]
    ShuttingDown(LinkError),
}

crate::error::codes!(Unconfirmed {
    Self::TimedOut { .. } => "timed_out",
    Self::Unanswered { .. } => "unanswered",
    Self::Refused { .. } => "rejected",
    Self::Overtaken { .. } => "overtaken",
    Self::NoPlace { .. } => "no_place",
    Self::Unrouted { .. } => "unrouted",
    Self::Abandoned => "abandoned",
    Self::ShuttingDown(_) => "shutting_down",
});

/// One final state on its way to its broker; *unknown* travels too, one-way, for brokers never
/// answer that.
///
/// It goes to the broker that stored the half message, whatever routes say of it by now, and is
/// tried again for as long as no byte of it has been handed to a connection, or the broker has said
/// that it was too busy to act. Once it may have been read it is not sent again: the broker
/// publishes the message for each commit that it reads. It asks, if it has not read it.
///
/// The answer to a check-back goes to the connection that has asked, and to no other.
#[derive(Debug)]
pub struct Confirmation {
    config: Arc<ProducerConfig>,
    half: HalfMessage,
    broker_name: ByteString,
    way: Way,
    state: LocalTransactionState,
    started: Instant,
    deadline: Instant,
    attempts: u32,
    cause: Option<LinkError>,
    progress: Progress,
}

/// How the broker is reached.
#[derive(Debug)]
enum Way {
    /// By whatever connection there is to its master.
    Broker(Address),
    /// By the connection that it has asked on.
    Link(LinkId),
}

#[derive(Debug)]
enum Progress {
    Connecting { not_before: Instant, gone: Option<LinkId> },
    Calling(LinkId),
    Over(Result<LinkId, Unconfirmed>),
}

impl Confirmation {
    /// Tells the broker that has stored a half message what became of it. `address` is where it
    /// listens, which the routes told when the message was stored.
    ///
    /// # Errors
    ///
    /// [`Unconfirmed::NoPlace`] when the receipt does not tell where the half message is.
    pub fn of_receipt(
        now: Now,
        config: Arc<ProducerConfig>,
        receipt: &SendReceipt,
        address: Address,
        state: LocalTransactionState,
    ) -> Result<Self, Unconfirmed> {
        let Some(half) = HalfMessage::of_receipt(receipt) else {
            let offset_message_id = receipt.offset_message_id.clone();
            return Err(Unconfirmed::NoPlace { offset_message_id });
        };
        let broker_name = receipt.message_queue.broker_name.clone();
        Ok(Self::new(now, config, half, broker_name, Way::Broker(address), state))
    }

    /// Answers a check-back on the connection that it came on.
    pub fn of_check(
        now: Now,
        config: Arc<ProducerConfig>,
        half: HalfMessage,
        broker_name: ByteString,
        link: LinkId,
        state: LocalTransactionState,
    ) -> Self {
        Self::new(now, config, half, broker_name, Way::Link(link), state)
    }

    fn new(
        now: Now,
        config: Arc<ProducerConfig>,
        half: HalfMessage,
        broker_name: ByteString,
        way: Way,
        state: LocalTransactionState,
    ) -> Self {
        Self {
            deadline: now.instant + config.send_msg_timeout,
            config,
            half,
            broker_name,
            way,
            state,
            started: now.instant,
            attempts: 0,
            cause: None,
            progress: Progress::Connecting { not_before: now.instant, gone: None },
        }
    }

    fn connect(
        &mut self,
        routes: &Routes,
        gone: Option<LinkId>,
    ) -> Step<Result<LinkId, Unconfirmed>> {
        let address = match &mut self.way {
            Way::Link(link) => {
                let link = *link;
                return self.call(link);
            }
            Way::Broker(address) => {
                let route = routes.topic(&self.half.topic).and_then(|entry| entry.route.as_ref());
                if let Some(master) = route.and_then(|route| route.master(&self.broker_name)) {
                    address.clone_from(master);
                }
                address.clone()
            }
        };
        match routes.reach(&address) {
            Reach::Up(link) if Some(link) != gone => self.call(link),
            reach => {
                if let Reach::Down { error: Some(error), .. } = reach {
                    self.cause = Some(error);
                }
                Step::Wait { ask: Some(Ask::Connection(address)), until: self.deadline }
            }
        }
    }

    fn call(&mut self, link: LinkId) -> Step<Result<LinkId, Unconfirmed>> {
        self.progress = Progress::Calling(link);
        let (attempt, deadline) = (self.attempts, self.deadline);
        let oneway = self.state == LocalTransactionState::Unknown;
        Step::Call { link, attempt, deadline, linger: deadline, oneway }
    }

    fn end(&mut self, result: Result<LinkId, Unconfirmed>) {
        self.progress = Progress::Over(result);
    }

    fn try_again(&mut self, not_before: Instant, gone: Option<LinkId>) {
        self.attempts = self.attempts.saturating_add(1);
        self.progress = Progress::Connecting { not_before, gone };
    }

    fn judge(&mut self, now: Now, link: LinkId, outcome: Result<Frame, CallError>) {
        let broker = self.broker_name.clone();
        match outcome {
            Ok(frame) => {
                let code = ResponseCode(frame.header.code);
                let declined = code == ResponseCode::SLAVE_NOT_AVAILABLE
                    || matches!(code.verdict(), Verdict::Busy | Verdict::RetryElsewhere);
                if code == ResponseCode::SUCCESS {
                    self.end(Ok(link));
                } else if declined {
                    let pause = PAUSE * 2u32.pow(self.attempts.min(DOUBLINGS_MAX));
                    self.try_again(now.instant + pause, None);
                } else {
                    let remark = frame.header.remark.unwrap_or_default().to_string();
                    self.end(Err(Unconfirmed::Refused { broker, code: code.0, remark }));
                }
            }
            Err(CallError::Unsent(cause)) if !cause.ends_everything() && !self.is_answer() => {
                self.cause = Some(cause);
                self.try_again(now.instant, Some(link));
            }
            Err(CallError::Unsent(cause) | CallError::Lost(cause)) if cause.ends_everything() => {
                self.end(Err(Unconfirmed::ShuttingDown(cause)));
            }
            // A call's deadline is this one's own.
            Err(CallError::Full | CallError::Expired { lent: false }) => self.time_out(now),
            Err(cause) => self.end(Err(Unconfirmed::Unanswered { broker, cause })),
        }
    }

    fn is_answer(&self) -> bool {
        matches!(self.way, Way::Link(_))
    }

    fn time_out(&mut self, now: Now) {
        let after = now.instant.saturating_since(self.started);
        let (broker, cause) = (self.broker_name.clone(), self.cause.take());
        self.end(Err(Unconfirmed::TimedOut { broker, after, cause }));
    }
}

impl Errand for Confirmation {
    type Request<'a> = EndTransaction<'a>;
    /// The connection that the broker has confirmed it on.
    type Output = Result<LinkId, Unconfirmed>;

    fn step(&mut self, now: Now, routes: &Routes) -> Step<Self::Output> {
        if let (Phase::Closed(why), Progress::Connecting { .. }) = (&routes.phase, &self.progress) {
            self.end(Err(Unconfirmed::ShuttingDown(why.clone())));
        }
        if matches!(self.progress, Progress::Connecting { .. }) && now.instant >= self.deadline {
            self.time_out(now);
        }
        match &mut self.progress {
            Progress::Connecting { not_before, .. } if now.instant < *not_before => {
                Step::Wait { ask: None, until: (*not_before).min(self.deadline) }
            }
            Progress::Connecting { gone, .. } => {
                let gone = *gone;
                self.connect(routes, gone)
            }
            Progress::Calling(_) => Step::Answer,
            Progress::Over(result) => {
                Step::Done(std::mem::replace(result, Err(Unconfirmed::Abandoned)))
            }
        }
    }

    fn request(&self) -> Option<EndTransaction<'_>> {
        matches!(self.progress, Progress::Calling(_)).then_some(EndTransaction {
            producer_group: &self.config.producer_group,
            half: &self.half,
            state: self.state,
            from_check: self.is_answer(),
            broker_name: &self.broker_name,
        })
    }

    fn handle_outcome(&mut self, now: Now, attempt: u32, outcome: Result<Frame, CallError>) {
        if let (Progress::Calling(link), true) = (&self.progress, attempt == self.attempts) {
            let link = *link;
            self.judge(now, link, outcome);
        }
    }

    fn handle_written(&mut self, _: Now, attempt: u32) {
        if let (Progress::Calling(link), true) = (&self.progress, attempt == self.attempts) {
            let link = *link;
            self.end(Ok(link));
        }
    }

    fn handle_gone(&mut self) {
        let Progress::Calling(link) = &self.progress else { return };
        let link = *link;
        match self.way {
            // It is asked again, on the next connection.
            Way::Link(_) => {
                let (broker, cause) =
                    (self.broker_name.clone(), CallError::Unsent(LinkError::Retired));
                self.end(Err(Unconfirmed::Unanswered { broker, cause }));
            }
            Way::Broker(_) => {
                self.progress =
                    Progress::Connecting { not_before: Instant::default(), gone: Some(link) };
            }
        }
    }

    fn deadline(&self) -> Instant {
        self.deadline
    }

    fn topic(&self) -> ByteString {
        self.half.topic.clone()
    }
}
