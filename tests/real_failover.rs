//! Two real brokers, one of which is killed, busy or leaving while every runtime sends: what becomes
//! of the sends is counted, told, and compared with what is stored.
//!
//! Ignored by default, since it needs Java and Maven: `cargo test -- --ignored` runs it.

#![cfg(all(feature = "blocking", feature = "smol", feature = "tokio"))]

#[path = "contract/subject.rs"]
#[allow(dead_code, reason = "each suite uses a part of it")]
mod subject;

use std::{
    any::type_name,
    collections::BTreeSet,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use rocketmq_producer::{Message, ProducerConfig};
use rocketmq_producer_testkit::{
    Reader,
    real::{RealCluster, Version},
};
use subject::{Blocking, Sent, Smol, Subject, Tokio};

const SECOND: Duration = Duration::from_secs(1);
/// Threads that send one message after the other.
const SENDERS: usize = 16;

/// One send under load.
struct Record {
    ended: Instant,
    took: Duration,
    result: Sent,
}

/// All sends of a load.
struct Story(Vec<Record>);

impl Story {
    fn failed(&self) -> Vec<&Record> {
        self.0.iter().filter(|record| record.result.is_err()).collect()
    }

    fn longest(&self) -> Duration {
        self.0.iter().map(|record| record.took).max().unwrap_or_default()
    }

    /// The end of the last send that took more than one attempt.
    fn last_retry(&self) -> Option<Instant> {
        let retried = |record: &&Record| match &record.result {
            Ok(receipt) => receipt.attempts > 1,
            Err(error) => error.attempts().len() > 1,
        };
        self.0.iter().filter(retried).map(|record| record.ended).max()
    }

    fn acknowledged(&self) -> BTreeSet<&str> {
        let receipts = self.0.iter().filter_map(|record| record.result.as_ref().ok());
        receipts.map(|receipt| &*receipt.message_id).collect()
    }

    fn tell<S>(&self, what: &str, since: Instant) {
        let runtime = type_name::<S>().rsplit("::").next().unwrap_or_default();
        let retries = self.0.iter().filter_map(|record| record.result.as_ref().ok());
        let retries: u64 = retries.map(|receipt| u64::from(receipt.attempts) - 1).sum();
        let last = self.last_retry().map(|at| at.saturating_duration_since(since));
        println!(
            "{what}, {runtime}: {} sends, {} failed, {retries} further attempts, longest {:?}, last \
             retry {last:?} after it began",
            self.0.len(),
            self.failed().len(),
            self.longest(),
        );
        for record in self.failed().into_iter().take(3) {
            println!("  {}", record.result.as_ref().expect_err("it failed"));
        }
    }
}

/// Sends from many threads while `trouble` goes on, and a while longer.
fn under_load<S: Subject>(producer: &S, topic: &str, trouble: impl FnOnce()) -> Story {
    let over = AtomicBool::new(false);
    let send_on = || {
        let mut records = Vec::new();
        while !over.load(Ordering::Relaxed) {
            let began = Instant::now();
            let result = producer.send(Message::new(topic.to_owned(), vec![b'x'; 1_024]));
            let ended = Instant::now();
            records.push(Record { ended, took: ended - began, result });
        }
        records
    };
    thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS).map(|_| scope.spawn(send_on)).collect();
        thread::sleep(SECOND);
        trouble();
        thread::sleep(3 * SECOND);
        over.store(true, Ordering::Relaxed);
        Story(senders.into_iter().flat_map(|s| s.join().expect("no send panics")).collect())
    })
}

fn two_brokers(version: Version, properties: &[(&str, &str)]) -> RealCluster {
    let builder = RealCluster::builder(version).brokers(2);
    let builder = properties.iter().fold(builder, |b, (key, value)| b.broker_property(key, value));
    builder.start().unwrap_or_else(|error| panic!("{error}"))
}

fn config(cluster: &RealCluster) -> ProducerConfig {
    ProducerConfig::new("real-failover", cluster.namesrv_addr())
}

/// Lets the topic come to be on both brokers, and the JVMs get warm.
fn warm_up<S: Subject>(producer: &S, topic: &str) {
    for _ in 0..200 {
        let _ = producer.send(Message::new(topic.to_owned(), "warm-up"));
    }
}

fn row_35_a_killed_broker_costs_no_send(version: Version) {
    fn one<S: Subject>(cluster: &mut RealCluster, topic: &str) {
        let producer = S::started(config(cluster));
        warm_up(&producer, topic);
        let mut killed = Instant::now();
        let story = under_load(&producer, topic, || {
            killed = Instant::now();
            cluster.kill_broker("broker-b").unwrap();
            thread::sleep(2 * SECOND);
        });
        story.tell::<S>("kill -9 of one broker of two", killed);
        producer.shutdown().unwrap();
        cluster.restart_broker("broker-b").unwrap();
        let stored = Reader::connect(&cluster.namesrv_addr()).unwrap().read_topic(topic).unwrap();
        let stored: BTreeSet<_> = stored.iter().filter_map(|message| message.uniq_key()).collect();
        let lost: Vec<_> =
            story.acknowledged().into_iter().filter(|id| !stored.contains(id)).collect();
        assert!(lost.is_empty(), "acknowledged and not stored: {lost:?}");
        assert_eq!(story.failed().len(), 0, "each had time for a second attempt");
    }
    let mut cluster = two_brokers(version, &[]);
    one::<Tokio>(&mut cluster, "KilledTokio");
    one::<Smol>(&mut cluster, "KilledSmol");
    one::<Blocking>(&mut cluster, "KilledBlocking");
}

