//! The public type.

use std::sync::Arc;

use rocketmq_producer_core::model::{ConfigError, ProducerConfig};
use rocketmq_producer_shared::{Begun, DriverBell, Lifecycle, Session, StartError};
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
    pub(crate) lifecycle: Arc<Lifecycle<DriverBell>>,
    spawner: Spawner,
}

impl Producer {
    /// A producer that is not yet running; does no I/O. It will run on smol's global executor.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the field that breaks a rule.
    pub fn new(config: ProducerConfig) -> Result<Self, ConfigError> {
        Ok(Self::of(Lifecycle::new(config)?))
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
        Ok(Self::of(Lifecycle::new(config)?).on(executor))
    }

    pub(crate) fn of(lifecycle: Lifecycle<DriverBell>) -> Self {
        Self { lifecycle: Arc::new(lifecycle), spawner: Spawner::Global }
    }

    pub(crate) fn on(self, executor: &Arc<Executor<'static>>) -> Self {
        Self { spawner: Spawner::own(executor), ..self }
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
        self.launch(|_, _| {}).await
    }

    /// The same; a session that begins gets more tasks this way.
    pub(crate) async fn launch(
        &self,
        also: impl FnOnce(&Spawner, &Arc<Session<DriverBell>>),
    ) -> Result<(), StartError> {
        loop {
            match self.lifecycle.begin(TaskDialer::new(self.spawner.clone()))? {
                Begun::Running => return Ok(()),
                Begun::Hub(hub) => {
                    let gone = || StartError::Runtime("the executor is gone".to_owned());
                    also(&self.spawner, hub.session());
                    return self.spawner.spawn(run(hub)).then_some(()).ok_or_else(gone);
                }
                // The end of the wait is all that matters.
                Begun::Ending(session) => drop(session.end().await),
            }
        }
    }

    rocketmq_producer_shared::async_producer!();
    rocketmq_producer_shared::producer_controls!();
}
