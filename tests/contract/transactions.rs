//! Messages that are delivered if a local transaction commits, and only then.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

use rocketmq_producer::{
    Confirmed, LocalTransactionState, Message, Outcome, ProducerConfig, SendErrorKind, SendStatus,
};
use rocketmq_producer_testkit::{
    model::{Ended, Entry, Fault, Flavour, Node},
    serve::EmbeddedCluster,
};

use crate::{
    transactor::{Listener, Transactor, Transacts, with_every_listener},
    world::*,
};
use LocalTransactionState::{CommitMessage, RollbackMessage, Unknown};

/// A cluster that asks after 100 ms, and every 100 ms, for as long as nobody answers.
fn impatient() -> EmbeddedCluster {
    asking_at_most(u32::MAX)
}

fn asking_at_most(times: u32) -> EmbeddedCluster {
    asking(Duration::from_millis(100), times)
}

/// Asks once a second: a busy machine has the time to answer.
fn patient() -> EmbeddedCluster {
    asking(Duration::from_secs(1), u32::MAX)
}

fn asking(interval: Duration, times: u32) -> EmbeddedCluster {
    let cluster = one_broker();
    cluster.model(|model| {
        model.keep_journal();
        let wait = Duration::from_millis(100);
        model.broker("broker-a").set_transaction_checks(wait, interval, times);
    });
    cluster
}

/// A listener that nobody is to ask.
fn unasked() -> Listener {
    Listener::checking(|message| panic!("{message:?} is asked about"))
}

fn always(state: LocalTransactionState) -> Listener {
    Listener::checking(move |_| state)
}

fn config(cluster: &EmbeddedCluster) -> ProducerConfig {
    crate::world::config(cluster).with_producer_group("transactions")
}

fn open_half_messages(cluster: &EmbeddedCluster) -> usize {
    cluster.model(|model| model.open_half_messages())
}

/// What the brokers were told, so far.
fn ends(cluster: &EmbeddedCluster) -> Vec<Ended> {
    let entries = cluster.model(|model| model.take_entries());
    let ended = |entry| if let Entry::Ended(ended) = entry { Some(ended) } else { None };
    entries.into_iter().filter_map(ended).collect()
}

fn visible(cluster: &EmbeddedCluster) -> Vec<String> {
    let stored = cluster.stored("Contract");
    stored.iter().map(|stored| String::from_utf8(stored.body.to_vec()).unwrap()).collect()
}

fn row_14_what_is_committed_is_delivered_and_what_is_rolled_back_is_not<T: Transacts>() {
    for flavour in [Flavour::V5, Flavour::V4] {
        let cluster = one_broker();
        cluster.model(|model| model.broker("broker-a").set_flavour(flavour));
        let producer = T::started(config(&cluster), unasked());
        let committed = producer.run(message("committed"), CommitMessage).unwrap();
        assert!(committed.is_commit() && committed.is_confirmed(), "{committed:?}");
        assert_eq!(committed.transaction_id, committed.receipt.message_id);
        let rolled_back = producer.run(message("rolled back"), RollbackMessage).unwrap();
        assert!(rolled_back.is_rollback() && rolled_back.is_confirmed());
        let unknown = producer.run(message("unknown"), Unknown).unwrap();
        assert!(unknown.is_unknown());
        assert_eq!(unknown.confirmation, Confirmed::NotNeeded);
        assert_eq!(visible(&cluster), ["committed"]);

        let _ = producer.send(message("no transaction")).unwrap();
        let stats = producer.stats();
        assert_eq!((stats.total_transactions, stats.open), (3, 1));
        let decided = (stats.committed_transactions, stats.rolled_back_transactions);
        assert_eq!((decided, stats.unknown_transactions), ((1, 1), 1));
        producer.shutdown();
    }
}

fn a_transaction_that_is_begun_by_hand_is_ended_by_hand<T: Transacts>() {
    let cluster = one_broker();
    let producer = T::started(config(&cluster), unasked());
    let first = producer.begin(message("committed")).unwrap();
    let second = producer.begin(message("rolled back")).unwrap();
    assert_eq!(first.receipt().status, SendStatus::SendOk);
    assert_eq!((visible(&cluster).len(), open_half_messages(&cluster)), (0, 2));
    assert!(second.rollback().is_confirmed());
    assert!(first.commit().is_commit());
    assert_eq!(visible(&cluster), ["committed"]);
    assert_eq!(producer.stats().open, 0);
}

