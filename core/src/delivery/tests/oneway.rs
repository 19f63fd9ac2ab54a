//! Sends that are not answered.

use super::*;

const EXPIRED: CallError = CallError::Expired { lent: true };

fn oneway(config: ProducerConfig, brokers: &[&str]) -> World {
    let parcel = Parcel::new(&config, message()).unwrap().oneway();
    World::with_parcel(config, parcel, SendOptions::new()).reaching(brokers)
}

#[test]
fn row_23_a_oneway_send_is_over_when_the_transport_has_taken_it_and_not_before() {
    let mut world = oneway(config(), &["a"]);
    let Step::Call { oneway: true, attempt: 0, .. } = world.step() else {
        panic!("nobody is to answer");
    };
    world.awaits_an_answer();
    world.pass(500 * MS);
    world.awaits_an_answer();
    world.hand_over();
    assert_eq!(world.end().unwrap(), Delivered::HandedOver);
}

#[test]
fn what_is_to_be_answered_is_not_sent_one_way() {
    let mut world = World::new(config(), &["a"]);
    assert!(matches!(world.step(), Step::Call { oneway: false, .. }));
}

#[test]
fn row_23_what_was_not_handed_over_is_tried_elsewhere_and_known_not_to_be_sent() {
    for error in [unsent(), CallError::Full, CallError::Expired { lent: false }] {
        let mut world = oneway(config().with_retry(1).with_retry_unknown(false), &["a", "b"]);
        world.calls("a");
        world.fail(error.clone());
        world.calls("b");
        world.fail(error);
        let error = world.error();
        assert_eq!((error.outcome(), error.attempts().len()), (Outcome::NotSent, 2), "{error}");
        assert_eq!(error.into_message(), message());
    }
    let mut world = oneway(config(), &["a", "b"]);
    world.calls("a");
    world.fail(unsent());
    world.calls("b");
    world.hand_over();
    assert_eq!(world.end().unwrap(), Delivered::HandedOver);
}

#[test]
fn row_23_a_connection_that_breaks_while_it_takes_the_bytes_leaves_a_doubt() {
    let mut world = oneway(config().with_retry_unknown(false), &["a", "b"]);
    world.calls("a");
    world.fail(lost());
    let error = world.error();
    assert_eq!((error.outcome(), error.attempts().len()), (Outcome::Unknown, 1), "{error}");

    let mut world = oneway(config().with_retry(1), &["a", "b"]);
    world.calls("a");
    world.fail(lost());
    world.calls("b");
    world.fail(unsent());
    assert_eq!(world.error().outcome(), Outcome::Unknown, "the first may have got it");

    let mut world = oneway(config(), &["a", "b"]);
    world.calls("a");
    world.fail(lost());
    world.calls("b");
    world.hand_over();
    assert_eq!(world.end().unwrap(), Delivered::HandedOver);
}

#[test]
fn row_23_bytes_that_are_taken_late_are_taken() {
    // The next attempt is under way.
    let mut world = oneway(config(), &["a", "b"]);
    world.calls("a");
    world.pass(1000 * MS);
    world.fail(EXPIRED);
    world.calls("b");
    world.late(0, World::hand_over);
    assert_eq!(world.end().unwrap(), Delivered::HandedOver);
    // There is no next one: what is half written may still be taken whole.
    let mut world = oneway(config().with_retry_unknown(false), &["a"]);
    world.calls("a");
    world.pass(1000 * MS);
    world.fail(EXPIRED);
    world.awaits_an_answer();
    world.late(0, World::hand_over);
    assert_eq!(world.end().unwrap(), Delivered::HandedOver);
    // Or the connection breaks after all.
    let mut world = oneway(config().with_retry_unknown(false), &["a"]);
    world.calls("a");
    world.pass(1000 * MS);
    world.fail(EXPIRED);
    world.late(0, |world| world.fail(lost()));
    let error = world.error();
    assert_eq!(error.outcome(), Outcome::Unknown);
    assert!(
        matches!(error.kind(), SendErrorKind::TimedOut { phase: TimeoutPhase::Write, .. }),
        "nobody was to answer: {error}"
    );
}

#[test]
fn row_7_a_oneway_send_that_was_taken_before_the_end_stays_taken() {
    let mut world = oneway(config(), &["a"]);
    world.calls("a");
    world.hand_over();
    world.close();
    assert_eq!(world.end().unwrap(), Delivered::HandedOver);

    let mut world = oneway(config(), &["a"]);
    world.calls("a");
    world.close();
    let error = world.end().unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unknown, "its bytes may be on their way");
}

#[test]
fn a_oneway_batch_is_handed_over_as_one() {
    let messages = [message(), message()];
    let parcel = Parcel::batch(&config(), &messages).unwrap().unwrap().oneway();
    let mut world = World::with_parcel(config(), parcel, SendOptions::new()).reaching(&["a"]);
    assert!(matches!(world.step(), Step::Call { oneway: true, .. }));
    assert!(world.delivery.request().unwrap().batch);
    world.hand_over();
    assert_eq!(world.end().unwrap(), Delivered::HandedOver);
}

#[test]
fn bytes_that_are_taken_do_not_make_a_broker_well() {
    let mut world = oneway(config(), &["a"]);
    let (health, now) = (world.health("a"), world.now.instant);
    health.report_failure(now, false);
    let before = health.stats(now);
    world.calls("a");
    world.hand_over();
    assert_eq!(world.end().unwrap(), Delivered::HandedOver);
    assert_eq!(health.stats(now), before);
}
