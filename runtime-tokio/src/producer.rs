//! The public type.

use std::sync::Arc;

use rocketmq_producer_core::model::{ConfigError, ProducerConfig};
use rocketmq_producer_shared::{Begun, DriverBell, Lifecycle, Session, StartError};

use crate::{
    hub::{TaskDialer, run},
    spawner::Spawner,
};

/// A producer for tokio tasks. Cheap to clone; all clones are one producer.
///
/// Dropping the last clone without [`shutdown`](Self::shutdown) hangs nothing: its tasks say
/// goodbye to the brokers and end in the background.
#[derive(Clone, Debug)]
pub struct Producer {
    pub(crate) lifecycle: Arc<Lifecycle<DriverBell>>,
}

impl Producer {
    /// A producer that is not yet running; does no I/O and needs no runtime.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the field that breaks a rule.
    pub fn new(config: ProducerConfig) -> Result<Self, ConfigError> {
        Ok(Self::of(Lifecycle::new(config)?))
    }

    pub(crate) fn of(lifecycle: Lifecycle<DriverBell>) -> Self {
        Self { lifecycle: Arc::new(lifecycle) }
    }

    /// Starts the producer on the current runtime; does nothing when it is running. Succeeds while
    /// name servers are down: sends then fail, with the reason, until they are up.
    ///
    /// After [`shutdown`](Self::shutdown) it starts anew; during one it waits for its end first.
    ///
    /// # Errors
    ///
    /// [`StartError`] outside of a tokio runtime, or when the operating system gives no entropy.
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
        let spawner = Spawner::current()?;
        loop {
            match self.lifecycle.begin(TaskDialer::new(spawner.clone()))? {
                Begun::Running => return Ok(()),
                Begun::Hub(hub) => {
                    also(&spawner, hub.session());
                    spawner.spawn(run(hub));
                    return Ok(());
                }
                // The end of the wait is all that matters.
                Begun::Ending(session) => drop(session.end().await),
            }
        }
    }

    rocketmq_producer_shared::async_producer!();
    rocketmq_producer_shared::producer_controls!();
}
