//! Half messages, and how their transactions end.
//!
//! Source: `TransactionalMessageBridge` and `EndTransactionProcessor` of Apache RocketMQ.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use rocketmq_producer_core::{
    codec::Frame,
    time::{Instant, Now},
};

use super::{
    Broker, Flavour,
    checks::CheckSettings,
    place::{HALF_TOPIC, detain, real_place},
    send::SYSTEM_ERROR,
};
use crate::{
    StoredMessage,
    model::{
        Answer, Response,
        journal::{Ended, Entry, Journal},
    },
};

pub(super) const TRAN_MSG: &str = "TRAN_MSG";
pub(super) const PGROUP: &str = "PGROUP";
const COMMIT: i32 = 8;
const ROLLBACK: i32 = 12;
const TRANSACTION_BITS: i32 = 0xC;
const SLAVE_NOT_AVAILABLE: i32 = 11;
/// How often a newer broker writes down which transactions have ended.
const MARKS_EVERY: Duration = Duration::from_secs(3);

/// What becomes of half messages, by their places in the half queue.
#[derive(Debug, Default)]
pub(super) struct Transactions {
    pub(super) settings: CheckSettings,
    /// Places in the commit log of the messages that checks go through: those without a mark that
    /// are neither discarded nor replaced by a copy.
    pub(super) waiting: BTreeMap<i64, i64>,
    /// Committed or rolled back, and not marked yet.
    ended: BTreeSet<i64>,
    marks_due: Option<Instant>,
    pub(super) discarded: u64,
    /// Since when the next check is waited for, if there is anything to check.
    pub(super) checked: Option<Instant>,
}

impl Transactions {
    pub(super) fn add(&mut self, now: Instant, half: &StoredMessage) {
        self.waiting.insert(half.queue_offset, half.commit_log_offset);
        self.checked.get_or_insert(now);
    }

    pub(super) fn open(&self) -> usize {
        self.waiting.keys().filter(|half| !self.ended.contains(half)).count()
    }

    pub(super) fn marks_due(&self) -> Option<Instant> {
        self.marks_due
    }

    /// A transaction has ended; the mark that says so is written now, or soon with others.
    fn end(&mut self, now: Instant, half: i64, flavour: Flavour) {
        self.ended.insert(half);
        self.marks_due.get_or_insert(now + MARKS_EVERY);
        if flavour == Flavour::V4 {
            self.write_marks();
        }
    }

    pub(super) fn write_marks(&mut self) {
        self.marks_due = None;
        for half in std::mem::take(&mut self.ended) {
            self.waiting.remove(&half);
        }
        if self.waiting.is_empty() {
            self.checked = None;
        }
    }

    pub(super) fn lose_unwritten_marks(&mut self) {
        self.marks_due = None;
        self.ended.clear();
    }
}

/// END_TRANSACTION as it comes.
struct Request {
    group: String,
    uniq_key: String,
    queue_offset: i64,
    commit_log_offset: i64,
    state: i32,
    from_check: bool,
}

impl Request {
    fn of(frame: &Frame) -> Self {
        let ext = &frame.header.ext;
        let text = |name: &str| ext.get(name).map(|value| value.to_string()).unwrap_or_default();
        Self {
            group: text("producerGroup"),
            uniq_key: text("msgId"),
            queue_offset: ext.number("tranStateTableOffset").unwrap_or(-1),
            commit_log_offset: ext.number("commitLogOffset").unwrap_or(-1),
            state: ext.number("commitOrRollback").unwrap_or(0),
            from_check: ext.number("fromTransactionCheck").unwrap_or(false),
        }
    }
}

impl Broker {
    /// Makes a half message of one that is to be, and says whether it was.
    pub(super) fn prepare(&self, message: &mut StoredMessage) -> bool {
        let half = message.properties.get(TRAN_MSG).is_some_and(|is| is == "true");
        if half {
            detain(message, HALF_TOPIC, 0);
            message.sys_flag &= !TRANSACTION_BITS;
            let key = message.uniq_key().filter(|_| self.flavour == Flavour::V5);
            if let Some(key) = key.map(str::to_owned) {
                message.properties.insert("__transactionId__".to_owned(), key);
            }
        }
        half
    }

    pub(super) fn end_transaction(
        &mut self,
        now: Now,
        frame: &Frame,
        journal: &mut Journal,
    ) -> Answer {
        if self.read_only {
            let remark = "Message store is slave mode, so end transaction is forbidden. ";
            return Some(Response::code(SLAVE_NOT_AVAILABLE, remark));
        }
        let request = Request::of(frame);
        if ![COMMIT, ROLLBACK].contains(&request.state) {
            journal.record(|| Entry::Ended(self.ended(&request, false, now)));
            return None;
        }
        let half = match self.half_of(&request) {
            Ok(half) => half.clone(),
            Err(remark) => return Some(Response::code(SYSTEM_ERROR, remark)),
        };
        let published = request.state == COMMIT && self.commit(now, &half, journal);
        self.transactions.end(now.instant, half.queue_offset, self.flavour);
        journal.record(|| Entry::Ended(self.ended(&request, published, now)));
        let remark = if request.state == ROLLBACK { "not set any response code" } else { "" };
        Some(Response::code(0, remark))
    }

    /// The half message that a request means, if it means it in every respect.
    fn half_of(&self, request: &Request) -> Result<&StoredMessage, &'static str> {
        let half = self.store.view(request.commit_log_offset);
        let half = half.ok_or("Find prepared transaction message failed")?;
        match half.properties.get(PGROUP) {
            None => Err("java.lang.NullPointerException"),
            Some(group) if *group != request.group => Err("The producer group wrong"),
            Some(_) if half.queue_offset != request.queue_offset => {
                Err("The transaction state table offset wrong")
            }
            // One that was led astray is taken for what it is not, and nothing comes of it.
            Some(_) if half.topic != HALF_TOPIC && real_place(half).0 != HALF_TOPIC => {
                Err("Find prepared transaction message failed")
            }
            Some(_) => Ok(half),
        }
    }

    /// Publishes what a half message is half of, as often as it is asked to: neither an earlier commit
    /// nor a mark keeps it from being published again.
    fn commit(&mut self, now: Now, half: &StoredMessage, journal: &mut Journal) -> bool {
        let (topic, queue_id) = real_place(half);
        if topic == HALF_TOPIC {
            return false;
        }
        let sys_flag = half.sys_flag | COMMIT;
        let mut message = StoredMessage { topic, queue_id, sys_flag, ..half.clone() };
        message.properties.remove(TRAN_MSG);
        self.publish(now, message, journal);
        true
    }

    fn ended(&self, request: &Request, published: bool, at: Now) -> Ended {
        Ended {
            broker: self.name.clone(),
            uniq_key: request.uniq_key.clone(),
            queue_offset: request.queue_offset,
            commit_log_offset: request.commit_log_offset,
            state: request.state,
            from_check: request.from_check,
            published,
            at,
        }
    }
}
