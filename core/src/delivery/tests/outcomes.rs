//! What the caller is told.

use super::*;
use crate::{
    codec::CodecError,
    command::{ResponseCode, Verdict},
    model::{InvalidMessage, SendStatus},
};

#[test]
fn row_19_the_four_codes_that_say_stored_become_statuses() {
    for (code, status) in [
        (0, SendStatus::SendOk),
        (10, SendStatus::FlushDiskTimeout),
        (11, SendStatus::SlaveNotAvailable),
        (12, SendStatus::FlushSlaveTimeout),
    ] {
        let mut world = World::new(config(), &["a"]);
        world.call();
        world.answer(code);
        assert_eq!(world.done().unwrap().status, status);
    }
}

#[test]
fn row_42_every_code_has_its_verdict() {
    use Verdict::{Busy, Fatal, RetryElsewhere, Stored, Unknown};
    let known = [
        (0, Stored),
        (1, Unknown),
        (2, Busy),
        (3, Fatal),
        (10, Stored),
        (11, Stored),
        (12, Stored),
        (13, Fatal),
        (14, RetryElsewhere),
        (15, Fatal),
        (16, RetryElsewhere),
        (17, RetryElsewhere),
        (26, Fatal),
        (29, RetryElsewhere),
        (204, RetryElsewhere),
        (205, RetryElsewhere),
        (215, Busy),
        (501, RetryElsewhere),
        (1500, RetryElsewhere),
    ];
    for (code, verdict) in known {
        assert_eq!(ResponseCode(code).verdict(), verdict, "code {code}");
    }
    // Codes of consumers, transactions and administration, and codes that nobody has heard of:
    // what they say of a message is anyone's guess.
    let others = [4, 18, 19, 20, 21, 22, 23, 24, 25, 27, 28, 200, 201, 202, 203, 206, 207, 213];
    for code in others.into_iter().chain([604, 3001, 3002, 9999, -1, i32::MIN, i32::MAX]) {
        assert_eq!(ResponseCode(code).verdict(), Unknown, "code {code}");
    }
}

#[test]
fn row_42_what_cannot_succeed_is_not_retried_and_everything_else_is() {
    for code in (-1..1600).filter(|code| ResponseCode(*code).verdict() != Verdict::Stored) {
        let mut world = World::new(config(), &["a", "b"]);
        world.calls("a");
        world.answer(code);
        match ResponseCode(code).verdict() {
            Verdict::Fatal => {
                let error = world.error();
                assert_eq!(error.outcome(), Outcome::Rejected, "code {code}");
                let SendErrorKind::Rejected { broker, code: told, remark } = error.kind() else {
                    panic!("{error}");
                };
                assert_eq!((&**broker, *told, &**remark), ("a", code, "because"));
            }
            Verdict::Busy => {
                world.pauses();
                world.calls("b");
            }
            _ => world.calls("b"),
        }
    }
}

#[test]
fn row_2_at_most_once_ends_with_the_first_doubt() {
    let doubts: [fn(&mut World); 2] =
        [|world| world.fail(lost()), |world| world.answer(ResponseCode::SYSTEM_ERROR.0)];
    for doubt in doubts {
        let mut world = World::new(config().with_retry_unknown(false), &["a", "b"]);
        world.calls("a");
        doubt(&mut world);
        let error = world.error();
        assert_eq!((error.outcome(), error.attempts().len()), (Outcome::Unknown, 1), "{error}");
    }
    let certain: [fn(&mut World); 4] = [
        |world| world.fail(unsent()),
        |world| world.fail(CallError::Expired { lent: false }),
        |world| world.fail(CallError::Full),
        |world| world.answer(ResponseCode::NO_PERMISSION.0),
    ];
    for certain in certain {
        let mut world = World::new(config().with_retry_unknown(false), &["a", "b"]);
        world.calls("a");
        certain(&mut world);
        world.calls("b");
    }
}

