//! What gathers, when it leaves, and who goes along.

mod sequences;

use std::{cell::Cell, rc::Rc, sync::Arc};

use super::*;
use crate::{
    delivery::{Parcel, SendOptions, lot_key},
    model::{MessageQueue, RoutingStrategy},
    route::Choice,
    time::UnixMillis,
};

const MS: Duration = Duration::from_millis(1);
const LINGER: Duration = Duration::from_millis(10);

/// Somebody who may go.
#[derive(Clone, Debug, Default)]
struct Caller {
    name: u32,
    gone: Rc<Cell<bool>>,
}

impl Waiter for Caller {
    fn is_gone(&self) -> bool {
        self.gone.get()
    }
}

fn config() -> ProducerConfig {
    ProducerConfig::new("PG_TEST", "ns:9876").with_auto_batch(true).with_batch_linger(LINGER)
}

fn message() -> Message {
    Message::new("T", "x")
}

fn key(config: &ProducerConfig, message: &Message) -> Option<LotKey> {
    lot_key(config, message, &SendOptions::new(), &Choice::default())
}

fn queue(topic: &'static str) -> MessageQueue {
    let (topic, broker_name) = (topic.into(), "a".into());
    MessageQueue { topic, broker_name, queue_id: 3 }
}

/// An accumulator, and the time that it sees.
struct World {
    now: Now,
    config: ProducerConfig,
    accumulator: Accumulator<Caller>,
    /// How many callers there have been.
    callers: u32,
}

impl World {
    fn new(config: ProducerConfig) -> Self {
        let accumulator = Accumulator::new(&config);
        let now = Now { instant: Instant::from_nanos(7), wall: UnixMillis(1_758_273_940_123) };
        Self { now, config, accumulator, callers: 0 }
    }

    /// The next caller sends this; callers are named 1, 2, 3…
    fn send(&mut self, message: Message) -> Caller {
        self.callers += 1;
        let caller = Caller { name: self.callers, gone: Rc::default() };
        match key(&self.config, &message) {
            Some(key) => {
                self.accumulator.handle_message(self.now, key, message, caller.clone());
            }
            None => self.accumulator.handle_lone(&message),
        }
        caller
    }

    fn pass(&mut self, time: Duration) {
        self.now.instant = self.now.instant + time;
        self.accumulator.handle_timeout(self.now);
    }

    /// Whose messages leave, lot by lot.
    fn leaving(&mut self) -> Vec<Vec<u32>> {
        std::iter::from_fn(|| self.accumulator.poll())
            .map(|lot| {
                assert_eq!(lot.messages.len(), lot.waiters.len());
                lot.waiters.iter().map(|caller| caller.name).collect()
            })
            .collect()
    }

    fn expect_nothing_left(&self) {
        let Accumulator { gathering, schedule, ready, .. } = &self.accumulator;
        assert!(gathering.is_empty() && schedule.is_empty() && ready.is_empty());
        assert!(self.accumulator.is_empty());
        assert_eq!(self.accumulator.deadline(), None);
    }
}

#[test]
fn a_lot_of_batch_size_messages_leaves_at_once() {
    let mut world = World::new(config().with_batch_size(3));
    for _ in 0..2 {
        world.send(message());
        assert_eq!(world.leaving(), [[0; 0]; 0]);
    }
    world.send(message());
    assert_eq!(world.leaving(), [[1, 2, 3]]);
    world.expect_nothing_left();
}

#[test]
fn a_lot_leaves_when_its_first_message_has_waited_for_the_linger_time() {
    let mut world = World::new(config());
    let began = world.now;
    world.send(message());
    world.pass(LINGER - MS);
    world.send(message());
    let deadline = world.accumulator.deadline().unwrap();
    assert_eq!(deadline.at, began.instant + LINGER, "the second does not put it off");
    assert_eq!(world.leaving(), [[0; 0]; 0]);
    world.pass(MS);
    let lot = world.accumulator.poll().unwrap();
    assert_eq!((lot.since, lot.messages.len()), (began, 2));
    world.expect_nothing_left();
}

#[test]
fn a_message_that_does_not_fit_begins_the_next_lot() {
    let size = message().encoded_len();
    for (limit, leaving) in [(size * 2 - 1, 3), (size * 2, 1), (size * 3 - 1, 1), (size * 4, 0)] {
        let mut world = World::new(config().with_batch_bytes_max(limit));
        for _ in 0..4 {
            world.send(message());
        }
        assert_eq!(world.leaving().len(), leaving, "limit {limit}");
        world.pass(LINGER);
        assert_eq!(world.leaving().len(), 1, "limit {limit}");
        world.expect_nothing_left();
    }
}

