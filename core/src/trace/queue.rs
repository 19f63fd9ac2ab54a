//! Records that wait to be sent.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use bytestring::ByteString;

use super::{TRACE_TOPIC, TraceRecord, TraceStats};
use crate::{
    model::{Message, ProducerConfig, RoutingStrategy},
    mutants::{
        Mutant::{DropsAreNotCounted, RecordsAreToldTwice},
        is_on,
    },
    time::{Deadline, Instant, Now},
};

/// The body of one message, unless a single record is larger: `traceMsgMaxSize`, which Java compares
/// with a number of characters.
const BODY_MAX: usize = 128_000;
/// Its index keys, which leaves the other properties more than they need: brokers take 32,767 bytes
/// in all.
const KEYS_MAX: usize = 30_000;
/// All records that wait, texts and keys.
const BYTES_MAX: usize = 4 * 1024 * 1024;
/// Messages on their way. What comes meanwhile gathers, and travels in fewer and larger ones.
const IN_FLIGHT_MAX: usize = 4;
/// How long a message is tried: `AsyncTraceDispatcher`.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);
/// After a failure the topic is left alone for so long, twice as long after each further one: a
/// cluster that has no such topic is not asked for it all the time.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// Gathers records by their topics, and makes messages of them.
///
/// The records of a topic leave when there are `trace_batch_size` of them, when the first has waited
/// for `trace_linger`, when the queue is half full, and when the producer is ending. Of what comes to
/// a full queue, or does not get away in time when the producer ends, the number is kept:
/// [`stats`](Self::stats).
///
/// Pure data: whoever shares it puts it behind a short lock.
///
/// 1. [`handle_record`](Self::handle_record) for what has ended; it says whether the time at which
///    this is to be looked at has come nearer.
/// 2. When [`deadline`](Self::deadline) has come: [`handle_timeout`](Self::handle_timeout), then
///    [`poll`](Self::poll) until it gives no more.
/// 3. Each package is sent as a delivery of its own, by [`config`](Self::config), and comes back as
///    [`handle_sent`](Self::handle_sent) or [`handle_failed`](Self::handle_failed), once.
///
/// Source: `AsyncTraceDispatcher`.
#[derive(Debug)]
pub struct TraceQueue {
    records_max: usize,
    batch_size: usize,
    linger: Duration,
    topics: BTreeMap<ByteString, Gathering>,
    /// The same, soonest due first.
    schedule: BTreeMap<Due, ByteString>,
    /// How often records of a topic have begun to gather.
    begun: u64,
    bytes: usize,
    messages_in_flight: usize,
    /// Nothing is sent before.
    not_before: Instant,
    pause: Duration,
    /// The producer is ending, and waits for what is here until then.
    closing: Option<Instant>,
    /// Nothing is taken in any more.
    over: bool,
    counted: TraceStats,
}

/// When the records of a topic are due, and a number of their own.
type Due = (Instant, u64);

#[derive(Debug)]
struct Gathering {
    records: VecDeque<TraceRecord>,
    due: Due,
}

/// Records that travel together.
#[derive(Debug)]
#[must_use = "its records are counted as being on their way until they are told to be over"]
#[non_exhaustive]
pub struct TracePackage {
    /// The message, without an id.
    pub message: Message,
    /// How many there are in it.
    pub records: u64,
}

impl TraceQueue {
    /// An empty queue; none when nothing is to be traced.
    pub fn new(config: &ProducerConfig) -> Option<Self> {
        config.trace_message.then(|| Self {
            records_max: config.trace_queue_max,
            batch_size: config.trace_batch_size,
            linger: config.trace_linger,
            topics: BTreeMap::new(),
            schedule: BTreeMap::new(),
            begun: 0,
            bytes: 0,
            messages_in_flight: 0,
            not_before: Instant::default(),
            pause: PAUSE,
            closing: None,
            over: false,
            counted: TraceStats::default(),
        })
    }

    /// What deliveries of the trace's own messages go by: the producer's configuration, but for what
    /// suits its messages and not these.
    pub fn config(config: &ProducerConfig) -> Arc<ProducerConfig> {
        let default = ProducerConfig::default();
        Arc::new(ProducerConfig {
            send_msg_timeout: SEND_TIMEOUT,
            max_message_size: config.max_message_size.max(default.max_message_size),
            routing_strategy: RoutingStrategy::RoundRobin,
            // They are not traced themselves.
            trace_message: false,
            auto_batch: false,
            ..config.clone()
        })
    }

    /// Takes a record in, or counts it as dropped; true when [`deadline`](Self::deadline) is sooner
    /// than before.
    pub fn handle_record(&mut self, now: Now, record: TraceRecord) -> bool {
        self.counted.recorded += 1;
        let size = record.size();
        let full = self.counted.waiting as usize >= self.records_max;
        if self.over || full || self.bytes + size > BYTES_MAX {
            self.counted.dropped += u64::from(!is_on(DropsAreNotCounted));
            return false;
        }
        let before = self.deadline();
        let copies = 1 + u64::from(is_on(RecordsAreToldTwice));
        self.counted.waiting += copies;
        self.bytes += size * copies as usize;
        let topic = record.topic.clone();
        let gathering = self.topics.entry(topic.clone()).or_insert_with(|| {
            let due = (now.instant + self.linger, self.begun);
            self.begun += 1;
            self.schedule.insert(due, topic.clone());
            Gathering { records: VecDeque::new(), due }
        });
        (1..copies).for_each(|_| gathering.records.push_back(record.clone()));
        gathering.records.push_back(record);
        if gathering.records.len() == self.batch_size {
            // Due now, unless it has been for a while.
            self.schedule.remove(&gathering.due);
            gathering.due.0 = gathering.due.0.min(now.instant);
            self.schedule.insert(gathering.due, topic);
        }
        let after = self.deadline();
        after.is_some_and(|after| before.is_none_or(|before| after.at < before.at))
    }

