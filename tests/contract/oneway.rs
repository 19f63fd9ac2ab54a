//! Sends that nobody answers.

use std::{
    thread,
    time::{Duration, Instant},
};

use rocketmq_producer::{Message, Outcome};
use rocketmq_producer_testkit::model::Fault;

use crate::{subject::Subject, world::*};

fn oneway_messages_are_stored_though_nobody_says_so<S: Subject>() {
    let cluster = one_broker();
    let producer = S::started(config(&cluster));
    for number in 0..10 {
        producer.oneway(message(&number.to_string())).unwrap();
    }
    let batch = (10..40).map(|number| message(&number.to_string())).collect();
    assert!(producer.oneway_batch(batch).into_iter().all(|one| one.is_ok()));
    eventually("all are stored", || cluster.stored("Contract").len() == 40);
    let stats = producer.oneway_stats();
    assert_eq!((stats.handed_over, stats.requests_in_doubt), (40, 0));
    producer.oneway(message("just before the end")).unwrap();
    producer.shutdown().unwrap();
    let stats = producer.oneway_stats();
    assert_eq!((stats.handed_over, stats.requests_in_doubt), (41, 0), "goodbyes are answered");
    assert_eq!(cluster.stored("Contract").len(), 41);
}

fn row_23_a_silent_broker_does_not_keep_oneway_sends_waiting<S: Subject>() {
    let cluster = one_broker();
    let producer = S::started(config(&cluster));
    let _ = producer.send(message("the connection is up")).unwrap();
    cluster.set_fault(&broker_a(), Fault::Hang);
    let begun = Instant::now();
    for _ in 0..100 {
        producer.oneway(message("x")).unwrap();
    }
    assert!(begun.elapsed() < SLACK, "{:?}", begun.elapsed());
}

fn row_23_ok_means_that_the_socket_has_taken_all_bytes<S: Subject>() {
    let cluster = one_broker();
    let timeout = Duration::from_millis(500);
    let producer = S::started(config(&cluster).with_timeout(timeout).with_retry(0));
    let _ = producer.send(message("the connection is up")).unwrap();
    cluster.pause_before_reads(&broker_a(), Duration::from_secs(3));
    // The kernel's buffers take some megabytes; what comes after them is not told to be sent.
    let send = |_| producer.oneway(Message::new("Contract", vec![b'x'; 1024 * 1024]));
    let errors: Vec<_> = (0..40).filter_map(|number| send(number).err()).collect();
    assert!(errors.len() >= 10, "{} of 40 were not taken", errors.len());
    for error in errors {
        // The frame that the socket has a part of may yet arrive, and nothing else.
        assert_ne!(error.outcome(), Outcome::Rejected);
    }
    cluster.pause_before_reads(&broker_a(), Duration::ZERO);
}

fn row_23_a_connection_that_dies_leaves_its_last_ones_in_doubt<S: Subject>() {
    let cluster = one_broker();
    let producer = S::started(config(&cluster));
    let _ = producer.send(message("the connection is up")).unwrap();
    producer.oneway(message("proven by the answer to the next")).unwrap();
    let _ = producer.send(message("answered")).unwrap();
    for _ in 0..3 {
        producer.oneway(message("who knows")).unwrap();
    }
    cluster.cut_connections(&broker_a());
    eventually("they are counted", || producer.oneway_stats().requests_in_doubt == 3);
    assert_eq!(producer.oneway_stats().handed_over, 4);
}

fn row_23_a_broker_that_cannot_be_reached_is_an_error<S: Subject>() {
    let cluster = one_broker();
    cluster.refuse(&broker_a());
    let producer = S::started(config(&cluster).with_timeout(Duration::from_secs(1)));
    let error = producer.oneway(message("nobody there")).unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotSent);
    assert_eq!(error.into_message().body(), "nobody there");
    let errors = producer.oneway_batch(vec![message("a"), message("b")]);
    assert!(errors.iter().all(|one| one.as_ref().unwrap_err().outcome() == Outcome::NotSent));
    assert_eq!(producer.oneway_stats().handed_over, 0);
}

fn oneway_sends_need_permits_like_all_others<S: Subject>() {
    let cluster = one_broker();
    let config = config(&cluster).with_async_send_semaphore(1).with_retry(0);
    let producer = S::started(config.with_timeout(Duration::from_secs(2)));
    let _ = producer.send(message("the connection is up")).unwrap();
    cluster.set_fault(&broker_a(), Fault::Hang);
    let answered = producer.send_in_background(message("never answered"));
    let stored = || cluster.stored("Contract").len();
    eventually("it has the only permit", || stored() == 2);
    let waiting = producer.clone();
    let oneway = thread::spawn(move || waiting.oneway(message("has to wait")));
    thread::sleep(Duration::from_millis(300));
    assert_eq!((stored(), producer.oneway_stats().handed_over), (2, 0), "it waits");
    let _ = answered.join().unwrap().unwrap_err();
    // The other's time is up first, or this one's.
    let error = oneway.join().unwrap().err();
    assert!(error.is_none_or(|error| error.outcome() == Outcome::NotSent));
    producer.oneway(message("has room")).unwrap();
}

on_every_runtime!(
    oneway_messages_are_stored_though_nobody_says_so,
    row_23_a_silent_broker_does_not_keep_oneway_sends_waiting,
    row_23_ok_means_that_the_socket_has_taken_all_bytes,
    row_23_a_connection_that_dies_leaves_its_last_ones_in_doubt,
    row_23_a_broker_that_cannot_be_reached_is_an_error,
    oneway_sends_need_permits_like_all_others,
);
