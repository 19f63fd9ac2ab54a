//! What gathers, when it leaves, and what is given up.

use std::{cell::RefCell, collections::BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::model::{PROPERTIES_SIZE_MAX, validate_message};

const LINGER: Duration = Duration::from_secs(5);
const SECOND: Duration = Duration::from_secs(1);

fn config() -> ProducerConfig {
    ProducerConfig::new("PG_TEST", "ns:9876").with_trace_message(true)
}

fn record(topic: &'static str, id: u32) -> TraceRecord {
    large(topic, id, 1)
}

fn large(topic: &'static str, id: u32, size: usize) -> TraceRecord {
    let keys = vec![id.to_string().into()];
    TraceRecord { topic: topic.into(), keys, text: format!("{id}{}", ".".repeat(size)) }
}

/// A queue, and the time that it sees.
struct World {
    now: Now,
    queue: TraceQueue,
}

impl World {
    fn new(config: ProducerConfig) -> Self {
        let now = Now { instant: Instant::from_nanos(7), ..Now::default() };
        Self { now, queue: TraceQueue::new(&config).unwrap() }
    }

    fn pass(&mut self, time: Duration) {
        self.now.instant = self.now.instant + time;
        self.queue.handle_timeout(self.now);
    }

    fn take_in(&mut self, record: TraceRecord) -> bool {
        self.queue.handle_record(self.now, record)
    }

    fn fill(&mut self, topic: &'static str, count: u32) {
        for id in 0..count {
            self.take_in(record(topic, id));
        }
    }

    /// How many records leave in each message.
    fn leaving(&mut self) -> Vec<u64> {
        let packages = std::iter::from_fn(|| self.queue.poll(self.now));
        packages.map(|package| package.records).collect()
    }

    fn assert_all_are_told(&self) {
        let TraceStats { recorded, sent, failed, dropped, waiting, in_flight } = self.queue.stats();
        assert_eq!(recorded, sent + failed + dropped + waiting + in_flight);
    }
}

#[test]
fn there_is_none_where_nothing_is_traced() {
    assert!(TraceQueue::new(&config().with_trace_message(false)).is_none());
}

#[test]
fn records_leave_after_their_linger_by_topic() {
    let mut world = World::new(config());
    assert!(world.take_in(record("A", 1)), "somebody has to come and look");
    assert!(!world.take_in(record("B", 2)));
    assert!(!world.take_in(record("A", 3)));
    assert!(world.leaving().is_empty());
    let due = world.queue.deadline().unwrap().at;
    assert_eq!(due, world.now.instant + LINGER);
    world.pass(LINGER);
    assert_eq!(world.leaving(), [2, 1]);
    assert_eq!(world.queue.deadline(), None);
    world.queue.handle_sent(2);
    world.queue.handle_failed(world.now, 1);
    assert!(world.queue.is_idle());
    world.assert_all_are_told();
}

#[test]
fn a_full_batch_leaves_at_once() {
    let mut world = World::new(config().with_trace_batch_size(3));
    world.fill("A", 2);
    world.take_in(record("B", 7));
    assert!(world.leaving().is_empty());
    assert!(world.take_in(record("A", 2)), "the hub is to come at once");
    assert_eq!(world.leaving(), [3]);
    assert_eq!(world.queue.stats().waiting, 1);
}

#[test]
fn a_queue_that_is_half_full_waits_for_nobody() {
    let mut world = World::new(config().with_trace_queue_max(4));
    world.take_in(record("A", 1));
    assert!(world.leaving().is_empty());
    assert!(world.take_in(record("B", 2)));
    assert_eq!(world.leaving(), [1], "the one that came first, and then it is no longer");
}

#[test]
fn row_54_what_comes_to_a_full_queue_is_dropped_and_counted() {
    let mut world = World::new(config().with_trace_queue_max(10));
    world.fill("A", 25);
    let stats = world.queue.stats();
    assert_eq!((stats.recorded, stats.waiting, stats.dropped), (25, 10, 15));
    world.assert_all_are_told();
}

#[test]
fn row_54_what_waits_is_bounded_in_bytes() {
    let mut world = World::new(config());
    for id in 0..100 {
        world.take_in(large("A", id, 100_000));
    }
    assert!(world.queue.bytes <= BYTES_MAX);
    assert!(world.queue.stats().dropped >= 58, "{:?}", world.queue.stats());
    world.take_in(large("A", 100, BYTES_MAX));
    world.assert_all_are_told();
}

#[test]
fn few_messages_are_on_their_way_and_the_rest_gathers() {
    let mut world = World::new(config().with_trace_batch_size(1));
    for id in 0..4 {
        world.take_in(record("A", id));
        assert_eq!(world.leaving(), [1]);
    }
    world.fill("A", 50);
    assert_eq!((world.leaving(), world.queue.deadline()), (vec![], None));
    world.queue.handle_sent(1);
    assert_eq!(world.leaving(), [50], "in one message");
}

#[test]
fn bodies_keep_their_limit() {
    let mut world = World::new(config().with_trace_queue_max(10_000));
    for id in 0..13 {
        world.take_in(large("A", id, 20_000));
    }
    world.pass(LINGER);
    assert_eq!(world.leaving(), [6, 6, 1]);
    world.take_in(large("A", 1, 300_000));
    world.take_in(record("A", 2));
    world.pass(LINGER);
    assert_eq!(world.leaving(), [1], "one that is too large goes alone");
}

#[test]
fn index_keys_fit_what_brokers_take() {
    let mut world = World::new(config());
    let ids = (0..2_000).map(|id| format!("{id:032}").into()).collect();
    let batch = TraceRecord { topic: "A".into(), keys: ids, text: "batch".into() };
    world.take_in(batch);
    world.take_in(record("A", 1_000_000));
    world.pass(LINGER);
    let package = world.queue.poll(world.now).unwrap();
    assert_eq!(package.records, 1);
    let properties = validate_message(&package.message, 128_000).unwrap();
    assert!(properties.len() + 1_000 < PROPERTIES_SIZE_MAX);
    assert_eq!(package.message.keys().count(), KEYS_MAX / 33);
}

#[test]
fn keys_are_told_once() {
    let mut world = World::new(config());
    for id in ["1", "2"] {
        let keys = vec![id.into(), "order-7".into()];
        world.take_in(TraceRecord { topic: "A".into(), keys, text: id.into() });
    }
    world.pass(LINGER);
    let package = world.queue.poll(world.now).unwrap();
    assert_eq!(package.message.keys().collect::<Vec<_>>(), ["1", "order-7", "2"]);
    assert_eq!((package.message.topic(), &package.message.body()[..]), (TRACE_TOPIC, &b"12"[..]));
}

#[test]
fn row_54_a_topic_that_fails_is_left_alone_for_longer_and_longer() {
    let mut world = World::new(config().with_trace_batch_size(1));
    let mut pauses = Vec::new();
    for id in 0..7 {
        world.take_in(record("A", id));
        assert_eq!(world.leaving(), [1]);
        world.queue.handle_failed(world.now, 1);
        world.take_in(record("A", id));
        assert!(world.leaving().is_empty(), "it waits");
        let at = world.queue.deadline().unwrap().at;
        pauses.push(at.saturating_since(world.now.instant).as_secs());
        world.pass(at.saturating_since(world.now.instant));
        assert_eq!(world.leaving(), [1]);
        world.queue.come_back(1);
        world.queue.counted.failed += 1;
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30]);
    world.take_in(record("A", 9));
    assert_eq!(world.leaving(), [1]);
    world.queue.handle_sent(1);
    world.take_in(record("A", 9));
    assert_eq!(world.leaving(), [1], "all is well again");
    world.assert_all_are_told();
}

