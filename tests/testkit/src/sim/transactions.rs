//! Transactions: an application with a database, and brokers that ask about it.

use std::{rc::Rc, sync::Arc, time::Duration};

use rocketmq_producer_core::{
    command::LocalTransactionState,
    delivery::Delivered,
    model::ProducerConfig,
    transaction::{TransactionReceipt, TransactionStats},
};
use rocketmq_producer_shared::{DriverBell, Session};

use super::{
    batches::UnderWay,
    deferred::Local,
    driver::Surroundings,
    oracle::{Manner, SendId, Violation, id_of},
    peers::{BROKERS, Producer},
    producer::SimProducer,
    world::{Answer, Happening, World},
};

/// Brokers ask about half messages that are so old, as often as this: `transactionTimeOut`, and a
/// shorter `transactionCheckInterval` than the usual.
pub(super) const CHECKED_AFTER: Duration = Duration::from_secs(6);
pub(super) const CHECKED_EVERY: Duration = Duration::from_secs(10);
/// After the last fault, everything is settled by then: brokers ask on connections that are dead until
/// they have been idle for two minutes, and producers that take few questions at a time need many
/// rounds.
const SETTLED_AFTER: Duration = Duration::from_secs(600);

/// What an application does between a half message and its end.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    /// How long the local transaction takes.
    pub takes: Duration,
    /// What becomes of it.
    pub commits: bool,
    /// Its producer is not told, and brokers have to ask.
    pub is_silent: bool,
    /// How long a listener takes to look into the database.
    pub asked: Duration,
}

impl Work {
    /// It commits at once.
    pub const COMMIT: Self =
        Self { takes: Duration::ZERO, commits: true, is_silent: false, asked: Duration::ZERO };
    /// It is rolled back at once.
    pub const ROLLBACK: Self = Self { commits: false, ..Self::COMMIT };
}

impl World {
    /// A configuration for producers of transactions.
    #[must_use]
    pub fn transaction_config(&self) -> ProducerConfig {
        Self::for_transactions(self.config())
    }

    /// The listener is asked as often as brokers ask, which is without end.
    pub(super) fn for_transactions(config: ProducerConfig) -> ProducerConfig {
        config.with_producer_group("transactions").with_max_check_times(1_000_000)
    }

    /// A producer with a listener, started.
    pub fn transaction_producer(&mut self, config: ProducerConfig) -> Producer {
        self.enrol(SimProducer::transactional(config))
    }

    /// When brokers ask about half messages. They never give up.
    pub fn let_brokers_check(&mut self, after: Duration, every: Duration) {
        for broker in BROKERS {
            self.cluster.broker(broker.name()).set_transaction_checks(after, every, u32::MAX);
        }
    }

    /// What a producer has counted since its last start.
    #[must_use]
    pub fn transaction_stats(&self, producer: Producer) -> TransactionStats {
        let lifecycle = self.producers[producer.0].lifecycle.as_ref();
        lifecycle.map(|lifecycle| lifecycle.transaction_stats()).unwrap_or_default()
    }

    /// How often a producer's listener was asked, in all its lives.
    #[must_use]
    pub fn listener_asked(&self, producer: Producer) -> u64 {
        self.producers[producer.0].asked.get()
    }

    /// Sends a half message, does the work, and ends the transaction.
    pub fn transact(&mut self, producer: Producer, topic: &str, work: Work) -> SendId {
        let message = self.message(topic, 16);
        let id = self.note_send(producer, &message, Manner::Half);
        let Some(lifecycle) = self.producers[producer.0].lifecycle.clone() else { return id };
        self.looks.borrow_mut().insert(id, work.asked);
        self.oracle.deferred.preparing.borrow_mut().insert(id);
        let (answers, first_polls) = (Rc::clone(&self.answers), Rc::clone(&self.first_polls));
        let (database, around) = (Rc::clone(&self.oracle.deferred.database), self.around.clone());
        let task = self.executor.spawn("transaction", async move {
            let order = first_polls.borrow().len() as u64;
            first_polls.borrow_mut().insert(id, order);
            let half = match lifecycle.begin_half(message) {
                Ok(sending) => sending.await,
                Err(error) => Err(error),
            };
            let half = match half {
                Ok(half) => half,
                Err(error) => return answers.borrow_mut().push_back(Answer::Sent(id, Err(error))),
            };
            let prepared = Answer::Prepared(id, Delivered::Stored(half.receipt().clone()));
            answers.borrow_mut().push_back(prepared);
            let state = if half.receipt().may_execute() {
                database.borrow_mut().insert(id, Local::Executing);
                sleep(&around, work.takes).await;
                let (local, state) = work.outcome();
                database.borrow_mut().insert(id, local);
                state
            } else {
                LocalTransactionState::RollbackMessage
            };
            answers.borrow_mut().push_back(Answer::Executed(id));
            let receipt = half.end(state).await;
            answers.borrow_mut().push_back(Answer::Ended(id, receipt));
        });
        self.tasks_of_sends.insert(id, task);
        id
    }

    /// A half message is stored.
    pub(super) fn prepared(&mut self, id: SendId, delivered: Delivered) {
        let task = self.tasks_of_sends.get(&id).copied();
        self.answered(id, Ok(delivered));
        // It can still be dropped.
        self.tasks_of_sends.extend(task.map(|task| (id, task)));
        self.strike_soon();
    }

