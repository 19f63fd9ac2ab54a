//! One errand, as a future that needs no reactor and no timer of its caller.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use rocketmq_producer_core::{
    client::Input,
    delivery::{Ask, Errand, Step},
    ids::LinkId,
    link::{Call, CallError, CallRefused, Manner, Refusal},
    time::{Instant, Now},
};

use crate::{
    Clock, Session, SharedLink, Token, View, Wire,
    session::InFlight,
    slot::{Arrival, Arrived, Caller, Slot},
};

/// What threads can wait for: a future whose waits end by themselves where links have drivers that
/// keep time. An adapter whose drivers do not calls [`expire`](Self::expire) when
/// [`deadline`](Self::deadline) has come.
pub trait Timed: Future + Unpin {
    /// The session's clock.
    fn clock(&self) -> &Clock;

    /// When the time of the calls that it waits for is up.
    fn deadline(&self) -> Option<Instant>;

    /// Ends the waits whose time is up on the links that it has called on, its own among them.
    fn expire(&self);
}

/// An [`Errand`] under way, and all that it waits for.
///
/// Dropping it abandons the errand: what was queued on a link is still written, so the stream stays
/// whole, and the broker may act on it.
#[derive(Debug)]
#[must_use = "nothing is done unless it is polled"]
pub struct Journey<W: Wire, E> {
    /// Apart, for it is large, and futures are moved a lot.
    errand: Box<E>,
    slot: Arc<Slot>,
    /// Where the last attempt has called.
    called: Option<LinkId>,
    /// When that is to be answered; none once it has ended.
    due: Option<Instant>,
    /// Where earlier attempts called.
    called_before: Vec<LinkId>,
    /// Nothing is to be done before something arrives.
    settled: bool,
    session: InFlight<W>,
}

/// The time at which a future is polled, read when it is first asked for.
#[derive(Debug, Default)]
pub(crate) struct Moment(Option<Now>);

impl Moment {
    /// One that has been read already.
    pub(crate) fn at(now: Now) -> Self {
        Self(Some(now))
    }

    fn read(&mut self, clock: &Clock) -> Now {
        *self.0.get_or_insert_with(|| clock.now())
    }
}

impl<W: Wire, E: Errand> Journey<W, E> {
    pub(crate) fn new(errand: Box<E>, slot: Arc<Slot>, session: InFlight<W>) -> Self {
        let (called, due, called_before) = (None, None, Vec::new());
        Self { errand, slot, called, due, called_before, settled: false, session }
    }

    pub(crate) fn session(&self) -> &Arc<Session<W>> {
        &self.session.session
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.session.session.clock
    }

    /// True once it has been polled.
    pub(crate) fn is_under_way(&self) -> bool {
        self.settled
    }

    /// Polls it at a moment that may have been read already.
    pub(crate) fn poll_at(&mut self, mut moment: Moment, context: &Context<'_>) -> Poll<E::Output> {
        // What comes between a step and the next look is seen by that look.
        while !self.settled || self.look(context, &mut moment) {
            let advanced = self.advance(&mut moment);
            if advanced.is_ready() {
                self.slot.finish();
                return advanced;
            }
            self.settled = true;
        }
        Poll::Pending
    }

    /// The session and the errand.
    pub(crate) fn session_and_errand(&self) -> (&Session<W>, &E) {
        (&self.session.session, &self.errand)
    }

    pub(crate) fn slot(&self) -> &Arc<Slot> {
        &self.slot
    }

    pub(crate) fn errand(&mut self) -> &mut E {
        &mut self.errand
    }

    /// A broker may have heard of it.
    pub(crate) fn has_called(&self) -> bool {
        self.called.is_some()
    }

