//! The transaction producers under one face, with listeners of either kind.

use std::{future::Future, sync::Arc};

use rocketmq_producer::{
    AsyncTransactionListener, LocalTransactionState, Message, OnThreads, ProducerConfig,
    ProducerStats, SendError, SendReceipt, TransactionListener, TransactionReceipt,
    TransactionStats,
    blocking::{self, TransactionProducer},
};

type Execute = dyn Fn(&Message, LocalTransactionState) -> LocalTransactionState + Send + Sync;
type Check = dyn Fn(&Message) -> LocalTransactionState + Send + Sync;

/// A listener that does as a scenario says.
#[derive(Clone)]
pub(crate) struct Listener {
    execute: Arc<Execute>,
    check: Arc<Check>,
}

impl Listener {
    /// Local transactions end as their argument says, and check-backs are answered by `check`.
    pub(crate) fn checking(
        check: impl Fn(&Message) -> LocalTransactionState + Send + Sync + 'static,
    ) -> Self {
        Self { execute: Arc::new(|_, state| state), check: Arc::new(check) }
    }

    /// The same, but this executes.
    pub(crate) fn executing(
        self,
        execute: impl Fn(&Message, LocalTransactionState) -> LocalTransactionState
        + Send
        + Sync
        + 'static,
    ) -> Self {
        Self { execute: Arc::new(execute), ..self }
    }
}

impl TransactionListener for Listener {
    type Arg = LocalTransactionState;

    fn execute_local_transaction(
        &self,
        message: &Message,
        id: &str,
        arg: LocalTransactionState,
    ) -> LocalTransactionState {
        assert_eq!(message.uniq_key(), Some(id));
        (self.execute)(message, arg)
    }

    fn check_local_transaction(&self, message: &Message, id: &str) -> LocalTransactionState {
        assert_eq!(message.uniq_key(), Some(id));
        (self.check)(message)
    }
}

/// The same, awaiting.
pub(crate) struct Awaiting(Listener);

impl AsyncTransactionListener for Awaiting {
    type Arg = LocalTransactionState;

    async fn execute_local_transaction(
        &self,
        message: &Message,
        id: &str,
        arg: LocalTransactionState,
    ) -> LocalTransactionState {
        let (listener, message, id) = (self.0.clone(), message.clone(), id.to_owned());
        smol::unblock(move || listener.execute_local_transaction(&message, &id, arg)).await
    }

    async fn check_local_transaction(&self, message: &Message, id: &str) -> LocalTransactionState {
        let (listener, message, id) = (self.0.clone(), message.clone(), id.to_owned());
        smol::unblock(move || listener.check_local_transaction(&message, &id)).await
    }
}

/// A transaction producer, whatever runs it.
pub(crate) trait Transactor: Send + Sync {
    fn start(&self);
    fn shutdown(&self);
    fn run(
        &self,
        message: Message,
        arg: LocalTransactionState,
    ) -> Result<TransactionReceipt, SendError>;
    fn begin(&self, message: Message) -> Result<Box<dyn Handle>, SendError>;
    fn send(&self, message: Message) -> Result<SendReceipt, SendError>;
    fn prepare(&self, topic: &str);
    fn stats(&self) -> TransactionStats;
    fn all_stats(&self) -> ProducerStats;
    fn reset_stats(&self) -> ProducerStats;
    fn set_max_check_times(&self, times: u32);
}

/// A transaction that has been begun.
pub(crate) trait Handle: Send {
    fn receipt(&self) -> &SendReceipt;
    fn commit(self: Box<Self>) -> TransactionReceipt;
    fn rollback(self: Box<Self>) -> TransactionReceipt;
}

/// A kind of producer with a kind of listener.
pub(crate) trait Transacts {
    /// One that is not running yet.
    fn stopped(config: ProducerConfig, listener: Listener) -> Box<dyn Transactor>;

    /// One that has been started.
    fn started(config: ProducerConfig, listener: Listener) -> Box<dyn Transactor> {
        let transactor = Self::stopped(config, listener);
        transactor.start();
        transactor
    }
}

impl Transactor for TransactionProducer<Listener> {
    fn start(&self) {
        self.start().expect("there are threads and entropy");
    }

    fn shutdown(&self) {
        self.shutdown().expect("nothing is cut off");
    }

    fn run(
        &self,
        message: Message,
        arg: LocalTransactionState,
    ) -> Result<TransactionReceipt, SendError> {
        self.send_message_in_transaction(message, arg)
    }

    fn begin(&self, message: Message) -> Result<Box<dyn Handle>, SendError> {
        Ok(Box::new(self.begin(message)?))
    }

    fn send(&self, message: Message) -> Result<SendReceipt, SendError> {
        self.producer().send(message)
    }

    fn prepare(&self, topic: &str) {
        self.prepare(&[topic]).expect("the topic is there");
    }

    fn stats(&self) -> TransactionStats {
        self.transaction_stats()
    }

    fn all_stats(&self) -> ProducerStats {
        self.stats()
    }

    fn reset_stats(&self) -> ProducerStats {
        self.reset_stats()
    }

    fn set_max_check_times(&self, times: u32) {
        self.set_max_check_times(times);
    }
}

impl Handle for blocking::Transaction {
    fn receipt(&self) -> &SendReceipt {
        self.receipt()
    }

    fn commit(self: Box<Self>) -> TransactionReceipt {
        (*self).commit()
    }

    fn rollback(self: Box<Self>) -> TransactionReceipt {
        (*self).rollback()
    }
}

/// The handle of both async runtimes.
impl Handle for rocketmq_producer::tokio::Transaction {
    fn receipt(&self) -> &SendReceipt {
        self.receipt()
    }

