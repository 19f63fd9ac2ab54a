//! Sends that go together.

use std::{cell::Cell, rc::Rc};

use rocketmq_producer_core::{
    delivery::{Delivered, SendError, SendOptions},
    model::Message,
    stats::{OnewayStats, ProducerStats},
};

use super::{
    oracle::{Manner, SendId},
    peers::Producer,
    world::{Answer, World},
};

impl World {
    /// Sends messages of these sizes as one batch, each changed as `dress` likes (but for its body);
    /// one-way, if nobody is to answer. Dropping one of them drops all.
    pub fn send_batch(
        &mut self,
        producer: Producer,
        topic: &str,
        sizes: &[usize],
        oneway: bool,
        mut dress: impl FnMut(Message) -> Message,
    ) -> Vec<SendId> {
        let manner = if oneway { Manner::Oneway } else { Manner::Answered };
        let mut batch = Vec::new();
        for size in sizes {
            let message = dress(self.message(topic, *size));
            batch.push((self.note_send(producer, &message, manner), message));
        }
        let (ids, messages): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        let known = &self.producers[producer.0];
        let Some(lifecycle) = known.lifecycle.clone() else { return ids };
        let under_way = UnderWay::new(&known.batches);
        let (answers, first_polls) = (Rc::clone(&self.answers), Rc::clone(&self.first_polls));
        let own = ids.clone();
        let task = self.executor.spawn("batch", async move {
            let _under_way = under_way;
            for id in &own {
                let order = first_polls.borrow().len() as u64;
                first_polls.borrow_mut().insert(*id, order);
            }
            let results: Vec<Result<Delivered, SendError>> = if oneway {
                let results = lifecycle.begin_oneway_batch(messages).await;
                results.into_iter().map(|one| one.map(|()| Delivered::HandedOver)).collect()
            } else {
                let results = lifecycle.begin_batch(messages, SendOptions::new()).await;
                results.into_iter().map(|one| one.map(Delivered::Stored)).collect()
            };
            let told = own.into_iter().zip(results);
            answers.borrow_mut().extend(told.map(|(id, result)| Answer::Sent(id, result)));
        });
        for id in &ids {
            self.tasks_of_sends.insert(*id, task);
        }
        ids
    }
}

impl World {
    /// What a producer has counted.
    #[must_use]
    pub fn stats(&self, producer: Producer) -> ProducerStats {
        let lifecycle = self.producers[producer.0].lifecycle.as_ref();
        lifecycle.map(|lifecycle| lifecycle.stats()).unwrap_or_default()
    }

    /// What a producer has counted of one-way messages.
    #[must_use]
    pub fn oneway_stats(&self, producer: Producer) -> OnewayStats {
        let lifecycle = self.producers[producer.0].lifecycle.as_ref();
        lifecycle.map(|lifecycle| lifecycle.oneway_stats()).unwrap_or_default()
    }

    /// How many of a producer's one-way messages that it has handed over are stored.
    #[must_use]
    pub fn oneway_stored(&self, producer: Producer) -> u64 {
        self.oracle.oneway_stored(producer.0)
    }
}

/// Counts something for as long as it lives.
pub(super) struct UnderWay(Rc<Cell<usize>>);

impl UnderWay {
    pub(super) fn new(count: &Rc<Cell<usize>>) -> Self {
        count.set(count.get() + 1);
        Self(Rc::clone(count))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}
