//! What an adapter adds to the shared parts, on the simulated network: the third runtime beside
//! tokio and smol, whose loops these follow.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    pin::Pin,
    rc::Rc,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Buf as _;
use rocketmq_producer_core::{
    event::Event,
    link::{LinkError, Outgoing},
    model::Address,
    time::Instant,
};
use rocketmq_producer_shared::{
    Dialer, Driver, DriverBell, Hub, Incoming, ManualClock, SharedLink, Turn,
};

use super::{
    agenda::{Timer, Timers},
    network::{ConnId, Network, ProducerIndex, Side},
    pipe::End,
};

/// As in the adapters.
const READ_SIZE: usize = 64 * 1024;
const LENT_MAX: usize = 256 * 1024;

/// What tasks share.
#[derive(Clone)]
pub(super) struct Surroundings {
    pub(super) clock: ManualClock,
    pub(super) timers: Rc<Timers>,
    pub(super) network: Rc<RefCell<Network>>,
}

impl Surroundings {
    pub(super) fn now(&self) -> Instant {
        self.clock.now().instant
    }
}

/// An order of a hub.
#[derive(Debug)]
pub(super) enum Order {
    Connect(Dialing),
    /// Where does the name lead by now?
    LookUp(Dialing),
}

/// A link, and where it is to lead.
#[derive(Debug)]
pub(super) struct Dialing {
    pub(super) link: Arc<SharedLink<DriverBell>>,
    pub(super) address: Address,
}

/// Leaves its orders to the world, which spawns a task for each.
#[derive(Clone, Debug, Default)]
pub(super) struct Orders {
    orders: Arc<Mutex<Vec<Order>>>,
    /// What the hub has told of.
    told: Arc<Mutex<Vec<Event>>>,
}

impl Orders {
    fn add(&self, order: Order) {
        lock(&self.orders).push(order);
    }

    pub(super) fn take(&self) -> Vec<Order> {
        std::mem::take(&mut *lock(&self.orders))
    }

