//! Changes of state.

use std::{collections::BTreeSet, thread, time::Duration};

use rocketmq_producer::ProducerConfig;
use rocketmq_producer_testkit::{
    model::{Fault, ModelCluster},
    serve::EmbeddedCluster,
};
use tracing::Level;

use crate::{
    collector::{Collector, Seen},
    subject::Subject,
    world::*,
};

/// A producer whose events can be told from those of others, and what they are told to.
fn watched<S: Subject>(config: ProducerConfig, test: &str) -> (S, String, Collector) {
    let collector = Collector::global();
    let client_id = format!("{test} on {}", std::any::type_name::<S>());
    (S::started(config.with_client_id(client_id.clone())), client_id, collector)
}

fn count(told: &[Seen], name: &str) -> usize {
    told.iter().filter(|event| event.field("event") == name).count()
}

fn a_producers_life_is_told_in_events<S: Subject>() {
    let cluster = one_broker();
    let (producer, id, collector) = watched::<S>(config(&cluster), "life");
    let _ = producer.send(message("first")).unwrap();
    producer.shutdown().unwrap();
    let told = collector.told_by(&id);
    for name in ["started", "route_found", "shutdown_begun", "shutdown_ended"] {
        assert_eq!(count(&told, name), 1, "{name}: {told:?}");
    }
    let connected = told.iter().filter(|event| event.field("event") == "connected");
    let peers: Vec<_> = connected.map(|event| (event.field("peer"), event.level)).collect();
    assert_eq!(peers, [("name server", Level::DEBUG), ("broker", Level::INFO)]);
    assert!(told.iter().all(|event| event.target.starts_with("rocketmq_producer::")));
    assert!(told.iter().all(|event| event.level >= Level::INFO), "nobody is to be woken");
    let last = told.last().unwrap();
    assert_eq!((last.field("message"), last.field("unfinished")), ("shut down", "0"));
}

fn a_brokers_death_and_return_are_told_once_each<S: Subject>() {
    let cluster = one_broker();
    let config = config(&cluster).with_timeout(Duration::from_millis(300));
    let (producer, id, collector) = watched::<S>(config, "death");
    let _ = producer.send(message("first")).unwrap();
    cluster.refuse(&broker_a());
    for number in 0..20 {
        assert!(producer.send(message(&format!("number {number}"))).is_err());
    }
    cluster.accept_again(&broker_a());
    eventually("the broker is reached again", || producer.send(message("again")).is_ok());
    let told = collector.told_by(&id);
    assert_eq!((count(&told, "disconnected"), count(&told, "dial_failed")), (1, 1), "{told:?}");
    let failed = told.iter().find(|event| event.field("event") == "dial_failed").unwrap();
    assert_eq!((failed.level, failed.field("peer")), (Level::WARN, "broker"));
    assert_eq!(failed.field("address"), cluster.address(&broker_a()).to_string());
    assert!(failed.field("cause").contains("refused"), "{failed:?}");
    assert!(told.len() < 20, "{told:?}");
}

fn a_broker_is_told_to_fall_ill_and_to_recover<S: Subject>() {
    let cluster = one_broker();
    let (producer, id, collector) = watched::<S>(config(&cluster).with_retry(0), "health");
    let _ = producer.send(message("first")).unwrap();
    let remark = "not today".to_owned();
    cluster.set_fault(&broker_a(), Fault::Answer { code: 14, remark, times: u32::MAX });
    for _ in 0..10 {
        assert!(producer.send(message("refused")).is_err());
    }
    cluster.set_fault(&broker_a(), None);
    for _ in 0..10 {
        assert!(producer.send(message("stored")).is_ok());
    }
    assert!(producer.suspend_broker("broker-a") && producer.suspend_broker("broker-a"));
    let states = || -> Vec<(Level, String)> {
        let mut told = collector.told_by(&id);
        told.retain(|event| event.field("event") == "broker_state_changed");
        told.iter().map(|event| (event.level, event.field("to").to_owned())).collect()
    };
    // Changes of one moment may be told as one.
    eventually("the suspension is told", || states().iter().any(|(_, to)| to == "Suspended"));
    let warned = states().into_iter().filter(|(level, _)| *level == Level::WARN);
    assert!(warned.into_iter().all(|(_, to)| to == "Unhealthy"));
    assert_eq!(states().iter().filter(|(_, to)| to == "Suspended").count(), 1);
    assert!(states().len() <= 4, "{:?}", states());
}

fn row_55_thousands_of_failing_sends_are_a_handful_of_events<S: Subject>() {
    let cluster = EmbeddedCluster::serve(ModelCluster::new(1, ["broker-a", "broker-b"]));
    let (producer, id, collector) = watched::<S>(config(&cluster).with_retry(0), "failing");
    let _ = producer.send(message("first")).unwrap();
    let remark = "not today".to_owned();
    for broker in [broker_a(), broker_b()] {
        let refuses = Fault::Answer { code: 14, remark: remark.clone(), times: u32::MAX };
        cluster.set_fault(&broker, refuses);
    }
    for _ in 0..3_000 {
        assert!(producer.send(message("refused")).is_err());
    }
    let told = collector.told_by(&id);
    assert!(told.len() <= 30, "{} events: {told:?}", told.len());
    let kinds: BTreeSet<_> = told.iter().map(|event| event.field("event")).collect();
    assert!(kinds.contains("broker_state_changed"), "{kinds:?}");
}

fn name_servers_that_are_down_are_told_once_whatever_is_asked<S: Subject>() {
    let cluster = one_broker();
    cluster.refuse(&name_server(0));
    let config = config(&cluster).with_timeout(Duration::from_millis(100));
    let (producer, id, collector) = watched::<S>(config, "name servers");
    for _ in 0..20 {
        assert!(producer.send(message("nowhere")).is_err());
    }
    cluster.accept_again(&name_server(0));
    eventually("it is reached", || producer.send(message("somewhere")).is_ok());
    let told = collector.told_by(&id);
    for name in ["name_servers_unreachable", "name_servers_reachable", "dial_failed"] {
        assert_eq!(count(&told, name), 1, "{name}: {told:?}");
    }
}

fn a_runtime_that_is_dropped_is_told_of<S: Subject>() {
    let cluster = one_broker();
    let (producer, id, collector) = watched::<S>(config(&cluster), "dropped");
    let _ = producer.send(message("first")).unwrap();
    let until = thread::spawn(move || drop(producer));
    until.join().unwrap();
    let ended = |name: &str| count(&collector.told_by(&id), name);
    eventually("its end is told", || ended("shutdown_ended") + ended("driver_gone") == 1);
}

on_every_runtime!(
    a_producers_life_is_told_in_events,
    a_brokers_death_and_return_are_told_once_each,
    a_broker_is_told_to_fall_ill_and_to_recover,
    row_55_thousands_of_failing_sends_are_a_handful_of_events,
    name_servers_that_are_down_are_told_once_whatever_is_asked,
    a_runtime_that_is_dropped_is_told_of,
);
