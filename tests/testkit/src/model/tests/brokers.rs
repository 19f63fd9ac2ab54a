//! What brokers take and store, and what is told of it.

use super::*;
use crate::model::{Flavour, Stored};

#[test]
fn the_journal_tells_each_message_once_in_the_order_of_storing() {
    let mut cluster = cluster();
    cluster.keep_journal();
    for (broker, queue) in [("b", 3), ("a", 1), ("b", 3)] {
        assert_eq!(send(&mut cluster, broker, queue), 0);
    }
    let stored = |broker: &str, queue_id, queue_offset| Stored {
        broker: broker.to_owned(),
        topic: "T".to_owned(),
        queue_id,
        queue_offset,
        uniq_key: "KEY-1".to_owned(),
        body: "hello".into(),
        at: at(5),
    };
    assert_eq!(cluster.take_journal(), [stored("b", 3, 0), stored("a", 1, 0), stored("b", 3, 1)]);
    assert_eq!(cluster.take_journal(), []);
}

#[test]
fn without_being_asked_for_there_is_no_journal_and_refused_sends_are_never_in_it() {
    let mut cluster = cluster();
    assert_eq!(send(&mut cluster, "a", 0), 0);
    assert_eq!(cluster.take_journal(), []);
    cluster.keep_journal();
    assert_eq!(send(&mut cluster, "a", 4), 29);
    assert_eq!(cluster.take_journal(), []);
    assert_eq!(cluster.stored("T").len(), 1);
}

#[test]
fn queues_come_and_go() {
    let mut cluster = cluster();
    assert_eq!(send(&mut cluster, "a", 3), 0);
    cluster.broker("a").set_queue_count("T", 2);
    assert_eq!([1, 2, 3].map(|queue| send(&mut cluster, "a", queue)), [0, 29, 29]);
    assert_eq!(listed(&mut cluster, 0, "a"), Some((6, 2)));
    cluster.broker("a").set_queue_count("T", 6);
    assert_eq!([1, 5, 6].map(|queue| send(&mut cluster, "a", queue)), [0, 0, 29]);
    assert_eq!(cluster.stored("T").len(), 4, "what queue 3 had is kept");
    cluster.broker("a").set_queue_count("no such topic", 6);
    assert_eq!(cluster.stored("no such topic"), []);
}

#[test]
fn a_slave_refuses_sends_in_its_releases_way() {
    let mut cluster = cluster();
    cluster.broker("a").set_read_only(true);
    let newer = ask(&mut cluster, &broker_a(), &message(0)).header;
    assert_eq!(newer.code, 2);
    assert!(newer.remark.is_some_and(|remark| remark.starts_with("[REJECTREQUEST]")));
    cluster.broker("a").set_flavour(Flavour::V4);
    assert_eq!(send(&mut cluster, "a", 0), 14);
    assert_eq!(send(&mut cluster, "a", 4), 1, "it looks at the request first");
    assert_eq!(cluster.stored("T"), []);
    cluster.broker("a").set_read_only(false);
    assert_eq!(send(&mut cluster, "a", 0), 0);
}

#[test]
fn a_restart_forgets_producers_keeps_messages_and_is_news() {
    let mut cluster = cluster();
    cluster.hold_registrations();
    let group = r#"{"clientID":"c","consumerDataSet":[],"producerDataSet":[{"groupName":"g"}]}"#;
    ask(&mut cluster, &broker_a(), &request(34, 479, [], group));
    assert_eq!(cluster.broker("a").producers(), [("c".to_owned(), "g".to_owned())]);
    assert_eq!(send(&mut cluster, "a", 0), 0);

    cluster.restart_broker("a", Some(address("127.0.0.1:1")));
    assert_eq!(cluster.broker("a").producers(), []);
    assert_eq!(cluster.stored("T").len(), 1);
    assert!(cluster.take_news("a"));
    assert_eq!(addresses(&mut cluster, 0, "a")["0"], MASTER, "the name server is not told yet");
    cluster.register_broker("a", 0);
    assert_eq!(addresses(&mut cluster, 0, "a")["0"], "127.0.0.1:1");
    assert_eq!(send(&mut cluster, "a", 0), 0);
    assert_eq!(cluster.stored("T")[1].queue_offset, 1);
}

#[test]
fn a_restart_without_a_new_address_keeps_the_old_one() {
    let mut cluster = cluster();
    cluster.name_server(0).unregister("a");
    cluster.restart_broker("a", None);
    assert_eq!(addresses(&mut cluster, 0, "a")["0"], MASTER);
}
