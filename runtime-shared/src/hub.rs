//! The owner of the client.

use std::{sync::Arc, time::Duration};

use rocketmq_producer_core::{
    client::{Client, Input, Output, Waiting},
    event::{Event, Tally},
    ids::LinkId,
    link::{Call, CallError, LinkConfig, LinkError, Manner, Refusal},
    model::{Address, ProducerConfig},
    route::Routes,
    time::{Deadline, Instant, Now},
};

use crate::{
    Bell, Session, SharedLink, Token, View, Wire,
    gathering::Gatherer,
    links::LinkTable,
    telling,
    tracer::{Tracer, Traces},
};

/// What an adapter adds to the hub: how connections are opened.
pub trait Dialer: Send + 'static {
    /// Its part of a link.
    type Wire: Wire;

    /// A fresh link's wire.
    fn wire(&self) -> Self::Wire;

    /// Has a task or thread resolve, connect within `timeout`, say
    /// [`SharedLink::connected`], drive the link, and say [`SharedLink::disconnected`] at its end,
    /// whatever that is. Does not wait.
    fn dial(&mut self, link: Arc<SharedLink<Self::Wire>>, address: Address, timeout: Duration);

    /// Starts a task or thread that resolves the name as a dial does, and says
    /// [`SharedLink::resolved`] at its end. Does not wait.
    fn resolve(&mut self, link: Arc<SharedLink<Self::Wire>>, address: Address);

    /// Something has changed that somebody may want to know. Does not wait.
    fn notify(&mut self, _event: &Event) {}
}

/// How the hub's loop goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Wait for the inbox's bell, or until then.
    Wait(Option<Deadline>),
    /// The client has left.
    Stopped,
}

/// Owns the client, the table of links and the sends that wait. The adapter calls
/// [`turn`](Self::turn) in a loop and waits in between.
///
/// Dropped before it has stopped (with its runtime, say), it ends the session: every link is
/// closed, every send answered.
#[derive(Debug)]
pub struct Hub<D: Dialer> {
    client: Client,
    session: Arc<Session<D::Wire>>,
    dialer: D,
    waiting: Waiting<Bell>,
    routes: Arc<Routes>,
    links: LinkTable<D::Wire>,
    /// Links that have ended in this turn. They stay in the table until its outputs are carried
    /// out: what was still to be called on them is to learn their own cause.
    ended: Vec<LinkId>,
    /// The trace's messages, for which nobody else waits.
    traces: Traces<D::Wire>,
    timed_out: Tally,
    overlooked: Tally,
    /// When statistics are reset next.
    reset_at: Option<Instant>,
    stopped: bool,
}

impl<D: Dialer> Hub<D> {
    pub(crate) fn new(client: Client, session: Arc<Session<D::Wire>>, dialer: D) -> Self {
        let traces = Traces::new(&session.inbox);
        let reset_at = next_reset(&session);
        Self {
            client,
            session,
            dialer,
            waiting: Waiting::default(),
            routes: Arc::default(),
            links: LinkTable::default(),
            ended: Vec::new(),
            traces,
            timed_out: Tally::default(),
            overlooked: Tally::default(),
            reset_at,
            stopped: false,
        }
    }

    /// The session that this hub serves.
    pub fn session(&self) -> &Arc<Session<D::Wire>> {
        &self.session
    }

    /// Sends that wait for routes or connections, as of the last turn.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Does all there is to do. Never blocks but for the moments in which a link's lock is held by
    /// another.
    pub fn turn(&mut self) -> Turn {
        let now = self.session.clock.now();
        let (inputs, waits) = self.session.inbox.take();
        for input in inputs {
            if let Input::Closed { link, .. } = &input {
                self.ended.push(*link);
            }
            self.client.handle(now, input);
        }
        for wait in waits {
            if let Some(ask) = wait.ask {
                self.client.handle(now, Input::Ask { ask, until: wait.until });
            }
            if wait.seen == self.routes.version {
                self.waiting.insert(wait.until, wait.topic, wait.waiter);
            } else {
                wait.waiter.ring();
            }
        }
        self.client.handle_timeout(now);
        self.see_to_transactions(now);
        self.session.gather(|accumulator| accumulator.handle_timeout(now));
        if self.reset_at.is_some_and(|at| at <= now.instant) {
            self.session.reset_all_stats();
            self.reset_at = next_reset(&self.session);
        }
        while let Some(output) = self.client.poll() {
            self.carry_out(output);
        }
        self.forget_ended_links();
        while let Some(waiter) = self.waiting.expired(now) {
            waiter.ring();
        }
        if !self.stopped {
            self.traces.turn(now, &self.session);
        }
        match self.stopped {
            true => Turn::Stopped,
            false => Turn::Wait(self.deadline()),
        }
    }

    fn see_to_transactions(&mut self, now: Now) {
        let news = self.session.desk.with(|table| {
            table.handle_timeout(now);
            table.take_news()
        });
        let timed_out = self.timed_out.note(now, news.timed_out);
        let timed_out = timed_out.map(|count| Event::TransactionsTimedOut { count });
        let overlooked = self.overlooked.note(now, news.overlooked);
        let overlooked = overlooked.map(|count| Event::ChecksOverlooked { count });
        timed_out.into_iter().chain(overlooked).for_each(|event| self.notify(&event));
    }

    fn notify(&mut self, event: &Event) {
        telling::tell(self.client.client_id(), event);
        self.dialer.notify(event);
    }