    pub(super) fn take_told(&self) -> Vec<Event> {
        std::mem::take(&mut *lock(&self.told))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Dialer for Orders {
    type Wire = DriverBell;

    fn wire(&self) -> DriverBell {
        DriverBell::default()
    }

    fn dial(&mut self, link: Arc<SharedLink<DriverBell>>, address: Address, _timeout: Duration) {
        self.add(Order::Connect(Dialing { link, address }));
    }

    fn resolve(&mut self, link: Arc<SharedLink<DriverBell>>, address: Address) {
        self.add(Order::LookUp(Dialing { link, address }));
    }

    fn notify(&mut self, event: &Event) {
        lock(&self.told).push(event.clone());
    }
}

/// Runs the hub until it has stopped. Dropped before, it ends the session.
pub(super) async fn run_hub(hub: Rc<RefCell<Box<Hub<Orders>>>>, around: Surroundings) {
    let inbox = Arc::clone(hub.borrow().session().inbox());
    let mut timer = around.timers.timer();
    loop {
        let turn = hub.borrow_mut().turn();
        let Turn::Wait(deadline) = turn else { return };
        poll_fn(|context| {
            let due = deadline
                .is_some_and(|deadline| timer.poll(context, around.now(), deadline.at).is_ready());
            if inbox.poll_ready(context) || due { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        // The world counts polls, not loops.
        yield_now().await;
    }
}

/// A link in the world, and whether its driver has bytes that the socket does not take.
#[derive(Clone, Debug)]
pub(super) struct Watched {
    pub(super) link: Weak<SharedLink<DriverBell>>,
    stuck: Rc<Cell<bool>>,
}

impl Watched {
    pub(super) fn new(link: &Arc<SharedLink<DriverBell>>) -> Self {
        Self { link: Arc::downgrade(link), stuck: Rc::default() }
    }

    /// True when bytes are queued that could be on their way.
    pub(super) fn is_overlooked(&self) -> bool {
        !self.stuck.get() && self.link.upgrade().is_some_and(|link| link.has_queued())
    }
}

/// Connects, drives the link, and has the last word on it.
pub(super) async fn run_link(
    dialing: Dialing,
    producer: ProducerIndex,
    watched: Watched,
    around: Surroundings,
) {
    let driver = Driver::new(dialing.link);
    let cause = match connect(driver.link(), producer, dialing.address, &around).await {
        Ok(socket) => drive(driver.link(), socket, &watched.stuck, &around).await,
        Err(cause) => cause,
    };
    driver.finish(cause);
}

async fn connect(
    link: &Arc<SharedLink<DriverBell>>,
    producer: ProducerIndex,
    address: Address,
    around: &Surroundings,
) -> Result<SimSocket, LinkError> {
    let network = Rc::clone(&around.network);
    let dial = network.borrow_mut().dial(producer, address);
    let _hang_up = HangUp { network: Rc::clone(&network), dial };
    poll_fn(|context| {
        link.wire.poll_rung(context);
        if link.is_closed() {
            return Poll::Ready(Err(LinkError::Retired));
        }
        match network.borrow_mut().dialed(dial, context.waker()) {
            Some(Ok(conn)) => Poll::Ready(Ok(SimSocket { network: Rc::clone(&network), conn })),
            Some(Err(reason)) => Poll::Ready(Err(LinkError::Dial { reason: reason.into() })),
            None => Poll::Pending,
        }
    })
    .await
}

/// Forgets a dial, whatever has become of it.
struct HangUp {
    network: Rc<RefCell<Network>>,
    dial: u64,
}

impl Drop for HangUp {
    fn drop(&mut self) {
        self.network.borrow_mut().hang_up(self.dial);
    }
}

/// The producer's end of a connection; closed when dropped.
struct SimSocket {
    network: Rc<RefCell<Network>>,
    conn: ConnId,
}

impl Drop for SimSocket {
    fn drop(&mut self) {
        self.network.borrow_mut().close(self.conn, Side::Producer, End::Finished);
    }
}

/// Drives the link until it ends; says why it has.
async fn drive(
    link: &Arc<SharedLink<DriverBell>>,
    socket: SimSocket,
    stuck: &Cell<bool>,
    around: &Surroundings,
) -> LinkError {
    link.connected(socket.network.borrow().remote(socket.conn));
    let mut timer = around.timers.timer();
    let mut loops =
        Loop { link, socket, incoming: Incoming::default(), outgoing: Outgoing::default(), around };
    loop {
        let worked = poll_fn(|context| {
            let worked = loops.poll_work(context, &mut timer);
            stuck.set(loops.outgoing.has_remaining());
            worked
        });
        if let Err(cause) = worked.await {
            return cause;
        }
        yield_now().await;
    }
}

struct Loop<'a> {
    link: &'a Arc<SharedLink<DriverBell>>,
    socket: SimSocket,
    incoming: Incoming,
    outgoing: Outgoing,
    around: &'a Surroundings,
}

impl Loop<'_> {
    fn poll_work(
        &mut self,
        context: &Context<'_>,
        timer: &mut Timer<'_>,
    ) -> Poll<Result<(), LinkError>> {
        self.link.wire.poll_rung(context);
        if self.link.is_closed() {
            return Poll::Ready(Err(LinkError::Retired));
        }
        let wrote = self.poll_write(context)?.is_ready();
        let read = self.poll_read(context)?.is_ready();
        let expired = self.poll_timeout(context, timer).is_ready();
        if wrote || read || expired { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn poll_write(&mut self, context: &Context<'_>) -> Poll<Result<(), LinkError>> {
        if self.outgoing.remaining() < LENT_MAX {
            self.link.lend(&mut self.outgoing);
        }
        let mut wrote = Poll::Pending;
        while self.outgoing.has_remaining() {
            let mut network = self.socket.network.borrow_mut();
            let (conn, waker) = (self.socket.conn, Some(context.waker()));
            match network.write(conn, Side::Producer, self.outgoing.chunk(), waker) {
                Ok(0) => break,
                Ok(written) => {
                    drop(network);
                    self.outgoing.advance(written);
                    self.link.wrote(written);
                    wrote = Poll::Ready(Ok(()));
                }
                Err(end) => return Poll::Ready(Err(ended(end))),
            }
        }
        wrote
    }

    fn poll_read(&mut self, context: &Context<'_>) -> Poll<Result<(), LinkError>> {
        let (conn, waker) = (self.socket.conn, Some(context.waker()));
        let read = self.socket.network.borrow_mut().read(conn, Side::Producer, READ_SIZE, waker);
        match read {
            Ok(None) => Poll::Pending,
            Ok(Some(bytes)) => {
                self.incoming.buffer.unsplit(bytes);
                self.incoming.decode(self.link)?;
                Poll::Ready(Ok(()))
            }
            Err(end) => Poll::Ready(Err(ended(end))),
        }
    }

    fn poll_timeout(&self, context: &Context<'_>, timer: &mut Timer<'_>) -> Poll<()> {
        let Some(deadline) = self.link.deadline() else { return Poll::Pending };
        ready!(timer.poll(context, self.around.now(), deadline.at));
        self.link.handle_timeout();
        Poll::Ready(())
    }
}

fn ended(end: End) -> LinkError {
    match end {
        End::Finished => LinkError::ClosedByPeer,
        End::Reset => LinkError::Broken { reason: "connection reset by peer".into() },
    }
}

/// Lets others go first, once.
pub(super) async fn yield_now() {
    let mut yielded = false;
    poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Anything that is polled on the executor.
pub(super) type LocalFuture<T> = Pin<Box<dyn Future<Output = T>>>;
