//! Real brokers that are killed, are busy, leave, or are asked for too much at once, while every
//! runtime sends: what becomes of the sends is told, and compared with what is stored.
//!
//! Ignored by default, since it needs Java and Maven: `cargo test -- --ignored` runs it, and
//! `--show-output` shows the figures.

#![cfg(all(feature = "mio", feature = "smol", feature = "tokio"))]

#[path = "real_failover/load.rs"]
mod load;
#[path = "contract/subject.rs"]
#[allow(dead_code, reason = "each suite uses a part of it")]
mod subject;

use std::{
    collections::BTreeSet,
    thread,
    time::{Duration, Instant},
};

use load::Story;
use rocketmq_producer::{Message, ProducerConfig};
use rocketmq_producer_testkit::real::{RealCluster, RealClusterBuilder, Version};
use subject::{Blocking, Mio, Smol, Subject, Tokio};

const SECOND: Duration = Duration::from_secs(1);

/// Plays a scenario on every runtime, each with a topic of its own.
macro_rules! on_every_runtime {
    ($scenario:ident, $cluster:expr, $topic:literal) => {
        $scenario::<Blocking>($cluster, concat!($topic, "Blocking"));
        $scenario::<Mio>($cluster, concat!($topic, "Mio"));
        $scenario::<Smol>($cluster, concat!($topic, "Smol"));
        $scenario::<Tokio>($cluster, concat!($topic, "Tokio"));
    };
}

fn start(builder: RealClusterBuilder) -> RealCluster {
    builder.start().unwrap_or_else(|error| panic!("{error}"))
}

fn config(cluster: &RealCluster) -> ProducerConfig {
    ProducerConfig::new("real-failover", cluster.namesrv_addr())
}

/// A producer whose topic has come to be on every broker, and JVMs that are warm.
fn warm<S: Subject>(config: ProducerConfig, topic: &str, brokers: usize) -> S {
    let producer = S::started(config);
    let until = Instant::now() + 60 * SECOND;
    let mut sends = 0;
    while sends < 500 || brokers_of(&producer, topic).len() < brokers {
        let _ = producer.send(Message::new(topic.to_owned(), "warm-up"));
        sends += 1;
        assert!(Instant::now() < until, "{topic} is on {:?}", brokers_of(&producer, topic));
    }
    producer
}

/// The brokers that the producer would send to.
fn brokers_of<S: Subject>(producer: &S, topic: &str) -> BTreeSet<String> {
    let queues = producer.publish_queues(topic);
    queues.into_iter().map(|queue| queue.broker_name.to_string()).collect()
}

fn dies<S: Subject>(cluster: &mut RealCluster, topic: &str) {
    let producer: S = warm(config(cluster), topic, 2);
    let mut forgotten = None;
    let story = Story::under_load("kill -9 of one broker of two", &producer, topic, || {
        let killed = Instant::now();
        cluster.kill_broker("broker-b").unwrap();
        while killed.elapsed() < 8 * SECOND {
            if brokers_of(&producer, topic).len() == 1 {
                forgotten.get_or_insert(killed.elapsed());
            }
            thread::sleep(SECOND / 100);
        }
    });
    story.tell();
    match forgotten {
        Some(after) => println!("{topic}: the dead broker has left the route after {after:.3?}"),
        // The name server was asked before it knew; nothing goes there all the same.
        None => println!("{topic}: the dead broker is in the route until it is refreshed"),
    }
    producer.shutdown().unwrap();
    cluster.restart_broker("broker-b").unwrap();
    story.expect_all_stored(cluster);
    story.expect_no_failure();
}

fn is_busy<S: Subject>(cluster: &mut RealCluster, topic: &str) {
    let producer: S = warm(config(cluster).with_timeout(10 * SECOND), topic, 2);
    let story = Story::under_load("both brokers busy for 3 s", &producer, topic, || {
        for busy in [true, false] {
            for broker in ["broker-a", "broker-b"] {
                let property = format!("transientStorePoolEnable={busy}");
                cluster.configure_broker(broker, &property).unwrap();
            }
            thread::sleep(3 * SECOND);
        }
    });
    story.tell();
    producer.shutdown().unwrap();
    story.expect_all_stored(cluster);
    story.expect_no_failure();
    assert!(story.further_attempts() > 0, "nobody was told that they were busy");
}

fn leaves<S: Subject>(cluster: &mut RealCluster, topic: &str) {
    let producer: S = warm(config(cluster), topic, 2);
    let story = Story::under_load("one broker of two leaves", &producer, topic, || {
        cluster.stop_broker("broker-b").unwrap();
        // It says so for four seconds, then closes.
        thread::sleep(7 * SECOND);
    });
    story.tell();
    producer.shutdown().unwrap();
    cluster.restart_broker("broker-b").unwrap();
    story.expect_all_stored(cluster);
    story.expect_no_failure();
    assert!(story.further_attempts() > 0, "nobody was told to go away");
}

/// On threads, which take seconds to start by the thousand, it is less at once than with tasks.
fn is_asked_for_much_at_once<S: Subject>(cluster: &mut RealCluster, topic: &str) {
    let producer: S = warm(config(cluster).with_timeout(10 * SECOND), topic, 1);
    for sends in [2_000, 10_000] {
        let story = Story::at_once(&producer, topic, sends);
        story.tell();
        story.expect_all_stored(cluster);
        story.expect_no_failure();
    }
    producer.shutdown().unwrap();
}

fn a_killed_broker_costs_no_send(version: Version) {
    let mut cluster = start(RealCluster::builder(version).brokers(2));
    on_every_runtime!(dies, &mut cluster, "Dies");
}

fn brokers_that_are_busy_for_a_while_cost_no_send(version: Version) {
    let mut cluster = start(RealCluster::builder(version).brokers(2));
    on_every_runtime!(is_busy, &mut cluster, "Busy");
}

mod rocketmq_5_5_0 {
    use super::*;

    #[test]
    #[ignore = "needs a real cluster"]
    fn row_35_a_killed_broker_costs_no_send() {
        a_killed_broker_costs_no_send(Version::V5_5_0);
    }

    #[test]
    #[ignore = "needs a real cluster"]
    fn row_25_brokers_that_are_busy_for_a_while_cost_no_send() {
        brokers_that_are_busy_for_a_while_cost_no_send(Version::V5_5_0);
    }

    #[test]
    #[ignore = "needs a real cluster"]
    fn row_37_a_broker_that_leaves_gracefully_costs_no_send() {
        let builder = RealCluster::builder(Version::V5_5_0).brokers(2);
        let mut cluster = start(builder.graceful_shutdown(4 * SECOND));
        on_every_runtime!(leaves, &mut cluster, "Leaves");
    }

    /// A broker with default settings sheds what has waited for 200 ms.
    #[test]
    #[ignore = "needs a real cluster"]
    fn row_25_thousands_of_sends_at_once_are_taken_in_the_end() {
        let mut cluster = start(RealCluster::builder(Version::V5_5_0));
        on_every_runtime!(is_asked_for_much_at_once, &mut cluster, "Much");
    }
}

mod rocketmq_4_9_5 {
    use super::*;

    #[test]
    #[ignore = "needs a real cluster"]
    fn row_35_a_killed_broker_costs_no_send() {
        a_killed_broker_costs_no_send(Version::V4_9_5);
    }

    #[test]
    #[ignore = "needs a real cluster"]
    fn row_25_brokers_that_are_busy_for_a_while_cost_no_send() {
        brokers_that_are_busy_for_a_while_cost_no_send(Version::V4_9_5);
    }
}
