//! Steady load on a producer while something happens to its cluster, and what became of it.

use std::{
    any::type_name,
    collections::BTreeSet,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use rocketmq_producer::{AttemptFailure, Message};
use rocketmq_producer_testkit::{Reader, real::RealCluster};

use crate::subject::{Sent, Subject};

/// Threads that send one message after the other.
const CALLERS: usize = 8;
/// Leaves the brokers some of a small machine.
const PAUSE_BETWEEN_SENDS: Duration = Duration::from_micros(500);
const BEFORE: Duration = Duration::from_secs(2);
const SYSTEM_BUSY: i32 = 2;

/// One send and its end.
struct Record {
    ended: Instant,
    took: Duration,
    result: Sent,
}

impl Record {
    fn of(send: impl FnOnce() -> Sent) -> Self {
        let began = Instant::now();
        let result = send();
        Self { ended: Instant::now(), took: began.elapsed(), result }
    }

    fn further_attempts(&self) -> usize {
        match &self.result {
            Ok(receipt) => receipt.attempts as usize - 1,
            Err(error) => error.attempts().len().saturating_sub(1),
        }
    }
}

/// All sends to a topic before, during and after some trouble.
pub(crate) struct Story {
    title: String,
    topic: String,
    trouble: Instant,
    records: Vec<Record>,
}

impl Story {
    /// Sends from many threads for a while, then while there is `trouble`, which returns when it
    /// has seen enough.
    pub(crate) fn under_load<S: Subject>(
        title: &str,
        producer: &S,
        topic: &str,
        trouble: impl FnOnce(),
    ) -> Self {
        let over = AtomicBool::new(false);
        let send_on = || {
            let mut records = Vec::new();
            while !over.load(Ordering::Relaxed) {
                records.push(Record::of(|| producer.send(kilobyte(topic))));
                thread::sleep(PAUSE_BETWEEN_SENDS);
            }
            records
        };
        thread::scope(|scope| {
            let callers: Vec<_> = (0..CALLERS).map(|_| scope.spawn(send_on)).collect();
            thread::sleep(BEFORE);
            let begins = Instant::now();
            trouble();
            over.store(true, Ordering::Relaxed);
            let records = callers.into_iter().flat_map(|c| c.join().expect("no send panics"));
            Self::new::<S>(title, topic, begins, records.collect())
        })
    }

    /// So many sends at once, as far as the runtime goes. The time of each counts from the first.
    pub(crate) fn at_once<S: Subject>(producer: &S, topic: &str, sends: usize) -> Self {
        let began = Instant::now();
        let results = producer.send_all(vec![kilobyte(topic); sends]);
        let took = began.elapsed();
        let record = |result| Record { ended: began + took, took, result };
        let records = results.into_iter().map(record).collect();
        Self::new::<S>(&format!("{sends} sends at once"), topic, began, records)
    }

    fn new<S: Subject>(title: &str, topic: &str, trouble: Instant, records: Vec<Record>) -> Self {
        let runtime = type_name::<S>().rsplit("::").next().unwrap_or_default();
        let title = format!("{title}, {runtime}");
        Self { title, topic: topic.to_owned(), trouble, records }
    }

    fn failed(&self) -> impl Iterator<Item = &Record> {
        self.records.iter().filter(|record| record.result.is_err())
    }

    pub(crate) fn further_attempts(&self) -> usize {
        self.records.iter().map(Record::further_attempts).sum()
    }

    /// From the beginning of the trouble to the end of the last send that it has cost an attempt.
    fn felt_for(&self) -> Option<Duration> {
        let hurt = self.records.iter().filter(|record| record.further_attempts() > 0);
        let last = hurt.map(|record| record.ended).max()?;
        Some(last.saturating_duration_since(self.trouble))
    }

    /// Refusals for being busy that failed sends tell of. Those of good sends are among the further
    /// attempts.
    fn told_busy(&self) -> usize {
        let errors = self.failed().filter_map(|record| record.result.as_ref().err());
        let busy = |failure: &AttemptFailure| matches!(failure, AttemptFailure::Refused { code, .. } if *code == SYSTEM_BUSY);
        errors.flat_map(|e| e.attempts()).filter(|attempt| busy(&attempt.failure)).count()
    }

    /// Prints the figures.
    pub(crate) fn tell(&self) {
        let longest = self.records.iter().map(|record| record.took).max().unwrap_or_default();
        let felt = self.felt_for().map_or("not felt".to_owned(), |f| format!("felt for {f:.3?}"));
        println!(
            "{}: {} sends, {} failed ({} times told busy), {} further attempts, longest {longest:.3?}, \
             {felt}",
            self.title,
            self.records.len(),
            self.failed().count(),
            self.told_busy(),
            self.further_attempts(),
        );
    }

    pub(crate) fn expect_no_failure(&self) {
        let errors = self.failed().filter_map(|record| record.result.as_ref().err());
        let first: Vec<String> = errors.take(3).map(ToString::to_string).collect();
        assert_eq!(first, [""; 0], "{}: each had time for another attempt", self.title);
    }

    /// Reads the topic back from every broker: what was acknowledged has to be there. Doubles may be,
    /// where an answer was lost, and are counted.
    pub(crate) fn expect_all_stored(&self, cluster: &RealCluster) {
        let mut reader = Reader::connect(&cluster.namesrv_addr()).expect("a name server");
        let acknowledged = self.records.iter().filter_map(|record| record.result.as_ref().ok());
        let ids: Vec<_> = acknowledged.map(|receipt| &*receipt.message_id).collect();
        let read = reader.await_topic(&self.topic, ids.len());
        let messages = read.expect("the topic can be read");
        let stored: BTreeSet<_> = messages.iter().filter_map(|m| m.uniq_key()).collect();
        println!(
            "{}: {} stored, {} of them doubles",
            self.title,
            messages.len(),
            messages.len() - stored.len()
        );
        let lost: Vec<&str> = ids.into_iter().filter(|id| !stored.contains(id)).collect();
        assert_eq!(lost, [""; 0], "{}: acknowledged, but not stored", self.title);
    }
}

fn kilobyte(topic: &str) -> Message {
    Message::new(topic.to_owned(), vec![b'x'; 1_024])
}
