//! Transactions, and the check-backs that wait for a listener.

use std::{
    collections::VecDeque,
    future::poll_fn,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Poll, Waker},
};

use rocketmq_producer_core::{
    codec::Frame,
    command::{CheckBack, EndTransaction, LocalTransactionState},
    ids::LinkId,
    model::{Message, ProducerConfig},
    time::{Deadline, Now},
    transaction::{Answer, Beginning, Transactions},
};

use crate::{SharedLink, Wire, lock};

/// The largest body that a check-back may bring: brokers do not send larger frames.
const BODY_MAX: usize = 16 * 1024 * 1024;

/// One session's transactions and its questions from brokers, each behind a lock that is held for a
/// few steps.
#[derive(Debug)]
pub(crate) struct Desk {
    table: Mutex<Transactions>,
    /// Nobody asks a listener where there is none.
    has_listener: bool,
    queue_max: usize,
    queue: Mutex<Queue>,
    closed: AtomicBool,
}

#[derive(Debug, Default)]
struct Queue {
    tasks: VecDeque<Box<Task>>,
    /// Those who wait for a task.
    idle: Vec<Waker>,
}

/// A check-back that somebody has to see to.
#[derive(Debug)]
pub(crate) struct Task {
    /// The connection that it came on.
    pub(crate) link: LinkId,
    pub(crate) check: CheckBack,
    /// What to say; none before the listener has been asked.
    pub(crate) answer: Option<(LocalTransactionState, bool)>,
}

impl Desk {
    pub(crate) fn new(config: &ProducerConfig, has_listener: bool) -> Self {
        Self {
            table: Mutex::new(Transactions::new(config)),
            has_listener,
            queue_max: config.check_queue_max,
            queue: Mutex::default(),
            closed: AtomicBool::new(false),
        }
    }

    /// One step of the table, and nothing else: its lock is not held beyond it.
    pub(crate) fn with<R>(&self, step: impl FnOnce(&mut Transactions) -> R) -> R {
        step(&mut lock(&self.table))
    }

    /// Counts on from where the session before has ended.
    pub(crate) fn count_on_from(&self, before: &Self) {
        // One after the other: nobody holds the second who wants the first.
        let mut table = lock(&self.table);
        table.count_on_from(&lock(&before.table));
    }

    /// A transaction begins. True beside it when the table is to be looked at sooner than before:
    /// whoever keeps the time must be told.
    pub(crate) fn begin(&self, now: Now, message: &Message) -> (Beginning, bool) {
        let mut table = lock(&self.table);
        let before = table.deadline();
        let beginning = table.begin(now, message);
        (beginning, Deadline::is_sooner(table.deadline(), before))
    }

    /// A broker asks. What can be said at once is, by the hub itself; the rest waits for a listener.
    pub(crate) fn take_in<W: Wire>(
        &self,
        now: Now,
        config: &ProducerConfig,
        open: bool,
        link: &Arc<SharedLink<W>>,
        frame: &Frame,
    ) {
        let Ok(check) = CheckBack::parse(frame, BODY_MAX) else {
            return self.with(|table| table.overlooked(None));
        };
        if !self.has_listener || !open || check.group != config.producer_group {
            self.with(|table| table.overlooked(None));
            return say_unknown(config, link, &check);
        }
        let answer = self.with(|table| table.handle_check(now, link.id(), &check));
        let task = match answer {
            Answer::Ask => Task { link: link.id(), check, answer: None },
            Answer::State { state: LocalTransactionState::Unknown, .. } => {
                return say_unknown(config, link, &check);
            }
            Answer::State { state, settles } => {
                Task { link: link.id(), check, answer: Some((state, settles)) }
            }
        };
        if let Err(task) = self.put(Box::new(task)) {
            self.give_up(&task);
            say_unknown(config, link, &task.check);
        }
    }

    /// Nobody will see to it.
    pub(crate) fn give_up(&self, task: &Task) {
        let id = &task.check.half.transaction_id;
        self.with(|table| {
            table.overlooked(Some(id));
            if let Some((_, true)) = task.answer {
                table.told(id, None);
            }
        });
    }

    fn put(&self, task: Box<Task>) -> Result<(), Box<Task>> {
        let mut queue = lock(&self.queue);
        if queue.tasks.len() >= self.queue_max || self.closed.load(Ordering::SeqCst) {
            return Err(task);
        }
        queue.tasks.push_back(task);
        let idle = queue.idle.pop();
        drop(queue);
        if let Some(waker) = idle {
            waker.wake();
        }
        Ok(())
    }

    /// The next task; none once the session is over.
    pub(crate) async fn next(&self) -> Option<Box<Task>> {
        poll_fn(|context| {
            let mut queue = lock(&self.queue);
            if self.closed.load(Ordering::SeqCst) {
                return Poll::Ready(None);
            }
            match queue.tasks.pop_front() {
                Some(task) => Poll::Ready(Some(task)),
                None => {
                    queue.idle.retain(|waker| !waker.will_wake(context.waker()));
                    queue.idle.push(context.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// The session is over: brokers ask others now.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        let queue = std::mem::take(&mut *lock(&self.queue));
        for task in &queue.tasks {
            self.give_up(task);
        }
        queue.idle.into_iter().for_each(Waker::wake);
    }
}

/// Brokers do not answer *unknown*, so nobody waits for that. A connection that has ended meanwhile
/// needs no answer.
pub(crate) fn say_unknown<W: Wire>(
    config: &ProducerConfig,
    link: &Arc<SharedLink<W>>,
    check: &CheckBack,
) {
    let _ = link.oneway(&EndTransaction {
        producer_group: &config.producer_group,
        half: &check.half,
        state: LocalTransactionState::Unknown,
        from_check: true,
        broker_name: &check.broker_name,
    });
}
