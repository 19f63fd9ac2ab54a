//! Many sends on each runtime.

use std::{sync::Arc, thread, time::Duration};

use ::smol::{Executor, Timer};
use ::tokio::runtime::Builder;
use rocketmq_producer::{Message, ProducerConfig, blocking, smol, tokio};

pub(crate) const TOPIC: &str = "Budgets";
/// Sends under way at one time.
pub(crate) const WINDOW: usize = 64;

pub(crate) fn config(address: &str) -> ProducerConfig {
    ProducerConfig::new("budgets", address).with_timeout(Duration::from_secs(60))
}

/// Its body is not counted, however often it is cloned.
pub(crate) fn message() -> Message {
    Message::new(TOPIC, bytes::Bytes::from_static(&[7; 1024]))
}

/// A producer that has been started, and a way to have it send.
pub(crate) trait Sender {
    const NAME: &str;

    fn started(config: ProducerConfig) -> Self;
    /// Lets the producer do what it has to.
    fn rest(&self, time: Duration);
    fn prepare(&self, topics: &[&str]);
    fn one_after_the_other(&self, count: usize);
    fn in_a_window(&self, count: usize);
}

/// On threads, or on a poller.
pub(crate) struct Blocking<const POLLED: bool>(blocking::Producer);

impl<const POLLED: bool> Sender for Blocking<POLLED> {
    const NAME: &str = if POLLED { "mio" } else { "blocking" };

    fn started(config: ProducerConfig) -> Self {
        let new = if POLLED { blocking::Producer::polled } else { blocking::Producer::new };
        let producer = new(config).unwrap();
        producer.start().unwrap();
        Self(producer)
    }

    fn rest(&self, time: Duration) {
        thread::sleep(time);
    }

    fn prepare(&self, topics: &[&str]) {
        self.0.prepare(topics).unwrap();
    }

    fn one_after_the_other(&self, count: usize) {
        let message = message();
        for _ in 0..count {
            let _receipt = self.0.send(message.clone()).unwrap();
        }
    }

    fn in_a_window(&self, count: usize) {
        thread::scope(|scope| {
            for _ in 0..WINDOW {
                scope.spawn(|| self.one_after_the_other(count / WINDOW));
            }
        });
    }
}

/// All on one thread, so that every run takes the same steps; or with workers.
pub(crate) struct Tokio<const WORKERS: usize> {
    pub(crate) producer: tokio::Producer,
    runtime: ::tokio::runtime::Runtime,
}

impl<const WORKERS: usize> Sender for Tokio<WORKERS> {
    const NAME: &str = if WORKERS == 0 { "tokio" } else { "tokio with workers" };

    fn started(config: ProducerConfig) -> Self {
        let mut builder = match WORKERS {
            0 => Builder::new_current_thread(),
            _ => Builder::new_multi_thread(),
        };
        let runtime = builder.worker_threads(WORKERS.max(1)).enable_all().build().unwrap();
        let producer = tokio::Producer::new(config).unwrap();
        runtime.block_on(producer.start()).unwrap();
        Self { producer, runtime }
    }

    fn rest(&self, time: Duration) {
        self.runtime.block_on(async { ::tokio::time::sleep(time).await });
    }

    fn prepare(&self, topics: &[&str]) {
        self.runtime.block_on(self.producer.prepare(topics)).unwrap();
    }

    fn one_after_the_other(&self, count: usize) {
        self.runtime.block_on(send_on_tokio(self.producer.clone(), count));
    }

    fn in_a_window(&self, count: usize) {
        let task = |_| self.runtime.spawn(send_on_tokio(self.producer.clone(), count / WINDOW));
        let tasks: Vec<_> = (0..WINDOW).map(task).collect();
        tasks.into_iter().for_each(|task| self.runtime.block_on(task).unwrap());
    }
}

async fn send_on_tokio(producer: tokio::Producer, count: usize) {
    let message = message();
    for _ in 0..count {
        let _receipt = producer.send(message.clone()).await.unwrap();
    }
}

pub(crate) struct Smol {
    pub(crate) producer: smol::Producer,
    executor: Arc<Executor<'static>>,
}

impl Smol {
    fn run<T>(&self, future: impl Future<Output = T>) -> T {
        ::smol::block_on(self.executor.run(future))
    }
}

impl Sender for Smol {
    const NAME: &str = "smol";

    fn started(config: ProducerConfig) -> Self {
        let executor = Arc::new(Executor::new());
        let producer = smol::Producer::with_executor(config, &executor).unwrap();
        let smol = Self { producer, executor };
        smol.run(smol.producer.start()).unwrap();
        smol
    }

    fn rest(&self, time: Duration) {
        self.run(Timer::after(time));
    }

    fn prepare(&self, topics: &[&str]) {
        self.run(self.producer.prepare(topics)).unwrap();
    }

    fn one_after_the_other(&self, count: usize) {
        self.run(send_on_smol(self.producer.clone(), count));
    }

    fn in_a_window(&self, count: usize) {
        let task = |_| self.executor.spawn(send_on_smol(self.producer.clone(), count / WINDOW));
        let tasks: Vec<_> = (0..WINDOW).map(task).collect();
        tasks.into_iter().for_each(|task| self.run(task));
    }
}

async fn send_on_smol(producer: smol::Producer, count: usize) {
    let message = message();
    for _ in 0..count {
        let _receipt = producer.send(message.clone()).await.unwrap();
    }
}
