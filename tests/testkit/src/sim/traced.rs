//! The message trace of the world: what records may say, and what becomes of them.

use std::{collections::BTreeSet, time::Duration};

use rocketmq_producer_core::{model::ProducerConfig, trace::TraceStats};

use super::{
    deferred::Local,
    oracle::{Oracle, Violation},
    peers::Producer,
    producer::SimProducer,
    world::World,
};
use crate::{TraceRecord, model::Stored};

/// In every so-many-th life the producers' sends are traced.
const SEEDS_TRACED: u64 = 4;

/// What the rules remember.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Messages of the trace: one may be stored twice, as any other.
    messages: BTreeSet<String>,
    /// Ids whose sends have been told.
    sends: BTreeSet<String>,
}

impl Oracle {
    /// A broker has stored a message of the trace.
    pub(super) fn traced(&mut self, stored: &Stored) {
        if !self.told.messages.insert(stored.uniq_key.clone()) {
            return;
        }
        let records = match TraceRecord::parse_all(&stored.body) {
            Ok(records) => records,
            Err(error) => return self.violate("a trace can be read", error.to_string()),
        };
        for record in records {
            match record.is_of_a_send() {
                true => self.told_of_a_send(&record),
                false => self.told_of_an_end(&record),
            }
        }
    }

    fn told_of_a_send(&mut self, record: &TraceRecord) {
        for id in record.get("msgId").split(',') {
            if !self.told.sends.insert(id.to_owned()) {
                let story = format!("the send of {id} is told twice: {record:?}");
                return self.violate("a trace tells of each send once", story);
            }
            let is_proven = record.get("success") == "true" && record.get("offsetMsgId") != "null";
            if is_proven && self.send_of(id).is_none() {
                let story = format!("{id} is told to be stored, and is not: {record:?}");
                return self.violate("a trace tells the truth", story);
            }
        }
    }

    fn told_of_an_end(&mut self, record: &TraceRecord) {
        let id = record.get("transactionId");
        let local =
            self.send_of(id).map(|send| self.deferred.database.borrow().get(&send).copied());
        let committed = local.map(|local| local == Some(Local::Committed));
        let is_true = match (record.get("transactionState"), committed) {
            (_, None) => false,
            ("COMMIT_MESSAGE", Some(committed)) => committed,
            ("ROLLBACK_MESSAGE", Some(committed)) => !committed,
            ("UNKNOW", _) => true,
            _ => false,
        };
        if !is_true {
            let story = format!("the local transaction is {local:?}: {record:?}");
            self.violate("a trace tells the truth", story);
        }
    }
}

impl SimProducer {
    pub(super) fn trace_stats(&self) -> TraceStats {
        let lifecycle = self.lifecycle.as_ref();
        lifecycle.map(|lifecycle| lifecycle.trace_stats()).unwrap_or_default()
    }
}

impl World {
    /// What has become of a producer's records since its last start.
    #[must_use]
    pub fn trace_stats(&self, producer: Producer) -> TraceStats {
        self.producers[producer.0].trace_stats()
    }

    /// Traces sends where the seed says so; draws nothing, so that other lives stay as they are.
    pub(super) fn maybe_traced(seed: u64, config: ProducerConfig) -> ProducerConfig {
        if seed % SEEDS_TRACED != 1 {
            return config;
        }
        config
            .with_trace_message(true)
            .with_trace_linger(Duration::from_millis(50 + seed * 37 % 5_000))
            .with_trace_batch_size(1 + seed as usize % 20)
            .with_trace_queue_max(2 + seed as usize % 200)
    }

    /// After everybody has left: all records are accounted for.
    pub(super) fn expect_records_told(&self) -> Result<(), Violation> {
        for (index, producer) in self.producers.iter().enumerate() {
            let TraceStats { recorded, sent, failed, dropped, waiting, in_flight, .. } =
                producer.trace_stats();
            if waiting + in_flight > 0 || recorded != sent + failed + dropped {
                let story = format!("of producer {index}: {:?}", producer.trace_stats());
                return Err(Violation { rule: "records are counted", story });
            }
        }
        Ok(())
    }
}