fn row_13_what_is_unknown_is_asked_about_and_settled<T: Transacts>() {
    let cluster = patient();
    let asked = Arc::new(AtomicU32::new(0));
    let asks = Arc::clone(&asked);
    let listener = Listener::checking(move |message| {
        asks.fetch_add(1, SeqCst);
        if message.body() == "commit" { CommitMessage } else { RollbackMessage }
    });
    let producer = T::started(config(&cluster), listener);
    for body in ["commit", "rollback"] {
        let receipt = producer.run(message(body), Unknown).unwrap();
        assert!(receipt.is_unknown());
    }
    // Dropped without a word.
    drop(producer.begin(message("commit")).unwrap());
    eventually("all are settled", || open_half_messages(&cluster) == 0);
    assert_eq!(visible(&cluster), ["commit", "commit"]);
    assert_eq!(asked.load(SeqCst), 3);
    let stats = producer.stats();
    assert_eq!((stats.total_transactions, stats.open), (3, 0));
    assert_eq!((stats.committed_transactions, stats.rolled_back_transactions), (2, 1));
    assert_eq!((stats.unknown_transactions, stats.avg_check_times), (3, 1.0));
    let told = ends(&cluster);
    assert!(told.iter().all(|end| end.broker == "broker-a"));
    // A broker that has not marked them as done yet may have asked again.
    let settled = told.iter().filter(|end| end.from_check && end.state != 0);
    let settled: BTreeSet<_> = settled.map(|end| &end.uniq_key).collect();
    assert_eq!(settled.len(), 3, "{told:?}");
}

fn a_listener_that_does_not_know_yet_is_asked_again<T: Transacts>() {
    let cluster = patient();
    let asked = AtomicU32::new(0);
    let listener = Listener::checking(move |_| match asked.fetch_add(1, SeqCst) {
        0 | 1 => Unknown,
        _ => CommitMessage,
    });
    let producer = T::started(config(&cluster), listener);
    let _ = producer.run(message("in the end"), Unknown).unwrap();
    eventually("it is settled", || open_half_messages(&cluster) == 0);
    assert_eq!(visible(&cluster), ["in the end"]);
    assert_eq!(producer.stats().avg_check_times, 3.0);
}

fn row_14_a_check_during_the_local_transaction_is_answered_unknown<T: Transacts>() {
    let cluster = impatient();
    let listener = unasked().executing(|_, state| {
        thread::sleep(Duration::from_millis(800));
        state
    });
    let producer = T::started(config(&cluster), listener);
    let receipt = producer.run(message("slow"), CommitMessage).unwrap();
    assert!(receipt.is_commit() && receipt.check_times > 0, "{receipt:?}");
    let told = ends(&cluster);
    let committed = told.iter().position(|end| !end.from_check).expect("its end is told");
    assert_eq!(told[committed].state, 8);
    // A question that has crossed the commit may be answered after it.
    let during = &told[..committed];
    assert!(!during.is_empty() && during.iter().all(|end| end.state == 0), "{told:?}");
    assert_eq!(visible(&cluster), ["slow"]);
}

fn row_13_the_broker_finds_its_producer_again_after_the_connection_was_lost<T: Transacts>() {
    let cluster = impatient();
    let producer = T::started(config(&cluster), always(CommitMessage));
    let _ = producer.run(message("unknown"), Unknown).unwrap();
    cluster.cut_connections(&broker_a());
    eventually("it is settled", || visible(&cluster) == ["unknown"]);
}

fn row_13_another_instance_of_the_group_answers<T: Transacts>() {
    let cluster = impatient();
    let first = T::started(config(&cluster), unasked());
    let _ = first.run(message("orphan"), Unknown).unwrap();
    first.shutdown();
    drop(first);
    // It sends nothing; it is there.
    let second = T::started(config(&cluster), always(CommitMessage));
    eventually("it is settled", || open_half_messages(&cluster) == 0);
    assert_eq!(visible(&cluster), ["orphan"]);
    let stats = second.stats();
    assert_eq!((stats.committed_transactions, stats.total_transactions, stats.open), (1, 0, 0));
}