    /// The next message to send. What waits for a message to come back gathers until then.
    pub fn poll(&mut self, now: Now) -> Option<TracePackage> {
        let at = self.soonest()?;
        if at > now.instant {
            return None;
        }
        let topic = self.schedule.first_key_value()?.1.clone();
        let gathering = self.topics.get_mut(&topic)?;
        let package = pack(&mut gathering.records);
        let (due, is_empty) = (gathering.due, gathering.records.is_empty());
        if is_empty {
            self.schedule.remove(&due);
            self.topics.remove(&topic);
        }
        let (package, bytes) = package?;
        self.bytes -= bytes;
        self.counted.waiting -= package.records;
        self.counted.in_flight += package.records;
        self.messages_in_flight += 1;
        Some(package)
    }

    /// A message with so many records is stored.
    pub fn handle_sent(&mut self, records: u64) {
        self.come_back(records);
        self.counted.sent += records;
        (self.not_before, self.pause) = (Instant::default(), PAUSE);
    }

    /// A message with so many records has failed for good.
    pub fn handle_failed(&mut self, now: Now, records: u64) {
        self.come_back(records);
        self.counted.failed += records;
        if self.closing.is_some() {
            // There is no time for another.
            self.give_up();
        } else if self.not_before <= now.instant {
            self.not_before = now.instant + self.pause;
            self.pause = (self.pause * 2).min(PAUSE_MAX);
        }
    }

    fn come_back(&mut self, records: u64) {
        self.messages_in_flight = self.messages_in_flight.saturating_sub(1);
        self.counted.in_flight = self.counted.in_flight.saturating_sub(records);
    }

    /// The producer is ending: whatever waits leaves at once, and no later than `until`.
    pub fn handle_close(&mut self, now: Now, until: Instant) {
        self.closing.get_or_insert(until);
        if self.not_before > now.instant {
            // The last message has failed; this one would, and others would wait for that.
            self.give_up();
        }
    }

    /// Gives up what has had its time.
    pub fn handle_timeout(&mut self, now: Now) {
        if self.is_out_of_time(now) {
            self.give_up();
        }
    }

    /// What is still on its way now is not to be waited for any longer.
    pub fn is_out_of_time(&self, now: Now) -> bool {
        self.closing.is_some_and(|until| until <= now.instant)
    }

    /// Nothing is sent any more.
    pub fn give_up(&mut self) {
        self.over = true;
        self.counted.dropped += std::mem::take(&mut self.counted.waiting);
        self.topics.clear();
        self.schedule.clear();
        self.bytes = 0;
    }

    /// Nothing waits, and nothing is on its way.
    pub fn is_idle(&self) -> bool {
        self.counted.waiting == 0 && self.messages_in_flight == 0
    }

    /// When this is to be looked at.
    pub fn deadline(&self) -> Option<Deadline> {
        let end = self.closing.filter(|_| !self.is_idle());
        let end = end.map(|at| Deadline { at, why: "trace records have had their time" });
        let why = "trace records have waited long enough";
        Deadline::sooner(end, self.soonest().map(|at| Deadline { at, why }))
    }

    /// When [`poll`](Self::poll) has something to give.
    fn soonest(&self) -> Option<Instant> {
        let ((due, _), _) = self.schedule.first_key_value()?;
        if self.messages_in_flight >= IN_FLIGHT_MAX {
            return None;
        }
        let half_full =
            self.counted.waiting as usize * 2 >= self.records_max || self.bytes * 2 >= BYTES_MAX;
        let at_once = self.closing.is_some() || half_full;
        let due = if at_once { Instant::default() } else { *due };
        Some(due.max(self.not_before))
    }

    /// What has become of all records.
    pub fn stats(&self) -> TraceStats {
        self.counted
    }
}

/// Makes a message of as many records as fit one, and says what they took; none of none.
fn pack(records: &mut VecDeque<TraceRecord>) -> Option<(TracePackage, usize)> {
    let mut body = String::new();
    let mut keys = Keys::default();
    let (mut count, mut bytes) = (0, 0);
    while let Some(record) = records.front() {
        let fits = body.len() + record.text.len() <= BODY_MAX && keys.have_room_for(record);
        if count > 0 && !fits {
            break;
        }
        let Some(record) = records.pop_front() else { break };
        count += 1;
        bytes += record.size();
        body.push_str(&record.text);
        keys.add(record);
    }
    let message = Message::new(TRACE_TOPIC, body).with_keys(keys.in_order);
    (count > 0).then_some((TracePackage { message, records: count }, bytes))
}

/// Index keys, each once.
#[derive(Default)]
struct Keys {
    in_order: Vec<ByteString>,
    known: BTreeSet<ByteString>,
    bytes: usize,
}

impl Keys {
    /// What a key takes, and what separates it from the next.
    fn size(key: &ByteString) -> usize {
        key.len() + 1
    }

    fn have_room_for(&self, record: &TraceRecord) -> bool {
        self.bytes + record.keys.iter().map(Self::size).sum::<usize>() <= KEYS_MAX
    }

    /// Of a record with more keys than there is room for, the last are left out.
    fn add(&mut self, record: TraceRecord) {
        for key in record.keys {
            if self.bytes + Self::size(&key) <= KEYS_MAX && self.known.insert(key.clone()) {
                self.bytes += Self::size(&key);
                self.in_order.push(key);
            }
        }
    }
}

#[cfg(test)]
mod tests;
