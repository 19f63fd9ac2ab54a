//! Where tasks run.

use rocketmq_producer_shared::StartError;
use tokio::runtime::Handle;

/// The runtime that the producer was started on.
#[derive(Clone, Debug)]
pub(crate) struct Spawner(Handle);

impl Spawner {
    /// The runtime that this is called in.
    pub(crate) fn current() -> Result<Self, StartError> {
        Handle::try_current().map(Self).map_err(|error| StartError::Runtime(error.to_string()))
    }

    /// Starts a task that nobody waits for.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        drop(self.0.spawn(task));
    }
}
