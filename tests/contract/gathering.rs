//! Sends that gather by themselves.

use std::{
    collections::BTreeSet,
    thread,
    time::{Duration, Instant},
};

use rocketmq_producer::{Message, Outcome, ProducerConfig, SendOptions};
use rocketmq_producer_testkit::{model::Fault, serve::EmbeddedCluster};

use crate::{subject::Subject, world::*};

/// Sends wait for each other for so long.
const LINGER: Duration = Duration::from_millis(150);

fn gathering(cluster: &EmbeddedCluster) -> ProducerConfig {
    config(cluster).with_auto_batch(true).with_batch_linger(LINGER)
}

fn numbered(count: usize) -> Vec<Message> {
    (0..count).map(|number| message(&number.to_string())).collect()
}

fn requests(cluster: &EmbeddedCluster) -> u64 {
    cluster.model(|model| model.broker("broker-a").requests(310))
}

/// A producer whose connection is up.
fn warm<S: Subject>(config: ProducerConfig) -> S {
    let producer = S::started(config);
    producer.prepare(&["TBW102"]).expect("brokers create topics");
    producer
}

fn sends_of_one_moment_leave_together_and_each_has_its_receipt<S: Subject>() {
    let cluster = one_broker();
    let producer: S = warm(gathering(&cluster).with_batch_size(10));
    let sent = producer.send_all(numbered(40));
    let stored = cluster.stored("Contract");
    for (number, sent) in sent.into_iter().enumerate() {
        let receipt = sent.unwrap();
        let stored = stored.iter().find(|one| one.uniq_key() == Some(&receipt.message_id));
        let stored = stored.expect("its id is stored");
        assert_eq!(stored.body, number.to_string());
        assert_eq!(stored.queue_offset, receipt.queue_offset);
    }
    assert!(requests(&cluster) < 20, "{} requests for 40 messages", requests(&cluster));
}

fn a_send_without_company_waits_no_longer_than_it_may<S: Subject>() {
    let cluster = one_broker();
    let producer: S = warm(gathering(&cluster));
    let begun = Instant::now();
    let _ = producer.send(message("alone")).unwrap();
    assert!((LINGER..LINGER + SLACK).contains(&begun.elapsed()), "{:?}", begun.elapsed());
}

/// Sends that come in just the moment in which those before them are due: the hub, which keeps the
/// time, has looked by then, and has to look again.
fn a_lot_that_begins_as_another_ends_is_not_forgotten<S: Subject>() {
    let cluster = one_broker();
    let never = Duration::from_secs(100);
    let config = gathering(&cluster)
        .with_batch_linger(Duration::from_millis(1))
        .with_heartbeat_broker_interval(never)
        .with_probe_idle(never)
        .with_update_topic_route_info_interval(never)
        .with_poll_name_server_interval(never);
    let producer = warm::<S>(config);
    let send = |seed: u64| {
        let mut random = fastrand::Rng::with_seed(seed);
        for number in 0..700 {
            let sent = producer.send(message(&number.to_string()));
            assert!(sent.is_ok(), "{sent:?}");
            let next = Instant::now() + Duration::from_micros(random.u64(..1_500));
            while Instant::now() < next {
                std::hint::spin_loop();
            }
        }
    };
    let send = &send;
    thread::scope(|scope| (1..=4).for_each(|seed| drop(scope.spawn(move || send(seed)))));
}

