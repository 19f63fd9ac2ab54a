//! CHECK_TRANSACTION_STATE: when, to whom, about what.

use std::time::Duration;

use super::{
    talk::{COMMIT, GROUP, KEY, Place, ROLLBACK, Talk, UNKNOWN, is, some},
    *,
};
use crate::model::{Entry, Flavour};

/// One check every two seconds of what is older than one, and no more than three.
fn quick(flavour: Flavour) -> Talk {
    let mut talk = Talk::with(flavour);
    let seconds = Duration::from_secs;
    talk.cluster.broker("a").set_transaction_checks(seconds(1), seconds(2), 3);
    talk.beat(CONNECTION);
    talk
}

impl Talk {
    /// A producer of [`GROUP`] shows that it is there.
    fn beat(&mut self, connection: u64) {
        let body = r#"{"clientID":"c","consumerDataSet":[],"producerDataSet":[{"groupName":"x"},{"groupName":"g"}]}"#;
        assert_eq!(self.tell(connection, &request(34, 479, [], body)).unwrap().header.code, 0);
    }
}

#[test]
fn a_check_asks_about_a_copy_of_the_half_message_as_it_would_be() {
    for flavour in [Flavour::V5, Flavour::V4] {
        let mut talk = quick(flavour);
        let place = talk.prepare("a\u{1}b\u{2}");
        assert_eq!(talk.pass(1_999).len(), 0);
        let [check] = &*talk.pass(1) else { panic!("one check") };
        assert_eq!(check.connection, CONNECTION);
        assert_ne!(check.place, place);
        assert_eq!(check.place.queue_offset, 1);
        let newer = |value: &str| is(value).filter(|_| flavour == Flavour::V5);
        let names = ["msgId", "transactionId", "topic", "bname"];
        let fields = names.map(|name| check.header.ext.get(name).map(|value| value.to_string()));
        let half_topic = newer("RMQ_SYS_TRANS_HALF_TOPIC");
        assert_eq!(fields, [is(KEY), is(KEY), half_topic, newer("a")]);
        let id = check.header.ext.get("offsetMsgId").unwrap();
        assert!(id.ends_with(&format!("{:016X}", check.place.commit_log_offset)));

        let message = &check.message;
        assert_eq!((&*message.topic, message.queue_id), ("T", 3));
        assert_eq!((&*message.body, message.flag), (&b"hello"[..], 9));
        let in_message = (message.queue_offset, message.commit_log_offset);
        assert_eq!(in_message, (check.place.queue_offset, check.place.commit_log_offset));
        let names = ["REAL_TOPIC", "REAL_QID", "TRAN_MSG", "PGROUP", "UNIQ_KEY", "a"];
        let values = ["T", "3", "true", GROUP, KEY, "b"];
        assert_eq!(some(&message.properties, names), values.map(is));
        assert_eq!(message.properties["TRANSACTION_CHECK_TIMES"], "1");

        let check = &talk.pass(2_000)[0];
        assert_eq!(check.message.properties["TRANSACTION_CHECK_TIMES"], "2");
        talk.answer(check, COMMIT);
        assert_eq!(talk.visible()[0].properties["TRANSACTION_CHECK_TIMES"], "2");
        assert_eq!(talk.cluster.open_half_messages(), 0);
    }
}

#[test]
fn a_commit_that_is_not_marked_yet_is_asked_about_and_published_again_by_another() {
    let mut talk = quick(Flavour::V5);
    let place = talk.prepare("");
    talk.pass(1_500);
    talk.end(place, COMMIT);
    let [check] = &*talk.pass(500) else { panic!("the mark is written at 4.5 s") };
    talk.answer(check, COMMIT);
    assert_eq!(talk.visible().len(), 2);
    let keys: Vec<_> = talk.visible().iter().map(|m| m.uniq_key().map(str::to_owned)).collect();
    assert_eq!(keys, [is(KEY), is(KEY)]);
}

#[test]
fn rolling_the_copy_back_leaves_what_was_published() {
    let mut talk = quick(Flavour::V5);
    let place = talk.prepare("");
    talk.pass(1_500);
    talk.end(place, COMMIT);
    let [check] = &*talk.pass(500) else { panic!("one check") };
    assert_eq!(talk.cluster.open_half_messages(), 1, "the copy");
    talk.answer(check, ROLLBACK);
    assert_eq!(talk.cluster.open_half_messages(), 0);
    talk.pass(100_000);
    assert_eq!(talk.visible().len(), 1);
}

#[test]
fn a_mark_that_is_written_ends_the_checks() {
    let mut newer = quick(Flavour::V5);
    newer.cluster.broker("a").set_transaction_checks(
        Duration::from_secs(1),
        Duration::from_secs(10),
        3,
    );
    let place = newer.prepare("");
    newer.end(place, COMMIT);
    assert_eq!(newer.pass(100_000).len(), 0, "three seconds are less than ten");
    assert_eq!(newer.visible().len(), 1);

    let mut older = quick(Flavour::V4);
    let place = older.prepare("");
    older.pass(1_500);
    older.end(place, COMMIT);
    assert_eq!(older.pass(100_000).len(), 0, "an older broker writes it at once");
    assert_eq!(older.visible().len(), 1);
}

#[test]
fn a_late_commit_of_the_first_copy_and_one_of_the_second_both_publish() {
    let mut talk = quick(Flavour::V5);
    let place = talk.prepare("");
    let [check] = &*talk.pass(2_000) else { panic!("one check") };
    talk.end(place, COMMIT);
    talk.answer(check, COMMIT);
    assert_eq!(talk.visible().len(), 2);
}