#[test]
fn failures_that_come_together_are_one() {
    let mut world = World::new(config().with_trace_batch_size(1));
    world.fill("A", 1);
    let _ = world.leaving();
    world.fill("A", 1);
    let _ = world.leaving();
    world.queue.handle_failed(world.now, 1);
    world.queue.handle_failed(world.now, 1);
    world.fill("A", 1);
    world.pass(SECOND);
    assert_eq!(world.leaving(), [1]);
}

#[test]
fn row_54_what_waits_leaves_at_once_when_the_producer_ends() {
    let mut world = World::new(config());
    world.fill("A", 3);
    world.queue.handle_close(world.now, world.now.instant + SECOND);
    assert_eq!(world.leaving(), [3]);
    assert!(world.take_in(record("B", 1)), "of a send that was in flight");
    assert_eq!(world.leaving(), [1]);
    world.queue.handle_sent(3);
    world.queue.handle_sent(1);
    assert!(world.queue.is_idle());
    assert_eq!(world.queue.deadline(), None);
}

#[test]
fn row_54_a_producer_that_ends_waits_only_so_long() {
    let mut world = World::new(config().with_trace_batch_size(1));
    for id in 0..6 {
        world.take_in(record("A", id));
        let _ = world.queue.poll(world.now);
    }
    world.queue.handle_close(world.now, world.now.instant + SECOND);
    assert_eq!(world.queue.deadline().unwrap().at, world.now.instant + SECOND);
    world.pass(SECOND);
    assert!(world.queue.is_out_of_time(world.now));
    assert_eq!((world.queue.stats().dropped, world.queue.stats().in_flight), (2, 4));
    for _ in 0..4 {
        world.queue.handle_failed(world.now, 1);
    }
    assert!(world.queue.is_idle());
    assert!(!world.take_in(record("A", 9)));
    assert_eq!(world.queue.stats().dropped, 3);
    world.assert_all_are_told();
}