#[test]
fn row_2_the_outcome_is_the_most_doubtful_attempt() {
    let outcome = |attempts: &[fn(&mut World)]| {
        let mut world = World::new(config().with_retry(attempts.len() as u32 - 1), &["a", "b"]);
        for attempt in attempts {
            if let Step::Wait { until, .. } = world.step() {
                world.pass_until(until);
                world.call();
            }
            attempt(&mut world);
        }
        world.error().outcome()
    };
    let not_sent: fn(&mut World) = |world| world.fail(unsent());
    let rejected: fn(&mut World) = |world| world.answer(ResponseCode::NO_PERMISSION.0);
    let unknown: fn(&mut World) = |world| world.fail(lost());
    assert_eq!(outcome(&[not_sent, not_sent]), Outcome::NotSent);
    assert_eq!(outcome(&[rejected, not_sent]), Outcome::Rejected);
    assert_eq!(outcome(&[not_sent, rejected]), Outcome::Rejected);
    assert_eq!(outcome(&[unknown, rejected]), Outcome::Unknown);
    assert_eq!(outcome(&[rejected, unknown]), Outcome::Unknown);
}

#[test]
fn an_answer_that_says_stored_but_not_where_is_neither_retried_nor_taken_for_a_failure() {
    for missing in ["msgId", "queueId", "queueOffset"] {
        let fields = [("msgId", "0A"), ("queueId", "1"), ("queueOffset", "42")];
        let ext = fields.into_iter().filter(|(name, _)| *name != missing).collect();
        let mut world = World::new(config(), &["a", "b"]);
        world.calls("a");
        world.answer_with(0, ext);
        let error = world.error();
        assert_eq!(error.outcome(), Outcome::Unknown);
        assert!(matches!(error.kind(), SendErrorKind::BadReply { .. }));
        assert!(format!("{error:#}").contains(missing), "{error:#}");
    }
}

#[test]
fn row_46_a_timeout_says_what_was_being_waited_for() {
    let phase = |world: &mut World| match world.error().kind() {
        SendErrorKind::TimedOut { phase, .. } => *phase,
        kind => panic!("{kind}"),
    };
    let once = || config().with_retry(0);

    let mut world = World::unrouted(once(), message());
    let (_, until) = world.waits();
    world.pass_until(until);
    assert_eq!(phase(&mut world), TimeoutPhase::Route);

    let mut world = World::new(once(), &["a"]);
    world.disconnect("a", 0, false);
    let (_, until) = world.waits();
    world.pass_until(until);
    assert_eq!(phase(&mut world), TimeoutPhase::Dial);

    for (error, expected) in [
        (CallError::Full, TimeoutPhase::Room),
        (CallError::Expired { lent: false }, TimeoutPhase::Write),
        (CallError::Expired { lent: true }, TimeoutPhase::Reply),
    ] {
        let mut world = World::new(once(), &["a"]);
        let (_, time) = world.call();
        world.pass(time);
        world.fail(error);
        assert_eq!(phase(&mut world), expected);
    }

    let mut world = World::new(config(), &["a"]);
    world.call();
    world.answer(2);
    world.waits();
    world.pass(3_000 * MS);
    assert_eq!(phase(&mut world), TimeoutPhase::Retry);
}

#[test]
fn row_45_why_there_is_no_route_is_told() {
    let not_found =
        || RouteError::TopicNotFound { topic: TOPIC.into(), asked: vec![address("ns")] };
    let mut world = World::unrouted(config(), message());
    world.fail_route(not_found());
    world.waits();
    assert_eq!(world.waits().0, Some(Ask::Route(TOPIC.into())), "an old answer is no answer");
    world.fail_route(not_found());
    let error = world.error();
    assert_eq!(error.kind(), &SendErrorKind::Route(not_found()));
    assert_eq!(error.outcome(), Outcome::NotSent);

    let unreachable = || RouteError::NameServersUnreachable { causes: Vec::new() };
    let mut world = World::unrouted(config(), message());
    world.waits();
    world.fail_route(unreachable());
    let (_, until) = world.waits();
    world.pass_until(until);
    let kind = SendErrorKind::Route(unreachable());
    assert_eq!(world.error().kind(), &kind, "waited for until the end");
}

