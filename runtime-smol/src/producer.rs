//! The public type.

use std::sync::Arc;

use rocketmq_producer_core::{
    delivery::{SendError, SendOptions},
    model::{ConfigError, Message, ProducerConfig, SendReceipt},
};
use rocketmq_producer_shared::{Begun, DriverBell, Lifecycle, ShutdownError, StartError};
use smol::Executor;

use crate::{
    hub::{TaskDialer, run},
    spawner::Spawner,
};

/// A producer for tasks on smol. Cheap to clone; all clones are one producer.
///
/// Dropping the last clone without [`shutdown`](Self::shutdown) hangs nothing: its tasks say
/// goodbye to the brokers and end in the background.
#[derive(Clone, Debug)]
pub struct Producer {
    lifecycle: Arc<Lifecycle<DriverBell>>,
    spawner: Spawner,
}

impl Producer {
    /// A producer that is not yet running; does no I/O. It will run on smol's global executor.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the field that breaks a rule.
    pub fn new(config: ProducerConfig) -> Result<Self, ConfigError> {
        Self::spawning(config, Spawner::Global)
    }

    /// As [`new`](Self::new), but it will run on this executor, which its owner must keep and run.
    /// When the owner drops it, every send is answered and the producer has ended.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the field that breaks a rule.
    pub fn with_executor(
        config: ProducerConfig,
        executor: &Arc<Executor<'static>>,
    ) -> Result<Self, ConfigError> {
        Self::spawning(config, Spawner::own(executor))
    }

    fn spawning(config: ProducerConfig, spawner: Spawner) -> Result<Self, ConfigError> {
        Ok(Self { lifecycle: Arc::new(Lifecycle::new(config)?), spawner })
    }

    /// Starts the producer on its executor; does nothing when it is running. Succeeds while
    /// name servers are down: sends then fail, with the reason, until they are up.
    ///
    /// After [`shutdown`](Self::shutdown) it starts anew; during one it waits for its end first.
    ///
    /// # Errors
    ///
    /// [`StartError`] when the executor is gone, or the operating system gives no entropy.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it has not started anything.
    pub async fn start(&self) -> Result<(), StartError> {
        loop {
            match self.lifecycle.begin(TaskDialer::new(self.spawner.clone()))? {
                Begun::Running => return Ok(()),
                Begun::Hub(hub) => {
                    let gone = || StartError::Runtime("the executor is gone".to_owned());
                    return self.spawner.spawn(run(hub)).then_some(()).ok_or_else(gone);
                }
                // The end of the wait is all that matters.
                Begun::Ending(session) => drop(session.end().await),
            }
        }
    }

    /// Sends a message and waits for the broker's answer, at most `send_msg_timeout` in all.
    ///
    /// # Errors
    ///
    /// [`SendError`] says why, whether the message may be stored, what was tried, and gives the
    /// message back.
    ///
    /// # Cancel safety
    ///
    /// Safe. Dropped after the message was queued on a connection, the broker may still store it;
    /// nothing else is affected.
    pub async fn send(&self, message: Message) -> Result<SendReceipt, SendError> {
        self.lifecycle.begin_send(message, SendOptions::new())?.await
    }

    /// Sends a message with other options than the configuration's.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and [`BadSelection`](rocketmq_producer_core::delivery::SendErrorKind::BadSelection) when a selector
    /// does not choose a queue.
    ///
    /// # Cancel safety
    ///
    /// As [`send`](Self::send).
    pub async fn send_with(
        &self,
        message: Message,
        options: SendOptions,
    ) -> Result<SendReceipt, SendError> {
        self.lifecycle.begin_send(message, options)?.await
    }

    /// Sends a message if there is room for it, by `async_send_semaphore` and
    /// `in_flight_bytes_max`, and waits for the broker's answer.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), and [`Full`](rocketmq_producer_core::delivery::SendErrorKind::Full) when there is none: the message
    /// comes back.
    ///
    /// # Cancel safety
    ///
    /// As [`send`](Self::send).
    pub async fn try_send(&self, message: Message) -> Result<SendReceipt, SendError> {
        self.lifecycle.try_begin_send(message)?.await
    }

    /// Stops: refuses new sends, waits up to `shutdown_timeout` for those in flight, unregisters
    /// from the brokers, closes. Does nothing when it is not running; waits for the end of a
    /// shutdown that another task has begun.
    ///
    /// # Errors
    ///
    /// [`ShutdownError`] when sends were cut off. They have been answered, and the producer is
    /// down.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, the shutdown goes on in the background.
    pub async fn shutdown(&self) -> Result<(), ShutdownError> {
        self.lifecycle.shutdown().await
    }

    /// Asks the name servers about a topic now; true when its route is another than before. Under
    /// `strict_order`, sharding keys spread over the route's queues anew.
    ///
    /// False when the producer is not running, or no name server answers in time.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, the question is asked all the same.
    pub async fn update_route_info(&self, topic: &str) -> bool {
        match self.lifecycle.update_route_info(topic) {
            Some(update) => update.await,
            None => false,
        }
    }

    rocketmq_producer_shared::producer_controls!();
}
