//! Transactions on real clusters: what brokers make of half messages, ends and answers to their
//! questions.
//!
//! Ignored by default, since it needs Java and Maven: `cargo test -- --ignored` runs it.

#![cfg(all(feature = "mio", feature = "smol", feature = "tokio"))]

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
    Blocking, Handle, Listener, Mio, Smol, SmolAwaiting, Tokio, TokioAwaiting, Transactor,
    Transacts,
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

fn group(name: &str) -> String {
    format!("group-{name}")
}

fn warmed_up<T: Transacts>(
    cluster: &RealCluster,
    name: &str,
    listener: Listener,
) -> (Box<dyn Transactor>, String) {
    let producer = T::started(config(cluster, &group(name)), listener);
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
    side_by_side(&[
        &|| all_ends::<Blocking>(&cluster, "Blocking"),
        &|| all_ends::<Mio>(&cluster, "Mio"),
        &|| all_ends::<Smol>(&cluster, "Smol"),
        &|| all_ends::<SmolAwaiting>(&cluster, "SmolAwaiting"),
        &|| all_ends::<Tokio>(&cluster, "Tokio"),
        &|| all_ends::<TokioAwaiting>(&cluster, "TokioAwaiting"),
    ]);
}

/// Brokers that ask about what is settled get nothing to deliver twice.
fn late_questions_deliver_nothing_twice(version: Version) {
    let cluster = impatient(version);
    side_by_side(&[
        &|| nothing_is_delivered_twice::<Blocking>(&cluster, "LateBlocking"),
        &|| nothing_is_delivered_twice::<Mio>(&cluster, "LateMio"),
        &|| nothing_is_delivered_twice::<Smol>(&cluster, "LateSmol"),
        &|| nothing_is_delivered_twice::<SmolAwaiting>(&cluster, "LateSmolAwaiting"),
        &|| nothing_is_delivered_twice::<Tokio>(&cluster, "LateTokio"),
        &|| nothing_is_delivered_twice::<TokioAwaiting>(&cluster, "LateTokioAwaiting"),
    ]);
}

fn nothing_is_delivered_twice<T: Transacts>(cluster: &RealCluster, name: &str) {
    let asked = Arc::new(AtomicU32::new(0));
    let asks = Arc::clone(&asked);
    let listener = Listener::checking(move |message| {
        asks.fetch_add(1, SeqCst);
        by_body(message)
    });
    let (producer, topic) = warmed_up::<T>(cluster, name, listener);
    for number in 0..200 {
        let message = Message::new(topic.clone(), format!("commit {number}"));
        assert!(producer.run(message, CommitMessage).unwrap().is_confirmed(), "{name}");
        thread::sleep(Duration::from_millis(30));
    }
    thread::sleep(Duration::from_secs(8));
    let (delivered, stats) = (bodies(cluster, &topic, 201), producer.stats());
    let once: BTreeSet<_> = delivered.iter().collect();
    let version = cluster.version();
    println!("{version}, {name}: {} of 200, asked {} times", delivered.len() - 1, stats.checks);
    assert_eq!((delivered.len(), once.len()), (201, 201), "{name}: each once");
    assert_eq!(asked.load(SeqCst), 0, "{name}: the producer knows the answers by heart");
    if version == Version::V5_5_0 {
        assert!(stats.checks > 0, "{name}: nobody has asked, nothing is shown");
    }
    producer.shutdown();
}

/// A broker that dies with what it has confirmed, and while it is to be told more.
fn a_broker_that_dies_after_a_commit_delivers_it(version: Version) {
    let mut cluster = impatient(version);
    let bereaved = [
        Bereaved::of::<Blocking>(&cluster, "KilledBlocking"),
        Bereaved::of::<Mio>(&cluster, "KilledMio"),
        Bereaved::of::<Smol>(&cluster, "KilledSmol"),
        Bereaved::of::<Tokio>(&cluster, "KilledTokio"),
    ];
    cluster.kill_broker("broker-a").unwrap();
    let committed = thread::scope(|scope| {
        // Told when the broker is back, or asked about.
        let committing = bereaved.map(|one| scope.spawn(|| one.commit()));
        cluster.restart_broker("broker-a").unwrap();
        committing.map(|one| one.join().unwrap())
    });
    for (producer, topic) in committed {
        eventually("both are delivered", || {
            let delivered: BTreeSet<_> = bodies(&cluster, &topic, 3).into_iter().collect();
            delivered.contains("commit before") && delivered.contains("commit during")
        });
        producer.shutdown();
    }
}

/// A producer whose broker is about to die, with a commit that is confirmed and one to come.
struct Bereaved {
    producer: Box<dyn Transactor>,
    topic: String,
    open: Box<dyn Handle>,
}

impl Bereaved {
    fn of<T: Transacts>(cluster: &RealCluster, name: &str) -> Self {
        let (producer, topic) = warmed_up::<T>(cluster, name, Listener::checking(by_body));
        let message = Message::new(topic.clone(), "commit before");
        assert!(producer.run(message, CommitMessage).unwrap().is_confirmed(), "{name}");
        let open = producer.begin(Message::new(topic.clone(), "commit during")).unwrap();
        Self { producer, topic, open }
    }

    fn commit(self) -> (Box<dyn Transactor>, String) {
        assert!(self.open.commit().is_commit());
        (self.producer, self.topic)
    }
}

/// A producer dies between the half message and the question: another of its group answers.
fn another_instance_answers(version: Version) {
    let cluster = impatient(version);
    side_by_side(&[
        &|| one_leaves_and_one_comes::<Blocking, Tokio>(&cluster, "RestartedBlocking"),
        &|| one_leaves_and_one_comes::<Smol, Blocking>(&cluster, "RestartedSmol"),
        &|| one_leaves_and_one_comes::<Tokio, Mio>(&cluster, "RestartedTokio"),
        &|| one_leaves_and_one_comes::<Mio, Smol>(&cluster, "RestartedMio"),
    ]);
}

fn one_leaves_and_one_comes<Leaves: Transacts, Comes: Transacts>(
    cluster: &RealCluster,
    name: &str,
) {
    let silent = Listener::checking(|_| Unknown);
    let (first, topic) = warmed_up::<Leaves>(cluster, name, silent);
    for body in ["commit", "rollback", "never known"] {
        let receipt = first.run(Message::new(topic.clone(), body), Unknown).unwrap();
        assert!(receipt.is_unknown(), "{name}");
    }
    first.shutdown();
    drop(first);
    let second = Comes::started(config(cluster, &group(name)), Listener::checking(by_body));
    eventually("both ends are decided", || {
        let stats = second.stats();
        (stats.committed_transactions, stats.rolled_back_transactions) == (1, 1)
    });
    assert_eq!(bodies(cluster, &topic, 2), ["0 the topic is there", "commit"], "{name}");
    second.shutdown();
}

/// Runs all of them at once, and waits for their ends.
fn side_by_side(scenarios: &[&(dyn Fn() + Sync)]) {
    thread::scope(|scope| scenarios.iter().for_each(|scenario| drop(scope.spawn(scenario))));
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