    fn deadline(&self) -> Option<Deadline> {
        let transactions = self.session.desk.with(|table| table.deadline());
        let gathered = self.session.gatherer.as_ref().and_then(Gatherer::deadline);
        let own = Deadline::sooner(self.client.deadline(), self.waiting.deadline());
        let own = Deadline::sooner(own, gathered);
        let own = Deadline::sooner(own, self.session.tracer.as_ref().and_then(Tracer::deadline));
        let reset = self.reset_at.map(|at| Deadline { at, why: "statistics are to be reset" });
        let own = Deadline::sooner(own, reset);
        Deadline::sooner(own, transactions)
    }

    /// Ends the waits on all links whose time is up, and says when the next is: for adapters whose
    /// drivers do not keep time.
    pub fn expire_links(&self) -> Option<Deadline> {
        self.links.iter().fold(None, |soonest, link| {
            link.handle_timeout();
            Deadline::sooner(soonest, link.deadline())
        })
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Open { link, address, timeout } => self.open(link, address, timeout),
            Output::Close { link, cause } => {
                if let Some(link) = self.links.remove(link) {
                    link.close(cause);
                }
            }
            Output::Call { link, chore, command, deadline } => {
                let manner = if command.is_probe() { Manner::Probe } else { Manner::Usual };
                let (token, request) = (Token::Chore(chore), &command);
                let call = Call { request, token, deadline, linger: None, manner };
                let now = self.session.clock.now();
                let refused = match self.links.get(link) {
                    Some(link) => link.call(now, call).err().map(|refused| refused.why),
                    None => Some(Refusal::Closed(LinkError::Retired)),
                };
                if let Some(why) = refused {
                    let outcome = Err(refusal(why));
                    self.session.inbox.push(Input::Answer { chore, outcome });
                }
            }
            Output::Oneway { link, chore, command } => {
                let queued = match self.links.get(link) {
                    Some(link) => link.oneway(&command),
                    None => Err(Refusal::Closed(LinkError::Retired)),
                };
                let outcome = queued.map_err(refusal);
                self.session.inbox.push(Input::Queued { chore, outcome });
            }
            Output::Listen(id) => {
                if let Some(link) = self.links.get(id) {
                    self.session.inbox.push(Input::Heard { link: id, at: link.heard() });
                }
            }
            Output::Resolve { link, address } => {
                if let Some(link) = self.links.get(link) {
                    self.dialer.resolve(Arc::clone(link), address);
                }
            }
            Output::CheckBack { link, frame } => {
                if let Some(link) = self.links.get(link) {
                    let (session, now) = (&self.session, self.session.clock.now());
                    session.desk.take_in(now, &session.config, session.is_open(), link, &frame);
                }
            }
            Output::Respond { link, header } => {
                if let Some(link) = self.links.get(link) {
                    link.respond(&header);
                }
            }
            Output::Publish(routes) => {
                self.routes = routes;
                self.publish();
            }
            Output::Notify(event) => self.notify(&event),
            Output::CutOff => self.session.cut_off_now(),
            Output::Stopped => self.stop(LinkError::ShuttingDown),
            // Later kinds of outputs come with the adapters that know them.
            _ => {}
        }
    }

    fn open(&mut self, id: LinkId, address: Address, timeout: Duration) {
        let config = link_config(&self.session.config, self.session.next_seed());
        let inbox = Arc::clone(&self.session.inbox);
        let clock = self.session.clock.clone();
        let (oneways, wire) = (Arc::clone(&self.session.statistics.oneways), self.dialer.wire());
        let link = Arc::new(SharedLink::new(id, config, inbox, clock, oneways, wire));
        self.links.insert(Arc::clone(&link));
        self.dialer.dial(link, address, timeout);
    }

    fn forget_ended_links(&mut self) {
        for link in self.ended.drain(..) {
            self.links.remove(link);
        }
    }

    fn publish(&mut self) {
        self.forget_ended_links();
        let (routes, links) = (Arc::clone(&self.routes), self.links.clone());
        self.session.view.store(Arc::new(View { routes, links }));
        for waiter in self.waiting.release(&self.routes.news) {
            waiter.ring();
        }
    }

    /// Ends the session.
    fn stop(&mut self, why: LinkError) {
        self.stopped = true;
        for link in std::mem::take(&mut self.links).iter() {
            link.close(why.clone());
        }
        let unfinished = self.session.cut_off();
        self.notify(&match why {
            LinkError::ShuttingDown => Event::ShutdownEnded { unfinished },
            _ => Event::DriverGone { unfinished },
        });
        self.routes = Arc::new(self.routes.closed(why));
        self.publish();
        self.traces.end(self.session.clock.now(), &self.session);
        self.session.ended();
        // Waiters that come too late are dropped with the mailbox, which wakes them.
        self.session.inbox.close();
    }
}

impl<D: Dialer> Drop for Hub<D> {
    fn drop(&mut self) {
        if !self.stopped {
            self.session.cut_off_now();
            self.stop(LinkError::DriverGone);
        }
    }
}

/// When the session's statistics are to be reset after this moment, if ever.
fn next_reset<W: Wire>(session: &Session<W>) -> Option<Instant> {
    let interval = session.config.stats_reset_interval;
    (!interval.is_zero()).then(|| session.clock.now().instant + interval)
}

fn refusal(why: Refusal) -> CallError {
    match why {
        Refusal::Closed(cause) => CallError::Unsent(cause),
        Refusal::Encode(error) => CallError::Encode(error),
        // Later kinds of refusals are not sent either.
        _ => CallError::Full,
    }
}

fn link_config(config: &ProducerConfig, seed: u64) -> LinkConfig {
    LinkConfig {
        form: config.serialize_type,
        in_flight_max: config.connection_in_flight_max,
        queue_bytes_max: config.connection_queue_bytes_max,
        first_opaque: 0,
        seed,
    }
}