#[test]
fn each_lot_has_its_own_time() {
    let mut world = World::new(config());
    world.send(message());
    world.pass(4 * MS);
    world.send(Message::new("U", "x"));
    world.pass(6 * MS);
    assert_eq!(world.leaving(), [[1]]);
    world.pass(4 * MS);
    assert_eq!(world.leaving(), [[2]]);
}

#[test]
fn lots_leave_in_the_order_in_which_they_became_full_or_due() {
    let mut world = World::new(config().with_batch_size(2));
    let to = |topic| Message::new(topic, "x");
    world.send(to("C"));
    world.send(to("A"));
    world.send(to("B"));
    world.send(to("B"));
    world.pass(LINGER);
    assert_eq!(world.leaving(), [vec![3, 4], vec![1], vec![2]]);
}

#[test]
fn what_a_request_says_once_is_alike_in_all_of_a_lot() {
    let mut world = World::new(config());
    let different = [
        message(),
        Message::new("U", "x"),
        message().with_wait_store_ok(false),
        message().with_sharding_key("a"),
        message().with_sharding_key("b"),
    ];
    for message in different.iter().chain(&different) {
        world.send(message.clone());
    }
    world.pass(LINGER);
    assert_eq!(world.leaving(), [[1, 6], [2, 7], [3, 8], [4, 9], [5, 10]]);
}

#[test]
fn what_differs_from_message_to_message_does_not_keep_them_apart() {
    let mut world = World::new(config());
    world.send(message().with_tags("a").with_key("k1"));
    world.send(message().with_tags("b").with_flag(7));
    world.send(message().with_property("p", "v").with_uniq_key("7F00"));
    world.pass(LINGER);
    assert_eq!(world.leaving(), [[1, 2, 3]]);
}

#[test]
fn messages_of_one_sharding_key_leave_in_their_order_whatever_else_they_are() {
    let mut world = World::new(config());
    let ordered = || message().with_sharding_key("a");
    world.send(ordered());
    world.send(ordered().with_wait_store_ok(false));
    world.send(ordered());
    assert_eq!(world.leaving(), [[1], [2]], "the third would overtake the second");
    world.send(ordered().with_delay_level(1));
    assert_eq!(world.leaving(), [[3]], "before the one that goes alone");
    world.expect_nothing_left();
}

#[test]
fn a_message_that_goes_alone_hurries_nobody_elses() {
    let mut world = World::new(config());
    world.send(message());
    world.send(message().with_sharding_key("a"));
    world.send(message().with_delay_level(1));
    world.send(message().with_sharding_key("b").with_delay_level(1));
    world.send(Message::new("U", "x").with_sharding_key("a").with_delay_level(1));
    assert_eq!(world.leaving(), [[0; 0]; 0]);
}

#[test]
fn messages_whose_callers_have_gone_do_not_travel() {
    let mut world = World::new(config());
    let callers: Vec<_> = (0..4).map(|_| world.send(message())).collect();
    callers[0].gone.set(true);
    world.pass(LINGER);
    callers[2].gone.set(true);
    assert_eq!(world.leaving(), [[2, 4]], "up to the last moment");
}

#[test]
fn a_lot_with_nobody_left_is_dropped() {
    let mut world = World::new(config());
    let first = world.send(message());
    world.send(Message::new("U", "x"));
    first.gone.set(true);
    world.pass(LINGER);
    assert_eq!(world.leaving(), [[2]]);
    world.expect_nothing_left();
    assert_eq!(Rc::strong_count(&first.gone), 1, "its token is not kept");
}

#[test]
fn closing_lets_everything_go_and_nothing_gathers_any_more() {
    let mut world = World::new(config());
    world.send(message());
    world.send(Message::new("A", "x"));
    world.send(message());
    world.accumulator.handle_close();
    assert_eq!(world.leaving(), [vec![1, 3], vec![2]]);
    world.expect_nothing_left();
    world.send(message());
    world.send(message());
    assert_eq!(world.leaving(), [[4], [5]]);
    world.expect_nothing_left();
}

