//! Producers of the world and their sends.

use std::{rc::Rc, task::Poll, time::Duration};

use rocketmq_producer_core::{
    delivery::{Delivered, SendError, SendErrorKind, SendOptions},
    model::{Identity, Message, MessageQueue, ProducerConfig, SendReceipt},
};
use rocketmq_producer_shared::{Begun, DriverBell, Lifecycle};

use super::{
    driver::{LocalFuture, Surroundings},
    oracle::{Manner, SendId, TICK, body},
    peers::Producer,
    producer::SimProducer,
    world::{Answer, Happening, World},
};

impl World {
    /// A configuration that knows this world's name servers. Bodies take as many bytes as they have.
    #[must_use]
    pub fn config(&self) -> ProducerConfig {
        ProducerConfig::new("simulated", "ns1:9876;ns2:9876")
            .with_compress_msg_body_over_howmuch(usize::MAX)
    }

    /// A producer, started.
    pub fn producer(&mut self, config: ProducerConfig) -> Producer {
        self.enrol(SimProducer::new(config))
    }

    pub(super) fn enrol(&mut self, producer: SimProducer) -> Producer {
        self.producers.push(producer);
        let producer = Producer(self.producers.len() - 1);
        self.start(producer);
        producer
    }

    /// Starts a producer, after the end of a shutdown that is under way.
    pub fn start(&mut self, producer: Producer) {
        let index = producer.0;
        let identity =
            Identity { host: [10, 0, 0, index as u8 + 1].into(), pid: 1, nonce: self.rng.u64(..) };
        let known = &mut self.producers[index];
        known.acknowledged = 0;
        let Some(lifecycle) = known.lifecycle.clone() else { return };
        let (orders, clock) = (known.orders.clone(), self.clock.clone());
        self.trace.note(self.now, "start", &[index as u64], || format!("producer {index}"));
        let begin = move |lifecycle: &Lifecycle<DriverBell>| {
            lifecycle.begin_in(orders.clone(), || Ok((identity, clock.clone().into())))
        };
        match begin(&lifecycle) {
            Ok(Begun::Hub(hub)) => self.begin_session(index, hub),
            Ok(Begun::Running) | Err(_) => {}
            Ok(Begun::Ending(session)) => {
                let hubs = Rc::clone(&self.hubs);
                self.executor.spawn("start", async move {
                    let mut ending = session;
                    loop {
                        // The end of the wait is all that matters.
                        let _ = ending.end().await;
                        match begin(&lifecycle) {
                            Ok(Begun::Hub(hub)) => return hubs.borrow_mut().push((index, hub)),
                            Ok(Begun::Running) | Err(_) => return,
                            Ok(Begun::Ending(session)) => ending = session,
                        }
                    }
                });
            }
        }
    }

    /// Shuts a producer down; that takes its time.
    pub fn shut_down(&mut self, producer: Producer) {
        let index = producer.0;
        let Some(lifecycle) = self.producers[index].lifecycle.clone() else { return };
        self.producers[index].told_to_end = Some(self.now);
        self.trace.note(self.now, "shutdown", &[index as u64], || format!("producer {index}"));
        let (under_way, shortened) = (Rc::clone(&self.shutdowns), Rc::clone(&self.shortened));
        let id = self.trace.events();
        let due = self.now + self.producers[index].config.shutdown_timeout + TICK;
        self.agenda.add(due, Happening::MustHaveStopped(id));
        under_way.borrow_mut().insert(id, index);
        self.executor.spawn("shutdown", async move {
            let cut_off = lifecycle.shutdown().await.err().map_or(0, |error| error.unfinished);
            under_way.borrow_mut().remove(&id);
            if cut_off > 0 {
                shortened.borrow_mut().push((index, cut_off));
            }
        });
    }

    /// Drops a producer without a shutdown.
    pub fn abandon(&mut self, producer: Producer) {
        let producer = &mut self.producers[producer.0];
        (producer.lifecycle, producer.told_to_end) = (None, Some(self.now));
    }

    /// The queues that a producer would send to.
    #[must_use]
    pub fn publish_queues(&self, producer: Producer, topic: &str) -> Vec<MessageQueue> {
        let lifecycle = self.producers[producer.0].lifecycle.as_ref();
        lifecycle.map(|lifecycle| lifecycle.publish_queues(topic)).unwrap_or_default()
    }

    /// Sends a message of a few bytes to `topic`.
    pub fn send(&mut self, producer: Producer, topic: &str) -> SendId {
        self.send_with(producer, topic, 16, |message| message)
    }

    /// Sends a message with a body of this size, changed as `dress` likes (but for its body).
    pub fn send_with(
        &mut self,
        producer: Producer,
        topic: &str,
        size: usize,
        dress: impl FnOnce(Message) -> Message,
    ) -> SendId {
        let message = dress(self.message(topic, size));
        self.begin_send(producer, message, SendOptions::new(), Caller::Attentive)
    }

