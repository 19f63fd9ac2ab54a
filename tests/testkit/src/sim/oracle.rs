//! What must hold, after every step of every run, whatever the faults.
//!
//! Sends are recognised in the brokers' stores by their bodies, so that the ids which the producer
//! gives to messages are checked as well.

use std::{collections::BTreeMap, fmt, time::Duration};

use rocketmq_producer_core::{
    delivery::{Delivered, Outcome, SendError},
    model::{Message, ProducerConfig, SendReceipt},
    time::Instant,
};
use rocketmq_producer_shared::Load;

use super::{deferred::Deferred, order::OrderBook, traced::Told};
use crate::model::Stored;

/// One send of a run, by the order in which they were made.
pub type SendId = u64;

/// What a send may come late by: nothing takes time in a simulated process, so no more than one
/// turn of a timer.
pub(super) const TICK: Duration = Duration::from_millis(1);

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The rule, in a word.
    pub rule: &'static str,
    /// Who broke it, and how.
    pub story: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.story)
    }
}

/// How a message is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// As itself or in a batch, and answered.
    Answered,
    /// Nobody answers.
    Oneway,
    /// As a half message.
    Half,
}

/// What has become of a send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Open,
    /// Its future was dropped.
    Dropped,
    /// Stored; or handed over, where nobody answers.
    Acknowledged,
    /// It failed, and said so much of the message.
    Failed(Outcome),
}

/// A send, and where its message was seen.
#[derive(Debug)]
pub(super) struct Attempted {
    pub(super) producer: usize,
    pub(super) message: Message,
    manner: Manner,
    /// Its producer lets sends gather.
    gathers: bool,
    began: Instant,
    due: Instant,
    copies_max: u32,
    pub(super) fate: Fate,
    uniq_key: Option<String>,
    /// Where brokers have stored what it has sent them.
    pub(super) places: Vec<Place>,
}

impl Attempted {
    /// Brokers keep it back before consumers see it.
    pub(super) fn is_deferred(&self) -> bool {
        self.manner == Manner::Half || self.message.schedule().is_some()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    broker: String,
    queue: i32,
    offset: i64,
}

/// When something of each producer came to an end last, and how much in that moment.
pub(super) type LastAnswers = BTreeMap<usize, (Instant, usize)>;

pub(super) fn count_answer(last: &mut LastAnswers, producer: usize, now: Instant) {
    let (at, count) = last.entry(producer).or_default();
    *count = if *at == now { *count + 1 } else { 1 };
    *at = now;
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Oracle {
    pub(super) sends: BTreeMap<SendId, Attempted>,
    open: BTreeMap<SendId, ()>,
    next: SendId,
    violation: Option<Violation>,
    /// Sends, and ends of transactions.
    pub(super) last_answers: LastAnswers,
    /// Which send each id was stored for.
    ids: BTreeMap<String, SendId>,
    order: OrderBook,
    pub(super) deferred: Deferred,
    pub(super) told: Told,
    pub(super) counts: Counts,
}

/// How a run's sends have ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Sends made.
    pub sends: u64,
    /// Acknowledged.
    pub acknowledged: u64,
    /// Failed: certainly not sent.
    pub not_sent: u64,
    /// Failed: certainly not stored.
    pub rejected: u64,
    /// Failed: maybe stored.
    pub unknown: u64,
    /// Dropped by their callers.
    pub dropped: u64,
    /// Copies beyond the first.
    pub duplicates: u64,
    /// Acknowledged by a broker that was well, after another had failed.
    pub saved: u64,
    /// Of the sends: half messages.
    pub halves: u64,
    /// Transactions whose commit was confirmed.
    pub committed: u64,
    /// Deliveries of one committed message beyond the first.
    pub redelivered: u64,
}

impl Counts {
    /// Adds those of another run.
    pub fn add(&mut self, other: &Self) {
        self.sends += other.sends;
        self.acknowledged += other.acknowledged;
        self.not_sent += other.not_sent;
        self.rejected += other.rejected;
        self.unknown += other.unknown;
        self.dropped += other.dropped;
        self.duplicates += other.duplicates;
        self.saved += other.saved;
        self.halves += other.halves;
        self.committed += other.committed;
        self.redelivered += other.redelivered;
    }
}

impl Oracle {
    /// A send begins; the message's body is to be [`body`] of the id that this gives.
    pub(super) fn next_id(&self) -> SendId {
        self.next
    }

    pub(super) fn begin(
        &mut self,
        now: Instant,
        producer: usize,
        message: Message,
        manner: Manner,
        config: &ProducerConfig,
    ) -> SendId {
        let id = self.next;
        self.next += 1;
        self.counts.sends += 1;
        self.counts.halves += u64::from(manner == Manner::Half);
        self.open.insert(id, ());
        let copies_max = if config.retry_unknown { config.retry_times + 1 } else { 1 };
        self.sends.insert(
            id,
            Attempted {
                producer,
                message,
                manner,
                gathers: config.auto_batch,
                began: now,
                due: now + config.send_msg_timeout + TICK,
                copies_max,
                fate: Fate::Open,
                uniq_key: None,
                places: Vec::new(),
            },
        );
        id
    }

