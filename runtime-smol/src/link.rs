//! One socket: a task that writes what is queued and reads what comes.

use std::{
    future::poll_fn,
    io::{self, IoSlice, Read, Write},
    net::TcpStream,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Instant,
};

use bytes::Buf;
use rocketmq_producer_core::link::{LinkError, Outgoing};
use rocketmq_producer_shared::{DriverBell, Incoming, ReadSize, SharedLink};
use smol::{Async, Timer, future::yield_now};

/// No more is taken from the link while this much waits for the socket.
const LENT_MAX: usize = 256 * 1024;
/// Pieces handed to one write.
const PIECES: usize = 64;

/// Drives the link until it ends; says why it has.
pub(crate) async fn drive(
    link: &Arc<SharedLink<DriverBell>>,
    socket: Async<TcpStream>,
) -> LinkError {
    if let Err(error) = socket.get_ref().set_nodelay(true) {
        return broken(&error);
    }
    link.connected(socket.get_ref().peer_addr().ok());
    let mut socket = Socket {
        link,
        socket,
        chunk: Vec::new(),
        read_size: ReadSize::default(),
        incoming: Incoming::default(),
        outgoing: Outgoing::default(),
        timer: Timer::never(),
        armed: None,
    };
    loop {
        if let Err(cause) = poll_fn(|context| socket.poll_work(context)).await {
            return cause;
        }
        // Callers whose answers have just come queue their next calls before the next write, so
        // that it takes them all.
        yield_now().await;
    }
}

struct Socket<'a> {
    link: &'a Arc<SharedLink<DriverBell>>,
    socket: Async<TcpStream>,
    chunk: Vec<u8>,
    read_size: ReadSize,
    incoming: Incoming,
    outgoing: Outgoing,
    timer: Timer,
    /// When the timer is due.
    armed: Option<Instant>,
}

impl Socket<'_> {
    /// Ready when something was done, and there may be more.
    fn poll_work(&mut self, context: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        // Registers for the next ring before looking for what this one was about.
        self.link.wire.poll_rung(context);
        if self.link.is_closed() {
            return Poll::Ready(Err(LinkError::Retired));
        }
        let wrote = self.poll_write(context)?.is_ready();
        let read = self.poll_read(context)?.is_ready();
        let expired = self.poll_timeout(context).is_ready();
        if wrote || read || expired { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        if self.outgoing.remaining() < LENT_MAX {
            self.link.lend(&mut self.outgoing);
        }
        let mut wrote = Poll::Pending;
        while self.outgoing.has_remaining() {
            let mut pieces = [IoSlice::new(&[]); PIECES];
            let count = self.outgoing.chunks_vectored(&mut pieces);
            match self.socket.get_ref().write_vectored(&pieces[..count]) {
                Ok(written) => {
                    self.outgoing.advance(written);
                    self.link.wrote(written);
                    wrote = Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let Poll::Ready(ready) = self.socket.poll_writable(context) else { break };
                    ready.map_err(|error| broken(&error))?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Err(broken(&error))),
            }
        }
        wrote
    }

    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        self.chunk.resize(self.read_size.bytes(), 0);
        let count = loop {
            match self.socket.get_ref().read(&mut self.chunk) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(self.socket.poll_readable(context)).map_err(|error| broken(&error))?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result.map_err(|error| broken(&error))?,
            }
        };
        self.read_size.took(count);
        if count == 0 {
            return Poll::Ready(Err(LinkError::ClosedByPeer));
        }
        self.incoming.buffer.extend_from_slice(&self.chunk[..count]);
        self.incoming.decode(self.link)?;
        Poll::Ready(Ok(()))
    }

    /// One timer for all calls, set to the soonest deadline.
    fn poll_timeout(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.link.deadline() else { return Poll::Pending };
        let Some(at) = self.link.clock().to_std(deadline.at) else { return Poll::Pending };
        // A timer that is due too soon costs a look; resetting it for every call costs more.
        if self.armed.is_none_or(|armed| at < armed) {
            self.timer.set_at(at);
            self.armed = Some(at);
        }
        ready!(Pin::new(&mut self.timer).poll(context));
        self.armed = None;
        self.link.handle_timeout();
        Poll::Ready(())
    }
}

fn broken(error: &io::Error) -> LinkError {
    LinkError::Broken { reason: error.to_string().into() }
}
