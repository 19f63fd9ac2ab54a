//! One socket: a task that writes what is queued and reads what comes.

use std::{
    future::poll_fn,
    io::{self, IoSlice},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Buf;
use rocketmq_producer_core::link::{LinkError, Outgoing};
use rocketmq_producer_shared::{Clock, DriverBell, Incoming, ReadSize, SharedLink};
use tokio::{
    net::TcpStream,
    task::yield_now,
    time::{Instant, Sleep, sleep_until},
};

/// No more is taken from the link while this much waits for the socket.
const LENT_MAX: usize = 256 * 1024;
/// Pieces handed to one write.
const PIECES: usize = 64;

/// Drives the link until it ends; says why it has.
pub(crate) async fn drive(link: &Arc<SharedLink<DriverBell>>, socket: TcpStream) -> LinkError {
    if let Err(error) = socket.set_nodelay(true) {
        return broken(&error);
    }
    link.connected(socket.peer_addr().ok());
    let mut timer = pin!(sleep_until(Instant::now()));
    let mut socket = Socket {
        link,
        clock: link.clock().clone(),
        socket,
        incoming: Incoming::default(),
        read_size: ReadSize::default(),
        outgoing: Outgoing::default(),
    };
    loop {
        if let Err(cause) = poll_fn(|context| socket.poll_work(context, timer.as_mut())).await {
            return cause;
        }
        // Callers whose answers have just come queue their next calls before the next write, so
        // that it takes them all.
        yield_now().await;
    }
}

struct Socket<'a> {
    link: &'a Arc<SharedLink<DriverBell>>,
    clock: Clock,
    socket: TcpStream,
    incoming: Incoming,
    read_size: ReadSize,
    outgoing: Outgoing,
}

impl Socket<'_> {
    /// Ready when something was done, and there may be more.
    fn poll_work(
        &mut self,
        context: &mut Context<'_>,
        timer: Pin<&mut Sleep>,
    ) -> Poll<Result<(), LinkError>> {
        // Registers for the next ring before looking for what this one was about.
        self.link.wire.poll_rung(context);
        if self.link.is_closed() {
            return Poll::Ready(Err(LinkError::Retired));
        }
        let wrote = self.poll_write(context)?.is_ready();
        let read = self.poll_read(context)?.is_ready();
        let expired = self.poll_timeout(context, timer).is_ready();
        if wrote || read || expired { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        if self.outgoing.remaining() < LENT_MAX {
            self.link.lend(&mut self.outgoing);
        }
        let mut wrote = Poll::Pending;
        while self.outgoing.has_remaining() {
            let Poll::Ready(ready) = self.socket.poll_write_ready(context) else { break };
            ready.map_err(|error| broken(&error))?;
            let mut pieces = [IoSlice::new(&[]); PIECES];
            let count = self.outgoing.chunks_vectored(&mut pieces);
            match self.socket.try_write_vectored(&pieces[..count]) {
                Ok(written) => {
                    self.outgoing.advance(written);
                    self.link.wrote(written);
                    wrote = Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(broken(&error))),
            }
        }
        wrote
    }

    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        let count = loop {
            ready!(self.socket.poll_read_ready(context)).map_err(|error| broken(&error))?;
            self.incoming.buffer.reserve(self.read_size.bytes());
            match self.socket.try_read_buf(&mut self.incoming.buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => break result.map_err(|error| broken(&error))?,
            }
        };
        self.read_size.took(count);
        if count == 0 {
            return Poll::Ready(Err(LinkError::ClosedByPeer));
        }
        self.incoming.decode(self.link)?;
        Poll::Ready(Ok(()))
    }

    /// One timer for all calls, set to the soonest deadline.
    fn poll_timeout(&self, context: &mut Context<'_>, mut timer: Pin<&mut Sleep>) -> Poll<()> {
        let Some(deadline) = self.link.deadline() else { return Poll::Pending };
        let Some(at) = self.clock.to_std(deadline.at).map(Instant::from) else {
            return Poll::Pending;
        };
        // A timer that is due too soon costs a look; resetting it for every call costs more.
        if timer.is_elapsed() || at < timer.deadline() {
            timer.as_mut().reset(at);
        }
        ready!(timer.as_mut().poll(context));
        self.link.handle_timeout();
        Poll::Ready(())
    }
}

fn broken(error: &io::Error) -> LinkError {
    LinkError::Broken { reason: error.to_string().into() }
}