    /// When the send must be over.
    pub(super) fn due(&self, id: SendId) -> Instant {
        self.sends.get(&id).map_or(Instant::FAR_FUTURE, |send| send.due)
    }

    /// The send's future has come back; it was polled first in this `order`.
    pub(super) fn answered(
        &mut self,
        now: Instant,
        id: SendId,
        order: u64,
        result: &Result<Delivered, SendError>,
    ) {
        let Some(send) = self.sends.get_mut(&id) else { return };
        self.open.remove(&id);
        count_answer(&mut self.last_answers, send.producer, now);
        if send.fate != Fate::Open {
            return self.violate("answered once", format!("send {id} was answered twice"));
        }
        if now > send.due {
            let late = now.saturating_since(send.due);
            return self.violate("deadline", format!("send {id} came back {late:?} late"));
        }
        match result {
            Ok(Delivered::Stored(receipt)) => self.acknowledged(id, order, receipt),
            Ok(Delivered::HandedOver) => {
                self.counts.acknowledged += 1;
                send.fate = Fate::Acknowledged;
            }
            Err(error) => self.failed(id, error),
        }
    }

    fn acknowledged(&mut self, id: SendId, order: u64, receipt: &SendReceipt) {
        let Some(send) = self.sends.get_mut(&id) else { return };
        self.counts.acknowledged += 1;
        send.fate = Fate::Acknowledged;
        let place = Place {
            broker: receipt.message_queue.broker_name.to_string(),
            queue: receipt.message_queue.queue_id,
            offset: receipt.queue_offset,
        };
        // What is kept back waits in a queue of the broker's own.
        let deferred = send.is_deferred();
        let is_there = |at: &Place| {
            let same_queue = deferred || at.queue == place.queue;
            same_queue && (&at.broker, at.offset) == (&place.broker, place.offset)
        };
        if !send.places.iter().any(is_there) {
            let story = format!("send {id} was acknowledged at {place:?}, where it is not stored");
            return self.violate("acknowledged is stored", story);
        }
        if send.uniq_key.as_deref() != Some(&receipt.message_id) {
            let story = format!("send {id} is stored under {:?}, not {receipt:?}", send.uniq_key);
            return self.violate("one id for one message", story);
        }
        let copies = send.places.len();
        if copies > receipt.attempts as usize {
            let story = format!("send {id} has {copies} copies of {} attempts", receipt.attempts);
            return self.violate("copies are attempts", story);
        }
        let key = send.message.sharding_key().filter(|_| !deferred);
        let (Some(key), Some(first)) = (key, send.places.first()) else {
            return;
        };
        let whose = (send.producer, send.message.topic().to_owned(), key.to_owned());
        let place = (&*first.broker, first.queue, first.offset);
        let gathers = send.gathers;
        if let Some(story) = self.order.acknowledged(whose, order, place, gathers) {
            self.violate("messages of a key keep their order", story);
        }
    }

    /// More is in flight than may be.
    pub(super) fn judge_permits(&mut self, load: Load, config: &ProducerConfig) {
        let (sends, bytes) = (config.async_send_semaphore, config.in_flight_bytes_max);
        if load.sends > sends || load.bytes > bytes {
            let story = format!("{load:?}, and {sends} sends and {bytes} bytes may be");
            self.violate("permits are limits", story);
        }
    }

    fn failed(&mut self, id: SendId, error: &SendError) {
        let Some(send) = self.sends.get_mut(&id) else { return };
        let outcome = error.outcome();
        match outcome {
            Outcome::NotSent => self.counts.not_sent += 1,
            Outcome::Rejected => self.counts.rejected += 1,
            Outcome::Unknown => self.counts.unknown += 1,
        }
        send.fate = Fate::Failed(outcome);
        let given_back = error.message();
        if given_back.body() != send.message.body() || given_back.topic() != send.message.topic() {
            let story = format!("send {id} gave back {given_back:?}");
            return self.violate("the message comes back", story);
        }
        if send.uniq_key.is_some() && send.uniq_key.as_deref() != given_back.uniq_key() {
            let story = format!("send {id} is stored under {:?}, not {error:?}", send.uniq_key);
            return self.violate("one id for one message", story);
        }
        if outcome != Outcome::Unknown && !send.places.is_empty() {
            let story = format!("send {id} is stored at {:?} and said: {error}", send.places);
            return self.violate("what failed for certain is not stored", story);
        }
        send.copies_max = send.copies_max.min(error.attempts().len() as u32);
        let copies = send.places.len();
        if copies > send.copies_max as usize {
            let story = format!("send {id} has {copies} copies and said: {error}");
            self.violate("copies are attempts", story);
        }
    }

    /// The send's future was dropped.
    pub(super) fn dropped(&mut self, id: SendId) {
        if let Some(send) = self.sends.get_mut(&id) {
            send.fate = Fate::Dropped;
            self.counts.dropped += 1;
            self.open.remove(&id);
        }
    }

