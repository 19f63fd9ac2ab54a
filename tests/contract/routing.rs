//! Who gets a message, by the producer's strategy, by one send's options, by hand; and how many may
//! be on their way.

use std::{collections::BTreeMap, thread, time::Duration};

use rocketmq_producer::{
    BrokerState, Message, MessageQueue, RoutingStrategy, SendErrorKind, SendOptions, TimeoutPhase,
};
use rocketmq_producer_testkit::model::Fault;

use crate::{subject::Subject, world::*};

/// How many of so many messages each broker got.
fn shares<S: Subject>(producer: &S, messages: usize) -> BTreeMap<String, usize> {
    let mut shares = BTreeMap::new();
    for number in 0..messages {
        let receipt = producer.send(message(&format!("number {number}"))).unwrap();
        *shares.entry(receipt.message_queue.broker_name.to_string()).or_default() += 1;
    }
    shares
}

fn messages_are_spread_evenly_over_brokers<S: Subject>() {
    let cluster = two_brokers();
    cluster.model(|model| model.create_topic("Contract", 4));
    let producer = S::started(config(&cluster));
    let shares = shares(&producer, 40);
    assert_eq!(shares, BTreeMap::from([("broker-a".into(), 20), ("broker-b".into(), 20)]));
}

fn row_35_a_suspended_broker_gets_nothing_until_it_is_recovered<S: Subject>() {
    let cluster = two_brokers();
    cluster.model(|model| model.create_topic("Contract", 4));
    let producer = S::started(config(&cluster));
    assert!(!producer.suspend_broker("broker-a"), "no route names it yet");
    shares(&producer, 2);
    assert!(producer.suspend_broker("broker-a"));
    assert_eq!(shares(&producer, 10), BTreeMap::from([("broker-b".into(), 10)]));
    let states: Vec<_> = producer.available_brokers().into_iter().map(|(_, b)| b.status).collect();
    assert_eq!(states, [BrokerState::Suspended, BrokerState::Healthy]);
    assert!(producer.force_broker_recovery("broker-a"));
    assert_eq!(shares(&producer, 10).len(), 2);
}

fn what_brokers_do_is_counted<S: Subject>() {
    let cluster = two_brokers();
    cluster.model(|model| model.create_topic("Contract", 4));
    let producer = S::started(config(&cluster));
    cluster.set_fault(&broker_b(), Fault::Answer { code: 14, remark: String::new(), times: 2 });
    shares(&producer, 10);
    let brokers: BTreeMap<_, _> = producer.available_brokers().into_iter().collect();
    assert_eq!(brokers["broker-b"].failure_count, 2);
    assert_eq!(brokers["broker-a"].failure_count, 0);
    assert_eq!(brokers["broker-a"].success_count + brokers["broker-b"].success_count, 10);
}

fn heartbeats_are_counted<S: Subject>() {
    let cluster = two_brokers();
    let interval = Duration::from_millis(50);
    let producer = S::started(config(&cluster).with_heartbeat_broker_interval(interval));
    shares(&producer, 10);
    // What has been sent is known to have been queued a moment later.
    eventually("ten heartbeats", || producer.heartbeat_stats().succeeded >= 10);
    let stats = producer.heartbeat_stats();
    assert!(stats.sent >= stats.succeeded && stats.failed == 0, "{stats:?}");
}

fn routes_that_are_confirmed_are_not_cleared<S: Subject>() {
    let cluster = two_brokers();
    cluster.model(|model| model.create_topic("Contract", 4));
    let producer = S::started(config(&cluster));
    shares(&producer, 2);
    producer.clear_expired_routes();
    thread::sleep(Duration::from_millis(200));
    assert_eq!(producer.publish_queues("Contract").len(), 8);
}

fn one_send_can_choose_its_queue<S: Subject>() {
    let cluster = two_brokers();
    cluster.model(|model| model.create_topic("Contract", 4));
    let producer = S::started(config(&cluster));
    shares(&producer, 1);
    let queues = producer.publish_queues("Contract");
    assert_eq!(queues.len(), 8);
    for queue in &queues {
        let options = SendOptions::new().with_queue(queue.clone());
        let receipt = producer.send_with(message("here"), options).unwrap();
        assert_eq!(receipt.message_queue, *queue);
        let index = queues.iter().position(|other| other == queue);
        let selector = move |_: &Message, _: &[MessageQueue]| index;
        let options = SendOptions::new().with_selector(selector);
        let receipt = producer.send_with(message("there"), options).unwrap();
        assert_eq!(receipt.message_queue, *queue);
    }
    let none = |_: &Message, _: &[MessageQueue]| None;
    let options = SendOptions::new().with_selector(none);
    let error = producer.send_with(message("nowhere"), options).unwrap_err();
    assert!(matches!(error.kind(), SendErrorKind::BadSelection(_)), "{error}");
}

fn the_strategy_can_change_while_running<S: Subject>() {
    let cluster = two_brokers();
    cluster.model(|model| model.create_topic("Contract", 4));
    let producer = S::started(config(&cluster));
    producer.set_routing_strategy(RoutingStrategy::MessageHash);
    let by_key = |key: &'static str| producer.send(message("hashed").with_key(key)).unwrap();
    let first = by_key("k1").message_queue;
    assert!((0..5).all(|_| by_key("k1").message_queue == first));
    producer.set_routing_strategy(RoutingStrategy::RoundRobin);
    let second = by_key("k1").message_queue;
    assert_ne!(by_key("k1").message_queue, second, "its turn has passed");
}

