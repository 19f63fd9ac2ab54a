//! The records that sends leave in the message trace.

use super::*;
use crate::{
    command::LocalTransactionState,
    trace::{TraceRecord, TracedEnd},
};

const OFFSET_ID: &str = "7F00000100002A9F00000000075BCD15";

fn traced() -> ProducerConfig {
    config().with_trace_message(true)
}

/// Where the captured records are from.
const HOST: &str = "127.0.0.1";

fn sending(message: Message) -> World {
    World::with_message(traced(), message, &[HOST])
}

fn expected(name: &str) -> String {
    let vectors = include_str!("../../../tests/vectors.json");
    let vectors: serde_json::Value = serde_json::from_str(vectors).unwrap();
    vectors[name]["text"].as_str().unwrap().to_owned()
}

/// The record's fields, the last without what ends it.
fn fields(record: &TraceRecord) -> Vec<&str> {
    let text = record.text().strip_suffix('\u{2}').expect("0x02 ends a record");
    text.split('\u{1}').collect()
}

impl World {
    fn is_stored(&mut self, code: i32, more: &[(&'static str, &'static str)]) {
        let fields = [("msgId", OFFSET_ID), ("queueId", "1"), ("queueOffset", "42")];
        let all = fields.into_iter().chain(more.iter().copied());
        self.answer_with(code, all.collect());
    }

    /// Ends the send, and gives its record.
    fn record(&mut self) -> Option<TraceRecord> {
        let result = self.end();
        TraceRecord::of_send(self.now, &self.delivery, Some(&result))
    }
}

#[test]
fn a_record_is_javas_to_the_byte() {
    let mut world = sending(message().with_tags("TagA"));
    world.call();
    world.pass(3 * MS);
    world.is_stored(0, &[("MSG_REGION", "DefaultRegion"), ("TRACE_ON", "true")]);
    let record = world.record().unwrap();
    assert_eq!(record.text(), expected("trace_pub"));
    assert_eq!(record.keys().collect::<Vec<_>>(), [UNIQ_KEY, "k1"]);
}

#[test]
fn the_record_of_a_transactions_end_is_javas_to_the_byte() {
    let now = Now { wall: UnixMillis(1_758_273_940_123), ..Now::default() };
    let (message, broker) = (message().with_tags("TagA"), address(HOST));
    let end = TracedEnd {
        producer_group: "PG_TEST",
        message: &message,
        transaction_id: UNIQ_KEY,
        broker: Some(&broker),
        region: None,
        state: LocalTransactionState::CommitMessage,
        from_check: false,
    };
    let record = TraceRecord::of_end(now, &end).unwrap();
    assert_eq!(record.text(), expected("trace_end_transaction"));
    let asked = TracedEnd { state: LocalTransactionState::Unknown, from_check: true, ..end };
    let record = TraceRecord::of_end(now, &asked).unwrap();
    assert_eq!(fields(&record)[11..], ["UNKNOW", "true"]);
}

#[test]
fn what_a_message_does_not_have_is_null() {
    let mut world = sending(Message::new(TOPIC, "x").with_uniq_key(UNIQ_KEY));
    world.call();
    world.is_stored(0, &[]);
    let record = world.record().unwrap();
    let fields = fields(&record);
    assert_eq!((fields[2], fields[6], fields[7]), ("DefaultRegion", "null", "null"));
}

#[test]
fn a_message_that_is_stored_with_doubt_is_no_success() {
    let mut world = sending(message());
    world.call();
    world.is_stored(10, &[]);
    assert_eq!(fields(&world.record().unwrap())[13], "false");
}

#[test]
fn a_broker_can_have_its_messages_left_out() {
    let mut world = sending(message());
    world.call();
    world.is_stored(0, &[("TRACE_ON", "false")]);
    assert_eq!(world.record(), None);
}

#[test]
fn the_trace_is_not_traced() {
    for topic in ["RMQ_SYS_TRACE_TOPIC", "RMQ_SYS_TRACE_TOPIC_of_mine"] {
        let message = Message::new(topic, "x").with_uniq_key(UNIQ_KEY);
        let parcel = Parcel::new(&traced(), message).unwrap();
        let mut world = World::with_parcel(traced(), parcel, SendOptions::new());
        world.close();
        assert_eq!(world.record(), None, "{topic}");
    }
}

