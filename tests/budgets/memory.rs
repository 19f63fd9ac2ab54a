//! What lives for as long as something lasts: a send, a connection, a cached topic.

use std::{
    pin::Pin,
    task::{Context, Waker},
    time::Duration,
};

use rocketmq_producer::{SendError, SendReceipt};

use crate::{
    counting::{alone, live_bytes, settled},
    runtimes::{Blocking, Sender, Smol, TOPIC, Tokio, config, message},
    server::NullServer,
};

const SENDS: usize = 10_000;
/// Its future, on the heap, included; its body is not counted. 1 KiB is aimed at.
const SEND_MAX: f64 = 2_500.0;

const CONNECTIONS: usize = 64;
/// With all that is known of the broker and its eight queues. The stacks of the blocking producer's
/// threads are not counted.
const CONNECTION_MAX: f64 = 18_000.0;

const TOPICS: usize = 1_000;
/// Of eight queues on one broker.
const TOPIC_MAX: f64 = 2_400.0;

fn kept<S: Sender>(what: &str, sender: &S, limit: f64, of: usize, before: isize) {
    let figure = || (live_bytes() - before) as f64 / of as f64;
    // What is on its way arrives, even where its absence would be within the limit.
    sender.rest(Duration::from_millis(200));
    let each = settled(limit, figure, |time| sender.rest(time));
    println!("{what} on {}: {each:.0} bytes", S::NAME);
    assert!(each <= limit, "{what} on {}: {each:.0} bytes, at most {limit}", S::NAME);
}

/// Sends that have been begun, and are never answered.
fn sends_under_way_keep_their_budget<'a, S: Sender, F>(sender: &'a S, send: impl Fn(&'a S) -> F)
where
    F: Future<Output = Result<SendReceipt, SendError>>,
{
    sender.prepare(&[TOPIC]);
    let before = live_bytes();
    let begin = |_| {
        let mut sending: Pin<Box<F>> = Box::pin(send(sender));
        let polled = sending.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending());
        sending
    };
    let sends: Vec<_> = (0..SENDS).map(begin).collect();
    kept("a send under way", sender, SEND_MAX, SENDS, before);
    drop(sends);
}

#[test]
fn a_send_under_way_keeps_little_but_its_body() {
    let _alone = alone();
    let server = NullServer::with("--silent");
    let config = config(&server.address)
        .with_retry(0)
        .with_async_send_semaphore(SENDS)
        .with_connection_in_flight_max(SENDS);
    let on_tokio = Tokio::<0>::started(config.clone());
    sends_under_way_keep_their_budget(&on_tokio, |on| on.producer.send(message()));
    let on_smol = Smol::started(config);
    sends_under_way_keep_their_budget(&on_smol, |on| on.producer.send(message()));
}

fn an_idle_connection_keeps_its_budget<S: Sender>() {
    let (one, many) = (NullServer::start(), format!("--brokers {}", 1 + CONNECTIONS));
    let many = NullServer::with(&many);
    let connected = |server: &NullServer| {
        let before = live_bytes();
        let sender = S::started(config(&server.address));
        sender.prepare(&[TOPIC]);
        (sender, before)
    };
    let (_few, before) = connected(&one);
    let few = live_bytes() - before;
    let (all, before) = connected(&many);
    kept("an idle connection", &all, CONNECTION_MAX, CONNECTIONS, before + few);
}

#[test]
fn an_idle_connection_keeps_little() {
    let _alone = alone();
    an_idle_connection_keeps_its_budget::<Tokio<0>>();
    an_idle_connection_keeps_its_budget::<Smol>();
    an_idle_connection_keeps_its_budget::<Blocking<false>>();
    an_idle_connection_keeps_its_budget::<Blocking<true>>();
}

#[test]
fn a_cached_topic_keeps_little() {
    let _alone = alone();
    let server = NullServer::start();
    let sender = Tokio::<0>::started(config(&server.address));
    sender.prepare(&[TOPIC]);
    let names: Vec<_> = (0..TOPICS).map(|number| format!("orders-of-{number:05}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let before = live_bytes();
    sender.prepare(&names);
    kept("a cached topic", &sender, TOPIC_MAX, TOPICS, before);
}
