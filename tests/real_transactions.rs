//! Transactions on real clusters: what brokers make of half messages, ends and answers to their
//! questions.
//!
//! Ignored by default, since it needs Java and Maven: `cargo test -- --ignored` runs it.

#![cfg(all(feature = "blocking", feature = "smol", feature = "tokio"))]

#[path = "contract/transactor.rs"]
#[allow(dead_code, unused_macros, unused_imports, reason = "each suite uses a part of it")]
mod transactor;

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use rocketmq_producer::{
    LocalTransactionState::{self, CommitMessage, RollbackMessage, Unknown},
    Message, ProducerConfig,
};
use rocketmq_producer_testkit::{
    Reader,
    real::{RealCluster, Version},
};
use transactor::{
    Blocking, Listener, Smol, SmolAwaiting, Tokio, TokioAwaiting, Transactor, Transacts,
};

const PATIENCE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);

/// One whose brokers ask soon and often.
fn impatient(version: Version) -> RealCluster {
    let cluster = RealCluster::builder(version).transaction_checks(SECOND, SECOND).start();
    cluster.unwrap_or_else(|error| panic!("{error}"))
}

fn config(cluster: &RealCluster, group: &str) -> ProducerConfig {
    ProducerConfig::new(group, cluster.namesrv_addr()).with_timeout(Duration::from_secs(30))
}

/// The bodies that consumers would get, sorted, once there are so many.
fn bodies(cluster: &RealCluster, topic: &str, count: usize) -> Vec<String> {
    let mut reader = Reader::connect(&cluster.namesrv_addr()).unwrap();
    let stored =
        reader.await_topic(topic, count).unwrap_or_else(|error| panic!("{topic}: {error}"));
    let body = |body: &[u8]| String::from_utf8(body.to_vec()).unwrap();
    let mut bodies: Vec<_> = stored.iter().map(|stored| body(&stored.body)).collect();
    bodies.sort();
    bodies
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < until, "never came to hold: {what}");
        thread::sleep(Duration::from_millis(100));
    }
}

fn warmed_up<T: Transacts>(
    cluster: &RealCluster,
    name: &str,
    listener: Listener,
) -> (Box<dyn Transactor>, String) {
    let producer = T::started(config(cluster, &format!("group-{name}")), listener);
    let topic = format!("Transactions{name}");
    let _ = producer.send(Message::new(topic.clone(), "0 the topic is there")).unwrap();
    (producer, topic)
}

fn by_body(message: &Message) -> LocalTransactionState {
    match &message.body()[..] {
        body if body.starts_with(b"commit") => CommitMessage,
        body if body.starts_with(b"rollback") => RollbackMessage,
        _ => Unknown,
    }
}

/// Ends of all kinds, told and asked for.
fn all_ends<T: Transacts>(cluster: &RealCluster, name: &str) {
    let panics = AtomicU32::new(0);
    let listener = Listener::checking(move |message| match &message.body()[..] {
        b"commit after a panic" if panics.fetch_add(1, SeqCst) == 0 => panic!("while checking"),
        _ => by_body(message),
    });
    let listener = listener.executing(|message, state| match &message.body()[..] {
        b"commit after a panic" => panic!("while executing"),
        _ => state,
    });
    let (producer, topic) = warmed_up::<T>(cluster, name, listener);
    let run = |body: &str, state| producer.run(Message::new(topic.clone(), body.to_owned()), state);
    let committed = run("1 committed", CommitMessage).unwrap();
    assert!(committed.is_confirmed(), "{committed:?}");
    assert!(run("rolled back", RollbackMessage).unwrap().is_confirmed());
    let handle = producer.begin(Message::new(topic.clone(), "2 by hand")).unwrap();
    assert!(handle.commit().is_confirmed());
    let handle = producer.begin(Message::new(topic.clone(), "rolled back by hand")).unwrap();
    assert!(handle.rollback().is_confirmed());
    assert_eq!(bodies(cluster, &topic, 3), ["0 the topic is there", "1 committed", "2 by hand"]);

    let asked = ["commit a", "rollback a", "commit b", "never known", "commit after a panic"];
    for body in asked {
        assert!(run(body, Unknown).unwrap().is_unknown());
    }
    drop(producer.begin(Message::new(topic.clone(), "commit c")).unwrap());
    let expected = [
        "0 the topic is there",
        "1 committed",
        "2 by hand",
        "commit a",
        "commit after a panic",
        "commit b",
        "commit c",
    ];
    eventually("what is asked about is settled", || {
        bodies(cluster, &topic, 3).len() == expected.len()
    });
    eventually("all answers are given", || producer.stats().open == 1);
    assert_eq!(bodies(cluster, &topic, expected.len()), expected);
    let stats = producer.stats();
    assert_eq!((stats.total_transactions, stats.unknown_transactions), (10, 6), "{stats:?}");
    assert_eq!((stats.committed_transactions, stats.rolled_back_transactions), (6, 3), "{stats:?}");
    producer.shutdown();
}

