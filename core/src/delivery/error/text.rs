//! The words of a failed send: who, what, how long, what next.

use std::{error::Error, fmt};

use super::{super::Attempt, SendError, SendErrorKind};
use crate::{
    command::{ResponseCode, Verdict},
    error::WithCauses,
    model::InvalidMessage,
    route::{Remark, RouteError},
};

impl fmt::Display for SendErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Told { kind: self, last: None }.fmt(f)
    }
}

impl Error for SendErrorKind {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::BrokerNotAvailable { cause, .. }
            | Self::OrderUnavailable { cause, .. }
            | Self::BadReply { cause, .. } => Some(cause),
            // What these wrap is told in their stead.
            Self::InvalidMessage(rule) => rule.source(),
            Self::Route(error) => error.source(),
            Self::BadSelection(selection) => selection.source(),
            Self::ShuttingDown(why) => why.source(),
            _ => None,
        }
    }
}

/// A kind's sentence; with the attempt that it comes from, the broker's address is in it.
struct Told<'a> {
    kind: &'a SendErrorKind,
    last: Option<&'a Attempt>,
}

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use SendErrorKind as Kind;
        let address = Place(self.last);
        match self.kind {
            Kind::NotStarted => f.write_str("the producer has not been started"),
            Kind::AlreadyShutDown => f.write_str("the producer is not running any more"),
            Kind::InvalidMessage(rule) => rule.fmt(f),
            Kind::Route(error) => error.fmt(f),
            Kind::BrokerNotAvailable { broker, cause } => {
                write!(f, "broker {broker}{address} is not available ({})", cause.code())
            }
            Kind::Rejected { broker, code, remark } => {
                let (name, remark) = (CodeName(*code), Remark(remark));
                write!(f, "broker {broker}{address} refused the message: code {code}{name}{remark}")
            }
            Kind::TimedOut { phase, after } => {
                write!(f, "timed out after {after:.1?}, {phase}")?;
                match self.last.filter(|_| phase.is_about_a_broker()) {
                    Some(last) => write!(f, " (broker {}{address})", last.queue.broker_name),
                    None => Ok(()),
                }
            }
            Kind::BrokerTooOld { broker, version } => write!(
                f,
                "broker {broker}{address} cannot deliver at a time: it is of version {version}"
            ),
            Kind::BadReply { broker, .. } => {
                write!(f, "the answer of broker {broker}{address} cannot be understood")
            }
            Kind::OrderUnavailable { broker, cause } => write!(
                f,
                "the message may go to broker {broker}{address} only, which is not available ({})",
                cause.code()
            ),
            Kind::BadSelection(selection) => selection.fmt(f),
            Kind::TransactionOpen => {
                f.write_str("a transaction of this message is under way already")
            }
            Kind::TransactionEnded(state) => {
                write!(f, "a transaction of this message has ended already ({state:?})")
            }
            Kind::HalfInDoubt(status) => {
                write!(f, "the half message may be lost again ({status:?}), and was rolled back")
            }
            Kind::Full { sends, bytes } => {
                write!(f, "{sends} sends of {bytes} bytes are in flight, and no more are allowed")
            }
            Kind::TooLarge { bytes, limit } => write!(
                f,
                "the message takes {bytes} bytes, and all sends in flight may take {limit} (in_flight_bytes_max)"
            ),
            Kind::ShuttingDown(why) => why.fmt(f),
        }
    }
}

impl SendErrorKind {
    /// What to do about it: the last part of a [`SendError`]'s text.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::NotStarted => "call start first",
            Self::AlreadyShutDown => "start it again, or stop sending before the shutdown",
            Self::ShuttingDown(_) => "let sends end before the shutdown, or raise shutdown_timeout",
            Self::InvalidMessage(InvalidMessage::BodyTooLong { .. }) => {
                "send less at once, or raise max_message_size here and at the brokers"
            }
            Self::InvalidMessage(_) => "change the message",
            Self::TooLarge { .. } => "send less at once, or raise in_flight_bytes_max",
            Self::BadSelection(_) => "mend the queue selector",
            Self::Route(error) => route_advice(error),
            Self::BrokerNotAvailable { .. } => {
                "see whether the broker runs, and whether its address can be reached from here"
            }
            Self::OrderUnavailable { .. } => {
                "bring the broker back: another queue would break the order"
            }
            Self::Rejected { code, .. } => code_advice(ResponseCode(*code)),
            Self::BrokerTooOld { .. } => "upgrade the broker, or use delay levels",
            Self::BadReply { .. } => "see what answers at the broker's address",
            Self::TimedOut { phase, .. } => phase.advice(),
            Self::Full { .. } => "send later, or wait for room with send",
            Self::TransactionOpen => "end that transaction first, or send another message",
            Self::TransactionEnded(_) => "begin another, with a message that has no id yet",
            Self::HalfInDoubt(_) => "begin the transaction again, and see to the broker's replicas",
        }
    }
}

