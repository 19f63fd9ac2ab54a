//! One socket with a thread of its own: that reads, and whoever sends writes.

use std::{
    io::{self, IoSlice, Read, Write},
    net::{Shutdown, TcpStream},
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use bytes::Buf;
use rocketmq_producer_core::{
    codec::CodecError,
    link::{LinkError, Outgoing},
};
use rocketmq_producer_shared::{Incoming, ReadSize};

use crate::wire::Link;

/// How long a caller may be kept writing, be it that the peer takes nothing or that others queue as
/// fast as it takes: after that, a thread of its own takes over. Twice this is what a send may come
/// late because of it; what it has left to the thread that reads waits besides until that has handed
/// out the answers that it holds, and for one turn of the scheduler.
const DUTY: Duration = Duration::from_millis(5);
/// Pieces handed to one write.
pub(crate) const PIECES: usize = 64;

/// A link whose socket is read by a thread of its own, and written to by whoever sends: by that thread
/// while it hands out answers.
#[derive(Debug, Default)]
pub(crate) struct ThreadWire {
    socket: OnceLock<TcpStream>,
    hung_up: AtomicBool,
    /// Held by the one who writes, and by the thread that reads from before it hands out answers until
    /// it has written. Whoever finds it taken leaves the writing to its holder.
    writing: AtomicBool,
    /// What the last writer could not get rid of; touched by the holder of `writing` alone.
    rest: Mutex<Outgoing>,
}

impl ThreadWire {
    /// Writes what is queued on its link, unless somebody else is at it.
    pub(crate) fn write(&self, link: &Arc<Link>) {
        if let Some(socket) = self.socket.get()
            && self.take_writing()
        {
            self.write_and_let_go(link, socket);
        }
    }

    /// True when the right to write is the caller's from now on.
    fn take_writing(&self) -> bool {
        !self.writing.swap(true, Ordering::AcqRel)
    }

    /// Writes what is queued and gives back the right to.
    fn write_and_let_go(&self, link: &Arc<Link>, socket: &TcpStream) {
        loop {
            match self.write_queued(link, socket, Instant::now() + DUTY) {
                Ok(true) => {}
                Ok(false) => return self.write_on_a_thread(link),
                Err(error) => self.fail(link, &error),
            }
            self.writing.store(false, Ordering::Release);
            // Whoever has found it taken until now has left its bytes to this one.
            if !link.has_queued() || !self.take_writing() {
                return;
            }
        }
    }

    pub(crate) fn hang_up(&self) {
        self.hung_up.store(true, Ordering::SeqCst);
        if let Some(socket) = self.socket.get() {
            // It may be gone already, which is what is wanted.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    fn fail(&self, link: &Link, error: &io::Error) {
        link.disconnected(broken(error));
        self.hang_up();
    }

    /// Writes until nothing is queued, or the time is up: false then, and what is left is kept for
    /// the next writer. For the holder of `writing` alone.
    fn write_queued(
        &self,
        link: &Arc<Link>,
        mut socket: &TcpStream,
        until: Instant,
    ) -> io::Result<bool> {
        let take = || self.rest.lock().unwrap_or_else(PoisonError::into_inner);
        let mut outgoing = std::mem::take(&mut *take());
        let result = loop {
            if !outgoing.has_remaining() && !link.lend(&mut outgoing) {
                break Ok(true);
            }
            let mut pieces = [IoSlice::new(&[]); PIECES];
            let count = outgoing.chunks_vectored(&mut pieces);
            match socket.write_vectored(pieces.get(..count).unwrap_or_default()) {
                Ok(0) => break Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    outgoing.advance(written);
                    link.wrote(written);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_timeout(&error) => {}
                Err(error) => break Err(error),
            }
            if Instant::now() >= until && (outgoing.has_remaining() || link.has_queued()) {
                break Ok(false);
            }
        };
        *take() = outgoing;
        result
    }

    /// Goes on writing, on a thread that may wait. The right to write goes with it.
    fn write_on_a_thread(&self, link: &Arc<Link>) {
        let writer = Arc::clone(link);
        let thread = thread::Builder::new().name(format!("rmq-{}-writer", link.id()));
        let spawned = thread.spawn(move || {
            if let Some(wire) = writer.wire.threads() {
                wire.write_to_the_end(&writer);
            }
        });
        if let Err(error) = spawned {
            self.writing.store(false, Ordering::Release);
            self.fail(link, &error);
        }
    }

    /// Writes until everything is written or the link ends, and gives back the right to.
    fn write_to_the_end(&self, link: &Arc<Link>) {
        let Some(socket) = self.socket.get() else { return };
        let result = loop {
            match self.write_queued(link, socket, Instant::now() + DUTY) {
                Ok(false) if !link.is_closed() => {}
                other => break other,
            }
        };
        self.writing.store(false, Ordering::Release);
        match result {
            Err(error) => self.fail(link, &error),
            Ok(_) => self.write(link),
        }
    }

    /// Reads, decodes and completes calls until the connection ends; says why it has.
    pub(crate) fn read(&self, link: &Arc<Link>, socket: TcpStream) -> LinkError {
        let prepared = socket.set_nodelay(true).and_then(|()| socket.set_write_timeout(Some(DUTY)));
        if let Err(error) = prepared {
            return broken(&error);
        }
        let socket = self.socket.get_or_init(|| socket);
        if self.hung_up.load(Ordering::SeqCst) {
            return LinkError::Retired;
        }
        link.connected(socket.peer_addr().ok());
        // Nobody could write before the socket was there.
        self.write(link);
        let cause = self.read_to_the_end(link, socket);
        // Whoever is writing is to notice.
        let _ = socket.shutdown(Shutdown::Both);
        cause
    }

    fn read_to_the_end(&self, link: &Arc<Link>, mut socket: &TcpStream) -> LinkError {
        let mut incoming = Incoming::default();
        let (mut chunk, mut size) = (Vec::new(), ReadSize::default());
        loop {
            chunk.resize(size.bytes(), 0);
            match socket.read(&mut chunk) {
                Ok(0) => return LinkError::ClosedByPeer,
                Ok(count) => {
                    incoming.buffer.extend_from_slice(chunk.get(..count).unwrap_or_default());
                    size.took(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return broken(&error),
            }
            if let Err(error) = self.take_in(link, socket, &mut incoming) {
                return error.into();
            }
        }
    }

    /// Completes the calls that have been answered. Their callers get a turn to queue their next ones,
    /// and leave the writing to this thread, whose one write takes them all.
    fn take_in(
        &self,
        link: &Arc<Link>,
        socket: &TcpStream,
        incoming: &mut Incoming,
    ) -> Result<(), CodecError> {
        let writes = self.take_writing();
        let decoded = incoming.decode(link);
        if writes {
            if let Ok(true) = decoded {
                thread::yield_now();
            }
            self.write_and_let_go(link, socket);
        }
        decoded.map(drop)
    }
}

fn is_timeout(error: &io::Error) -> bool {
    // The platforms disagree about which one a write timeout is.
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

pub(crate) fn broken(error: &io::Error) -> LinkError {
    LinkError::Broken { reason: error.to_string().into() }
}
