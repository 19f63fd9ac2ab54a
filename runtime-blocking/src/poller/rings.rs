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

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        thread,
        time::Duration,
    };

    use mio::{Events, Poll};

    use super::*;

    const LINK: Token = Token(7);
    const LONG: Duration = Duration::from_secs(20);

    fn poll_and_rings() -> (Poll, Rings) {
        let poll = Poll::new().unwrap();
        let rings = Rings::new(poll.registry(), Token(0)).unwrap();
        (poll, Arc::into_inner(rings).unwrap())
    }

    /// True when the poller has been woken.
    fn sleep(poll: &mut Poll, at_most: Duration) -> bool {
        let mut events = Events::with_capacity(8);
        poll.poll(&mut events, Some(at_most)).unwrap();
        !events.is_empty()
    }

    #[test]
    fn a_ring_before_the_sleep_prevents_it_and_costs_no_system_call() {
        let (mut poll, rings) = poll_and_rings();
        rings.ring(LINK);
        assert!(!rings.may_sleep());
        assert!(!sleep(&mut poll, Duration::ZERO), "nobody has woken it");
        let mut rung = Vec::new();
        rings.listen(&mut rung);
        assert_eq!(rung, [LINK]);
        assert!(rings.may_sleep());
    }

    #[test]
    fn of_all_who_ring_during_a_sleep_the_first_ends_it() {
        let (mut poll, rings) = poll_and_rings();
        assert!(rings.may_sleep());
        rings.ring(LINK);
        assert!(sleep(&mut poll, LONG));
        rings.ring(LINK);
        assert!(!sleep(&mut poll, Duration::ZERO), "once is enough");
    }

    #[test]
    fn no_ring_is_lost_however_threads_and_sleeps_meet() {
        const RINGS: usize = 5_000;
        let (mut poll, rings) = poll_and_rings();
        let heard = [AtomicUsize::new(0), AtomicUsize::new(0)];
        let sleeps = thread::scope(|scope| {
            for (line, heard) in heard.iter().enumerate() {
                let rings = &rings;
                scope.spawn(move || {
                    for number in 1..=RINGS {
                        rings.ring(Token(line));
                        // The poller falls asleep meanwhile, or is just about to.
                        while heard.load(Ordering::Relaxed) < number {
                            thread::yield_now();
                        }
                    }
                });
            }
            let (mut rung, mut sleeps) = (Vec::new(), 0);
            while heard.iter().any(|heard| heard.load(Ordering::Relaxed) < RINGS) {
                if rings.may_sleep() {
                    sleeps += 1;
                    assert!(sleep(&mut poll, LONG), "a ring was lost");
                    rings.woken();
                }
                rings.listen(&mut rung);
                for Token(line) in rung.drain(..) {
                    heard[line].fetch_add(1, Ordering::Relaxed);
                }
            }
            sleeps
        });
        assert!(sleeps > 0, "nothing was shown");
    }
}