#[test]
fn row_54_a_producer_that_ends_does_not_wait_for_a_topic_that_has_just_failed() {
    let mut world = World::new(config().with_trace_batch_size(1));
    world.fill("A", 1);
    let _ = world.leaving();
    world.queue.handle_failed(world.now, 1);
    world.fill("A", 5);
    world.queue.handle_close(world.now, world.now.instant + SECOND);
    assert!(world.queue.is_idle());

    let mut world = World::new(config().with_trace_batch_size(1));
    world.fill("A", 1);
    let _ = world.leaving();
    world.fill("B", 2);
    world.queue.messages_in_flight += 3;
    world.queue.handle_close(world.now, world.now.instant + SECOND);
    world.queue.handle_failed(world.now, 1);
    assert_eq!(world.queue.stats().waiting, 0, "the first failure says it for all");
}

#[test]
fn the_traces_own_messages_are_never_traced_and_never_too_large_for_their_sender() {
    let own = config().with_max_message_size(100).with_auto_batch(true);
    let config = TraceQueue::config(&own);
    assert!(!config.trace_message);
    assert!(config.max_message_size > BODY_MAX);
    assert_eq!(config.send_msg_timeout, SEND_TIMEOUT);
}

#[derive(Clone, Debug)]
enum Event {
    Record(u8, u16),
    Pass(u16),
    Sent,
    Failed,
    Close,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => (0..4u8, 0..2_000u16).prop_map(|(topic, size)| Event::Record(topic, size)),
        3 => (0..6_000u16).prop_map(Event::Pass),
        2 => Just(Event::Sent),
        1 => Just(Event::Failed),
        1 => Just(Event::Close),
    ]
}

proptest! {
    /// Whatever happens: every record is told, none twice, limits are kept, and somebody who comes
    /// at the deadline always finds something to do.
    #[test]
    fn row_54_no_record_is_lost_without_being_counted(
        events in prop::collection::vec(event(), 0..300),
    ) {
        let mut world = World::new(config().with_trace_queue_max(40).with_trace_batch_size(5));
        let in_flight = RefCell::new(VecDeque::new());
        let mut seen = BTreeSet::new();
        for (id, event) in events.into_iter().enumerate() {
            match event {
                Event::Record(topic, size) => {
                    let topic = ["A", "B", "C", "D"][usize::from(topic)];
                    world.take_in(large(topic, id as u32, size.into()));
                }
                Event::Pass(millis) => world.pass(Duration::from_millis(millis.into())),
                Event::Sent => {
                    if let Some(records) = in_flight.borrow_mut().pop_front() {
                        world.queue.handle_sent(records);
                    }
                }
                Event::Failed => {
                    if let Some(records) = in_flight.borrow_mut().pop_front() {
                        world.queue.handle_failed(world.now, records);
                    }
                }
                Event::Close => {
                    world.queue.handle_close(world.now, world.now.instant + SECOND);
                }
            }
            let due = world.queue.soonest().is_some_and(|at| at <= world.now.instant);
            let mut any = false;
            while let Some(package) = world.queue.poll(world.now) {
                any = true;
                prop_assert!(package.message.body().len() <= BODY_MAX);
                for key in package.message.keys() {
                    prop_assert!(seen.insert(key.to_owned()), "{key} twice");
                }
                in_flight.borrow_mut().push_back(package.records);
            }
            prop_assert_eq!(any, due);
            prop_assert!(in_flight.borrow().len() <= IN_FLIGHT_MAX);
            prop_assert!(world.queue.stats().waiting <= 40);
            world.assert_all_are_told();
            let waiting: usize = world.queue.topics.values().map(|g| g.records.len()).sum();
            prop_assert_eq!(waiting as u64, world.queue.stats().waiting);
            let bytes = world.queue.topics.values().flat_map(|g| &g.records).map(TraceRecord::size);
            prop_assert_eq!(bytes.sum::<usize>(), world.queue.bytes);
        }
    }
}
