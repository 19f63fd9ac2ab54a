//! How the poller hears of work, asleep or not.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{self, Wake},
};

use mio::{Registry, Token};

/// Who has rung since the poller last listened. Whoever rings wakes the poller if it is asleep, and
/// only then: a system call for each message would cost more than all that the poller saves.
///
/// Falling asleep and ringing exclude each other by the lock, so there are two orders. A ring that
/// comes first keeps the poller awake; one that comes second finds it asleep, and wakes it. Neither is
/// lost, and of those who ring at one time one makes the system call.
#[derive(Debug)]
pub(super) struct Rings {
    heard: Mutex<Heard>,
    waker: mio::Waker,
}

#[derive(Debug, Default)]
struct Heard {
    /// Each link is here once at most: its bell is hung up again when the poller looks at the link.
    rung: Vec<Token>,
    /// The poller waits for sockets, or is just about to.
    asleep: bool,
}

impl Rings {
    pub(super) fn new(registry: &Registry, token: Token) -> io::Result<Arc<Self>> {
        let waker = mio::Waker::new(registry, token)?;
        Ok(Arc::new(Self { heard: Mutex::default(), waker }))
    }

    /// What rings for this token.
    pub(super) fn bell(self: &Arc<Self>, token: Token) -> task::Waker {
        task::Waker::from(Arc::new(Bell { token, rings: Arc::clone(self) }))
    }

    pub(super) fn ring(&self, token: Token) {
        let mut heard = self.lock();
        heard.rung.push(token);
        let asleep = std::mem::take(&mut heard.asleep);
        drop(heard);
        if asleep {
            // It fails only together with the poller, whose links then end.
            let _ = self.waker.wake();
        }
    }

    /// True when nobody has rung; whoever does from now on wakes the poller.
    pub(super) fn may_sleep(&self) -> bool {
        let mut heard = self.lock();
        heard.asleep = heard.rung.is_empty();
        heard.asleep
    }

    /// The poller is awake, whatever has woken it.
    pub(super) fn woken(&self) {
        self.lock().asleep = false;
    }

    /// Leaves those who have rung in `rung`, which is empty.
    pub(super) fn listen(&self, rung: &mut Vec<Token>) {
        std::mem::swap(&mut self.lock().rung, rung);
    }

    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Rings for one link, or for the hub.
struct Bell {
    token: Token,
    rings: Arc<Rings>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.rings.ring(self.token);
    }
}