#[test]
fn types_are_those_of_java() {
    let of = |parcel: Parcel| {
        let mut world = World::with_parcel(traced(), parcel, SendOptions::new()).reaching(&[HOST]);
        world.register(HOST, 479);
        world.call();
        world.is_stored(0, &[]);
        fields(&world.record().unwrap())[11].to_owned()
    };
    let alone = |message| of(Parcel::new(&traced(), message).unwrap());
    assert_eq!(alone(message()), "0");
    assert_eq!(alone(message().with_sharding_key("k")), "0");
    assert_eq!(alone(message().with_delay_level(3)), "3");
    assert_eq!(alone(message().with_delay_for(MS)), "3");
    assert_eq!(of(Parcel::half(&traced(), message()).unwrap()), "1");
}

#[test]
fn a_batch_is_one_record_of_all_its_ids() {
    let messages = ["A", "B"].map(|id| message().with_tags("t").with_uniq_key(id));
    let parcel = Parcel::batch(&traced(), &messages).unwrap().unwrap();
    let length = parcel.body().len().to_string();
    let mut world = World::with_parcel(traced(), parcel, SendOptions::new()).reaching(&[HOST]);
    world.call();
    world.is_stored(0, &[]);
    let record = world.record().unwrap();
    let fields = fields(&record);
    assert_eq!((fields[5], fields[6], fields[7], fields[9]), ("A,B", "null", "null", &*length));
    assert_eq!(record.keys().collect::<Vec<_>>(), ["A", "B"], "each is found by its own id");
}

#[test]
fn failures_are_told_with_what_is_known() {
    let mut world = World::unrouted(traced(), message());
    let _ = world.waits();
    world.fail_route(RouteError::NoWritableQueue { topic: TOPIC.into() });
    let record = world.record().unwrap();
    let told = fields(&record);
    assert_eq!((told[5], told[8], told[12], told[13]), (UNIQ_KEY, "null", "null", "false"));

    let mut world = World::with_message(traced().with_retry(0), message(), &[HOST]);
    world.call();
    world.fail(lost());
    let record = world.record().unwrap();
    let told = fields(&record);
    assert_eq!((told[8], told[12], told[13]), ("127.0.0.1:10911", "null", "false"));
}

#[test]
fn a_send_that_is_dropped_while_it_is_asked_for_is_no_success() {
    let mut world = sending(message());
    world.call();
    let record = TraceRecord::of_send(world.now, &world.delivery, None).unwrap();
    let told = fields(&record);
    assert_eq!((told[8], told[12], told[13]), ("127.0.0.1:10911", "null", "false"));
}

#[test]
fn one_way_messages_are_told_without_a_place() {
    let parcel = Parcel::new(&traced(), message()).unwrap().oneway();
    let mut world = World::with_parcel(traced(), parcel, SendOptions::new()).reaching(&[HOST]);
    world.call();
    world.hand_over();
    let record = world.record().unwrap();
    let told = fields(&record);
    assert_eq!((told[8], told[12], told[13]), ("127.0.0.1:10911", "null", "true"));
}

#[test]
fn a_late_success_is_told_with_the_broker_that_it_is_from() {
    let config = traced().with_retry(1);
    let mut world = World::with_message(config, message(), &["a", "b"]);
    let (first, _) = world.call();
    world.fail(CallError::Expired { lent: true });
    let _ = world.call();
    world.late(0, |world| world.is_stored(0, &[]));
    let record = world.record().unwrap();
    assert_eq!(fields(&record)[8], format!("{first}:10911"));
}

#[test]
fn a_broker_cannot_break_a_record() {
    let mut world = sending(message());
    world.call();
    world.is_stored(0, &[("MSG_REGION", "a\u{1}b\u{2}Pub")]);
    let record = world.record().unwrap();
    assert_eq!((fields(&record).len(), fields(&record)[2]), (14, "a?b?Pub"));
}
