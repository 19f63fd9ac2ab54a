//! What a broker must have said first, and sends that nobody answers.

use super::*;
use crate::{codec::VERSION_WITH_TIMERS, delivery::Delivered, link::CallError};

const OLD: i32 = VERSION_WITH_TIMERS - 10;

impl World {
    /// A send of this, to brokers that are all connected.
    fn of_parcel(config: ProducerConfig, parcel: Parcel, brokers: &[&str]) -> Self {
        let mut world = Self::unrouted(config.clone(), message());
        let (now, options, choice) = (world.now, SendOptions::new(), Choice::default());
        let config = Arc::new(config);
        world.delivery = Delivery::new(now, config, parcel, options, &choice, 1).unwrap();
        world.reaching(brokers)
    }

    /// The broker has answered the first heartbeat on its connection.
    fn introduce(&mut self, broker: &str, version: i32) {
        self.routes.versions.insert(address(broker), version);
    }
}

fn later() -> Parcel {
    Parcel::new(&config(), message().with_delay_for(5_000 * MS)).unwrap()
}

#[test]
fn row_13_half_messages_wait_until_the_broker_knows_the_group() {
    let half = Parcel::half(&config(), message()).unwrap();
    let mut world = World::of_parcel(config(), half, &["a"]);
    let (ask, until) = world.waits();
    assert_eq!((ask, until), (None, world.now.instant + 1000 * MS), "a third of the time");
    world.introduce("a", OLD);
    world.calls("a");
    world.answer(0);
    assert!(world.done().is_ok());
}

#[test]
fn row_13_a_broker_that_never_says_that_it_knows_the_group_is_left_for_another() {
    let half = Parcel::half(&config(), message()).unwrap();
    let mut world = World::of_parcel(config(), half, &["a", "b"]);
    world.introduce("b", OLD);
    let (_, until) = world.waits();
    world.pass_until(until);
    world.calls("b");
    world.answer(0);
    assert_eq!(world.done().unwrap().attempts, 2);
}

#[test]
fn timers_go_to_brokers_that_keep_them_and_wait_until_that_is_known() {
    let mut world = World::of_parcel(config(), later(), &["a", "b"]);
    assert_eq!(world.waits().0, None, "nobody has said its version");
    world.introduce("a", OLD);
    world.introduce("b", VERSION_WITH_TIMERS);
    world.calls("b");
    world.answer(0);
    assert!(world.done().is_ok());
}

#[test]
fn timers_are_not_sent_where_every_broker_would_deliver_at_once() {
    let mut world = World::of_parcel(config(), later(), &["a", "b"]);
    world.introduce("a", OLD);
    world.introduce("b", OLD);
    let error = loop {
        match world.step() {
            Step::Wait { until, .. } => world.pass_until(until),
            Step::Done(result) => break result.unwrap_err(),
            other => panic!("it was sent: {other:?}"),
        }
    };
    assert_eq!(error.outcome(), Outcome::NotSent);
    assert!(matches!(error.kind(), SendErrorKind::BrokerTooOld { version: OLD, .. }), "{error}");
}

#[test]
fn delay_levels_are_for_every_broker() {
    let parcel = Parcel::new(&config(), message().with_delay_level(3)).unwrap();
    let mut world = World::of_parcel(config(), parcel, &["a"]);
    world.calls("a");
}

#[test]
fn row_23_a_oneway_send_is_over_when_its_bytes_are_taken() {
    let mut world = World::of_parcel(config(), parcel().oneway(), &["a"]);
    assert!(matches!(world.step(), Step::Call { oneway: true, .. }));
    world.delivery.handle_written(world.now, world.attempt);
    let Step::Done(Ok(Delivered::HandedOver)) = world.step() else { panic!("it is over") };
}

#[test]
fn row_23_a_oneway_send_is_tried_elsewhere_while_nothing_of_it_was_sent() {
    let mut world = World::of_parcel(config(), parcel().oneway(), &["a", "b"]);
    world.calls("a");
    world.fail(unsent());
    world.calls("b");
    world.delivery.handle_written(world.now, world.attempt);
    assert!(matches!(world.step(), Step::Done(Ok(Delivered::HandedOver))));
}

#[test]
fn row_23_a_oneway_send_that_is_lost_on_its_way_may_be_stored() {
    let mut world = World::of_parcel(config().with_retry(0), parcel().oneway(), &["a"]);
    world.calls("a");
    world.fail(CallError::Lost(LinkError::ClosedByPeer));
    assert_eq!(world.error().outcome(), Outcome::Unknown);
}