    /// Sends a message of a few bytes with options of its own.
    pub fn send_by(
        &mut self,
        producer: Producer,
        topic: &str,
        options: SendOptions,
        dress: impl FnOnce(Message) -> Message,
    ) -> SendId {
        let message = dress(self.message(topic, 16));
        self.begin_send(producer, message, options, Caller::Attentive)
    }

    /// Sends a message of this size, and drops the send's future when it has been polled so many
    /// times.
    pub fn send_polled(
        &mut self,
        producer: Producer,
        topic: &str,
        size: usize,
        polls: u32,
    ) -> SendId {
        let message = self.message(topic, size);
        self.begin_send(producer, message, SendOptions::new(), Caller::Fickle { polls })
    }

    /// Sends a message of a few bytes, and looks at the send's future no more often than this.
    pub fn send_sleepily(&mut self, producer: Producer, topic: &str, nap: Duration) -> SendId {
        let message = self.message(topic, 16);
        self.begin_send(producer, message, SendOptions::new(), Caller::Sleepy { nap })
    }

    /// Sends a message of a few bytes, if there is room at once.
    pub fn try_send(
        &mut self,
        producer: Producer,
        topic: &str,
        dress: impl FnOnce(Message) -> Message,
    ) -> SendId {
        let message = dress(self.message(topic, 16));
        self.begin_send(producer, message, SendOptions::new(), Caller::Impatient)
    }

    /// Sends a message that nobody answers.
    pub fn send_oneway(
        &mut self,
        producer: Producer,
        topic: &str,
        dress: impl FnOnce(Message) -> Message,
    ) -> SendId {
        let message = dress(self.message(topic, 16));
        self.begin_send(producer, message, SendOptions::new(), Caller::Oneway)
    }

    pub(super) fn message(&self, topic: &str, size: usize) -> Message {
        Message::new(topic, body(self.oracle.next_id(), size))
    }

    fn begin_send(
        &mut self,
        producer: Producer,
        message: Message,
        options: SendOptions,
        caller: Caller,
    ) -> SendId {
        let manner = match caller {
            Caller::Oneway => Manner::Oneway,
            _ => Manner::Answered,
        };
        let id = self.note_send(producer, &message, manner);
        let Some(lifecycle) = self.producers[producer.0].lifecycle.clone() else { return id };
        let (answers, first_polls) = (Rc::clone(&self.answers), Rc::clone(&self.first_polls));
        let around = self.around.clone();
        let task = self.executor.spawn("send", async move {
            // Only now the producer hears of it.
            let order = first_polls.borrow().len() as u64;
            first_polls.borrow_mut().insert(id, order);
            let send: LocalFuture<_> = Box::pin(async move {
                match caller {
                    Caller::Oneway => {
                        let handed_over = lifecycle.begin_oneway(message)?.await;
                        return handed_over.map(|()| Delivered::HandedOver);
                    }
                    Caller::Impatient => lifecycle.try_begin_send(message)?.await,
                    _ => lifecycle.begin_send(message, options)?.await,
                }
                .map(Delivered::Stored)
            });
            let result = match caller {
                Caller::Attentive | Caller::Impatient | Caller::Oneway => Some(send.await),
                Caller::Fickle { polls } => poll_up_to(polls, send).await,
                Caller::Sleepy { nap } => Some(poll_every(nap, send, &around).await),
            };
            answers.borrow_mut().push_back(Answer::of_send(id, result));
        });
        self.tasks_of_sends.insert(id, task);
        id
    }

    /// Writes down that a send begins.
    pub(super) fn note_send(
        &mut self,
        producer: Producer,
        message: &Message,
        manner: Manner,
    ) -> SendId {
        let config = &self.producers[producer.0].config;
        let id = self.oracle.begin(self.now, producer.0, message.clone(), manner, config);
        self.agenda.add(self.oracle.due(id), Happening::Due(id));
        let brokers = self.known_to(producer.0);
        self.known_brokers.insert(id, brokers);
        let note = [id, producer.0 as u64, message.body().len() as u64];
        self.trace.note(self.now, "send", &note, || {
            let (topic, size) = (message.topic(), message.body().len());
            format!("{id} by producer {} to {topic}, {size} bytes, {manner:?}", producer.0)
        });
        id
    }

    /// Sends a message and lets time pass until it is answered.
    ///
    /// # Panics
    ///
    /// When a rule is broken on the way.
    pub fn deliver(&mut self, producer: Producer, topic: &str) -> Result<SendReceipt, SendError> {
        let id = self.send(producer, topic);
        self.answer(id)
    }