fn row_14_the_end_goes_to_the_broker_that_has_the_half_message<T: Transacts>() {
    let cluster = two_brokers();
    cluster.model(|model| {
        model.create_topic("Contract", 4);
        model.keep_journal();
    });
    let producer = T::started(config(&cluster), unasked());
    for number in 0..6 {
        let half = producer.begin(message(&number.to_string())).unwrap();
        let broker = half.receipt().message_queue.broker_name.to_string();
        assert!(half.commit().is_confirmed());
        let told = ends(&cluster);
        assert_eq!((told.len(), told[0].broker.as_str(), told[0].published), (1, &*broker, true));
    }
    assert_eq!(visible(&cluster).len(), 6);
}

fn row_14_a_commit_that_nobody_confirms_is_told_as_unconfirmed_and_asked_about<T: Transacts>() {
    let cluster = impatient();
    let config = config(&cluster).with_timeout(Duration::from_secs(1));
    let producer = T::started(config, unasked());
    let half = producer.begin(message("heard or not")).unwrap();
    cluster.refuse(&broker_a());
    let receipt = half.commit();
    assert!(receipt.is_commit(), "the local transaction is what it is");
    assert!(matches!(receipt.confirmation, Confirmed::No(_)), "{receipt:?}");
    assert_eq!(producer.stats().unconfirmed, 1);
    cluster.accept_again(&broker_a());
    // The listener is not asked: this producer knows what it has decided.
    eventually("it is delivered", || visible(&cluster) == ["heard or not"]);
}

fn a_commit_that_gets_no_answer_is_not_told_twice_on_one_connection<T: Transacts>() {
    let cluster = impatient();
    let config = config(&cluster).with_timeout(Duration::from_millis(600));
    let producer = T::started(config, unasked());
    let half = producer.begin(message("once")).unwrap();
    cluster.set_fault(&broker_a(), Fault::Hang);
    let receipt = half.commit();
    assert!(receipt.is_commit() && !receipt.is_confirmed(), "{receipt:?}");
    let told = ends(&cluster).into_iter().filter(|end| !end.from_check);
    assert_eq!(told.count(), 1, "the broker may have acted on it");
}

fn late_questions_about_what_is_settled_deliver_nothing_twice<T: Transacts>() {
    let cluster = impatient();
    let producer = T::started(config(&cluster), unasked());
    for number in 0..50 {
        let state = if number % 2 == 0 { CommitMessage } else { RollbackMessage };
        assert!(producer.run(message(&number.to_string()), state).unwrap().is_confirmed());
        thread::sleep(Duration::from_millis(10));
    }
    eventually("no question is left", || open_half_messages(&cluster) == 0);
    thread::sleep(Duration::from_millis(300));
    let asked = ends(&cluster).into_iter().filter(|end| end.from_check).count();
    assert!(asked > 5, "asked {asked} times: the broker marks what is settled every 3 s only");
    let mut expected: Vec<_> = (0..50).step_by(2).map(|number| number.to_string()).collect();
    let mut delivered = visible(&cluster);
    delivered.sort();
    expected.sort();
    assert_eq!(delivered, expected, "each exactly once");
}

fn a_half_message_stored_with_doubt_is_rolled_back<T: Transacts>() {
    let cluster = impatient();
    let listener = unasked().executing(|_, _| panic!("nothing is to be executed"));
    let producer = T::started(config(&cluster), listener);
    cluster.set_fault(&broker_a(), Fault::ReplyCode(10));
    let receipt = producer.run(message("doubt"), CommitMessage).unwrap();
    assert_eq!(receipt.receipt.status, SendStatus::FlushDiskTimeout);
    assert!(receipt.is_rollback(), "{receipt:?}");
    let error = producer.begin(message("doubt")).err().expect("nobody is to act on it");
    let kind = error.kind();
    assert!(matches!(kind, SendErrorKind::HalfInDoubt(SendStatus::FlushDiskTimeout)), "{error}");
    assert_eq!(error.outcome(), Outcome::Unknown);
    let states: Vec<_> = ends(&cluster).iter().map(|end| end.state).collect();
    assert_eq!(states, [12, 12]);
    assert_eq!((visible(&cluster).len(), producer.stats().open), (0, 0));
}

fn a_listener_that_panics_does_not_know<T: Transacts>() {
    let cluster = impatient();
    let checks = AtomicU32::new(0);
    let listener = Listener::checking(move |_| match checks.fetch_add(1, SeqCst) {
        0 => panic!("at the first check"),
        _ => CommitMessage,
    });
    let listener = listener.executing(|_, _| panic!("while executing"));
    let producer = T::started(config(&cluster), listener);
    let receipt = producer.run(message("survives"), CommitMessage).unwrap();
    assert!(receipt.is_unknown());
    eventually("it is settled", || open_half_messages(&cluster) == 0);
    assert_eq!(visible(&cluster), ["survives"]);
    assert!(producer.send(message("and goes on")).is_ok());
}