    /// Takes in what has arrived; true when that was anything.
    fn look(&mut self, context: &Context<'_>, moment: &mut Moment) -> bool {
        let Arrived { answers, rung, .. } = self.slot.look(context);
        if answers.is_empty() {
            return rung;
        }
        let now = moment.read(&self.session.session.clock);
        answers.hand_over(|attempt, arrival| match arrival {
            Arrival::Answer(outcome) => self.errand.handle_outcome(now, attempt, outcome),
            Arrival::Written => self.errand.handle_written(now, attempt),
        });
        true
    }

    /// Has the hub wake it when there is news, at `until` at the latest.
    pub(crate) fn wait(&self, view: &View<W>, ask: Option<Ask>, until: Instant) {
        self.session().wait_for_hub(view, self.errand.topic(), ask, until, &self.slot);
    }

    /// Steps until there is something to wait for.
    fn advance(&mut self, moment: &mut Moment) -> Poll<E::Output> {
        self.slot.no_longer_waits();
        // Whatever else has come, a call that goes on keeps its deadline.
        if self.errand.request().is_none() {
            self.due = None;
        }
        let now = moment.read(self.clock());
        let mut view = self.session().view.load();
        loop {
            match self.errand.step(now, &view.routes) {
                Step::Done(output) => return Poll::Ready(output),
                Step::Wait { ask, until } => {
                    self.wait(&view, ask, until);
                    return Poll::Pending;
                }
                Step::Tell(ask) => {
                    let until = self.errand.deadline();
                    self.session().inbox.push(Input::Ask { ask, until });
                }
                Step::Call { link, attempt, deadline, linger, oneway } => {
                    let manner = if oneway { Manner::Oneway } else { Manner::Usual };
                    if self.call(now, &view, link, attempt, (deadline, linger), manner) {
                        continue;
                    }
                }
                Step::Answer => return Poll::Pending,
            }
            view = self.session().view.load();
        }
    }

    /// Makes the current attempt's call; false when it could not be made.
    fn call(
        &mut self,
        now: Now,
        view: &View<W>,
        link: LinkId,
        attempt: u32,
        (deadline, linger): (Instant, Instant),
        manner: Manner,
    ) -> bool {
        let (Some(shared), Some(request)) = (view.links.get(link), self.errand.request()) else {
            self.errand.handle_gone();
            return false;
        };
        let token = Token::Caller(Caller::new(&self.slot, attempt));
        let linger = (linger > deadline).then_some(linger);
        match shared.call(now, Call { request: &request, token, deadline, linger, manner }) {
            Ok(()) => {
                drop(request);
                self.due = Some(deadline);
                self.called_before.extend(self.called.replace(link));
                true
            }
            Err(CallRefused { why, token, .. }) => {
                drop(request);
                token.forget();
                match why {
                    Refusal::Encode(error) => {
                        self.errand.handle_outcome(now, attempt, Err(CallError::Encode(error)));
                    }
                    _ => self.errand.handle_gone(),
                }
                false
            }
        }
    }
}

impl<W: Wire, E: Errand + Unpin> Future for Journey<W, E> {
    type Output = E::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.poll_at(Moment::default(), context)
    }
}

impl<W: Wire, E: Errand + Unpin> Timed for Journey<W, E> {
    fn clock(&self) -> &Clock {
        self.clock()
    }

    fn deadline(&self) -> Option<Instant> {
        self.called.as_ref()?;
        Some(self.due.unwrap_or_else(|| self.errand.deadline()))
    }

    fn expire(&self) {
        let view = self.session().view.load();
        // One that is not there any more has ended, and all calls on it have.
        let links = self.called.iter().chain(&self.called_before);
        links.filter_map(|link| view.links.get(*link)).for_each(SharedLink::handle_timeout);
    }
}

impl<W: Wire, E> Drop for Journey<W, E> {
    fn drop(&mut self) {
        self.slot.abandon();
    }
}

#[cfg(test)]
mod tests {
    use std::{task::Waker, time::Duration};

    use bytestring::ByteString;
    use rocketmq_producer_core::{
        codec::Frame,
        command::ClientCommand,
        link::{LinkConfig, LinkError},
        model::{Address, ProducerConfig},
        route::Routes,
    };