    /// A broker has stored a message.
    pub(super) fn stored(&mut self, stored: &Stored) {
        let id = id_of(&stored.body);
        let Some((id, send)) = id.and_then(|id| Some((id, self.sends.get_mut(&id)?))) else {
            let story = format!("nobody sent what {} has stored: {stored:?}", stored.broker);
            return self.violate("stored was attempted", story);
        };
        let deferred = send.is_deferred();
        let elsewhere = !deferred && stored.topic != *send.message.topic();
        if stored.body != send.message.body() || elsewhere {
            let story = format!("send {id} was stored as something else");
            return self.violate("stored is what was sent", story);
        }
        if *send.uniq_key.get_or_insert_with(|| stored.uniq_key.clone()) != stored.uniq_key {
            let story = format!("send {id} is stored under {:?} and {stored:?}", send.uniq_key);
            return self.violate("one id for one message", story);
        }
        if send.message.sharding_key().is_some()
            && !deferred
            && send
                .places
                .iter()
                .any(|place| (place.queue, &place.broker) != (stored.queue_id, &stored.broker))
        {
            let story = format!("send {id} went to {:?}, then to {stored:?}", send.places);
            return self.violate("a key keeps its queue", story);
        }
        let first = *self.ids.entry(stored.uniq_key.clone()).or_insert(id);
        if first != id {
            let story = format!("sends {first} and {id} are both stored under {}", stored.uniq_key);
            return self.violate("one message for one id", story);
        }
        self.counts.duplicates += u64::from(!send.places.is_empty());
        send.places.push(Place {
            broker: stored.broker.clone(),
            queue: stored.queue_id,
            offset: stored.queue_offset,
        });
        let (copies, most) = (send.places.len(), send.copies_max);
        match send.fate {
            Fate::Failed(outcome @ (Outcome::NotSent | Outcome::Rejected)) => {
                let story = format!("send {id} failed as {outcome:?} and was stored after that");
                self.violate("what failed for certain is not stored", story);
            }
            _ if copies > most as usize => {
                let story = format!("send {id} is stored {copies} times, and may be {most} times");
                self.violate("copies are attempts", story);
            }
            _ => {}
        }
    }

    /// Says who has not been answered in time.
    pub(super) fn check_overdue(&mut self, now: Instant, id: SendId) {
        let Some(send) = self.sends.get(&id) else { return };
        if send.fate == Fate::Open && now >= send.due {
            let story = format!("send {id} of producer {} is still pending", send.producer);
            return self.violate("deadline", story);
        }
        self.deferred_overdue(now, id);
    }

    /// Which send an id was stored for.
    pub(super) fn send_of(&self, uniq_key: &str) -> Option<SendId> {
        self.ids.get(uniq_key).copied()
    }

    /// Whose send it is.
    pub(super) fn producer_of(&self, id: SendId) -> Option<usize> {
        self.sends.get(&id).map(|send| send.producer)
    }

    /// How many sends of a producer were answered in this very moment.
    pub(super) fn answered_at(&self, producer: usize, now: Instant) -> usize {
        let last = self.last_answers.get(&producer);
        last.filter(|(at, _)| *at == now).map_or(0, |(_, count)| *count)
    }

    /// When the send began, and its message.
    pub(super) fn begun(&self, id: SendId) -> Option<(Instant, &Message)> {
        self.sends.get(&id).map(|send| (send.began, &send.message))
    }

    /// One-way messages of a producer that were handed over and are stored.
    pub(super) fn oneway_stored(&self, producer: usize) -> u64 {
        let own = self.sends.values().filter(|send| send.producer == producer);
        let handed_over =
            own.filter(|send| (send.manner, send.fate) == (Manner::Oneway, Fate::Acknowledged));
        handed_over.filter(|send| !send.places.is_empty()).count() as u64
    }

    /// Sends that are not over.
    pub(super) fn open(&self) -> usize {
        self.open.len()
    }

    /// Sends of one producer that are not over.
    pub(super) fn open_of(&self, producer: usize) -> usize {
        let own = |id: &&SendId| self.sends.get(id).is_some_and(|send| send.producer == producer);
        self.open.keys().filter(own).count()
    }

    /// Notes the first thing that must not be.
    pub(super) fn violate(&mut self, rule: &'static str, story: String) {
        self.violation.get_or_insert(Violation { rule, story });
    }

    pub(super) fn violation(&self) -> Option<&Violation> {
        self.violation.as_ref()
    }
}

/// The body of a send: its id, then padding up to `size` bytes.
pub(super) fn body(id: SendId, size: usize) -> Vec<u8> {
    let mut body = format!("{id}:").into_bytes();
    body.resize(size.max(body.len()), b'.');
    body
}

pub(super) fn id_of(body: &[u8]) -> Option<SendId> {
    let end = body.iter().position(|byte| *byte == b':')?;
    std::str::from_utf8(body.get(..end)?).ok()?.parse().ok()
}