fn row_13_what_cannot_be_asked_is_counted_and_answered_unknown<T: Transacts>() {
    let cluster = asking_at_most(15);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sees = Arc::clone(&seen);
    let listener = Listener::checking(move |message: &Message| {
        sees.lock().unwrap().push(message.clone());
        Unknown
    });
    let producer = T::started(config(&cluster), listener);
    producer.set_max_check_times(2);
    let _ = producer.run(message("never known"), Unknown).unwrap();
    // After that the listener is left alone; the broker gives up after its own fifteen.
    eventually("the broker gives up", || {
        cluster.model(|model| model.discarded_half_messages()) == 1
    });
    assert_eq!(seen.lock().unwrap().len(), 2);
    let told = ends(&cluster);
    assert!(told.iter().all(|end| end.state == 0), "{told:?}");
    assert!(told.iter().filter(|end| end.from_check).count() >= 14, "{told:?}");
    assert_eq!(visible(&cluster).len(), 0);
}

fn checks_do_not_wait_for_a_slow_listener_to_send<T: Transacts>() {
    let cluster = impatient();
    let listener = Listener::checking(|_| {
        thread::sleep(Duration::from_secs(3));
        CommitMessage
    });
    let producer = T::started(config(&cluster).with_check_queue_max(2), listener);
    for number in 0..20 {
        let _ = producer.run(message(&number.to_string()), Unknown).unwrap();
    }
    eventually("more are asked about than can wait", || producer.stats().overlooked_checks > 5);
    let begun = std::time::Instant::now();
    let _ = producer.send(message("not held up")).unwrap();
    assert!(begun.elapsed() < SLACK);
}

fn a_listener_may_use_the_producer_that_asks_it<T: Transacts>() {
    let cluster = impatient();
    let producer: Arc<Mutex<Option<Arc<dyn Transactor>>>> = Arc::default();
    let own = Arc::clone(&producer);
    let listener = Listener::checking(move |message| {
        let producer = own.lock().unwrap().clone().expect("it is there");
        let told = Message::new("Contract", format!("asked about {:?}", message.body()));
        match producer.send(told) {
            Ok(_) => CommitMessage,
            Err(error) => panic!("{error}"),
        }
    });
    let transactor: Arc<dyn Transactor> = T::started(config(&cluster), listener).into();
    *producer.lock().unwrap() = Some(Arc::clone(&transactor));
    let _ = transactor.run(message("unknown"), Unknown).unwrap();
    eventually("it is settled", || open_half_messages(&cluster) == 0);
    assert_eq!(visible(&cluster).len(), 2);
    producer.lock().unwrap().take();
}

fn a_shutdown_waits_for_open_transactions_and_no_longer_than_it_may<T: Transacts>() {
    let cluster = impatient();
    let listener = always(Unknown).executing(|_, state| {
        thread::sleep(Duration::from_millis(500));
        state
    });
    let producer: Arc<dyn Transactor> = T::started(config(&cluster), listener).into();
    let sender = Arc::clone(&producer);
    let run = thread::spawn(move || sender.run(message("in time"), CommitMessage));
    eventually("the half message is stored", || open_half_messages(&cluster) == 1);
    producer.shutdown();
    assert!(run.join().unwrap().unwrap().is_confirmed());
    assert_eq!(visible(&cluster), ["in time"]);
    let error = producer.run(message("too late"), CommitMessage).unwrap_err();
    assert!(matches!(error.kind(), SendErrorKind::AlreadyShutDown), "{error}");
}

fn a_thousand_transactions_at_once_end_as_they_are_to<T: Transacts>() {
    let cluster = one_broker();
    let producer: Arc<dyn Transactor> =
        T::started(config(&cluster).with_check_queue_max(10), unasked()).into();
    let senders = (0..20).map(|sender| {
        let producer = Arc::clone(&producer);
        thread::spawn(move || {
            for number in 0..50 {
                let state = if number % 2 == 0 { CommitMessage } else { RollbackMessage };
                let message = message(&format!("{sender}-{number}"));
                assert!(producer.run(message, state).unwrap().is_confirmed());
            }
        })
    });
    senders.collect::<Vec<_>>().into_iter().for_each(|sender| sender.join().unwrap());
    let delivered = visible(&cluster);
    let once: BTreeSet<_> = delivered.iter().collect();
    assert_eq!((delivered.len(), once.len()), (500, 500));
    let stats = producer.stats();
    assert_eq!((stats.total_transactions, stats.open, stats.remembered), (1_000, 0, 1_000));
}