fn a_shutdown_takes_along_what_has_gathered<S: Subject>() {
    let cluster = one_broker();
    let producer: S = warm(gathering(&cluster).with_batch_linger(Duration::from_secs(8)));
    let sends: Vec<_> =
        numbered(5).into_iter().map(|message| producer.send_in_background(message)).collect();
    thread::sleep(Duration::from_millis(300));
    let begun = Instant::now();
    producer.shutdown().unwrap();
    for send in sends {
        let _ = send.join().unwrap().unwrap();
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!((cluster.stored("Contract").len(), requests(&cluster)), (5, 1));
}

fn what_one_request_meets_all_of_it_are_told<S: Subject>() {
    let cluster = one_broker();
    let producer: S = warm(gathering(&cluster).with_retry(0));
    let refusal = Fault::Answer { code: 13, remark: "illegal".to_owned(), times: u32::MAX };
    cluster.set_fault(&broker_a(), refusal);
    let bodies: BTreeSet<_> = producer
        .send_all(numbered(10))
        .into_iter()
        .map(|sent| {
            let error = sent.unwrap_err();
            assert_eq!(error.outcome(), Outcome::Rejected);
            error.into_message().body().clone()
        })
        .collect();
    assert_eq!(bodies.len(), 10, "each has its own message back");
}

fn a_bad_message_does_not_take_others_along<S: Subject>() {
    let cluster = one_broker();
    let producer: S = warm(gathering(&cluster));
    let mut messages = numbered(10);
    messages.insert(5, Message::new("Contract", ""));
    let sent = producer.send_all(messages);
    assert_eq!(sent.iter().filter(|sent| sent.is_err()).count(), 1);
    assert!(sent[5].is_err());
    assert_eq!(cluster.stored("Contract").len(), 10);
}

fn what_has_options_of_its_own_goes_alone<S: Subject>() {
    let cluster = one_broker();
    let producer: S = warm(gathering(&cluster).with_batch_linger(Duration::from_secs(5)));
    let begun = Instant::now();
    let options = SendOptions::new().with_timeout(Duration::from_secs(4));
    let _ = producer.send_with(message("in a hurry"), options).unwrap();
    let _ = producer.send(message("later").with_delay_level(1)).unwrap();
    let _ = producer.try_send(message("does not wait")).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

fn ordered_messages_keep_their_order_however_they_leave<S: Subject>() {
    let cluster = two_brokers();
    cluster.model(|model| model.create_topic("Contract", 4));
    let linger = Duration::from_millis(5);
    let producer: S = warm(gathering(&cluster).with_batch_linger(linger).with_batch_size(4));
    producer.prepare(&["Contract"]).unwrap();
    let senders = ["a", "b", "c"].map(|key| {
        let producer = producer.clone();
        thread::spawn(move || {
            let mut last = None;
            for number in 0..60 {
                let message = message(&number.to_string()).with_sharding_key(key);
                let receipts = if number % 10 == 9 {
                    producer.send_batch(vec![message.clone(), message])
                } else {
                    vec![producer.send(message)]
                };
                for receipt in receipts {
                    let receipt = receipt.unwrap();
                    let now = Some((receipt.message_queue.clone(), receipt.queue_offset));
                    let before = std::mem::replace(&mut last, now.clone());
                    assert!(before.is_none() || before < now, "{before:?} came before {now:?}");
                }
            }
        })
    });
    senders.into_iter().for_each(|sender| sender.join().unwrap());
}

#[test]
fn those_who_go_or_are_never_polled_again_hold_up_nobody() {
    let cluster = one_broker();
    let producer = rocketmq_producer::smol::Producer::new(gathering(&cluster)).unwrap();
    ::smol::block_on(async {
        producer.start().await.unwrap();
        producer.prepare(&["TBW102"]).await.unwrap();
        cluster.set_fault(&broker_a(), Fault::Hang);
        let mut sends: Vec<_> =
            numbered(6).into_iter().map(|message| Box::pin(producer.send(message))).collect();
        // All have gathered, and the first takes the lot along.
        for send in &mut sends {
            assert!(::smol::future::poll_once(send).await.is_none());
        }
        ::smol::Timer::after(LINGER * 2).await;
        for send in &mut sends {
            assert!(::smol::future::poll_once(send).await.is_none());
        }
        drop(sends.remove(0));
        let held = sends.remove(0);
        cluster.set_fault(&broker_a(), None);
        for send in sends {
            let receipt = send.await.unwrap();
            assert!(receipt.attempts >= 1);
        }
        assert!(held.await.is_ok());
    });
}

on_every_runtime!(
    sends_of_one_moment_leave_together_and_each_has_its_receipt,
    a_send_without_company_waits_no_longer_than_it_may,
    a_lot_that_begins_as_another_ends_is_not_forgotten,
    a_shutdown_takes_along_what_has_gathered,
    what_one_request_meets_all_of_it_are_told,
    a_bad_message_does_not_take_others_along,
    what_has_options_of_its_own_goes_alone,
    ordered_messages_keep_their_order_however_they_leave,
);