fn transactions_end_as_they_are_said_to(version: Version) {
    let cluster = impatient(version);
    all_ends::<Blocking>(&cluster, "Blocking");
    all_ends::<Smol>(&cluster, "Smol");
    all_ends::<SmolAwaiting>(&cluster, "SmolAwaiting");
    all_ends::<Tokio>(&cluster, "Tokio");
    all_ends::<TokioAwaiting>(&cluster, "TokioAwaiting");
}

/// Brokers that ask about what is settled get nothing to deliver twice.
fn late_questions_deliver_nothing_twice(version: Version) {
    let cluster = impatient(version);
    let asked = Arc::new(AtomicU32::new(0));
    let asks = Arc::clone(&asked);
    let listener = Listener::checking(move |message| {
        asks.fetch_add(1, SeqCst);
        by_body(message)
    });
    let (producer, topic) = warmed_up::<Tokio>(&cluster, "Late", listener);
    for number in 0..200 {
        let message = Message::new(topic.clone(), format!("commit {number}"));
        assert!(producer.run(message, CommitMessage).unwrap().is_confirmed());
        thread::sleep(Duration::from_millis(30));
    }
    thread::sleep(Duration::from_secs(8));
    let (delivered, stats) = (bodies(&cluster, &topic, 201), producer.stats());
    let once: BTreeSet<_> = delivered.iter().collect();
    println!("{version}: {} of 200, asked {} times", delivered.len() - 1, stats.checks);
    assert_eq!((delivered.len(), once.len()), (201, 201), "each once");
    assert_eq!(asked.load(SeqCst), 0, "the producer knows the answers by heart");
    if version == Version::V5_5_0 {
        assert!(stats.checks > 0, "nobody has asked: nothing is shown");
    }
    producer.shutdown();
}

/// A broker that dies with what it has confirmed.
fn a_broker_that_dies_after_a_commit_delivers_it(version: Version) {
    let mut cluster = impatient(version);
    let (producer, topic) = warmed_up::<Smol>(&cluster, "Killed", Listener::checking(by_body));
    let message = Message::new(topic.clone(), "commit before");
    assert!(producer.run(message, CommitMessage).unwrap().is_confirmed());
    let open = producer.begin(Message::new(topic.clone(), "commit during")).unwrap();
    cluster.kill_broker("broker-a").unwrap();
    let during = thread::scope(|scope| {
        let ending = scope.spawn(|| {
            // Told when the broker is back, or asked about.
            open_commit(open)
        });
        cluster.restart_broker("broker-a").unwrap();
        ending.join().unwrap()
    });
    eventually("both are delivered", || {
        let delivered: BTreeSet<_> = bodies(&cluster, &topic, 3).into_iter().collect();
        delivered.contains("commit before") && delivered.contains("commit during")
    });
    assert!(during.is_commit());
    producer.shutdown();
}

fn open_commit(handle: Box<dyn transactor::Handle>) -> rocketmq_producer::TransactionReceipt {
    handle.commit()
}

/// A producer dies between the half message and the question: another of its group answers.
fn another_instance_answers(version: Version) {
    let cluster = impatient(version);
    let silent = Listener::checking(|_| Unknown);
    let (first, topic) = warmed_up::<Blocking>(&cluster, "Restarted", silent);
    assert!(first.run(Message::new(topic.clone(), "commit"), Unknown).unwrap().is_unknown());
    first.shutdown();
    drop(first);
    let config = config(&cluster, "group-Restarted");
    let second = Tokio::started(config, Listener::checking(by_body));
    eventually("it is delivered", || bodies(&cluster, &topic, 2).len() == 2);
    assert_eq!(second.stats().committed_transactions, 1);
    second.shutdown();
}

/// Makes every scenario a test of every version.
macro_rules! on_every_version {
    ($($scenario:ident),+ $(,)?) => {
        mod row_57_rocketmq_5_5_0 {
            $(#[test] #[ignore = "needs a real cluster"]
            fn $scenario() { super::$scenario(super::Version::V5_5_0); })+
        }
        mod row_57_rocketmq_4_9_5 {
            $(#[test] #[ignore = "needs a real cluster"]
            fn $scenario() { super::$scenario(super::Version::V4_9_5); })+
        }
    };
}

on_every_version!(
    transactions_end_as_they_are_said_to,
    late_questions_deliver_nothing_twice,
    a_broker_that_dies_after_a_commit_delivers_it,
    another_instance_answers,
);