fn row_25_brokers_that_refuse_for_a_while_cost_no_send(version: Version) {
    fn one<S: Subject>(cluster: &mut RealCluster, topic: &str) {
        let producer = S::started(config(cluster).with_timeout(10 * SECOND));
        warm_up(&producer, topic);
        let mut began = Instant::now();
        let story = under_load(&producer, topic, || {
            began = Instant::now();
            for busy in ["true", "false"] {
                for broker in ["broker-a", "broker-b"] {
                    let property = format!("transientStorePoolEnable={busy}");
                    cluster.configure_broker(broker, &property).unwrap();
                }
                thread::sleep(3 * SECOND);
            }
        });
        story.tell::<S>("both brokers busy for 3 s", began);
        assert_eq!(story.failed().len(), 0, "each had time left");
        assert!(story.last_retry().is_some_and(|at| at > began), "it did befall");
        producer.shutdown().unwrap();
    }
    let mut cluster = two_brokers(version, &[]);
    one::<Tokio>(&mut cluster, "BusyTokio");
    one::<Smol>(&mut cluster, "BusySmol");
    one::<Blocking>(&mut cluster, "BusyBlocking");
}

fn leaves_gracefully<S: Subject>(topic: &str) {
    let graceful = [("enableShutdownGracefully", "true"), ("shutdownWaitTimeSeconds", "4")];
    let mut cluster = two_brokers(Version::V5_5_0, &graceful);
    let producer = S::started(config(&cluster));
    warm_up(&producer, topic);
    let mut began = Instant::now();
    let story = under_load(&producer, topic, || {
        began = Instant::now();
        cluster.stop_broker("broker-b").unwrap();
    });
    story.tell::<S>("one broker of two leaves", began);
    assert_eq!(story.failed().len(), 0, "each had time left");
    assert!(story.last_retry().is_some_and(|at| at > began), "it did befall");
    producer.shutdown().unwrap();
}

/// So many sends at once to one broker with default settings, which sheds what waits for 200 ms.
fn burst<S: Subject>(cluster: &RealCluster, sends: usize) {
    let producer = S::started(config(cluster).with_timeout(10 * SECOND));
    let topic = format!("Burst{sends}");
    warm_up(&producer, &topic);
    let began = Instant::now();
    let messages = vec![Message::new(topic, vec![b'x'; 1_024]); sends];
    let record = |result| Record { ended: Instant::now(), took: began.elapsed(), result };
    let story = Story(producer.send_all(messages).into_iter().map(record).collect());
    story.tell::<S>(&format!("{sends} at once"), began);
    assert_eq!(story.failed().len(), 0, "each had time left");
    producer.shutdown().unwrap();
}

mod rocketmq_5_5_0 {
    use super::*;

    #[test]
    #[ignore = "needs a real cluster"]
    fn row_35_a_killed_broker_costs_no_send() {
        super::row_35_a_killed_broker_costs_no_send(Version::V5_5_0);
    }

    #[test]
    #[ignore = "needs a real cluster"]
    fn row_25_brokers_that_refuse_for_a_while_cost_no_send() {
        super::row_25_brokers_that_refuse_for_a_while_cost_no_send(Version::V5_5_0);
    }

    #[test]
    #[ignore = "needs a real cluster"]
    fn row_37_a_broker_that_leaves_gracefully_costs_no_send() {
        leaves_gracefully::<Tokio>("LeavesTokio");
        leaves_gracefully::<Smol>("LeavesSmol");
        leaves_gracefully::<Blocking>("LeavesBlocking");
    }

    #[test]
    #[ignore = "needs a real cluster"]
    fn row_25_thousands_of_sends_at_once_are_taken_in_the_end() {
        let cluster = RealCluster::start(Version::V5_5_0).unwrap_or_else(|error| panic!("{error}"));
        for sends in [2_000, 10_000] {
            burst::<Tokio>(&cluster, sends);
            burst::<Smol>(&cluster, sends);
            burst::<Blocking>(&cluster, sends);
        }
    }
}

mod rocketmq_4_9_5 {
    use super::*;

    #[test]
    #[ignore = "needs a real cluster"]
    fn row_35_a_killed_broker_costs_no_send() {
        super::row_35_a_killed_broker_costs_no_send(Version::V4_9_5);
    }

    #[test]
    #[ignore = "needs a real cluster"]
    fn row_25_brokers_that_refuse_for_a_while_cost_no_send() {
        super::row_25_brokers_that_refuse_for_a_while_cost_no_send(Version::V4_9_5);
    }
}