    /// Lets time pass until a send is answered.
    ///
    /// # Panics
    ///
    /// When a rule is broken on the way, or its answer was fetched before.
    pub fn answer(&mut self, send: SendId) -> Result<SendReceipt, SendError> {
        let there = |world: &mut Self| world.results.contains_key(&send);
        let met = self.run_until(Duration::from_secs(60), there);
        assert!(met.expect("no rule is broken"), "send {send} has no answer");
        match self.results.remove(&send).expect("it is there")? {
            Delivered::Stored(receipt) => Ok(receipt),
            Delivered::HandedOver => panic!("nobody answers send {send}"),
        }
    }

    /// Drops a send's future, wherever it is.
    pub fn drop_send(&mut self, id: SendId) {
        if let Some(task) = self.tasks_of_sends.remove(&id)
            && self.executor.cancel(task)
        {
            self.trace.note(self.now, "drop", &[id], || format!("send {id}"));
            // Those of its batch go with it.
            let with_it = self.tasks_of_sends.iter().filter(|(_, other)| **other == task);
            let all: Vec<_> = with_it.map(|(id, _)| *id).chain([id]).collect();
            for id in all {
                self.tasks_of_sends.remove(&id);
                self.oracle.transaction_dropped(id);
                if self.oracle.is_open(id) {
                    self.oracle.dropped(id);
                }
            }
        }
    }

    pub(super) fn answered(&mut self, id: SendId, result: Result<Delivered, SendError>) {
        self.tasks_of_sends.remove(&id);
        self.oracle.deferred.preparing.borrow_mut().remove(&id);
        self.judge_journal();
        let numbers = match &result {
            Ok(Delivered::Stored(receipt)) => {
                [id, receipt.queue_offset as u64, receipt.attempts.into()]
            }
            Ok(Delivered::HandedOver) => [id, 0, 0],
            Err(error) => [id, u64::MAX, error.attempts().len() as u64],
        };
        self.trace.note(self.now, "answer", &numbers, || match &result {
            Ok(Delivered::HandedOver) => format!("{id} is on its way"),
            Ok(Delivered::Stored(receipt)) => {
                let (queue, offset) = (&receipt.message_queue, receipt.queue_offset);
                format!("{id} is stored in {queue} at {offset}, attempt {}", receipt.attempts)
            }
            Err(error) => format!("{id} failed: {error}"),
        });
        let order = self.first_polls.borrow().get(&id).copied().unwrap_or_default();
        self.oracle.answered(self.now, id, order, &result);
        if let Some(producer) = self.oracle.producer_of(id) {
            let producer = &self.producers[producer];
            self.oracle.judge_permits(producer.permits(), &producer.config);
        }
        self.judge_end(id, &result);
        self.judge_choice(id, &result);
        self.known_brokers.remove(&id);
        if let (Ok(_), Some(producer)) = (&result, self.oracle.producer_of(id)) {
            self.producers[producer].acknowledged += 1;
        }
        self.results.insert(id, result);
    }
}

impl World {
    /// Only a producer that was told to end may say that it does.
    fn judge_end(&mut self, id: SendId, result: &Result<Delivered, SendError>) {
        let Err(error) = result else { return };
        let Some((began, _)) = self.oracle.begun(id) else { return };
        let producer = self.oracle.producer_of(id).map(|producer| &self.producers[producer]);
        let ended = producer.is_some_and(|known| known.told_to_end.is_some_and(|at| at >= began));
        if matches!(error.kind(), SendErrorKind::ShuttingDown(_)) && !ended {
            let story = format!("send {id} of a producer that runs was told: {error}");
            self.oracle.violate("an end is an end", story);
        }
    }
}

/// How a send's future is treated by whoever has it.
#[derive(Clone, Copy, Debug)]
enum Caller {
    /// Polled whenever it likes.
    Attentive,
    /// The same, and does not wait for room.
    Impatient,
    /// The same, and wants no answer.
    Oneway,
    /// Dropped after so many polls.
    Fickle { polls: u32 },
    /// Polled no more often than this.
    Sleepy { nap: Duration },
}

/// Polls a future so many times at most; none when that was not enough.
async fn poll_up_to<T>(polls: u32, mut future: LocalFuture<T>) -> Option<T> {
    let mut left = polls;
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

/// Polls a future when it is woken, and not before `nap` has passed since the last time.
async fn poll_every<T>(nap: Duration, mut future: LocalFuture<T>, around: &Surroundings) -> T {
    let mut timer = around.timers.timer();
    let mut awake_at = around.now();
    std::future::poll_fn(|context| {
        while timer.poll(context, around.now(), awake_at).is_ready() {
            if let Poll::Ready(result) = future.as_mut().poll(context) {
                return Poll::Ready(result);
            }
            awake_at = around.now() + nap;
        }
        Poll::Pending
    })
    .await
}
