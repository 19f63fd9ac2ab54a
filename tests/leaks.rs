//! What is started, ends: threads, tasks, file descriptors and memory are where they were.
//!
//! A test binary of its own with one test, because it counts what belongs to the whole process.

#![cfg(all(feature = "mio", feature = "smol", feature = "tokio", target_os = "linux"))]

#[path = "contract/subject.rs"]
#[allow(dead_code, reason = "each suite uses a part of it")]
mod subject;

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use rocketmq_producer::{Message, ProducerConfig};
use rocketmq_producer_testkit::serve::EmbeddedCluster;
use subject::{Blocking, Mio, Smol, Subject, Tokio};

const ROUNDS: usize = 1_000;
/// What the allocator may keep for itself.
const MEMORY_SLACK_KIB: u64 = 8 * 1024;

#[derive(Clone, Copy, Debug)]
struct Usage {
    threads: usize,
    descriptors: usize,
    memory_kib: u64,
}

impl Usage {
    const MOST: Self = Self { threads: usize::MAX, descriptors: usize::MAX, memory_kib: u64::MAX };

    fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        Self {
            threads: fs::read_dir("/proc/self/task").unwrap().count(),
            descriptors: fs::read_dir("/proc/self/fd").unwrap().count(),
            memory_kib: resident.trim().trim_end_matches(" kB").parse().unwrap(),
        }
    }

    /// Threads and sockets take a moment to end after the shutdown that ends them.
    fn settled(at_most: Self) -> Self {
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            let usage = Self::now();
            let settled =
                usage.threads <= at_most.threads && usage.descriptors <= at_most.descriptors;
            if settled || Instant::now() > until {
                return usage;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}

fn round<S: Subject>(producer: &S) {
    producer.start().unwrap();
    let _ = producer.send(Message::new("Leaks", "x")).unwrap();
    producer.shutdown().unwrap();
}

fn a_thousand_rounds_leave_nothing_behind<S: Subject>(runtime: &str) {
    let cluster = EmbeddedCluster::start();
    let config = ProducerConfig::new("leaks", cluster.namesrv_addr());
    let producer = S::new(config.with_timeout(Duration::from_secs(10))).unwrap();
    // The first rounds fill caches and start what a runtime keeps.
    for _ in 0..50 {
        round(&producer);
    }
    thread::sleep(Duration::from_millis(200));
    let before = Usage::now();
    for _ in 0..ROUNDS {
        round(&producer);
    }
    let after = Usage::settled(before);
    assert_eq!(producer.tasks().unwrap_or(0), 0, "{runtime}: tasks");
    println!("{runtime}: {before:?} before, {after:?} after {ROUNDS} rounds");
    assert!(after.threads <= before.threads, "{runtime}: threads");
    assert!(after.descriptors <= before.descriptors, "{runtime}: file descriptors");
    // What the cluster has stored stays.
    let kept = ROUNDS as u64 * 2;
    assert!(after.memory_kib <= before.memory_kib + kept + MEMORY_SLACK_KIB, "{runtime}: memory");
}

/// Of the connections that the first send makes: to a name server and to a broker.
const CONNECTIONS: usize = 2;

/// The blocking adapter states its threads: one for housekeeping, one for each connection; or one in
/// all.
fn a_blocking_producer_has_the_threads_it_states<S: Subject>(stated: usize) {
    let cluster = EmbeddedCluster::start();
    let before = Usage::now();
    let producer = S::started(ProducerConfig::new("leaks", cluster.namesrv_addr()));
    let _ = producer.send(Message::new("Leaks", "x")).unwrap();
    let of_cluster = CONNECTIONS;
    // Names may still be looked up.
    let at_most = Usage { threads: before.threads + of_cluster + stated, ..Usage::MOST };
    let own = Usage::settled(at_most).threads - before.threads - of_cluster;
    assert_eq!(own, stated);
    producer.shutdown().unwrap();
}

#[test]
fn row_8_and_51_starting_and_shutting_down_leaves_nothing_behind_on_any_runtime() {
    a_blocking_producer_has_the_threads_it_states::<Blocking>(1 + CONNECTIONS);
    a_blocking_producer_has_the_threads_it_states::<Mio>(1);
    a_thousand_rounds_leave_nothing_behind::<Blocking>("blocking");
    a_thousand_rounds_leave_nothing_behind::<Mio>("mio");
    a_thousand_rounds_leave_nothing_behind::<Smol>("smol");
    a_thousand_rounds_leave_nothing_behind::<Tokio>("tokio");
}
