//! What a producer says that it has done.

use std::{thread, time::Duration};

use rocketmq_producer::{BrokerState, Message, ProducerStats};
use rocketmq_producer_testkit::model::Fault;

use crate::{subject::Subject, world::*};

fn totals(stats: &ProducerStats) -> [u64; 3] {
    [stats.total_sent, stats.total_failed, stats.total_dropped]
}

fn what_was_counted_survives_shutdown_and_restart<S: Subject>() {
    let cluster = one_broker();
    let producer = S::new(config(&cluster)).unwrap();
    let before = producer.stats();
    assert_eq!((before.running, &before.client_id, totals(&before)), (false, &None, [0; 3]));
    assert_eq!((before.success_rate, &*before.producer_group), (1.0, "contract"));
    let _ = producer.send(message("too early")).unwrap_err();
    producer.start().unwrap();
    let _ = producer.send(message("first")).unwrap();
    producer.oneway(message("second")).unwrap();
    producer.shutdown().unwrap();
    let _ = producer.send(message("too late")).unwrap_err();
    producer.start().unwrap();
    let _ = producer.send(message("third")).unwrap();
    let stats = producer.stats();
    assert_eq!(totals(&stats), [3, 2, 0]);
    assert_eq!(stats.success_rate, 0.6);
    assert!(stats.running && stats.client_id.is_some());
    assert_eq!((stats.latency.count, stats.oneway.handed_over), (2, 1));
    assert_eq!(stats.cached_topics, 1);
    assert!(stats.heartbeats.sent >= 2, "one for each start");
    let router = producer.router_stats();
    assert_eq!((router.total_routing, router.failed_routing), (3, 0));
    assert_eq!(router.strategy_usage["round_robin"], 3);
    let broker = &router.broker_health["broker-a"];
    assert_eq!((broker.total_requests, broker.stored, broker.handed_over), (3, 2, 1));
    assert_eq!((broker.status, broker.is_available), (Some(BrokerState::Healthy), true));
    producer.shutdown().unwrap();
    let after = producer.router_stats();
    assert_eq!(after.broker_health["broker-a"].status, None, "no route names it any more");
    assert_eq!(after.broker_health["broker-a"].total_requests, 3);
}

fn a_reset_tells_what_was_counted_and_leaves_what_is_in_flight<S: Subject>() {
    let cluster = one_broker();
    let producer = S::started(config(&cluster).with_timeout(Duration::from_secs(2)).with_retry(0));
    let _ = producer.send(message("stored")).unwrap();
    cluster.set_fault(&broker_a(), Fault::SwallowSends(1));
    let send = producer.send_in_background(message("never answered"));
    eventually("it is in flight", || producer.stats().in_flight.messages == 1);
    let in_flight = producer.stats().in_flight;
    assert_eq!(in_flight.requests, 1);
    assert!(in_flight.bytes >= "never answered".len());
    let told = producer.reset_stats();
    assert_eq!((totals(&told), told.in_flight.messages), ([1, 0, 0], 1));
    let zero = producer.stats();
    assert_eq!((totals(&zero), zero.latency.count, zero.in_flight.messages), ([0; 3], 0, 1));
    let router = producer.router_stats();
    assert_eq!((router.total_routing, router.broker_health["broker-a"].total_requests), (0, 0));
    let _ = send.join().unwrap().unwrap_err();
    let after = producer.stats();
    assert_eq!(totals(&after), [0, 1, 0]);
    eventually("its permit is back", || producer.stats().in_flight == Default::default());
    assert_eq!(producer.router_stats().broker_health["broker-a"].failed, 1);
}

fn statistics_are_reset_now_and_then_where_that_is_asked_for<S: Subject>() {
    let cluster = one_broker();
    let interval = Duration::from_millis(300);
    let producer = S::started(config(&cluster).with_stats_reset_interval(interval));
    for _ in 0..2 {
        let _ = producer.send(message("x")).unwrap();
        eventually("it is forgotten", || totals(&producer.stats()) == [0; 3]);
    }
    let steady = S::started(config(&cluster));
    let _ = steady.send(message("x")).unwrap();
    thread::sleep(interval * 3);
    assert_eq!(totals(&steady.stats()), [1, 0, 0], "it is not asked for");
}