#[test]
fn what_cannot_be_in_a_batch_or_would_fare_otherwise_in_one_goes_alone() {
    let config = config().with_compress_msg_body_over_howmuch(100);
    let size = message().encoded_len();
    for (message, why) in [
        (message().with_delay_level(1), "it would be delivered at once"),
        (message().with_deliver_at(UnixMillis(1)), "it would be delivered at once"),
        (message().with_delay_for(MS), "it would be delivered at once"),
        (Message::new("%RETRY%group", "x"), "brokers refuse it"),
        (message().with_property("TRAN_MSG", "true"), "it is not decided yet"),
        (Message::new("T", "x".repeat(100)), "it would not be compressed"),
    ] {
        assert_eq!(key(&config, &message), None, "{why}");
    }
    assert!(key(&config, &Message::new("T", "x".repeat(99))).is_some());
    for (config, why) in [
        (config.clone().with_auto_batch(false), "nobody wants it"),
        (config.clone().with_batch_size(1), "there is nobody to join"),
        (config.clone().with_batch_bytes_max(size - 1), "it is more than a lot"),
        (config.clone().with_max_message_size(size - 1), "it is more than a request"),
        (config.with_in_flight_bytes_max(size), "there is no permit for a lot of it"),
    ] {
        assert_eq!(key(&config, &message()), None, "{why}");
    }
}

#[test]
fn options_of_its_own_make_a_message_go_alone_but_for_what_a_whole_lot_can_keep() {
    let key = |options: SendOptions| lot_key(&config(), &message(), &options, &Choice::default());
    for options in [
        SendOptions::new().with_timeout(MS),
        SendOptions::new().with_retry(0),
        SendOptions::new().with_retry_unknown(true),
        SendOptions::new().with_selector(|_: &Message, _: &[MessageQueue]| Some(0)),
        SendOptions::new().with_queue(queue("other")),
    ] {
        assert_eq!(key(options.clone()), None, "{options:?}");
    }
    let random = SendOptions::new().with_strategy(RoutingStrategy::Random);
    let to_queue = SendOptions::new().with_queue(queue("T"));
    for (options, sent_with) in [
        (SendOptions::new(), Choice::Strategy(RoutingStrategy::RoundRobin)),
        (random, Choice::Strategy(RoutingStrategy::Random)),
        (to_queue, Choice::Queue(queue("T"))),
    ] {
        let choice = key(options).unwrap().options().choice;
        assert_eq!(format!("{choice:?}"), format!("{:?}", Some(sent_with)));
    }
}

#[test]
fn messages_gather_only_where_no_message_has_to_be_looked_at_to_find_its_queue() {
    let gathers = |message: &Message, default: &Choice| {
        lot_key(&config(), message, &SendOptions::new(), default).is_some()
    };
    let selector = Choice::Selector(Arc::new(|_: &Message, _: &[MessageQueue]| Some(0)));
    let hash = Choice::Strategy(RoutingStrategy::MessageHash);
    let (keyed, ordered) = (message().with_key("k"), message().with_sharding_key("s"));
    assert!(!gathers(&message(), &selector));
    assert!(!gathers(&keyed, &hash));
    assert!(gathers(&message(), &hash), "without a key there is nothing to look at");
    assert!(gathers(&keyed.with_sharding_key("s"), &hash), "its sharding key goes before");
    assert!(gathers(&ordered, &selector), "a sharding key goes before the producer's selector");
}

#[test]
fn ordered_messages_know_their_lane() {
    let lane = |message: &Message| key(&config(), message).unwrap().lane();
    assert_eq!(lane(&message()), None);
    assert_eq!(lane(&message().with_sharding_key("a")), Some(("T".into(), "a".into())));
    let alias = message().with_property("SHARDING_KEY", "a");
    assert_eq!(lane(&alias), Some(("T".into(), "a".into())));
}

#[test]
fn a_full_lot_gets_its_permit() {
    let message = message().with_wait_store_ok(false);
    let bytes_max = message.encoded_len() * 3 + 11;
    let mut world = World::new(config().with_in_flight_bytes_max(bytes_max));
    for _ in 0..4 {
        world.send(message.clone());
    }
    let lot = world.accumulator.poll().unwrap();
    let parcel = Parcel::batch(&world.config, &lot.messages).unwrap().unwrap();
    assert_eq!((lot.messages.len(), parcel.size()), (3, bytes_max));
}