    /// The broker is about to be told.
    pub(super) fn executed(&mut self, id: SendId) {
        let Some(producer) = self.oracle.producer_of(id) else { return };
        self.trace.note(self.now, "executed", &[id], || format!("transaction {id}"));
        let due = self.now + self.producers[producer].config.send_msg_timeout;
        self.oracle.ending(id, due);
        self.agenda.add(due + super::oracle::TICK, Happening::Due(id));
        self.strike_soon();
    }

    /// A transaction is over for its producer.
    pub(super) fn ended(&mut self, id: SendId, receipt: TransactionReceipt) {
        self.tasks_of_sends.remove(&id);
        self.judge_journal();
        let numbers = [id, u64::from(receipt.is_commit()), u64::from(receipt.is_confirmed())];
        self.trace.note(self.now, "ended", &numbers, || {
            let (state, confirmation) = (receipt.local_state, &receipt.confirmation);
            format!("transaction {id}: {state:?}, confirmed: {confirmation:?}")
        });
        self.oracle.ended(self.now, id, &receipt);
        self.ends.insert(id, receipt);
    }

    /// Lets time pass until a transaction is over for its producer.
    ///
    /// # Panics
    ///
    /// When a rule is broken on the way, or its half message was not stored.
    pub fn end_of(&mut self, transaction: SendId) -> TransactionReceipt {
        let there = |world: &mut Self| world.ends.contains_key(&transaction);
        let met = self.run_until(Duration::from_secs(60), there);
        assert!(met.expect("no rule is broken"), "transaction {transaction} has no end");
        self.ends.remove(&transaction).expect("it is there")
    }

    /// Starts what answers the brokers in this session.
    pub(super) fn spawn_checkers(&mut self, index: usize, session: &Arc<Session<DriverBell>>) {
        let known = &self.producers[index];
        if !known.transactional {
            return;
        }
        for _ in 0..known.config.check_concurrency {
            let (session, checks) = (Arc::clone(session), Rc::clone(&known.checks));
            let (around, answering) = (self.around.clone(), Rc::clone(&self.looks));
            let asked = Rc::clone(&known.asked);
            let listener = self.listener();
            self.executor.spawn("checks", async move {
                while let Some(mut check) = session.next_check().await {
                    let _under_way = UnderWay::new(&checks);
                    if let Some(id) = check.question().and_then(|(m, _)| id_of(m.body())) {
                        let takes = answering.borrow().get(&id).copied().unwrap_or_default();
                        sleep(&around, takes).await;
                        asked.set(asked.get() + 1);
                        check.decide(listener(id));
                    }
                    if let Some(answer) = check.answer() {
                        // Brokers that are not told ask again.
                        let _ = answer.await;
                    }
                }
            });
        }
    }

    /// What every listener of the group says: what the database says.
    fn listener(&self) -> impl Fn(SendId) -> LocalTransactionState + 'static {
        let deferred = &self.oracle.deferred;
        let (database, preparing) = (Rc::clone(&deferred.database), Rc::clone(&deferred.preparing));
        move |id| match database.borrow().get(&id) {
            Some(Local::Committed) => LocalTransactionState::CommitMessage,
            Some(Local::RolledBack) => LocalTransactionState::RollbackMessage,
            Some(Local::Executing) => LocalTransactionState::Unknown,
            None if preparing.borrow().contains(&id) => LocalTransactionState::Unknown,
            // It was never executed, and will never be.
            None => LocalTransactionState::RollbackMessage,
        }
    }

    /// After the faults have ended: brokers ask until nothing is open, and what was to be delivered
    /// is.
    ///
    /// # Errors
    ///
    /// What is not.
    pub fn expect_transactions_settled(&mut self) -> Result<(), Violation> {
        let settled = self.run_until(SETTLED_AFTER, |world| {
            let open = world.producers.iter().map(SimProducer::open_transactions);
            open.sum::<usize>() == 0
                && world.cluster.open_half_messages() == 0
                && world.cluster.scheduled_messages() == 0
        })?;
        if !settled {
            let open = self.producers.iter().map(SimProducer::open_transactions);
            let (open, half) = (open.collect::<Vec<_>>(), self.cluster.open_half_messages());
            let waiting = self.cluster.scheduled_messages();
            let story = format!(
                "{half} half messages, {waiting} scheduled ones, {open:?} transactions are open"
            );
            return Err(Violation { rule: "transactions are settled in the end", story });
        }
        self.oracle.judge_deliveries(self.has_stepped_clocks);
        self.oracle.violation().cloned().map_or(Ok(()), Err)
    }
}

impl Work {
    fn outcome(self) -> (Local, LocalTransactionState) {
        match self {
            Self { commits: true, is_silent: false, .. } => {
                (Local::Committed, LocalTransactionState::CommitMessage)
            }
            Self { commits: false, is_silent: false, .. } => {
                (Local::RolledBack, LocalTransactionState::RollbackMessage)
            }
            Self { commits: true, .. } => (Local::Committed, LocalTransactionState::Unknown),
            Self { commits: false, .. } => (Local::RolledBack, LocalTransactionState::Unknown),
        }
    }
}

async fn sleep(around: &Surroundings, time: Duration) {
    let mut timer = around.timers.timer();
    let until = around.now() + time;
    std::future::poll_fn(|context| timer.poll(context, around.now(), until)).await;
}