fn row_15_messages_of_one_key_go_one_at_a_time_past_busy_brokers<S: Subject>() {
    let cluster = two_brokers();
    cluster.model(|model| model.create_topic("Contract", 4));
    let producer = S::started(config(&cluster));
    shares(&producer, 2);
    for node in [broker_a(), broker_b()] {
        cluster.set_fault(&node, Fault::Answer { code: 2, remark: "busy".into(), times: 20 });
    }
    let keyed = (0..60).map(|n| message(&format!("{n:03}")).with_sharding_key("order-1"));
    for sent in producer.send_all(keyed.collect()) {
        let _ = sent.unwrap();
    }
    let stored = cluster.stored("Contract");
    assert_eq!(stored.len(), 62, "all are there, and none twice");
}

fn a_route_can_be_asked_for_by_hand<S: Subject>() {
    let cluster = two_brokers();
    cluster.model(|model| model.create_topic("Contract", 4));
    let producer = S::started(config(&cluster));
    assert!(producer.update_route_info("Contract"), "there was none before");
    assert_eq!(producer.publish_queues("Contract").len(), 8);
    cluster.model(|model| {
        for broker in ["broker-a", "broker-b"] {
            model.broker(broker).set_queue_count("Contract", 2);
            model.register_broker(broker, 0);
        }
    });
    assert!(producer.update_route_info("Contract"));
    assert_eq!(producer.publish_queues("Contract").len(), 4);
    assert!(!producer.update_route_info("Contract"), "nothing has changed since");
    producer.shutdown().unwrap();
    assert!(!producer.update_route_info("Contract"));
}

fn row_15_strict_order_keeps_a_keys_queue_until_the_route_is_asked_for_by_hand<S: Subject>() {
    let cluster = two_brokers();
    cluster.model(|model| model.create_topic("Contract", 4));
    let refresh = Duration::from_millis(50);
    let config =
        config(&cluster).with_strict_order(true).with_update_topic_route_info_interval(refresh);
    let producer = S::started(config);
    let queue_of = |key: &str| {
        let keyed = message("keyed").with_sharding_key(key.to_owned());
        producer.send(keyed).unwrap().message_queue
    };
    let keys: Vec<String> = (0..20).map(|n| format!("order-{n}")).collect();
    let before: Vec<_> = keys.iter().map(|key| queue_of(key)).collect();
    cluster.model(|model| {
        for broker in ["broker-a", "broker-b"] {
            model.broker(broker).set_queue_count("Contract", 7);
            model.register_broker(broker, 0);
        }
    });
    eventually("the route is known", || producer.publish_queues("Contract").len() == 14);
    assert_eq!(keys.iter().map(|key| queue_of(key)).collect::<Vec<_>>(), before);
    producer.update_route_info("Contract");
    assert_ne!(keys.iter().map(|key| queue_of(key)).collect::<Vec<_>>(), before);
}

fn row_6_a_full_producer_gives_the_message_back_or_lets_it_wait<S: Subject>() {
    let cluster = one_broker();
    let producer = S::started(config(&cluster).with_async_send_semaphore(1));
    let _ = producer.send(message("first")).unwrap();
    cluster.set_fault(&broker_a(), Fault::Hang);
    let stuck = {
        let producer = producer.clone();
        let options = SendOptions::new().with_timeout(Duration::from_secs(2)).with_retry(0);
        thread::spawn(move || producer.send_with(message("stuck"), options))
    };
    eventually("the broker has it", || cluster.stored("Contract").len() == 2);
    let error = producer.try_send(message("more")).unwrap_err();
    assert!(matches!(error.kind(), SendErrorKind::Full { sends: 1, .. }), "{error}");
    assert_eq!(error.into_message().body(), "more");
    let options = SendOptions::new().with_timeout(Duration::from_millis(200));
    let error = producer.send_with(message("impatient"), options).unwrap_err();
    let phase = TimeoutPhase::Permit;
    assert!(
        matches!(error.kind(), SendErrorKind::TimedOut { phase: p, .. } if *p == phase),
        "{error}"
    );
    cluster.set_fault(&broker_a(), None);
    let patient = producer.send(message("patient"));
    assert!(patient.is_ok(), "{patient:?}");
    assert!(stuck.join().unwrap().is_err());
    assert!(producer.try_send(message("room again")).is_ok());
}

fn row_6_a_message_larger_than_all_that_may_be_in_flight_is_refused_at_once<S: Subject>() {
    let cluster = one_broker();
    let producer = S::started(config(&cluster).with_in_flight_bytes_max(1_000));
    let error = producer.send(Message::new("Contract", vec![0; 2_000])).unwrap_err();
    assert!(matches!(error.kind(), SendErrorKind::TooLarge { limit: 1_000, .. }), "{error}");
    assert!(producer.send(message("small")).is_ok());
}

on_every_runtime!(
    messages_are_spread_evenly_over_brokers,
    row_35_a_suspended_broker_gets_nothing_until_it_is_recovered,
    what_brokers_do_is_counted,
    heartbeats_are_counted,
    routes_that_are_confirmed_are_not_cleared,
    one_send_can_choose_its_queue,
    the_strategy_can_change_while_running,
    a_route_can_be_asked_for_by_hand,
    row_15_strict_order_keeps_a_keys_queue_until_the_route_is_asked_for_by_hand,
    row_15_messages_of_one_key_go_one_at_a_time_past_busy_brokers,
    row_6_a_full_producer_gives_the_message_back_or_lets_it_wait,
    row_6_a_message_larger_than_all_that_may_be_in_flight_is_refused_at_once,
);
