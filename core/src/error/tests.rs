use std::{collections::BTreeSet, error::Error, time::Duration};

use crate::{
    codec::{CodecError, Impostor},
    command::{BadReply, LocalTransactionState, ResponseCode},
    delivery::{AttemptFailure, Outcome, SendError, SendErrorKind, TimeoutPhase},
    error::WithCauses,
    link::{CallError, LinkError},
    model::{InvalidMessage, InvalidName, Message, SendStatus},
    route::{BadSelection, RouteError, RoutingError},
    transaction::Unconfirmed,
};

fn address() -> crate::model::Address {
    "ns-1:9876".parse().unwrap()
}

fn link_errors() -> Vec<LinkError> {
    vec![
        LinkError::Dial { reason: "refused".into() },
        LinkError::DialTimeout,
        LinkError::ClosedByPeer,
        LinkError::Broken { reason: "reset".into() },
        LinkError::Protocol(CodecError::NotRemoting(Impostor::Http)),
        LinkError::Unresponsive,
        LinkError::GoAway,
        LinkError::Moved,
        LinkError::Retired,
        LinkError::ShuttingDown,
        LinkError::DriverGone,
    ]
}

fn call_errors() -> Vec<CallError> {
    let links = link_errors().into_iter();
    let mut all: Vec<_> =
        links.flat_map(|e| [CallError::Unsent(e.clone()), CallError::Lost(e)]).collect();
    all.extend([true, false].map(|lent| CallError::Expired { lent }));
    all.push(CallError::Full);
    all.push(CallError::Encode(CodecError::Encode { what: "frame", length: 2, max: 1 }));
    all
}

fn failures() -> Vec<AttemptFailure> {
    let mut all: Vec<_> = call_errors().into_iter().map(AttemptFailure::Call).collect();
    all.extend([
        AttemptFailure::NoMaster,
        AttemptFailure::NotConnected,
        AttemptFailure::NotRegistered,
        AttemptFailure::TooOld { version: 1 },
        AttemptFailure::Refused { code: 2, remark: "busy".to_owned() },
        AttemptFailure::BadReply(BadReply { field: "msgId" }),
        AttemptFailure::NotStoreOk { status: SendStatus::FlushDiskTimeout },
    ]);
    all
}

fn route_errors() -> Vec<RouteError> {
    vec![
        RouteError::TopicNotFound { topic: "T".into(), asked: vec![address()] },
        RouteError::NameServersUnreachable { causes: vec![(address(), "why".to_owned())] },
        RouteError::NoWritableQueue { topic: "T".into() },
        RouteError::BadRoute { name_server: address(), reason: "why".to_owned() },
        RouteError::Refused { name_server: address(), code: 16, remark: "no".to_owned() },
    ]
}

fn kinds() -> Vec<SendErrorKind> {
    let name = || InvalidMessage::Topic { topic: "a b".to_owned(), rule: InvalidName::Empty };
    let (phase, after) = (TimeoutPhase::Reply, Duration::from_secs(3));
    let mut all = vec![
        SendErrorKind::NotStarted,
        SendErrorKind::AlreadyShutDown,
        SendErrorKind::InvalidMessage(name()),
        SendErrorKind::Rejected { broker: "b".into(), code: 1, remark: "why".to_owned() },
        SendErrorKind::TimedOut { phase, after },
        SendErrorKind::BrokerTooOld { broker: "b".into(), version: 1 },
        SendErrorKind::BadSelection(BadSelection { chosen: None, queues: 4 }),
        SendErrorKind::TransactionOpen,
        SendErrorKind::TransactionEnded(LocalTransactionState::CommitMessage),
        SendErrorKind::HalfInDoubt(SendStatus::FlushDiskTimeout),
        SendErrorKind::Full { sends: 1, bytes: 2 },
        SendErrorKind::TooLarge { bytes: 2, limit: 1 },
    ];
    all.extend(route_errors().into_iter().map(SendErrorKind::Route));
    all.extend(link_errors().into_iter().map(SendErrorKind::ShuttingDown));
    for cause in failures() {
        let broker = bytestring::ByteString::from("b");
        all.push(SendErrorKind::BadReply { broker: broker.clone(), cause: cause.clone() });
        all.push(SendErrorKind::OrderUnavailable { broker: broker.clone(), cause: cause.clone() });
        all.push(SendErrorKind::BrokerNotAvailable { broker, cause });
    }
    all
}

fn unconfirmed() -> Vec<Unconfirmed> {
    let (broker, after) = (bytestring::ByteString::from("b"), Duration::from_secs(3));
    let mut all = vec![
        Unconfirmed::TimedOut { broker: broker.clone(), after, cause: None },
        Unconfirmed::Refused { broker: broker.clone(), code: 1, remark: "why".to_owned() },
        Unconfirmed::Overtaken { state: LocalTransactionState::Unknown },
        Unconfirmed::NoPlace { offset_message_id: "?".into() },
        Unconfirmed::Unrouted { broker: broker.clone() },
        Unconfirmed::Abandoned,
    ];
    for cause in link_errors() {
        all.push(Unconfirmed::TimedOut {
            broker: broker.clone(),
            after,
            cause: Some(cause.clone()),
        });
        all.push(Unconfirmed::ShuttingDown(cause));
    }
    let unanswered = |cause| Unconfirmed::Unanswered { broker: broker.clone(), cause };
    all.extend(call_errors().into_iter().map(unanswered));
    all
}