fn row_19_what_was_sent_again_though_it_may_be_stored_is_counted<S: Subject>() {
    let cluster = two_brokers();
    cluster.model(|model| model.create_topic("Contract", 4));
    let config = config(&cluster).with_retry_another_broker_when_not_store_ok(true);
    let producer = S::started(config);
    let in_doubt = |times| Fault::AnswerAfterActing { code: 10, remark: String::new(), times };
    [broker_a(), broker_b()].iter().for_each(|node| cluster.set_fault(node, in_doubt(1)));
    producer.prepare(&["Contract"]).unwrap();
    let receipt = producer.send(message("twice")).unwrap();
    let stats = producer.stats();
    assert_eq!((receipt.attempts, totals(&stats)), (2, [1, 0, 0]));
    assert_eq!((stats.retries, stats.possible_duplicates), (1, 1));
    assert_eq!(cluster.stored("Contract").len(), 2);
    let router = producer.router_stats();
    let stored = ["broker-a", "broker-b"].map(|name| router.broker_health[name].stored);
    assert_eq!(stored, [1, 1]);
}

fn each_message_of_a_batch_is_counted_whatever_becomes_of_it<S: Subject>() {
    let cluster = one_broker();
    let producer = S::started(config(&cluster));
    let batch = |size| (0..size).map(|n: u32| message(&n.to_string())).collect::<Vec<_>>();
    assert!(producer.send_batch(batch(30)).iter().all(Result::is_ok));
    assert!(producer.send_batch(batch(1)).iter().all(Result::is_ok));
    assert!(producer.oneway_batch(batch(5)).iter().all(Result::is_ok));
    eventually("they have arrived", || cluster.stored("Contract").len() == 36);
    let refusal = Fault::Answer { code: 13, remark: "illegal".to_owned(), times: 1 };
    cluster.set_fault(&broker_a(), refusal);
    assert!(producer.send_batch(batch(7)).iter().all(Result::is_err));
    let mixed = vec![message("x"), Message::new("Other", "x")];
    assert!(producer.send_batch(mixed).iter().all(Result::is_err), "two topics");
    let stats = producer.stats();
    assert_eq!(totals(&stats), [36, 9, 0]);
    assert_eq!((stats.batch_sent, stats.latency.count), (35, 31));
    let router = producer.router_stats();
    assert_eq!(router.total_routing, 4, "one for each request");
    assert_eq!(router.broker_health["broker-a"].stored, 2);
}

fn row_53_what_producers_count_has_its_names<S: Subject>() {
    let cluster = one_broker();
    let producer = S::started(config(&cluster));
    let _ = producer.send(message("x")).unwrap();
    let stats = serde_json::to_value(producer.stats()).unwrap();
    for name in [
        "running",
        "producer_group",
        "client_id",
        "total_sent",
        "total_failed",
        "success_rate",
        "cached_topics",
    ] {
        assert!(!stats[name].is_null(), "{name}: {stats}");
    }
    for (part, names) in [
        ("in_flight", &["messages", "requests", "bytes"][..]),
        ("latency", &["count", "avg", "p50", "p99", "p999", "max"]),
        ("oneway", &["handed_over", "requests_in_doubt"]),
        ("heartbeats", &["sent", "succeeded", "failed"]),
        ("failures", &["timed_out", "topic_not_found", "rejected", "full"]),
        (
            "transactions",
            &[
                "total_transactions",
                "committed_transactions",
                "rolled_back_transactions",
                "unknown_transactions",
                "avg_check_times",
                "timed_out",
                "unconfirmed",
            ],
        ),
    ] {
        names.iter().for_each(|name| assert!(stats[part][name].is_number(), "{part} {name}"));
    }
    let router = serde_json::to_value(producer.router_stats()).unwrap();
    for name in ["total_routing", "successful_routing", "failed_routing"] {
        assert!(router[name].is_number(), "{name}: {router}");
    }
    assert_eq!(router["strategy_usage"]["round_robin"], 1);
    assert_eq!(router["broker_usage"]["broker-a"], 1);
    let broker = &router["broker_health"]["broker-a"];
    assert_eq!((&broker["status"], &broker["is_available"]), (&"healthy".into(), &true.into()));
    for name in ["success_rate", "avg_latency", "total_requests"] {
        assert!(broker[name].is_number(), "{name}: {router}");
    }
    let health = serde_json::to_value(producer.available_brokers()).unwrap();
    assert!(health[0][1]["recent_latencies"][0].is_number(), "milliseconds: {health}");
}

on_every_runtime!(
    what_was_counted_survives_shutdown_and_restart,
    a_reset_tells_what_was_counted_and_leaves_what_is_in_flight,
    statistics_are_reset_now_and_then_where_that_is_asked_for,
    row_19_what_was_sent_again_though_it_may_be_stored_is_counted,
    each_message_of_a_batch_is_counted_whatever_becomes_of_it,
    row_53_what_producers_count_has_its_names,
);
