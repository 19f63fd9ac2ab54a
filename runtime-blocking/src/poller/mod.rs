//! All sockets of a producer, and its hub, on one thread.
//!
//! ```text
//!   callers ──── bytes queued, bell rung ───▶ Rings ─┐
//!   name threads ── addresses of a link ────▶ Rings ─┤   Poller: the hub's turn, sleep, read, listen, write
//!   operating system ── sockets ready ──────────────▶┘
//! ```
//!
//! One round takes a bounded piece of everything that is ready, so a peer that never stops keeps neither
//! another nor the hub waiting. Whatever is not finished then is *busy*, and the poller does not sleep.

mod dial;
mod line;
mod rings;
mod stream;

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, mpsc},
    task::Context,
    thread,
    time::{Duration, Instant},
};

use mio::{Events, Poll, Token};
use rocketmq_producer_core::link::LinkError;
use rocketmq_producer_shared::{Hub, Turn};

use self::{
    dial::{Dial, Named},
    line::Line,
    rings::Rings,
};

pub(crate) use self::dial::PollDialer;

/// The hub has rung.
const HUB: Token = Token(0);
/// A name has been looked up.
const NAMES: Token = Token(1);
/// Somebody has rung while the poller slept.
const WAKE: Token = Token(2);
/// Links are numbered from here, and no number comes twice: an event that is late meets nobody.
const FIRST_LINE: usize = 3;
/// Events that are asked for at once; more come in the next round.
const EVENTS: usize = 256;
/// How much is read at once: one piece serves all links.
const READ_SIZE: usize = 64 * 1024;

/// Drives the hub and all links. Dropped with the thread that runs it, whatever the reason, it leaves
/// nobody waiting: each line says to its link, and the hub to its session, that their driver is gone.
#[derive(Debug)]
pub(crate) struct Poller {
    poll: Poll,
    events: Events,
    rings: Arc<Rings>,
    rung: Vec<Token>,
    hub_has_rung: bool,
    named: mpsc::Receiver<Named>,
    lines: BTreeMap<Token, Line>,
    /// Those that something has happened to, or that are not finished; some of them twice.
    busy: Vec<Token>,
    /// Empty: its memory is the next round's.
    spare: Vec<Token>,
    next_line: usize,
    /// Where is read to.
    piece: Vec<u8>,
}

impl Poller {
    /// A poller, and what opens connections for it.
    ///
    /// # Errors
    ///
    /// The operating system has no means left to watch sockets.
    pub(crate) fn new() -> io::Result<(Self, PollDialer)> {
        let poll = Poll::new()?;
        let rings = Rings::new(poll.registry(), WAKE)?;
        let (sender, named) = mpsc::channel();
        let dialer = PollDialer::new(sender, Arc::clone(&rings));
        let poller = Self {
            poll,
            events: Events::with_capacity(EVENTS),
            rings,
            rung: Vec::new(),
            hub_has_rung: true,
            named,
            lines: BTreeMap::new(),
            busy: Vec::new(),
            spare: Vec::new(),
            next_line: FIRST_LINE,
            piece: vec![0; READ_SIZE],
        };
        Ok((poller, dialer))
    }

    /// Runs the hub and its links until the hub has stopped.
    pub(crate) fn run(mut self, mut hub: Box<Hub<PollDialer>>) {
        let bell = self.rings.bell(HUB);
        let context = Context::from_waker(&bell);
        let clock = hub.session().clock().clone();
        let inbox = Arc::clone(hub.session().inbox());
        let mut due = None;
        loop {
            if self.hub_has_rung || due.is_some_and(|due| due <= Instant::now()) {
                self.hub_has_rung = false;
                // Its bell is hung up before it looks, so that it overlooks nothing.
                inbox.poll_ready(&context);
                let Turn::Wait(deadline) = hub.turn() else { return };
                due = deadline.and_then(|deadline| clock.to_std(deadline.at));
            }
            if self.round(due).is_err() {
                return;
            }
        }
    }

    fn round(&mut self, hub_due: Option<Instant>) -> io::Result<()> {
        self.sleep(hub_due)?;
        if self.read() {
            // Callers whose answers have just come queue their next calls before the next write, so
            // that it takes them all.
            thread::yield_now();
        }
        self.listen();
        self.work();
        Ok(())
    }

    /// Waits until something happens, not at all if there is more to be done.
    fn sleep(&mut self, hub_due: Option<Instant>) -> io::Result<()> {
        let idle = self.busy.is_empty() && self.rings.may_sleep();
        let rest = if idle { self.time_left(hub_due) } else { Some(Duration::ZERO) };
        let polled = self.poll.poll(&mut self.events, rest);
        self.rings.woken();
        match polled {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        for event in &self.events {
            if let Some(line) = self.lines.get_mut(&event.token()) {
                line.take_in(event);
                self.busy.push(event.token());
            }
        }
        Ok(())
    }

    fn time_left(&self, hub_due: Option<Instant>) -> Option<Duration> {
        let due = self.lines.values().filter_map(Line::due).chain(hub_due).min();
        due.map(|due| due.saturating_duration_since(Instant::now()))
    }

    /// Reads from all who have something; true when anybody may have got an answer.
    fn read(&mut self) -> bool {
        let (mut any, mut ended) = (false, Vec::new());
        self.busy.sort_unstable();
        self.busy.dedup();
        for token in &self.busy {
            let Some(line) = self.lines.get_mut(token) else { continue };
            match line.read(&mut self.piece) {
                Ok(answered) => any |= answered,
                Err(cause) => ended.push((*token, cause)),
            }
        }
        for (token, cause) in ended {
            self.finish(token, cause);
        }
        any
    }

    /// Takes in who has rung.
    fn listen(&mut self) {
        let mut rung = std::mem::take(&mut self.rung);
        self.rings.listen(&mut rung);
        for token in rung.drain(..) {
            match token {
                HUB => self.hub_has_rung = true,
                NAMES => self.dial(),
                line => self.busy.push(line),
            }
        }
        self.rung = rung;
    }

    fn dial(&mut self) {
        while let Ok(Named { driver, addresses, until }) = self.named.try_recv() {
            let token = Token(self.next_line);
            self.next_line += 1;
            match addresses {
                Ok(addresses) => {
                    let dial = Dial::new(token, addresses, until);
                    self.lines.insert(token, Line::new(driver, self.rings.bell(token), dial));
                    self.busy.push(token);
                }
                Err(cause) => driver.finish(cause),
            }
        }
    }

    /// Writes what is queued, and does whatever else is due.
    fn work(&mut self) {
        let now = Instant::now();
        let due = self.lines.iter().filter(|(_, line)| line.is_due(now)).map(|(token, _)| *token);
        self.busy.extend(due);
        let spare = std::mem::take(&mut self.spare);
        let mut busy = std::mem::replace(&mut self.busy, spare);
        busy.sort_unstable();
        busy.dedup();
        for token in busy.drain(..) {
            let Some(line) = self.lines.get_mut(&token) else { continue };
            match line.work(self.poll.registry(), now) {
                Ok(false) => {}
                Ok(true) => self.busy.push(token),
                Err(cause) => self.finish(token, cause),
            }
        }
        self.spare = busy;
    }

    fn finish(&mut self, token: Token, cause: LinkError) {
        if let Some(line) = self.lines.remove(&token) {
            line.finish(cause);
        }
    }
}
