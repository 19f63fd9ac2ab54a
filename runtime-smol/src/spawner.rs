//! Where tasks run.

use std::sync::{Arc, Weak};

use smol::Executor;

/// Smol's global executor, or one that the user owns.
///
/// The user's is held weakly: if its owner drops it, the producer's tasks are dropped with it, and
/// each answers whoever waits for it. Kept alive but run by nobody, they never would.
#[derive(Clone, Debug)]
pub(crate) enum Spawner {
    Global,
    Own(Weak<Executor<'static>>),
}

impl Spawner {
    pub(crate) fn own(executor: &Arc<Executor<'static>>) -> Self {
        Self::Own(Arc::downgrade(executor))
    }

    /// Starts a task that nobody waits for. When the executor is gone the task is dropped, and
    /// false returned.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> bool {
        match self {
            Self::Global => smol::spawn(task).detach(),
            Self::Own(executor) => match executor.upgrade() {
                Some(executor) => executor.spawn(task).detach(),
                None => return false,
            },
        }
        true
    }
}