fn send_error(kind: SendErrorKind) -> SendError {
    SendError::not_sent(kind, Message::new("T", "body"))
}

fn boxed<E: Error + 'static>(errors: Vec<E>) -> impl Iterator<Item = Box<dyn Error>> {
    errors.into_iter().map(|error| Box::new(error) as Box<dyn Error>)
}

fn all() -> Vec<Box<dyn Error>> {
    let routing = route_errors().into_iter().map(|error| RoutingError::NoRoute(Some(error)));
    let sends = kinds().into_iter().map(send_error).collect();
    boxed(link_errors())
        .chain(boxed(call_errors()))
        .chain(boxed(failures()))
        .chain(boxed(route_errors()))
        .chain(boxed(routing.collect()))
        .chain(boxed(kinds()))
        .chain(boxed(unconfirmed()))
        .chain(boxed(sends))
        .collect()
}

#[test]
fn no_text_repeats_what_its_source_says() {
    for error in all() {
        let mut outer: &dyn Error = &*error;
        while let Some(inner) = outer.source() {
            let (says, cause) = (outer.to_string(), inner.to_string());
            assert!(!says.contains(&cause), "{says:?} repeats its source {cause:?}");
            outer = inner;
        }
    }
}

#[test]
fn a_broken_protocol_is_at_the_root_of_the_send_that_it_ends() {
    let root = CodecError::NotRemoting(Impostor::Http);
    let lost = CallError::Lost(LinkError::Protocol(root.clone()));
    let error =
        send_error(SendErrorKind::BrokerNotAvailable { broker: "b".into(), cause: lost.into() });
    let chain = std::iter::successors(error.source(), |cause: &&(dyn Error + 'static)| {
        let cause = *cause;
        cause.source()
    });
    let last = chain.last().and_then(|error| error.downcast_ref::<CodecError>());
    assert_eq!(last, Some(&root));
    let told = WithCauses(&error).to_string();
    assert!(told.ends_with(&format!("the peer broke the protocol: {root}")), "{told}");
}

#[test]
fn every_word_of_a_story_is_told_once() {
    for kind in kinds() {
        let error = send_error(kind);
        let story = format!("{error:#}");
        assert_eq!(story, WithCauses(&error).to_string());
        assert!(story.contains(error.kind().advice()) && story.contains("\"T\""), "{story}");
    }
}

fn is_snake_case(code: &str) -> bool {
    let parts = || code.split('_');
    parts().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase()))
}

/// Pinned: what dashboards and alerts of users go by.
const SEND_ERROR_CODES: [&str; 21] = [
    "not_started",
    "already_shut_down",
    "shutting_down",
    "invalid_message",
    "too_large",
    "bad_selection",
    "topic_not_found",
    "name_servers_unreachable",
    "no_writable_queue",
    "bad_route",
    "refused_by_name_server",
    "broker_not_available",
    "order_unavailable",
    "rejected",
    "broker_too_old",
    "bad_reply",
    "timed_out",
    "full",
    "transaction_open",
    "transaction_ended",
    "half_in_doubt",
];

#[test]
fn codes_are_unique_stable_and_all_there() {
    assert_eq!(SendErrorKind::CODES, SEND_ERROR_CODES);
    for codes in [
        SendErrorKind::CODES,
        RouteError::CODES,
        LinkError::CODES,
        InvalidMessage::CODES,
        TimeoutPhase::CODES,
        Unconfirmed::CODES,
    ] {
        let unique: BTreeSet<_> = codes.iter().collect();
        assert_eq!(unique.len(), codes.len(), "{codes:?}");
        assert!(codes.iter().all(|code| is_snake_case(code)), "{codes:?}");
    }
    fn seen<E>(errors: Vec<E>, code: impl Fn(&E) -> &'static str) -> BTreeSet<&'static str> {
        errors.iter().map(code).collect()
    }
    assert_eq!(seen(kinds(), SendErrorKind::code), BTreeSet::from(SEND_ERROR_CODES));
    assert_eq!(seen(link_errors(), LinkError::code).len(), LinkError::CODES.len());
    assert_eq!(seen(unconfirmed(), Unconfirmed::code).len(), Unconfirmed::CODES.len());
    for error in route_errors() {
        assert_eq!(error.code(), SendErrorKind::Route(error.clone()).code());
    }
}

#[test]
fn what_may_help_by_itself_is_worth_a_retry() {
    let rejected =
        |code| SendErrorKind::Rejected { broker: "b".into(), code, remark: String::new() };
    for (kind, retryable) in [
        (rejected(ResponseCode::SYSTEM_BUSY.0), true),
        (rejected(ResponseCode::SYSTEM_ERROR.0), true),
        (rejected(ResponseCode::SERVICE_NOT_AVAILABLE.0), true),
        (rejected(ResponseCode::NO_PERMISSION.0), false),
        (rejected(ResponseCode::TOPIC_NOT_EXIST.0), false),
        (rejected(ResponseCode::MESSAGE_ILLEGAL.0), false),
        (SendErrorKind::Full { sends: 1, bytes: 1 }, true),
        (SendErrorKind::InvalidMessage(InvalidMessage::EmptyBody), false),
    ] {
        assert_eq!(kind.is_retryable(), retryable, "{kind}");
    }
    assert!(rejected(ResponseCode::SYSTEM_BUSY.0).is_busy());
    assert!(!rejected(ResponseCode::SYSTEM_ERROR.0).is_busy());
    assert_eq!(send_error(SendErrorKind::NotStarted).outcome(), Outcome::NotSent);
}
