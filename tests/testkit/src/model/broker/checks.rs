//! Asking producers how transactions have ended: CHECK_TRANSACTION_STATE.
//!
//! Source: `TransactionalMessageServiceImpl.check` of Apache RocketMQ.

use std::time::Duration;

use rocketmq_producer_core::time::{Instant, Now, UnixMillis};
use serde_json::json;

use super::{
    Broker, Flavour,
    place::{HALF_TOPIC, real_place},
    transactions::{PGROUP, Transactions},
};
use crate::{
    StoredMessage,
    model::{
        Output,
        journal::{Entry, Journal, Stored},
        response::encode_oneway,
    },
    offset_message_id,
};

const CHECK_TRANSACTION_STATE: i32 = 39;
const CHECK_TIMES: &str = "TRANSACTION_CHECK_TIMES";
const IMMUNITY: &str = "CHECK_IMMUNITY_TIME_IN_SECONDS";
/// `fileReservedTime`, 72 h: half messages that are older are not checked any more.
const RESERVED_MS: i64 = 72 * 3_600 * 1_000;
/// A broker that checks all the time would do nothing else.
const INTERVAL_MIN: Duration = Duration::from_millis(1);

/// When transactions are checked, and how often.
#[derive(Clone, Copy, Debug)]
pub(super) struct CheckSettings {
    timeout: Duration,
    interval: Duration,
    max: u32,
}

impl Default for CheckSettings {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(6), interval: Duration::from_secs(30), max: 15 }
    }
}

/// What a check does with a half message.
enum Verdict {
    /// It has time left.
    Wait,
    /// It is given up.
    Discard,
    /// Its producers are asked.
    Ask,
}

impl Transactions {
    pub(super) fn set_checks(&mut self, timeout: Duration, interval: Duration, max: u32) {
        self.settings = CheckSettings { timeout, interval: interval.max(INTERVAL_MIN), max };
    }

    pub(super) fn discarded(&self) -> u64 {
        self.discarded
    }

    /// The next turn of the clock that turns every interval, whenever the half messages came.
    pub(super) fn check_due(&self) -> Option<Instant> {
        let interval = u64::try_from(self.settings.interval.as_nanos()).unwrap_or(u64::MAX);
        let next = |since: Instant| (since.as_nanos() / interval + 1).saturating_mul(interval);
        self.checked.map(|since| Instant::from_nanos(next(since)))
    }

    fn judge(&self, half: &StoredMessage, wall: UnixMillis) -> Verdict {
        let age = wall.0.saturating_sub(half.born_timestamp);
        let immune = half.properties.get(IMMUNITY).and_then(|seconds| seconds.parse().ok());
        let immune = self.settings.timeout.max(Duration::from_secs(immune.unwrap_or(0)));
        match age {
            _ if checks(half) >= self.settings.max => Verdict::Discard,
            _ if half.born_timestamp == 0 || age > RESERVED_MS => Verdict::Discard,
            // A producer whose clock is ahead is asked without delay.
            ..0 => Verdict::Ask,
            0.. if age as u128 > immune.as_millis() => Verdict::Ask,
            0.. => Verdict::Wait,
        }
    }
}

impl Broker {
    /// Goes through all half messages that no mark says are done.
    pub(super) fn check_transactions(&mut self, now: Now, journal: &mut Journal) -> Vec<Output> {
        let mut outputs = Vec::new();
        for (queue_offset, commit_log_offset) in self.transactions.waiting.clone() {
            let Some(half) = self.store.view(commit_log_offset).cloned() else { continue };
            match self.transactions.judge(&half, now.wall) {
                Verdict::Wait => continue,
                Verdict::Discard => {
                    self.transactions.discarded += 1;
                    journal.record(|| Entry::Discarded(Stored::new(&self.name, &half, now)));
                }
                Verdict::Ask => outputs.extend(self.ask_again(now, half, journal)),
            }
            self.transactions.waiting.remove(&queue_offset);
        }
        let left = !self.transactions.waiting.is_empty();
        self.transactions.checked = left.then_some(now.instant);
        outputs
    }

    /// Appends a half message again, and asks one of its producers about the copy, which takes the
    /// place of what it was copied from. Without a producer the copy waits for the next check.
    fn ask_again(
        &mut self,
        now: Now,
        mut half: StoredMessage,
        journal: &mut Journal,
    ) -> Option<Output> {
        let times = checks(&half) + 1;
        half.properties.insert(CHECK_TIMES.to_owned(), times.to_string());
        half.store_timestamp = now.wall.0;
        let (_, copy) = self.store.append(half);
        self.transactions.add(now.instant, copy);
        journal.record(|| Entry::half(Stored::new(&self.name, copy, now), copy));
        let copy = copy.clone();
        let connection = self.producers.next_of(copy.properties.get(PGROUP)?)?;
        let question = self.question(copy);
        Some(Output::Send(connection, question))
    }

    /// CHECK_TRANSACTION_STATE about a half message: its body is the message as it would be.
    fn question(&self, half: StoredMessage) -> bytes::Bytes {
        let uniq_key = half.uniq_key().unwrap_or_default();
        let mut ext = json!({
            "tranStateTableOffset": half.queue_offset.to_string(),
            "commitLogOffset": half.commit_log_offset.to_string(),
            "msgId": uniq_key,
            "transactionId": uniq_key,
            "offsetMsgId": offset_message_id(half.store_host, half.commit_log_offset),
        });
        if self.flavour == Flavour::V5 {
            ext["topic"] = HALF_TOPIC.into();
            ext["bname"] = self.name.clone().into();
        }
        let (topic, queue_id) = real_place(&half);
        let body = StoredMessage { topic, queue_id, ..half }.encode();
        encode_oneway(CHECK_TRANSACTION_STATE, self.flavour.version(), &ext, &body)
    }
}

/// How often a half message was checked.
pub(in crate::model) fn checks(half: &StoredMessage) -> u32 {
    half.properties.get(CHECK_TIMES).and_then(|times| times.parse().ok()).unwrap_or(0)
}