#[test]
fn a_broker_asks_so_often_and_then_gives_up() {
    let mut talk = quick(Flavour::V5);
    talk.prepare("");
    let checks = talk.pass(100_000);
    assert_eq!(checks.len(), 3);
    checks.iter().for_each(|check| talk.answer(check, UNKNOWN));
    assert_eq!(talk.cluster.open_half_messages(), 0);
    assert_eq!(talk.cluster.discarded_half_messages(), 1);
    assert_eq!((talk.visible(), talk.cluster.soonest()), (vec![], None));
    let entries = talk.cluster.take_entries();
    let halves = entries.iter().filter_map(|entry| match entry {
        Entry::Half(half) => Some(half.checks),
        _ => None,
    });
    assert_eq!(halves.collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert!(entries.iter().any(|entry| matches!(entry, Entry::Discarded(_))));
}

#[test]
fn the_birth_of_a_message_decides_when_it_is_asked_about() {
    let mut talk = quick(Flavour::V5);
    talk.millis = 400_000_000;
    let hour = 3_600_000;
    let births = [0, talk.millis - 73 * hour, talk.millis - 71 * hour, talk.millis + hour];
    for born in births {
        let properties = format!("UNIQ_KEY\u{1}{born}\u{2}TRAN_MSG\u{1}true\u{2}PGROUP\u{1}g\u{2}");
        let born = born.to_string();
        let fields = [("b", "T"), ("e", "0"), ("g", &*born), ("i", &*properties)];
        talk.tell(CONNECTION, &request(310, 479, fields, "hello")).unwrap();
    }
    let asked: Vec<_> = talk.pass(2_000).iter().map(|c| c.message.born_timestamp).collect();
    assert_eq!(asked, [births[2] as i64, births[3] as i64]);
    assert_eq!(talk.cluster.discarded_half_messages(), 2);
}

#[test]
fn a_message_has_its_time_before_it_is_asked_about() {
    let mut talk = quick(Flavour::V5);
    talk.prepare("CHECK_IMMUNITY_TIME_IN_SECONDS\u{1}5\u{2}");
    talk.pass(1_500);
    talk.prepare("");
    assert_eq!(talk.pass(500).len(), 0, "half a second is less than one, two are less than five");
    assert_eq!(talk.pass(2_000).len(), 1);
    assert_eq!(talk.pass(2_000).len(), 2);
}

#[test]
fn producers_of_the_group_are_asked_in_turn() {
    let mut talk = quick(Flavour::V5);
    talk.beat(8);
    talk.beat(9);
    for _ in 0..4 {
        talk.prepare("");
    }
    let asked: Vec<_> = talk.pass(2_000).iter().map(|check| check.connection).collect();
    assert_eq!(asked, [CONNECTION, 8, 9, CONNECTION]);
    talk.cluster.handle_closed(&broker_a(), 8);
    let asked: Vec<_> = talk.pass(2_000).iter().map(|check| check.connection).collect();
    assert_eq!(asked, [CONNECTION, 9, CONNECTION, 9]);
}

#[test]
fn without_a_producer_a_half_message_waits_for_one() {
    let mut talk = quick(Flavour::V5);
    let leave = request(35, 479, [("clientID", "c"), ("producerGroup", GROUP)], "");
    talk.tell(CONNECTION, &leave);
    assert_eq!(talk.cluster.broker("a").producers(), [("c".to_owned(), "x".to_owned())]);
    talk.prepare("");
    assert_eq!(talk.pass(2_000).len(), 0);
    assert_eq!(talk.cluster.open_half_messages(), 1);
    talk.beat(8);
    let [check] = &*talk.pass(2_000) else { panic!("one check") };
    assert_eq!((check.connection, check.place.queue_offset), (8, 2));
    talk.answer(check, COMMIT);
    assert_eq!(talk.visible().len(), 1);
}

#[test]
fn a_restart_loses_marks_that_are_not_written() {
    let mut talk = quick(Flavour::V5);
    let early = talk.prepare("");
    talk.end(early, COMMIT);
    talk.cluster.restart_broker("a", None);
    assert_eq!(talk.cluster.open_half_messages(), 1);
    talk.beat(8);
    let [check] = &*talk.pass(2_000) else { panic!("asked about what was committed") };
    assert_eq!(check.connection, 8, "connections are forgotten");
    assert_eq!(talk.visible().len(), 1);

    let seconds = Duration::from_secs;
    talk.cluster.broker("a").set_transaction_checks(seconds(1), seconds(10), 3);
    talk.answer(check, ROLLBACK);
    talk.pass(3_000);
    talk.cluster.restart_broker("a", None);
    talk.beat(8);
    assert_eq!(talk.pass(100_000).len(), 0, "this one is written");
}

#[test]
fn checks_follow_the_clock_and_not_the_half_messages() {
    let mut talk = Talk::with(Flavour::V5);
    talk.beat(CONNECTION);
    talk.millis = 30 * 60_000 - 7_000;
    let place: Place = talk.prepare("");
    let due = talk.cluster.deadline(&broker_a());
    assert_eq!(due, Some(at(30 * 60_000).instant), "every thirty seconds");
    assert_eq!(talk.cluster.deadline(&Node::NameServer(0)), None);
    assert_eq!(talk.pass(7_000).len(), 1, "seven seconds are more than six");
    talk.cluster.set_fault(broker_a(), None);
    talk.end(place, ROLLBACK);
    assert_eq!(talk.cluster.open_half_messages(), 1, "the copy is another");
}
