//! What becomes of transactions, and of questions about them.

use std::{
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

use rocketmq_producer::{
    LocalTransactionState, Message, ProducerConfig, TransactionListener, blocking, smol,
};
use rocketmq_producer_testkit::{
    serve::EmbeddedCluster,
    sim::{Producer, TOPIC, Work, World},
};

use super::table::{BROKERS, Row, SECOND, Setting, pass, row, warm_up};

pub(super) fn rows() -> Vec<Row> {
    vec![
        row("transaction_timeout", open_after_a_while, [("1000", 0), ("60000", 1)]),
        row("max_check_times", asked_about_one_in_doubt, [("2", 2), ("5", 5)]),
        row("check_queue_max", overlooks_questions, [("1", true), ("100", false)]),
        row("final_states_max", asked_about_nine_settled, [("1", true), ("9", false)]),
        row("final_states_kept", asked_about_nine_settled, [("1000", true), ("600000", false)]),
        row("check_concurrency", asked_at_once_on_threads, [("1", 1), ("3", 3)]),
        row("listener_threads", asked_at_once_by_tasks, [("1", 1), ("3", 3)]),
    ]
}

/// A healthy world and a producer of transactions with the setting.
fn in_world(setting: Setting) -> (World, Producer) {
    let mut world = World::new(1);
    // The simulation's own limit is none at all.
    let config = world.transaction_config().with_max_check_times(15);
    let producer = world.transaction_producer(setting.in_config(config));
    warm_up(&mut world, producer);
    (world, producer)
}

/// Its local transaction takes longer than that.
fn open_after_a_while(setting: Setting) -> usize {
    let (mut world, producer) = in_world(setting);
    world.transact(producer, TOPIC, Work { takes: 300 * SECOND, ..Work::COMMIT });
    // The table is looked at whenever the hub has something to do, which is every ten seconds at least.
    pass(&mut world, 15 * SECOND);
    world.transaction_stats(producer).open
}

/// How often the listener is asked about a transaction whose producer has gone, and which comes to no
/// end for minutes; brokers ask every ten seconds.
fn asked_about_one_in_doubt(setting: Setting) -> u64 {
    let (mut world, producer) = in_world(setting);
    let other = world.transaction_producer(world.transaction_config());
    world.transact(other, TOPIC, Work { takes: 300 * SECOND, ..Work::COMMIT });
    pass(&mut world, SECOND);
    world.shut_down(other);
    pass(&mut world, 200 * SECOND);
    world.listener_asked(producer)
}

/// Whether any of thirty questions is left without an ear, where each takes the listener a second.
fn overlooks_questions(setting: Setting) -> bool {
    let (mut world, producer) = in_world(setting);
    for _ in 0..30 {
        let silent = Work { is_silent: true, asked: SECOND, ..Work::COMMIT };
        world.transact(producer, TOPIC, silent);
    }
    pass(&mut world, 60 * SECOND);
    world.transaction_stats(producer).overlooked_checks > 0
}

/// Whether the listener is asked about any of nine transactions that have ended, by brokers that have
/// forgotten so.
fn asked_about_nine_settled(setting: Setting) -> bool {
    let (mut world, producer) = in_world(setting);
    for _ in 0..9 {
        let transaction = world.transact(producer, TOPIC, Work::COMMIT);
        assert!(world.end_of(transaction).is_confirmed());
    }
    for broker in BROKERS {
        world.crash(broker);
        world.restart(broker);
    }
    pass(&mut world, 60 * SECOND);
    assert!(world.transaction_stats(producer).checks > 0, "brokers ask");
    world.listener_asked(producer) > 0
}

/// How many questions the listener is asked at once, at most.
fn asked_at_once_on_threads(setting: Setting) -> usize {
    asked_at_once(|cluster, listener| {
        let config = setting.in_config(config(cluster));
        let producer = blocking::TransactionProducer::new(config, listener).expect("it is valid");
        producer.start().expect("there are threads and entropy");
        for number in 0..6 {
            let message = Message::new(TOPIC, number.to_string());
            drop(producer.begin(message).expect("all is well"));
        }
        producer
    })
}

/// The same, where there are more workers than threads for the listener.
fn asked_at_once_by_tasks(setting: Setting) -> usize {
    asked_at_once(|cluster, listener| {
        let config = setting.in_config(config(cluster).with_check_concurrency(3));
        let producer = smol::TransactionProducer::new(config, listener).expect("it is valid");
        ::smol::block_on(async {
            producer.start().await.expect("there is entropy");
            for number in 0..6 {
                let message = Message::new(TOPIC, number.to_string());
                drop(producer.begin(message).await.expect("all is well"));
            }
        });
        producer
    })
}

fn config(cluster: &EmbeddedCluster) -> ProducerConfig {
    ProducerConfig::new("transactions", cluster.namesrv_addr()).with_timeout(10 * SECOND)
}

fn asked_at_once<P>(begin_six: impl FnOnce(&EmbeddedCluster, Crowd) -> P) -> usize {
    let cluster = EmbeddedCluster::start();
    cluster.model(|model| {
        let soon = Duration::from_millis(50);
        model.broker("broker-a").set_transaction_checks(soon, soon, u32::MAX);
    });
    let crowd = Crowd::default();
    let _producer = begin_six(&cluster, crowd.clone());
    crowd.most()
}

/// A listener that answers nobody until three questions have come at once, or none has come for a
/// while.
#[derive(Clone, Default)]
struct Crowd(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    here: usize,
    most: usize,
    is_over: bool,
}

impl Crowd {
    const FULL: usize = 3;
    /// More than a busy machine takes to run a thread that has something to do.
    const WHILE: Duration = Duration::from_secs(3);

    fn join(&self) {
        let (state, bell) = &*self.0;
        let mut state = state.lock().expect("nobody panics");
        state.here += 1;
        state.most = state.most.max(state.here);
        state.is_over |= state.here == Self::FULL;
        let waiting = |state: &mut State| !state.is_over;
        let (mut state, _) =
            bell.wait_timeout_while(state, Self::WHILE, waiting).expect("nobody panics");
        state.is_over = true;
        state.here -= 1;
        bell.notify_all();
    }

    /// How many were here at once, when it is over.
    fn most(&self) -> usize {
        let (state, bell) = &*self.0;
        let state = state.lock().expect("nobody panics");
        let waiting = |state: &mut State| !state.is_over;
        let patience = 10 * Self::WHILE;
        let (state, late) =
            bell.wait_timeout_while(state, patience, waiting).expect("nobody panics");
        assert!(!late.timed_out(), "nobody has asked");
        state.most
    }
}

impl TransactionListener for Crowd {
    type Arg = ();

    fn execute_local_transaction(&self, _: &Message, _: &str, (): ()) -> LocalTransactionState {
        LocalTransactionState::Unknown
    }

    fn check_local_transaction(&self, _: &Message, _: &str) -> LocalTransactionState {
        self.join();
        LocalTransactionState::CommitMessage
    }
}

#[test]
fn what_becomes_of_transactions_has_an_effect() {
    super::table::show(rows());
}