fn what_cannot_be_in_a_transaction_is_refused<T: Transacts>() {
    let cluster = one_broker();
    let producer = T::started(config(&cluster), unasked());
    for bad in [
        message("x").with_delay_level(1),
        message("x").with_delay_for(Duration::from_secs(2)),
        Message::new("", "x"),
    ] {
        let error = producer.run(bad, CommitMessage).unwrap_err();
        assert!(matches!(error.kind(), SendErrorKind::InvalidMessage(_)), "{error}");
    }
    let once = producer.begin(message("x").with_uniq_key("A".repeat(32))).unwrap();
    let twice = producer.begin(message("x").with_uniq_key("A".repeat(32))).err().unwrap();
    assert!(matches!(twice.kind(), SendErrorKind::TransactionOpen), "{twice}");
    assert!(once.commit().is_confirmed());
    assert_eq!(producer.stats().total_transactions, 1);
}

fn a_half_message_that_fails_leaves_nothing_behind<T: Transacts>() {
    let cluster = one_broker();
    let config = config(&cluster).with_timeout(Duration::from_secs(1));
    let listener = unasked().executing(|_, _| panic!("nothing is to be executed"));
    let stopped = T::stopped(config.clone(), listener.clone());
    let error = stopped.run(message("too early"), CommitMessage).unwrap_err();
    assert!(matches!(error.kind(), SendErrorKind::NotStarted), "{error}");

    let producer = T::started(config, listener);
    let _ = producer.send(message("the connection is up")).unwrap();
    cluster.set_fault(&Node::Broker("broker-a".to_owned()), Fault::Hang);
    let error = producer.run(message("no answer"), CommitMessage).unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unknown);
    assert_eq!(producer.stats().open, 0);
}

fn transactions_are_counted_across_starts_and_their_half_messages_as_what_they_are<T: Transacts>() {
    let cluster = one_broker();
    let producer = T::started(config(&cluster), unasked().executing(|_, state| state));
    assert!(producer.run(message("first"), CommitMessage).unwrap().is_commit());
    producer.shutdown();
    producer.start();
    assert!(producer.run(message("second"), RollbackMessage).unwrap().is_rollback());
    let _ = producer.send(message("no half")).unwrap();
    let half = producer.begin(message("third").with_uniq_key("A".repeat(32))).unwrap();
    let open = producer.begin(message("third").with_uniq_key("A".repeat(32))).err().unwrap();
    assert!(matches!(open.kind(), SendErrorKind::TransactionOpen), "{open}");
    let _ = half.commit();
    let stats = producer.all_stats();
    assert_eq!((stats.total_sent, stats.half_sent, stats.total_failed), (4, 3, 1));
    assert_eq!((stats.total_dropped, stats.in_flight.messages), (0, 0));
    let of_transactions = stats.transactions;
    assert_eq!(of_transactions, producer.stats());
    assert_eq!(of_transactions.total_transactions, 3);
    assert_eq!(of_transactions.committed_transactions, 2);
    assert_eq!(of_transactions.rolled_back_transactions, 1);
    assert_eq!(producer.reset_stats().transactions, of_transactions);
    producer.shutdown();
    producer.start();
    assert_eq!(producer.stats().total_transactions, 0, "what was reset does not come back");
}

fn a_message_that_was_in_doubt_can_be_tried_again<T: Transacts>() {
    let cluster = one_broker();
    let producer = T::started(config(&cluster), unasked());
    cluster.set_fault(&broker_a(), Fault::ReplyCode(10));
    let error = producer.begin(message("at last")).err().expect("it is in doubt");
    cluster.set_fault(&broker_a(), None);
    let again = producer.begin(error.into_message()).unwrap();
    let committed = again.commit();
    assert!(committed.is_commit() && committed.is_confirmed(), "{committed:?}");
    assert_eq!(visible(&cluster), ["at last"]);
}

