//! More sends than a connection has room for, and peers that read slowly.

use std::{
    cell::Cell,
    future::poll_fn,
    pin::Pin,
    task::Poll,
    thread,
    time::{Duration, Instant},
};

use rocketmq_producer::{Message, Outcome, ProducerConfig, SendError, SendReceipt};
use rocketmq_producer_testkit::serve::EmbeddedCluster;

use crate::{subject::Subject, world::*};

type Sent = Result<SendReceipt, SendError>;

fn row_6_a_full_connection_is_waited_for<S: Subject>() {
    for config in [few_places, few_bytes] {
        let cluster = one_broker();
        let producer = S::started(config(&cluster));
        for sent in producer.send_all(numbered(200)) {
            let _ = sent.expect("room comes back with every answer");
        }
        assert_eq!(cluster.stored("Contract").len(), 200);
    }
}

fn row_9_a_slow_reader_makes_no_send_late<S: Subject>() {
    let cluster = one_broker();
    let timeout = Duration::from_millis(500);
    let producer = S::started(config(&cluster).with_timeout(timeout).with_retry(0));
    let _ = producer.send(message("the connection is up")).unwrap();
    cluster.pause_before_reads(&broker_a(), Duration::from_millis(5));
    // Far more than the broker reads in time, queued as fast as it can be.
    let until = Instant::now() + Duration::from_secs(4);
    let senders = (0..24).map(|_| {
        let producer = producer.clone();
        thread::spawn(move || {
            let mut slowest = Duration::ZERO;
            while Instant::now() < until {
                let began = Instant::now();
                let _ = producer.send(Message::new("Contract", vec![0; 1024 * 1024]));
                slowest = slowest.max(began.elapsed());
            }
            slowest
        })
    });
    let senders: Vec<_> = senders.collect();
    let slowest = senders.into_iter().map(|sender| sender.join().unwrap()).max().unwrap();
    assert!(slowest < timeout + SLACK, "a send with {timeout:?} took {slowest:?}");
}

fn row_2_what_waits_behind_a_stuck_peer_is_known_not_to_be_sent<S: Subject>() {
    let cluster = one_broker();
    let timeout = Duration::from_secs(1);
    let producer = S::started(config(&cluster).with_timeout(timeout).with_retry(0));
    let _ = producer.send(message("the connection is up")).unwrap();
    cluster.pause_before_reads(&broker_a(), Duration::from_secs(3));
    let messages = (0..100).map(|_| Message::new("Contract", vec![0; 300_000])).collect();
    let errors: Vec<_> = producer.send_all(messages).into_iter().filter_map(Result::err).collect();
    let not_sent = errors.iter().filter(|error| error.outcome() == Outcome::NotSent).count();
    assert!(not_sent >= 60, "{not_sent} of {} are known not to be sent", errors.len());
    let keys: Vec<_> = errors.iter().filter(|error| error.outcome() == Outcome::NotSent).collect();
    cluster.pause_before_reads(&broker_a(), Duration::ZERO);
    thread::sleep(Duration::from_secs(4));
    let stored = cluster.stored("Contract");
    for error in keys {
        let key = error.message().uniq_key().expect("every send has an id");
        assert!(stored.iter().all(|message| message.uniq_key() != Some(key)), "{error}");
    }
}

#[test]
fn row_6_tokio_sends_leave_in_the_order_in_which_they_were_made() {
    for config in [few_places, few_bytes] {
        let cluster = one_queue();
        let runtime = ::tokio::runtime::Runtime::new().unwrap();
        let producer = rocketmq_producer::tokio::Producer::new(config(&cluster)).unwrap();
        runtime.block_on(async {
            producer.start().await.unwrap();
            let _ = producer.send(message("warm")).await.unwrap();
            all_in_order(numbered(500).into_iter().map(|m| producer.send(m))).await;
        });
        assert_stored_in_order(&cluster);
    }
}

