//! Where tasks run.

use std::sync::Arc;

use smol::Executor;

/// Smol's global executor, or one that the user owns.
#[derive(Clone, Debug)]
pub(crate) enum Spawner {
    Global,
    Own(Arc<Executor<'static>>),
}

impl Spawner {
    /// Starts a task that nobody waits for.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        match self {
            Self::Global => smol::spawn(task).detach(),
            Self::Own(executor) => executor.spawn(task).detach(),
        }
    }
}
