//! Start, send, shut down, start again, be dropped.

use std::time::{Duration, Instant};

use rocketmq_producer::{Outcome, SendErrorKind, SendStatus};
use rocketmq_producer_testkit::{Reader, model::Fault};

use crate::{subject::Subject, world::*};

fn what_is_sent_can_be_read_back<S: Subject>() {
    let cluster = one_broker();
    let producer = S::started(config(&cluster));
    let message = message("hello")
        .with_tags("TagA")
        .with_keys(["k1", "k2"])
        .with_property("colour", "blue")
        .with_flag(7);
    let receipt = producer.send(message).expect("the cluster is healthy");
    assert_eq!(receipt.status, SendStatus::SendOk);
    assert_eq!(receipt.attempts, 1);

    let mut reader = Reader::connect(&cluster.namesrv_addr()).unwrap();
    let stored = reader.read_topic("Contract").unwrap();
    let [stored] = &stored[..] else { panic!("one message was sent: {stored:?}") };
    assert_eq!(stored.body, "hello");
    assert_eq!(stored.flag, 7);
    assert_eq!(stored.born_timestamp, receipt.send_timestamp.0);
    assert_eq!(stored.uniq_key(), Some(&*receipt.message_id));
    assert_eq!(stored.queue_id, receipt.message_queue.queue_id);
    assert_eq!(stored.queue_offset, receipt.queue_offset);
    for (name, value) in [("TAGS", "TagA"), ("KEYS", "k1 k2"), ("colour", "blue"), ("WAIT", "true")]
    {
        assert_eq!(stored.properties.get(name).map(String::as_str), Some(value), "{name}");
    }
    producer.shutdown().unwrap();
}

fn row_4_a_producer_that_is_not_running_says_so_and_gives_the_message_back<S: Subject>() {
    let cluster = one_broker();
    let producer = S::new(config(&cluster)).unwrap();
    assert!(!producer.is_running());
    let error = producer.send(message("too early")).unwrap_err();
    assert_eq!(*error.kind(), SendErrorKind::NotStarted);
    assert_eq!(error.outcome(), Outcome::NotSent);
    assert_eq!(error.into_message().body(), "too early");

    producer.start().unwrap();
    producer.shutdown().unwrap();
    let error = producer.send(message("too late")).unwrap_err();
    assert_eq!(*error.kind(), SendErrorKind::AlreadyShutDown);
    assert_eq!(cluster.stored("Contract"), []);
}

fn starting_and_shutting_down_twice_is_the_same_as_once<S: Subject>() {
    let cluster = one_broker();
    let producer = S::new(config(&cluster)).unwrap();
    producer.shutdown().expect("nothing to shut down");
    producer.start().unwrap();
    producer.start().unwrap();
    assert!(producer.is_running());
    let _ = producer.send(message("one")).unwrap();
    assert_eq!(cluster.accepted(&broker_a()), 1, "one start, one connection");
    producer.shutdown().unwrap();
    producer.shutdown().unwrap();
    assert!(!producer.is_running());
}

fn row_8_a_producer_can_be_started_again<S: Subject>() {
    let cluster = one_broker();
    let producer = S::new(config(&cluster)).unwrap();
    for round in 0..3 {
        producer.start().unwrap();
        let _ = producer.send(message(&format!("round {round}"))).unwrap();
        producer.shutdown().unwrap();
    }
    assert_eq!(cluster.stored("Contract").len(), 3);
}

fn a_shutdown_unregisters_and_closes_every_connection<S: Subject>() {
    let cluster = one_broker();
    let producer = S::started(config(&cluster));
    let _ = producer.send(message("one")).unwrap();
    eventually("the group is registered", || {
        cluster.model(|model| !model.broker("broker-a").producers().is_empty())
    });
    producer.shutdown().unwrap();
    let goodbyes = cluster.model(|model| model.broker("broker-a").requests(UNREGISTER_CLIENT));
    assert_eq!(goodbyes, 1);
    for node in [broker_a(), name_server(0)] {
        eventually("the connection is closed", || cluster.connected(&node) == 0);
    }
}

