//! Every number of a long run under faults, counted by its callers and by its brokers, too.

use std::{
    collections::BTreeMap,
    env,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rocketmq_producer::{Message, ProducerConfig, ProducerStats, SendOptions};
use rocketmq_producer_testkit::serve::EmbeddedCluster;

use crate::{
    subject::{Blocking, Mio, Smol, Subject, Tokio},
    tally::Tally,
    trouble::{
        ANSWERED, BUSY, CUT, ONEWAY, SILENT, Stored, Troublemaker, WELL, broker, cluster, received,
    },
};

/// Messages of a run, unless `STATISTICS_SENDS` says otherwise; `.ci/run` sends more.
const SENDS: i64 = 20_000;
const CALLERS: u64 = 16;
/// More than a broker's silence takes, and more than a busy machine does.
const TIMEOUT: Duration = Duration::from_secs(9);

fn sends() -> i64 {
    let given = env::var("STATISTICS_SENDS").ok();
    given.map_or(SENDS, |given| given.parse().expect("STATISTICS_SENDS is a number"))
}

fn answered(random: &mut fastrand::Rng) -> Message {
    Message::new(ANSWERED, "x".repeat(random.usize(1..64)))
}

/// One caller's next call, and how many messages it was.
fn call<S: Subject>(producer: &S, random: &mut fastrand::Rng, tally: &mut Tally) -> i64 {
    match random.u32(..1_000) {
        0..100 => {
            let batch: Vec<_> = (0..random.usize(2..10)).map(|_| answered(random)).collect();
            let results = producer.send_batch(batch);
            tally.count(&results);
            results.len() as i64
        }
        100..150 => {
            tally.count_oneway(&[producer.oneway(Message::new(ONEWAY, "x"))]);
            1
        }
        150..170 => {
            tally.count_oneway(&producer.oneway_batch(vec![Message::new(ONEWAY, "x"); 3]));
            3
        }
        170..180 => {
            let key = random.u32(..50).to_string();
            tally.count(&[producer.send(answered(random).with_sharding_key(key))]);
            1
        }
        180..200 => {
            let options = SendOptions::new().with_timeout(TIMEOUT / 10).with_retry(0);
            tally.count(&[producer.send_with(answered(random), options)]);
            1
        }
        200..205 => {
            tally.count(&[producer.send(Message::new("not a topic", "x"))]);
            1
        }
        205..206 => {
            // Another one each time: name servers are asked again about the same one after a while only.
            let nowhere = format!("Nowhere{}", random.u32(..));
            tally.count(&[producer.send(Message::new(nowhere, "x"))]);
            1
        }
        _ => {
            tally.count(&[producer.send(answered(random))]);
            1
        }
    }
}

fn calls<S: Subject>(producer: &S, seed: u64, left: &AtomicI64, trouble: &Troublemaker) -> Tally {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut tally = Tally::default();
    while left.load(Ordering::Relaxed) > 0 || !trouble.has_made_enough() {
        let sent = call(producer, &mut random, &mut tally);
        left.fetch_sub(sent, Ordering::Relaxed);
    }
    tally
}

/// Many callers at once, in trouble, until so many messages have been sent, and more where callers are
/// faster than trouble.
fn run<S: Subject>(
    producer: &S,
    cluster: &Arc<EmbeddedCluster>,
    sends: i64,
    stored: &mut Stored,
) -> Tally {
    let trouble = Troublemaker::set_upon(cluster, sends as u64);
    let left = AtomicI64::new(sends);
    let tally = thread::scope(|scope| {
        let begin = |seed| {
            let (left, trouble) = (&left, &trouble);
            scope.spawn(move || calls(producer, seed, left, trouble))
        };
        let callers: Vec<_> = (0..CALLERS).map(begin).collect();
        while callers.iter().any(|caller| !caller.is_finished()) {
            stored.read_on(cluster);
            thread::sleep(Duration::from_millis(50));
        }
        let tallies = callers.into_iter().map(|caller| caller.join().expect("no caller panics"));
        tallies.fold(Tally::default(), Tally::join)
    });
    trouble.stop();
    tally
}

/// Waits until all calls have come back, and all one-way messages have arrived.
fn settle<S: Subject>(producer: &S, cluster: &EmbeddedCluster, tally: &Tally, stored: &mut Stored) {
    let until = Instant::now() + Duration::from_secs(30);
    let is_settled = |stored: &Stored| {
        let in_flight = producer.stats().in_flight;
        let unknown = tally.unknown.iter().filter(|key| stored.keys.contains(*key)).count();
        let arrived = (stored.keys.len() - unknown) as u64;
        arrived >= tally.stored + tally.handed_over
            && (in_flight.messages, in_flight.requests, in_flight.bytes) == (0, 0, 0)
    };
    while !is_settled(stored) {
        assert!(Instant::now() < until, "{:?}", producer.stats().in_flight);
        stored.read_on(cluster);
        thread::sleep(Duration::from_millis(10));
    }
}

fn compare_with_callers(stats: &ProducerStats, tally: &Tally) {
    assert_eq!(stats.total_sent, tally.stored + tally.handed_over);
    assert_eq!(stats.oneway.handed_over, tally.handed_over);
    assert_eq!(stats.oneway.requests_in_doubt, 0);
    assert_eq!(stats.latency.count, tally.stored);
    assert_eq!(stats.batch_sent, tally.in_company);
    assert_eq!(stats.total_failed, tally.failures.values().sum::<u64>());
    assert_eq!(stats.total_dropped, 0);
    assert_eq!(stats.retries, tally.retries);
    let failures = stats.failures.iter().filter(|(_, count)| **count > 0);
    let failures: BTreeMap<_, _> = failures.map(|(class, count)| (class.name(), *count)).collect();
    assert_eq!(failures, tally.failures);
}

/// What a broker has received is what was attempted there, but for what callers know that it never
/// left. Of the one whose connections are cut, it is not more than that: what was in its sockets is
/// gone; its attempts are those that are no other's.
fn compare_with_brokers<S: Subject>(
    producer: &S,
    cluster: &EmbeddedCluster,
    tally: &Tally,
    starts: u64,
) {
    let stats = producer.router_stats();
    let attempts = |name: &str| stats.broker_health[name].total_requests;
    let received = |name: &str| received(cluster, name);
    for name in [BUSY, SILENT, WELL] {
        assert_eq!(cluster.accepted(&broker(name)), starts, "{name} was well connected");
        let unseen = tally.unseen.get(name).copied().unwrap_or_default();
        assert_eq!(attempts(name), received(name) + unseen, "{name}");
    }
    let elsewhere: u64 = [BUSY, SILENT, WELL].map(received).iter().sum();
    let unseen: u64 = tally.unseen.iter().filter(|(name, _)| **name != CUT).map(|(_, n)| n).sum();
    assert_eq!(attempts(CUT), tally.attempts - elsewhere - unseen);
    assert!(attempts(CUT) >= received(CUT));
    assert!(cluster.accepted(&broker(CUT)) > starts, "its connections were cut");
    assert_eq!(stats.broker_usage.values().sum::<u64>(), tally.attempts);
    assert_eq!(stats.successful_routing, tally.attempts);
    let nowhere = tally.failures.get("topic_not_found").copied().unwrap_or_default();
    assert_eq!(stats.failed_routing, nowhere);
}

/// What is stored is what was sent, and some of what nobody knows about.
fn compare_with_journal(stats: &ProducerStats, tally: &Tally, stored: Stored) {
    let Stored { copies, mut keys } = stored;
    let distinct = keys.len() as u64;
    assert!(
        copies > distinct && stats.possible_duplicates >= copies - distinct,
        "{copies} of {distinct}"
    );
    for key in &tally.unknown {
        keys.remove(key);
    }
    assert_eq!(keys.len() as u64, stats.total_sent);
}

fn every_number_of_a_long_run_is_what_others_have_counted<S: Subject>(runtime: &str) {
    let (cluster, sends) = (Arc::new(cluster()), sends());
    let config = ProducerConfig::new("statistics", cluster.namesrv_addr())
        .with_timeout(TIMEOUT)
        .with_retry_another_broker_when_not_store_ok(true);
    let producer = S::started(config);
    producer.prepare(&[ANSWERED, ONEWAY]).expect("all brokers are there");
    let begun = Instant::now();
    let mut stored = Stored::default();
    let first = run(&producer, &cluster, sends / 2, &mut stored);
    settle(&producer, &cluster, &first, &mut stored);
    producer.shutdown().expect("nothing is in flight");
    let mut between = Tally::default();
    between.count(&[producer.send(Message::new(ANSWERED, "x"))]);
    assert_eq!(between.failures["already_shut_down"], 1);
    producer.start().expect("it starts again");
    producer.prepare(&[ANSWERED, ONEWAY]).expect("all brokers are there");
    let second = run(&producer, &cluster, sends - sends / 2, &mut stored);
    let tally = first.join(between).join(second);
    settle(&producer, &cluster, &tally, &mut stored);

    let stats = producer.stats();
    println!(
        "{runtime}: {} sent, {} failed, {} retries, {} possible duplicates in {:?}; {:?}",
        stats.total_sent,
        stats.total_failed,
        stats.retries,
        stats.possible_duplicates,
        begun.elapsed(),
        stats.latency,
    );
    println!("{runtime}: {:?}", tally.failures);
    compare_with_callers(&stats, &tally);
    compare_with_brokers(&producer, &cluster, &tally, 2);
    compare_with_journal(&stats, &tally, stored);
}

#[test]
fn row_53_every_number_of_a_long_run_is_what_others_have_counted_on_blocking() {
    every_number_of_a_long_run_is_what_others_have_counted::<Blocking>("blocking");
}

#[test]
fn row_53_every_number_of_a_long_run_is_what_others_have_counted_on_mio() {
    every_number_of_a_long_run_is_what_others_have_counted::<Mio>("mio");
}

#[test]
fn row_53_every_number_of_a_long_run_is_what_others_have_counted_on_smol() {
    every_number_of_a_long_run_is_what_others_have_counted::<Smol>("smol");
}

#[test]
fn row_53_every_number_of_a_long_run_is_what_others_have_counted_on_tokio() {
    every_number_of_a_long_run_is_what_others_have_counted::<Tokio>("tokio");
}
