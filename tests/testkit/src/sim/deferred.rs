//! Rules for what brokers keep back before consumers see it: half messages and delayed ones.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    time::Duration,
};

use rocketmq_producer_core::{model::Schedule, time::Instant, transaction::TransactionReceipt};

use super::oracle::{Fate, Oracle, SendId, TICK, count_answer, id_of};
use crate::{
    TraceRecord,
    model::{Entry, Stored},
};

/// What the application's database knows of a local transaction. All producers of the group see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Local {
    /// It is under way.
    Executing,
    Committed,
    RolledBack,
}

/// The application's database.
pub(super) type Database = Rc<RefCell<BTreeMap<SendId, Local>>>;

/// What the rules remember.
#[derive(Debug, Default)]
pub(super) struct Deferred {
    pub(super) database: Database,
    /// Half messages whose sends are on their way.
    pub(super) preparing: Rc<RefCell<BTreeSet<SendId>>>,
    kept: BTreeMap<SendId, Kept>,
    /// Transactions whose end is being told, and until when that may take.
    ending: BTreeMap<SendId, Instant>,
}

/// A message that some broker keeps or has kept back.
#[derive(Clone, Copy, Debug, Default)]
struct Kept {
    /// When it was first stored.
    since: Option<Instant>,
    /// How often consumers have got it.
    delivered: u64,
    /// A broker has given it up.
    discarded: bool,
}

impl Oracle {
    /// A broker has done something.
    pub(super) fn entry(&mut self, now: Instant, entry: &Entry) {
        match entry {
            Entry::Visible(stored) if stored.topic == TraceRecord::TOPIC => self.traced(stored),
            Entry::Visible(stored) if self.is_deferred(stored) => self.delivered(now, stored),
            Entry::Visible(stored) => self.stored(stored),
            Entry::Scheduled(stored) => self.kept_back(now, stored),
            Entry::Half(half) if half.checks == 0 => self.kept_back(now, &half.stored),
            Entry::Discarded(stored) => {
                if let Some(id) = id_of(&stored.body) {
                    self.deferred.kept.entry(id).or_default().discarded = true;
                }
            }
            // Copies of half messages are the broker's own business, and so is what it is told.
            _ => {}
        }
    }

    fn is_deferred(&self, stored: &Stored) -> bool {
        let send = id_of(&stored.body).and_then(|id| self.sends.get(&id));
        send.is_some_and(|send| send.is_deferred())
    }

    fn kept_back(&mut self, now: Instant, stored: &Stored) {
        if let Some(id) = id_of(&stored.body) {
            self.deferred.kept.entry(id).or_default().since.get_or_insert(now);
        }
        self.stored(stored);
    }

    /// Consumers get what was kept back.
    fn delivered(&mut self, now: Instant, stored: &Stored) {
        let Some(id) = id_of(&stored.body) else { return };
        let Some(send) = self.sends.get(&id) else { return };
        if stored.body != send.message.body() || stored.topic != *send.message.topic() {
            let story = format!("send {id} was delivered as something else");
            return self.violate("stored is what was sent", story);
        }
        let (schedule, copies) = (send.message.schedule(), send.places.len() as u64);
        let kept = self.deferred.kept.entry(id).or_default();
        kept.delivered += 1;
        let Kept { since, delivered, .. } = *kept;
        let Some(schedule) = schedule else { return self.published(id, delivered) };
        if delivered > copies {
            let story = format!("send {id} is delivered {delivered} times, and stored {copies}");
            return self.violate("copies are attempts", story);
        }
        let Schedule::Level(1) = schedule else { return };
        if since.is_none_or(|since| now < since + Duration::from_millis(999)) {
            let story = format!("send {id} was to wait for a second since {since:?}");
            self.violate("later is not now", story);
        }
    }

    /// A half message was committed.
    fn published(&mut self, id: SendId, delivered: u64) {
        let local = self.deferred.database.borrow().get(&id).copied();
        if local != Some(Local::Committed) {
            let story = format!("transaction {id} is delivered, and its local one is {local:?}");
            return self.violate("what is delivered is committed", story);
        }
        self.counts.redelivered += u64::from(delivered > 1);
    }

    /// A local transaction has ended; its producer tells the broker, which may take until `due`.
    pub(super) fn ending(&mut self, id: SendId, due: Instant) {
        self.deferred.ending.insert(id, due + TICK);
    }

    /// A transaction is over, as far as its producer is concerned.
    pub(super) fn ended(&mut self, now: Instant, id: SendId, receipt: &TransactionReceipt) {
        if let Some(producer) = self.producer_of(id) {
            count_answer(&mut self.last_answers, producer, now);
        }
        self.deferred.ending.remove(&id);
        if !receipt.is_confirmed() {
            return;
        }
        let delivered = self.deferred.kept.get(&id).map_or(0, |kept| kept.delivered);
        self.counts.committed += u64::from(receipt.is_commit());
        if receipt.is_commit() != (delivered > 0) {
            let story = format!("transaction {id} is delivered {delivered} times: {receipt:?}");
            self.violate("what is confirmed is so", story);
        }
    }

    /// Says who has not come to an end in time.
    pub(super) fn deferred_overdue(&mut self, now: Instant, id: SendId) {
        if self.deferred.ending.get(&id).is_some_and(|due| *due <= now) {
            let story = format!("transaction {id} is still being ended");
            self.violate("deadline", story);
        }
    }

    /// The producer's future of a transaction was dropped.
    pub(super) fn transaction_dropped(&mut self, id: SendId) {
        self.deferred.ending.remove(&id);
        self.deferred.preparing.borrow_mut().remove(&id);
        let mut database = self.deferred.database.borrow_mut();
        if database.get(&id) == Some(&Local::Executing) {
            database.insert(id, Local::RolledBack);
        }
    }

    /// Transactions of a producer whose local part is under way, and whose end is being told.
    pub(super) fn transactions_of(&self, producer: usize) -> (usize, usize) {
        let database = self.deferred.database.borrow();
        let own = |id: &SendId| self.sends.get(id).is_some_and(|send| send.producer == producer);
        let executing = database.iter().filter(|(_, local)| **local == Local::Executing);
        let executing = executing.filter(|(id, _)| own(id)).count();
        (executing, self.deferred.ending.keys().filter(|id| own(id)).count())
    }

    /// A send is on its way.
    pub(super) fn is_open(&self, id: SendId) -> bool {
        self.sends.get(&id).is_some_and(|send| send.fate == Fate::Open)
    }

    /// After the faults have ended, and brokers have had the time to ask and to deliver: what was to be
    /// delivered is. What a broker has given up is forgiven when clocks were `stepped`: it thinks that
    /// the message is older than anything it keeps.
    pub(super) fn judge_deliveries(&mut self, stepped: bool) {
        let database = self.deferred.database.borrow();
        let lost = self.sends.iter().find(|(id, send)| {
            let kept = self.deferred.kept.get(id).copied().unwrap_or_default();
            let wanted =
                send.message.schedule().is_some() || database.get(id) == Some(&Local::Committed);
            let stored = send.is_deferred() && !send.places.is_empty();
            stored && wanted && kept.delivered == 0 && !(stepped && kept.discarded)
        });
        let story = lost.map(|(id, send)| format!("{id}, stored at {:?}, never was", send.places));
        drop(database);
        if let Some(story) = story {
            self.violate("what is to be delivered is", story);
        }
    }
}