#[test]
fn row_6_smol_sends_leave_in_the_order_in_which_they_were_made() {
    for config in [few_places, few_bytes] {
        let cluster = one_queue();
        let producer = rocketmq_producer::smol::Producer::new(config(&cluster)).unwrap();
        ::smol::block_on(async {
            producer.start().await.unwrap();
            let _ = producer.send(message("warm")).await.unwrap();
            all_in_order(numbered(500).into_iter().map(|m| producer.send(m))).await;
        });
        assert_stored_in_order(&cluster);
    }
}

#[test]
fn row_6_tasks_of_one_tokio_thread_share_a_full_connection_evenly() {
    let cluster = one_queue();
    let runtime = ::tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let producer = rocketmq_producer::tokio::Producer::new(few_places(&cluster)).unwrap();
    runtime.block_on(async {
        producer.start().await.unwrap();
        let _ = producer.send(message("warm")).await.unwrap();
        assert_shared_evenly(|| producer.send(message("x"))).await;
    });
}

#[test]
fn row_6_tasks_of_one_smol_thread_share_a_full_connection_evenly() {
    let cluster = one_queue();
    let producer = rocketmq_producer::smol::Producer::new(few_places(&cluster)).unwrap();
    ::smol::block_on(async {
        producer.start().await.unwrap();
        let _ = producer.send(message("warm")).await.unwrap();
        assert_shared_evenly(|| producer.send(message("x"))).await;
    });
}

fn few_places(cluster: &EmbeddedCluster) -> ProducerConfig {
    config(cluster).with_connection_in_flight_max(4)
}

fn few_bytes(cluster: &EmbeddedCluster) -> ProducerConfig {
    config(cluster).with_connection_queue_bytes_max(1_000)
}

fn one_queue() -> EmbeddedCluster {
    let cluster = one_broker();
    cluster.model(|model| model.create_topic("Contract", 1));
    cluster
}

fn numbered(count: usize) -> Vec<Message> {
    (0..count).map(|number| message(&format!("number {number:04}"))).collect()
}

fn assert_stored_in_order(cluster: &EmbeddedCluster) {
    let stored = cluster.stored("Contract");
    let bodies: Vec<_> = stored.iter().skip(1).map(|message| &message.body).collect();
    assert_eq!(bodies.len(), 500);
    assert!(bodies.is_sorted(), "a send was overtaken: {bodies:?}");
}

/// Eight loops on a connection with four places: none may live at the cost of another.
async fn assert_shared_evenly<F: Future<Output = Sent>>(send: impl Fn() -> F) {
    let left = Cell::new(4_000);
    let (send, left) = (&send, &left);
    let counts = all_in_order((0..8).map(|_| async move {
        let mut count = 0;
        while left.replace(left.get() - 1) > 0 {
            let _ = send().await.unwrap();
            count += 1;
        }
        count
    }))
    .await;
    let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
    assert!(*most <= 2 * least, "{counts:?}");
}

/// Polls futures in their order until all are done, on one task.
async fn all_in_order<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    enum Slot<F: Future> {
        Running(Pin<Box<F>>),
        Done(Option<F::Output>),
    }
    let mut slots: Vec<_> = futures.map(|future| Slot::Running(Box::pin(future))).collect();
    poll_fn(|context| {
        let mut over = true;
        for slot in &mut slots {
            if let Slot::Running(future) = slot {
                match future.as_mut().poll(context) {
                    Poll::Ready(output) => *slot = Slot::Done(Some(output)),
                    Poll::Pending => over = false,
                }
            }
        }
        if over { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    let done = slots.into_iter().filter_map(|slot| match slot {
        Slot::Done(output) => output,
        Slot::Running(_) => None,
    });
    done.collect()
}

on_every_runtime!(
    row_2_what_waits_behind_a_stuck_peer_is_known_not_to_be_sent,
    row_6_a_full_connection_is_waited_for,
    row_9_a_slow_reader_makes_no_send_late,
);