#[test]
fn a_route_without_queues_is_told() {
    let mut world = World::unrouted(config(), message());
    world.set_route_data("{}");
    let topic = TOPIC.into();
    let kind = SendErrorKind::Route(RouteError::NoWritableQueue { topic });
    assert_eq!(world.error().kind(), &kind);
}

#[test]
fn a_broker_without_a_master_is_passed_over() {
    let mut world = World::unrouted(config(), message());
    world.set_route_data(
        r#"{"orderTopicConf":"a:1;b:1","brokerDatas":[{"brokerName":"b","brokerAddrs":{"0":"b:10911"}}]}"#,
    );
    world.connect("b");
    world.calls("b");
}

#[test]
fn row_47_the_message_comes_back_with_its_id() {
    let mut world = World::new(config(), &["a", "b"]);
    for _ in 0..2 {
        world.call();
        world.fail(lost());
    }
    world.call();
    world.answer(13);
    let error = world.error();
    assert_eq!(error.message(), &message());
    assert_eq!(error.attempts().len(), 3);
    let text = format!("{error:#}");
    for piece in [
        "TopicTest",
        "attempt 1: broker a",
        "attempt 2: broker b",
        "code 13 (MESSAGE_ILLEGAL): because",
    ] {
        assert!(text.contains(piece), "{text}");
    }
    let message = error.into_message();
    assert_eq!(message.uniq_key(), Some(UNIQ_KEY));
}

#[test]
fn an_invalid_message_comes_back_at_once() {
    let invalid = Message::new("bad topic", "body");
    let error = Parcel::new(&config(), invalid.clone()).unwrap_err();
    let kind = SendErrorKind::InvalidMessage(InvalidMessage::EmptyBody);
    assert_eq!(std::mem::discriminant(error.kind()), std::mem::discriminant(&kind));
    assert_eq!((error.outcome(), error.into_message()), (Outcome::NotSent, invalid));
}

#[test]
fn what_cannot_be_encoded_is_not_tried_elsewhere() {
    let mut world = World::new(config(), &["a", "b"]);
    world.calls("a");
    world.fail(CallError::Encode(CodecError::Encode { what: "frame", length: 2, max: 1 }));
    assert_eq!(world.error().outcome(), Outcome::NotSent);
}

#[test]
fn row_7_shutting_down_ends_a_send_wherever_it_is() {
    let shutting_down = SendErrorKind::ShuttingDown(LinkError::ShuttingDown);
    let check = |mut world: World, outcome, attempts| {
        world.close();
        let error = world.error();
        assert_eq!(error.kind(), &shutting_down);
        assert_eq!((error.outcome(), error.attempts().len()), (outcome, attempts), "{error}");
    };
    // Nothing known yet.
    let mut world = World::unrouted(config(), message());
    world.waits();
    check(world, Outcome::NotSent, 0);
    // Waiting for a connection.
    let mut world = World::new(config(), &["a"]);
    world.disconnect("a", 0, false);
    world.waits();
    check(world, Outcome::NotSent, 1);
    // Between two attempts, the first of which may have been stored.
    let mut world = World::new(config(), &["a"]);
    for _ in 0..2 {
        world.call();
        world.fail(lost());
    }
    world.waits();
    check(world, Outcome::Unknown, 2);
    // A call is out, and nobody has said yet what became of it.
    let mut world = World::new(config(), &["a"]);
    world.call();
    check(world, Outcome::Unknown, 1);
    // The connection was closed under it.
    for (error, outcome) in [
        (CallError::Lost(LinkError::ShuttingDown), Outcome::Unknown),
        (CallError::Unsent(LinkError::ShuttingDown), Outcome::NotSent),
        (CallError::Lost(LinkError::DriverGone), Outcome::Unknown),
    ] {
        let mut world = World::new(config(), &["a", "b"]);
        world.call();
        world.fail(error);
        let error = world.error();
        assert!(matches!(error.kind(), SendErrorKind::ShuttingDown(_)), "{error}");
        assert_eq!((error.outcome(), error.attempts().len()), (outcome, 1));
    }
    // An answer that came first stays an answer.
    let mut world = World::new(config(), &["a"]);
    world.call();
    world.answer(0);
    world.close();
    assert!(world.done().is_ok());
}