    fn commit(self: Box<Self>) -> TransactionReceipt {
        smol::block_on((*self).commit())
    }

    fn rollback(self: Box<Self>) -> TransactionReceipt {
        smol::block_on((*self).rollback())
    }
}

/// A producer for tasks, and the runtime that it is on, if that is one to be named.
struct OnTasks<P> {
    producer: P,
    runtime: Option<tokio::runtime::Runtime>,
}

impl<P> OnTasks<P> {
    fn wait<F: Future>(&self, work: F) -> F::Output {
        match &self.runtime {
            Some(runtime) => runtime.block_on(work),
            None => smol::block_on(work),
        }
    }
}

macro_rules! transactor_on_tasks {
    ($($producer:ident),+) => {
        $(impl<L> Transactor for OnTasks<rocketmq_producer::$producer::TransactionProducer<L>>
        where
            L: AsyncTransactionListener<Arg = LocalTransactionState>,
        {
            fn start(&self) {
                self.wait(self.producer.start()).expect("there is a runtime, and entropy");
            }

            fn shutdown(&self) {
                self.wait(self.producer.shutdown()).expect("nothing is cut off");
            }

            fn run(
                &self,
                message: Message,
                arg: LocalTransactionState,
            ) -> Result<TransactionReceipt, SendError> {
                self.wait(self.producer.send_message_in_transaction(message, arg))
            }

            fn begin(&self, message: Message) -> Result<Box<dyn Handle>, SendError> {
                Ok(Box::new(self.wait(self.producer.begin(message))?))
            }

            fn send(&self, message: Message) -> Result<SendReceipt, SendError> {
                self.wait(self.producer.producer().send(message))
            }

            fn prepare(&self, topic: &str) {
                let prepared = self.wait(self.producer.prepare(&[topic]));
                prepared.expect("the topic is there");
            }

            fn stats(&self) -> TransactionStats {
                self.producer.transaction_stats()
            }

            fn all_stats(&self) -> ProducerStats {
                self.producer.stats()
            }

            fn reset_stats(&self) -> ProducerStats {
                self.producer.reset_stats()
            }

            fn set_max_check_times(&self, times: u32) {
                self.producer.set_max_check_times(times);
            }
        })+
    };
}
transactor_on_tasks!(smol, tokio);

const VALID: &str = "the configuration is valid";

/// Plain threads, one for each connection.
pub(crate) struct Blocking;
/// Plain threads, and one that polls all connections.
pub(crate) struct Mio;
/// Smol, with a listener that blocks.
pub(crate) struct Smol;
/// Smol, with a listener that awaits.
pub(crate) struct SmolAwaiting;
/// Tokio, with a listener that blocks.
pub(crate) struct Tokio;
/// Tokio, with a listener that awaits.
pub(crate) struct TokioAwaiting;

impl Transacts for Blocking {
    fn stopped(config: ProducerConfig, listener: Listener) -> Box<dyn Transactor> {
        Box::new(TransactionProducer::new(config, listener).expect(VALID))
    }
}

impl Transacts for Mio {
    fn stopped(config: ProducerConfig, listener: Listener) -> Box<dyn Transactor> {
        Box::new(TransactionProducer::polled(config, listener).expect(VALID))
    }
}

impl Transacts for Smol {
    fn stopped(config: ProducerConfig, listener: Listener) -> Box<dyn Transactor> {
        use rocketmq_producer::smol::TransactionProducer;
        let producer = TransactionProducer::<OnThreads<_>>::new(config, listener).expect(VALID);
        Box::new(OnTasks { producer, runtime: None })
    }
}

impl Transacts for SmolAwaiting {
    fn stopped(config: ProducerConfig, listener: Listener) -> Box<dyn Transactor> {
        use rocketmq_producer::smol::TransactionProducer;
        let producer = TransactionProducer::with_async_listener(config, Awaiting(listener));
        Box::new(OnTasks { producer: producer.expect(VALID), runtime: None })
    }
}

impl Transacts for Tokio {
    fn stopped(config: ProducerConfig, listener: Listener) -> Box<dyn Transactor> {
        use rocketmq_producer::tokio::TransactionProducer;
        let producer = TransactionProducer::<OnThreads<_>>::new(config, listener).expect(VALID);
        Box::new(OnTasks { producer, runtime: Some(runtime()) })
    }
}

impl Transacts for TokioAwaiting {
    fn stopped(config: ProducerConfig, listener: Listener) -> Box<dyn Transactor> {
        use rocketmq_producer::tokio::TransactionProducer;
        let producer = TransactionProducer::with_async_listener(config, Awaiting(listener));
        Box::new(OnTasks { producer: producer.expect(VALID), runtime: Some(runtime()) })
    }
}

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().expect("a runtime can be built")
}

/// Makes every scenario a test of every producer with every kind of listener.
macro_rules! with_every_listener {
    ($($scenario:ident),+ $(,)?) => {
        mod blocking {
            $(#[test] fn $scenario() { super::$scenario::<crate::transactor::Blocking>(); })+
        }
        mod mio {
            $(#[test] fn $scenario() { super::$scenario::<crate::transactor::Mio>(); })+
        }
        mod smol {
            $(#[test] fn $scenario() { super::$scenario::<crate::transactor::Smol>(); })+
        }
        mod smol_awaiting {
            $(#[test] fn $scenario() { super::$scenario::<crate::transactor::SmolAwaiting>(); })+
        }
        mod tokio {
            $(#[test] fn $scenario() { super::$scenario::<crate::transactor::Tokio>(); })+
        }
        mod tokio_awaiting {
            $(#[test] fn $scenario() { super::$scenario::<crate::transactor::TokioAwaiting>(); })+
        }
    };
}
pub(crate) use with_every_listener;
