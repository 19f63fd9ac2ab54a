//! Failed sends by what has failed.

use crate::{delivery::SendErrorKind, route::RouteError};

/// Why messages could not be sent, in classes: [`SendErrorKind`] without its particulars, and with
/// the causes of a missing route told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FailureClass {
    /// The producer had not been started.
    NotStarted,
    /// The producer had been shut down.
    AlreadyShutDown,
    /// The message broke a rule.
    InvalidMessage,
    /// Name servers do not know the topic.
    TopicNotFound,
    /// No name server could be reached.
    NameServersUnreachable,
    /// The topic has no queue that can be written to.
    NoWritableQueue,
    /// A name server's answer could not be understood.
    BadRoute,
    /// A name server refused to answer.
    RefusedByNameServer,
    /// No attempt reached a broker, or the connection broke.
    BrokerNotAvailable,
    /// A broker said no.
    Rejected,
    /// The time was up.
    TimedOut,
    /// Brokers are too old for what was asked.
    BrokerTooOld,
    /// A broker's answer could not be understood.
    BadReply,
    /// The only broker that the message may go to was not available.
    OrderUnavailable,
    /// A selector chose no queue.
    BadSelection,
    /// A transaction of the same message was under way.
    TransactionOpen,
    /// A transaction of the same message had ended.
    TransactionEnded,
    /// A half message was stored in doubt.
    HalfInDoubt,
    /// There was no room, and the send was not to wait for it.
    Full,
    /// The message is larger than all in flight may be together.
    TooLarge,
    /// The producer ended first.
    ShuttingDown,
}

impl FailureClass {
    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::NotStarted,
        Self::AlreadyShutDown,
        Self::InvalidMessage,
        Self::TopicNotFound,
        Self::NameServersUnreachable,
        Self::NoWritableQueue,
        Self::BadRoute,
        Self::RefusedByNameServer,
        Self::BrokerNotAvailable,
        Self::Rejected,
        Self::TimedOut,
        Self::BrokerTooOld,
        Self::BadReply,
        Self::OrderUnavailable,
        Self::BadSelection,
        Self::TransactionOpen,
        Self::TransactionEnded,
        Self::HalfInDoubt,
        Self::Full,
        Self::TooLarge,
        Self::ShuttingDown,
    ];

    /// The class of a failure.
    pub const fn of(kind: &SendErrorKind) -> Self {
        match kind {
            SendErrorKind::NotStarted => Self::NotStarted,
            SendErrorKind::AlreadyShutDown => Self::AlreadyShutDown,
            SendErrorKind::InvalidMessage(_) => Self::InvalidMessage,
            SendErrorKind::Route(error) => match error {
                RouteError::TopicNotFound { .. } => Self::TopicNotFound,
                RouteError::NameServersUnreachable { .. } => Self::NameServersUnreachable,
                RouteError::NoWritableQueue { .. } => Self::NoWritableQueue,
                RouteError::BadRoute { .. } => Self::BadRoute,
                RouteError::Refused { .. } => Self::RefusedByNameServer,
            },
            SendErrorKind::BrokerNotAvailable { .. } => Self::BrokerNotAvailable,
            SendErrorKind::Rejected { .. } => Self::Rejected,
            SendErrorKind::TimedOut { .. } => Self::TimedOut,
            SendErrorKind::BrokerTooOld { .. } => Self::BrokerTooOld,
            SendErrorKind::BadReply { .. } => Self::BadReply,
            SendErrorKind::OrderUnavailable { .. } => Self::OrderUnavailable,
            SendErrorKind::BadSelection(_) => Self::BadSelection,
            SendErrorKind::TransactionOpen => Self::TransactionOpen,
            SendErrorKind::TransactionEnded(_) => Self::TransactionEnded,
            SendErrorKind::HalfInDoubt(_) => Self::HalfInDoubt,
            SendErrorKind::Full { .. } => Self::Full,
            SendErrorKind::TooLarge { .. } => Self::TooLarge,
            SendErrorKind::ShuttingDown(_) => Self::ShuttingDown,
        }
    }

    /// Its name in statistics and metrics: the [code](SendErrorKind::code) of its failures.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotStarted => "not_started",
            Self::AlreadyShutDown => "already_shut_down",
            Self::InvalidMessage => "invalid_message",
            Self::TopicNotFound => "topic_not_found",
            Self::NameServersUnreachable => "name_servers_unreachable",
            Self::NoWritableQueue => "no_writable_queue",
            Self::BadRoute => "bad_route",
            Self::RefusedByNameServer => "refused_by_name_server",
            Self::BrokerNotAvailable => "broker_not_available",
            Self::Rejected => "rejected",
            Self::TimedOut => "timed_out",
            Self::BrokerTooOld => "broker_too_old",
            Self::BadReply => "bad_reply",
            Self::OrderUnavailable => "order_unavailable",
            Self::BadSelection => "bad_selection",
            Self::TransactionOpen => "transaction_open",
            Self::TransactionEnded => "transaction_ended",
            Self::HalfInDoubt => "half_in_doubt",
            Self::Full => "full",
            Self::TooLarge => "too_large",
            Self::ShuttingDown => "shutting_down",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_class_has_its_place_and_the_name_that_it_is_serialised_under() {
        for (place, class) in FailureClass::ALL.into_iter().enumerate() {
            assert_eq!(class as usize, place);
            assert_eq!(serde_json::to_value(class).unwrap(), class.name());
        }
    }

    #[test]
    fn classes_are_called_as_the_codes_of_errors_are() {
        let names: BTreeSet<_> = FailureClass::ALL.into_iter().map(FailureClass::name).collect();
        assert_eq!(names, SendErrorKind::CODES.iter().copied().collect());
    }
}