#[test]
fn errors_are_small_and_travel_between_threads() {
    fn travels<T: Send + Sync + 'static>() {}
    travels::<SendError>();
    travels::<SendReceipt>();
    travels::<Delivery>();
    travels::<Routes>();
    assert_eq!(size_of::<SendError>(), size_of::<usize>());
    assert_eq!(size_of::<Option<SendError>>(), size_of::<usize>());
}

/// What a broker answers that has stored a message, and the status that the receipt has then.
const STORED: [(i32, SendStatus); 4] = [
    (0, SendStatus::SendOk),
    (10, SendStatus::FlushDiskTimeout),
    (11, SendStatus::SlaveNotAvailable),
    (12, SendStatus::FlushSlaveTimeout),
];

/// A message alone, and two in a batch.
fn parcels() -> [(Parcel, Vec<Message>); 2] {
    let messages = vec![message(), message().with_uniq_key("7F0000011234014AE5A55EB85A9B0001")];
    let batch = Parcel::batch(&config(), &messages).unwrap().unwrap();
    [(parcel(), vec![message()]), (batch, messages)]
}

#[test]
fn row_19_a_status_in_doubt_is_a_receipt_of_all_that_was_sent_unless_told_otherwise() {
    for (code, status) in STORED {
        for (parcel, messages) in parcels() {
            let mut world = World::with_parcel(config(), parcel, SendOptions::new());
            world = world.reaching(&["a", "b"]);
            world.calls("a");
            world.answer(code);
            let receipt = world.done().unwrap();
            assert_eq!((receipt.status, receipt.attempts), (status, 1));
            let ids: Vec<_> = crate::delivery::split_receipt(&receipt, &messages)
                .map(|receipt| {
                    assert_eq!(receipt.status, status, "code {code}");
                    receipt.message_id
                })
                .collect();
            let expected: Vec<_> = messages.iter().filter_map(Message::uniq_key).collect();
            assert_eq!(ids, expected);
        }
    }
}

#[test]
fn row_19_a_status_in_doubt_is_tried_elsewhere_once_where_that_is_asked_for() {
    let demanding = || config().with_retry_another_broker_when_not_store_ok(true);
    for (first, first_status) in STORED {
        for (second, second_status) in STORED {
            for (parcel, _) in parcels() {
                let mut world = World::with_parcel(demanding(), parcel, SendOptions::new());
                world = world.reaching(&["a", "b", "c"]);
                world.calls("a");
                world.answer(first);
                let (status, broker, attempts) = if first == 0 {
                    (first_status, "a", 1)
                } else {
                    world.calls("b");
                    world.answer(second);
                    (second_status, "b", 2)
                };
                let receipt = world.done().unwrap();
                let told = (receipt.status, &*receipt.message_queue.broker_name, receipt.attempts);
                assert_eq!(told, (status, broker, attempts), "{first}, then {second}");
            }
        }
    }
}

#[test]
fn row_19_a_status_in_doubt_is_better_than_what_comes_after_it() {
    for (code, status) in &STORED[1..] {
        let demanding = config().with_retry_another_broker_when_not_store_ok(true);
        let mut world = World::new(demanding, &["a", "b"]);
        world.calls("a");
        world.answer(*code);
        world.calls("b");
        world.answer(ResponseCode::MESSAGE_ILLEGAL.0);
        let receipt = world.done().unwrap();
        let told = (receipt.status, &*receipt.message_queue.broker_name, receipt.attempts);
        assert_eq!(told, (*status, "a", 2), "it is stored, and that is what counts");
    }
}

#[test]
fn row_19_what_may_be_stored_once_only_is_not_sent_again_for_a_better_status() {
    for (code, status) in &STORED[1..] {
        let once = config().with_retry_another_broker_when_not_store_ok(true);
        let mut world = World::new(once.with_retry_unknown(false), &["a", "b"]);
        world.calls("a");
        world.answer(*code);
        assert_eq!(world.done().unwrap().status, *status);
    }
}
