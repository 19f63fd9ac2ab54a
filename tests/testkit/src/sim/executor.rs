//! Tasks on one thread, in an order that the seed decides.

use std::{
    collections::BTreeMap,
    future::Future,
    mem,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Wake, Waker},
};

use fastrand::Rng;

/// One task.
pub(super) type TaskId = u64;

/// Polls whatever has been woken, one task at a time. It knows no time: see [`Agenda`].
///
/// [`Agenda`]: super::agenda::Agenda
#[derive(Default)]
pub(super) struct Executor {
    tasks: BTreeMap<TaskId, Task>,
    woken: Arc<Woken>,
    next: TaskId,
}

struct Task {
    name: &'static str,
    future: Pin<Box<dyn Future<Output = ()>>>,
    waker: Waker,
}

/// The tasks to be polled.
#[derive(Default)]
struct Woken(Mutex<Vec<TaskId>>);

impl Woken {
    fn with<R>(&self, look: impl FnOnce(&mut Vec<TaskId>) -> R) -> R {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Machines want wakers that can be sent between threads; here there is only one.
struct Alarm {
    task: TaskId,
    woken: Arc<Woken>,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.with(|woken| {
            if !woken.contains(&self.task) {
                woken.push(self.task);
            }
        });
    }
}

impl Executor {
    /// Takes a task on; it is polled before time goes on.
    pub(super) fn spawn(
        &mut self,
        name: &'static str,
        future: impl Future<Output = ()> + 'static,
    ) -> TaskId {
        let task = self.next;
        self.next += 1;
        let waker = Waker::from(Arc::new(Alarm { task, woken: Arc::clone(&self.woken) }));
        waker.wake_by_ref();
        self.tasks.insert(task, Task { name, future: Box::pin(future), waker });
        task
    }

    /// Drops a task, whatever it waits for; false when it was over.
    pub(super) fn cancel(&mut self, task: TaskId) -> bool {
        self.tasks.remove(&task).is_some()
    }

    /// Polls one of the tasks that have been woken, and gives its name; none when all of them wait.
    pub(super) fn poll_one(&mut self, rng: &mut Rng) -> Option<&'static str> {
        let task = self.woken.with(|woken| match woken.len() {
            0 => None,
            count => Some(woken.swap_remove(rng.usize(..count))),
        })?;
        // It may have been cancelled.
        let Some(mut polled) = self.tasks.remove(&task) else {
            return Some("cancelled");
        };
        let name = polled.name;
        let ready = polled.future.as_mut().poll(&mut Context::from_waker(&polled.waker));
        match ready {
            Poll::Ready(()) => mem::drop(polled),
            Poll::Pending => _ = self.tasks.insert(task, polled),
        }
        Some(name)
    }

    /// Tasks that are not over.
    pub(super) fn len(&self) -> usize {
        self.tasks.len()
    }
}