const fn route_advice(error: &RouteError) -> &'static str {
    match error {
        RouteError::TopicNotFound { .. } => "create the topic, or mend its name",
        RouteError::NameServersUnreachable { .. } => {
            "see whether namesrv_addr is right and they can be reached from here"
        }
        RouteError::NoWritableQueue { .. } => {
            "see whether its brokers have masters, and make a queue writable"
        }
        RouteError::BadRoute { .. } => "see what answers at the name server's address",
        RouteError::Refused { .. } => "see the name server's log",
    }
}

const fn code_advice(code: ResponseCode) -> &'static str {
    match code {
        ResponseCode::MESSAGE_ILLEGAL => {
            "see the broker's limits (maxMessageSize) and the topic's type"
        }
        ResponseCode::NO_PERMISSION => {
            "make the topic writable, or see to this client's permissions"
        }
        ResponseCode::TOPIC_NOT_EXIST => "create the topic",
        ResponseCode::SERVICE_NOT_AVAILABLE => "see to the broker's disk and role",
        ResponseCode::SUBSCRIPTION_GROUP_NOT_EXIST => "create the subscription group",
        code => match code.verdict() {
            Verdict::Busy => "send less, or later: the broker sheds load",
            _ => "see the broker's log",
        },
    }
}

/// ` at address` of an attempt's broker, where it is known, and what it advertises, where that is
/// another one.
pub(in super::super) struct Place<'a>(pub(in super::super) Option<&'a Attempt>);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(address) = self.0.and_then(|attempt| attempt.address.as_ref()) {
            write!(f, " at {address}")?;
        }
        match self.0.and_then(|attempt| attempt.advertised.as_ref()) {
            Some(advertised) => write!(f, " (translated, it advertises {advertised})"),
            None => Ok(()),
        }
    }
}

/// ` (NAME)` of a response code, where it has one.
pub(crate) struct CodeName(pub(crate) i32);

impl fmt::Display for CodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        ResponseCode(self.0).name().map_or(Ok(()), |name| write!(f, " ({name})"))
    }
}

/// One line. The alternate form `{:#}` tells all attempts and causes, too.
impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, attempts) = (self.kind(), self.attempts());
        let last = match kind.broker() {
            Some(broker) => attempts.iter().rfind(|tried| tried.queue.broker_name == *broker),
            None => attempts.last(),
        };
        write!(f, "cannot send to topic {:?}: {}", self.message().topic(), Told { kind, last })?;
        let times = match attempts.len() {
            0 => None,
            1 => Some("attempt"),
            _ => Some("attempts"),
        };
        if let Some(times) = times {
            write!(f, ", after {} {times}", attempts.len())?;
            if !matches!(kind, SendErrorKind::TimedOut { .. }) {
                write!(f, " in {:.1?}", self.elapsed())?;
            }
        }
        write!(f, "; {}; {}", self.outcome(), kind.advice())?;
        if !f.alternate() {
            return Ok(());
        }
        for (index, attempt) in attempts.iter().enumerate() {
            write!(f, "; attempt {}: {attempt}", index + 1)?;
        }
        match self.source().filter(|_| attempts.is_empty()) {
            Some(cause) => write!(f, ": {}", WithCauses(cause)),
            None => Ok(()),
        }
    }
}

impl Error for SendError {
    /// The cause of its [`kind`](SendError::kind), whose own words are in this error's.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.kind().source()
    }
}