    use super::*;
    use crate::{Begun, Dialer, DriverBell, Hub, Lifecycle, links::LinkTable};

    const LINK: LinkId = LinkId { slot: 0, generation: 0 };
    const FIRST: Instant = Instant::from_nanos(1_000_000_000_000);
    const SECOND: Instant = Instant::from_nanos(2_000_000_000_000);
    const LAST: Instant = Instant::from_nanos(3_000_000_000_000);

    struct NoDialer;

    impl Dialer for NoDialer {
        type Wire = DriverBell;

        fn wire(&self) -> DriverBell {
            DriverBell::default()
        }

        fn dial(&mut self, _: Arc<SharedLink<DriverBell>>, _: Address, _: Duration) {}

        fn resolve(&mut self, _: Arc<SharedLink<DriverBell>>, _: Address) {}
    }

    /// A hub whose senders see one link.
    fn connected() -> Box<Hub<NoDialer>> {
        let lifecycle = Lifecycle::new(ProducerConfig::new("g", "127.0.0.1:9876")).unwrap();
        let Ok(Begun::Hub(hub)) = lifecycle.begin(NoDialer) else { panic!("it is the first") };
        let session = hub.session();
        let (inbox, clock) = (Arc::clone(&session.inbox), session.clock.clone());
        let (oneways, wire) = (Arc::clone(&session.statistics.oneways), DriverBell::default());
        let link = SharedLink::new(LINK, LinkConfig::default(), inbox, clock, oneways, wire);
        let mut links = LinkTable::default();
        links.insert(Arc::new(link));
        session.view.store(Arc::new(View { routes: Arc::default(), links }));
        hub
    }

    /// Calls twice: again when the first call's time is up, whose end it hears once more.
    #[derive(Debug, Default)]
    struct Twice {
        calls: u32,
        is_calling: bool,
    }

    impl Errand for Twice {
        type Request<'a> = ClientCommand;
        type Output = ();

        fn step(&mut self, _: Now, _: &Routes) -> Step<()> {
            if std::mem::replace(&mut self.is_calling, true) {
                return Step::Answer;
            }
            let (attempt, deadline) = (self.calls, [FIRST, SECOND][self.calls as usize]);
            self.calls += 1;
            Step::Call { link: LINK, attempt, deadline, linger: LAST, oneway: false }
        }

        fn request(&self) -> Option<ClientCommand> {
            self.is_calling.then(|| ClientCommand::RouteQuery { topic: "T".into() })
        }

        fn handle_outcome(&mut self, _: Now, attempt: u32, _: Result<Frame, CallError>) {
            self.is_calling &= attempt + 1 < self.calls;
        }

        fn handle_written(&mut self, _: Now, _: u32) {}

        fn handle_gone(&mut self) {
            panic!("the link is there");
        }

        fn deadline(&self) -> Instant {
            LAST
        }

        fn topic(&self) -> ByteString {
            "T".into()
        }
    }

    #[test]
    fn row_1_what_comes_late_leaves_the_current_call_its_deadline() {
        let hub = connected();
        let session = InFlight::uncounted(hub.session());
        let mut journey = Journey::new(Box::<Twice>::default(), Arc::default(), session);
        let slot = Arc::clone(journey.slot());
        let mut poll = || {
            let pending = Pin::new(&mut journey).poll(&mut Context::from_waker(Waker::noop()));
            assert!(pending.is_pending());
            journey.deadline()
        };
        assert_eq!(poll(), Some(FIRST));
        Caller::new(&slot, 0).answer(Err(CallError::Expired { lent: true }));
        assert_eq!(poll(), Some(SECOND));
        Caller::new(&slot, 0).answer(Err(CallError::Lost(LinkError::ClosedByPeer)));
        assert_eq!(poll(), Some(SECOND));
        slot.bell().ring();
        assert_eq!(poll(), Some(SECOND));
    }
}