/// What its brokers are told would be what has been decided before, whatever its local transaction
/// came to this time.
fn row_14_a_transaction_that_has_ended_does_not_begin_again<T: Transacts>() {
    let cluster = one_broker();
    let executed = Arc::new(AtomicU32::new(0));
    let counts = Arc::clone(&executed);
    let listener = unasked().executing(move |_, state| {
        counts.fetch_add(1, SeqCst);
        state
    });
    let producer = T::started(config(&cluster), listener);
    let named = |id: &str| message(id).with_uniq_key(id.repeat(32));
    for (id, end) in [("A", RollbackMessage), ("B", CommitMessage)] {
        assert!(producer.run(named(id), end).unwrap().is_confirmed());
        let error = producer.run(named(id), CommitMessage).unwrap_err();
        assert_eq!(*error.kind(), SendErrorKind::TransactionEnded(end), "{error}");
        assert_eq!(error.outcome(), Outcome::NotSent);
    }
    assert_eq!((executed.load(SeqCst), producer.stats().total_transactions), (2, 2));
    assert_eq!((visible(&cluster), open_half_messages(&cluster)), (vec!["B".to_owned()], 0));
}

fn a_transaction_without_an_end_leaves_the_table_in_time<T: Transacts>() {
    let cluster = one_broker();
    // Nothing else happens for a long time.
    let (never, soon) = (Duration::from_secs(100), Duration::from_millis(200));
    let config = config(&cluster)
        .with_transaction_timeout(soon)
        .with_heartbeat_broker_interval(never)
        .with_probe_idle(never)
        .with_update_topic_route_info_interval(never)
        .with_poll_name_server_interval(never);
    let producer = T::started(config, unasked());
    let _ = producer.send(message("everybody is connected")).unwrap();
    let open = producer.begin(message("never ended")).unwrap();
    eventually("it is dropped from the table", || {
        let stats = producer.stats();
        (stats.timed_out, stats.open) == (1, 0)
    });
    // Its end is told all the same.
    assert!(open.commit().is_confirmed());
    assert!(visible(&cluster).contains(&"never ended".to_owned()));
}

/// One that waits for the answer about another, say, which holds a row that it wants.
fn checks_do_not_wait_for_local_transactions<T: Transacts>() {
    let cluster = impatient();
    let answered = Arc::new(AtomicU32::new(0));
    let (answers, waits) = (Arc::clone(&answered), Arc::clone(&answered));
    let listener = Listener::checking(move |_| {
        answers.fetch_add(1, SeqCst);
        CommitMessage
    });
    let listener = listener.executing(move |message, state| {
        if message.body() == "waits" {
            eventually("the other one is asked about", || waits.load(SeqCst) > 0);
        }
        state
    });
    let producer = T::started(config(&cluster).with_listener_threads(1), listener);
    let _ = producer.run(message("asked about"), Unknown).unwrap();
    let receipt = producer.run(message("waits"), CommitMessage).unwrap();
    assert!(receipt.is_commit(), "{receipt:?}");
}

with_every_listener!(
    transactions_are_counted_across_starts_and_their_half_messages_as_what_they_are,
    row_14_what_is_committed_is_delivered_and_what_is_rolled_back_is_not,
    a_transaction_that_is_begun_by_hand_is_ended_by_hand,
    row_13_what_is_unknown_is_asked_about_and_settled,
    a_listener_that_does_not_know_yet_is_asked_again,
    row_14_a_check_during_the_local_transaction_is_answered_unknown,
    row_13_the_broker_finds_its_producer_again_after_the_connection_was_lost,
    row_13_another_instance_of_the_group_answers,
    row_14_the_end_goes_to_the_broker_that_has_the_half_message,
    row_14_a_commit_that_nobody_confirms_is_told_as_unconfirmed_and_asked_about,
    a_commit_that_gets_no_answer_is_not_told_twice_on_one_connection,
    late_questions_about_what_is_settled_deliver_nothing_twice,
    a_half_message_stored_with_doubt_is_rolled_back,
    a_listener_that_panics_does_not_know,
    row_13_what_cannot_be_asked_is_counted_and_answered_unknown,
    checks_do_not_wait_for_a_slow_listener_to_send,
    a_listener_may_use_the_producer_that_asks_it,
    a_shutdown_waits_for_open_transactions_and_no_longer_than_it_may,
    a_thousand_transactions_at_once_end_as_they_are_to,
    what_cannot_be_in_a_transaction_is_refused,
    a_half_message_that_fails_leaves_nothing_behind,
    a_message_that_was_in_doubt_can_be_tried_again,
    row_14_a_transaction_that_has_ended_does_not_begin_again,
    a_transaction_without_an_end_leaves_the_table_in_time,
    checks_do_not_wait_for_local_transactions,
);
