//! What goes to exporters is what statistics say.
//!
//! A test binary of its own with one test: a recorder is the whole process's.

#![cfg(all(feature = "blocking", feature = "metrics"))]

use metrics_exporter_prometheus::PrometheusBuilder;
use rocketmq_producer::{Message, ProducerConfig, SendOptions, blocking::Producer};
use rocketmq_producer_testkit::{
    model::{Fault, Node},
    serve::EmbeddedCluster,
};

/// The value of a line of the page, by its name and the labels that it has besides the client's id.
fn value(page: &str, name: &str, labels: &[&str]) -> Option<f64> {
    let is_it = |line: &&str| {
        let labelled = line.strip_prefix(name).is_some_and(|rest| rest.starts_with('{'));
        labelled && labels.iter().all(|label| line.contains(label))
    };
    let mut lines = page.lines().filter(is_it);
    let value = lines.next()?.rsplit_once(' ')?.1.parse().ok();
    assert_eq!(lines.next(), None, "{name} {labels:?} is one line");
    value
}

#[test]
fn row_53_a_prometheus_page_shows_what_statistics_say() {
    let recorder = PrometheusBuilder::new().set_buckets(&[1.0, 500.0]).unwrap();
    let page = recorder.install_recorder().unwrap();
    let cluster = EmbeddedCluster::start();
    let broker = Node::Broker("broker-a".to_owned());
    let config = ProducerConfig::new("metrics", cluster.namesrv_addr()).with_client_id("one@1");
    let producer = Producer::new(config).unwrap();
    producer.start().unwrap();
    let message = || Message::new("Metrics", "x");
    (0..10).for_each(|_| drop(producer.send(message()).unwrap()));
    assert!(producer.send_batch(vec![message(); 5]).iter().all(Result::is_ok));
    cluster.set_fault(&broker, Fault::Answer { code: 13, remark: String::new(), times: 2 });
    (0..2).for_each(|_| drop(producer.send(message()).unwrap_err()));
    cluster.set_fault(&broker, Fault::CloseInsteadOfReply(1));
    let _ = producer.send(message()).expect("the second attempt is answered");
    let _ = producer.send_with(Message::new("not a topic", "x"), SendOptions::new()).unwrap_err();
    producer.oneway(message()).unwrap();
    producer.shutdown().unwrap();

    let (stats, router, page) = (producer.stats(), producer.router_stats(), page.render());
    let shown = |name: &str, labels: &[&str]| {
        let shown = value(&page, name, &[labels, &["client_id=\"one@1\""]].concat());
        shown.unwrap_or_else(|| panic!("no {name} {labels:?} in\n{page}")) as u64
    };
    let (success, failure) = ("invocation_status=\"success\"", "invocation_status=\"failure\"");
    let messages = "rocketmq_producer_messages_total";
    assert_eq!((stats.total_sent, stats.total_failed), (17, 3));
    assert_eq!(shown(messages, &[success]), stats.total_sent);
    assert_eq!(shown(messages, &[failure]), stats.total_failed);
    assert_eq!(shown(messages, &["invocation_status=\"dropped\""]), stats.total_dropped);
    for (class, count) in &stats.failures {
        let reason = format!("reason=\"{}\"", class.name());
        assert_eq!(shown("rocketmq_producer_failures_total", &[&reason]), *count, "{reason}");
    }
    let cost = "rocketmq_send_cost_time_count";
    let topic = "topic=\"Metrics\"";
    assert_eq!(shown(cost, &[topic, success]), stats.latency.count);
    assert_eq!(shown(cost, &[topic, failure]), 2, "what was refused at once has no cost");
    let of_broker = &router.broker_health["broker-a"];
    let (attempts, name) = ("rocketmq_producer_attempts_total", "broker=\"broker-a\"");
    assert_eq!(shown(attempts, &[name, success]), of_broker.stored + of_broker.handed_over);
    assert_eq!(shown(attempts, &[name, failure]), of_broker.failed);
    assert_eq!(shown("rocketmq_producer_retries_total", &[]), 1);
    assert_eq!((stats.retries, stats.possible_duplicates), (1, 1));
    assert_eq!(shown("rocketmq_producer_possible_duplicates_total", &[]), 1);
    assert_eq!(shown("rocketmq_producer_inflight_messages", &[]), 0);
}