fn row_7_a_shutdown_waits_for_what_is_in_flight<S: Subject>() {
    let cluster = one_broker();
    let producer = S::started(config(&cluster).with_shutdown_timeout(Duration::from_secs(20)));
    let _ = producer.send(message("first")).unwrap();
    // The broker keeps one answer to itself; the second attempt is answered.
    cluster.set_fault(&broker_a(), Fault::SwallowSends(1));
    let send = producer.send_in_background(message("slow"));
    eventually("the broker has it", || cluster.stored("Contract").len() >= 2);
    producer.shutdown().expect("the send finishes in time");
    assert!(send.join().unwrap().is_ok());
}

fn row_7_a_shutdown_that_runs_out_of_time_answers_every_send_once<S: Subject>() {
    let cluster = one_broker();
    let shutdown_timeout = Duration::from_millis(500);
    let producer = S::started(
        config(&cluster)
            .with_timeout(Duration::from_secs(60))
            .with_shutdown_timeout(shutdown_timeout),
    );
    let _ = producer.send(message("first")).unwrap();
    cluster.set_fault(&broker_a(), Fault::Hang);
    let sends: Vec<_> = (0..10).map(|_| producer.send_in_background(message("stuck"))).collect();
    eventually("the broker has them all", || cluster.stored("Contract").len() == 11);

    let begun = Instant::now();
    let cut_off = producer.shutdown().expect_err("ten sends are stuck");
    assert!(begun.elapsed() < shutdown_timeout + SLACK, "{:?}", begun.elapsed());
    assert_eq!(cut_off.unfinished, 10);
    for send in sends {
        let error = send.join().unwrap().unwrap_err();
        assert!(matches!(error.kind(), SendErrorKind::ShuttingDown(_)), "{error}");
        assert_eq!(error.outcome(), Outcome::Unknown, "the broker did store it");
    }
    producer.shutdown().expect("it is down already");
}

fn row_7_dropping_a_producer_without_shutdown_leaves_nothing_behind<S: Subject>() {
    let cluster = one_broker();
    let producer = S::started(config(&cluster));
    let _ = producer.send(message("one")).unwrap();
    drop(producer);
    for node in [broker_a(), name_server(0)] {
        eventually("the connection is closed", || cluster.connected(&node) == 0);
    }
}

fn row_58_two_producers_of_two_clusters_do_not_know_of_each_other<S: Subject>() {
    let (here, there) = (one_broker(), one_broker());
    let producers = [S::started(config(&here)), S::started(config(&there))];
    for (producer, body) in producers.iter().zip(["here", "there"]) {
        let _ = producer.send(message(body)).unwrap();
    }
    producers[0].shutdown().unwrap();
    let _ = producers[1].send(message("there again")).unwrap();
    let bodies = |messages: Vec<rocketmq_producer_testkit::StoredMessage>| {
        let mut bodies: Vec<_> = messages.into_iter().map(|message| message.body).collect();
        bodies.sort();
        bodies
    };
    assert_eq!(bodies(here.stored("Contract")), ["here"]);
    assert_eq!(bodies(there.stored("Contract")), ["there", "there again"]);
}

fn row_58_two_producers_of_one_group_have_ids_of_their_own<S: Subject>() {
    let cluster = one_broker();
    let producers = [S::started(config(&cluster)), S::started(config(&cluster))];
    for producer in &producers {
        let _ = producer.send(message("hello")).unwrap();
    }
    eventually("both are registered", || {
        let ids = cluster.model(|model| model.broker("broker-a").producers());
        ids.len() == 2 && ids[0].0 != ids[1].0
    });
}

on_every_runtime!(
    what_is_sent_can_be_read_back,
    row_4_a_producer_that_is_not_running_says_so_and_gives_the_message_back,
    starting_and_shutting_down_twice_is_the_same_as_once,
    row_8_a_producer_can_be_started_again,
    a_shutdown_unregisters_and_closes_every_connection,
    row_7_a_shutdown_waits_for_what_is_in_flight,
    row_7_a_shutdown_that_runs_out_of_time_answers_every_send_once,
    row_7_dropping_a_producer_without_shutdown_leaves_nothing_behind,
    row_58_two_producers_of_two_clusters_do_not_know_of_each_other,
    row_58_two_producers_of_one_group_have_ids_of_their_own,
);
