//! Sends whose callers do not wait for their end.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::Arc,
    task::Poll,
};

use rocketmq_producer::{Message, ProducerConfig, ProducerStats};
use rocketmq_producer_testkit::{
    model::{Fault, Node},
    serve::EmbeddedCluster,
};

const TASKS: u64 = 8;
const SENDS: u64 = 500;

/// Polls a future so many times at most; what it has come to by then, if it has.
async fn poll_times<F: Future>(future: F, times: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = times;
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if left <= 1 => Poll::Ready(None),
        Poll::Pending => {
            left -= 1;
            Poll::Pending
        }
    })
    .await
}

/// What one task sees: messages that were sent, have failed, and were dropped.
macro_rules! patience_of_one_task {
    ($producer:expr, $seed:expr) => {{
        let (producer, mut random) = ($producer, fastrand::Rng::with_seed($seed));
        let mut seen = [0_u64; 3];
        for _ in 0..SENDS {
            let times = random.usize(1..5);
            let place = match poll_times(producer.send(Message::new("Dropped", "x")), times).await {
                Some(Ok(_)) => 0,
                Some(Err(_)) => 1,
                None => 2,
            };
            seen[place] += 1;
            let batch = vec![Message::new("Dropped", "x"); random.usize(2..6)];
            let size = batch.len() as u64;
            match poll_times(producer.send_batch(batch), times).await {
                // One request: all its messages share its fate.
                Some(results) => seen[usize::from(results[0].is_err())] += size,
                None => seen[2] += size,
            }
        }
        seen
    }};
}

fn cluster() -> EmbeddedCluster {
    let cluster = EmbeddedCluster::start();
    cluster.model(|model| model.create_topic("Dropped", 4));
    let refusal = Fault::Answer { code: 13, remark: String::new(), times: SENDS as u32 / 10 };
    cluster.set_fault(&Node::Broker("broker-a".to_owned()), refusal);
    cluster
}

fn compare(stats: &ProducerStats, seen: &[[u64; 3]]) {
    let all = |place: usize| seen.iter().map(|task| task[place]).sum::<u64>();
    assert_eq!(stats.total_sent, all(0));
    assert_eq!(stats.total_failed, all(1));
    assert_eq!(stats.total_dropped, all(2));
    assert!(all(0) > 0 && all(1) > 0 && all(2) > 0, "{seen:?}");
    assert_eq!(stats.in_flight.messages, 0);
}

/// Permits come back when the calls of dropped sends do.
fn settled(stats: impl Fn() -> ProducerStats) -> ProducerStats {
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while stats().in_flight.requests > 0 {
        assert!(std::time::Instant::now() < until, "{:?}", stats().in_flight);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    stats()
}

#[test]
fn row_53_dropped_sends_are_counted_as_such_on_tokio() {
    let cluster = cluster();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let config = ProducerConfig::new("dropped", cluster.namesrv_addr());
    let producer = Arc::new(rocketmq_producer::tokio::Producer::new(config).unwrap());
    let seen = runtime.block_on(async {
        producer.start().await.unwrap();
        let task = |seed| {
            let producer = Arc::clone(&producer);
            tokio::spawn(async move { patience_of_one_task!(producer, seed) })
        };
        let tasks: Vec<_> = (0..TASKS).map(task).collect();
        let mut seen = Vec::new();
        for task in tasks {
            seen.push(task.await.unwrap());
        }
        seen
    });
    compare(&settled(|| producer.stats()), &seen);
}

#[test]
fn row_53_dropped_sends_are_counted_as_such_on_smol() {
    let cluster = cluster();
    let config = ProducerConfig::new("dropped", cluster.namesrv_addr());
    let producer = Arc::new(rocketmq_producer::smol::Producer::new(config).unwrap());
    let seen = smol::block_on(async {
        producer.start().await.unwrap();
        let task = |seed| {
            let producer = Arc::clone(&producer);
            smol::spawn(async move { patience_of_one_task!(producer, seed) })
        };
        let tasks: Vec<_> = (0..TASKS).map(task).collect();
        let mut seen = Vec::new();
        for task in tasks {
            seen.push(task.await);
        }
        seen
    });
    compare(&settled(|| producer.stats()), &seen);
}
