//! One socket: a thread that reads, and whoever sends, writing.

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
use rocketmq_producer_core::link::{LinkError, Outgoing};
use rocketmq_producer_shared::{Incoming, SharedLink, Wire};

/// How much is read at once.
const READ_SIZE: usize = 64 * 1024;
/// How long a caller may be kept writing, be it that the peer takes nothing or that others queue as
/// fast as it takes: after that, a thread of its own takes over. Twice this is what a send may come
/// late because of it.
const DUTY: Duration = Duration::from_millis(5);
/// Pieces handed to one write.
const PIECES: usize = 64;

/// The blocking adapter's part of a link.
#[derive(Debug, Default)]
pub(crate) struct SocketWire {
    socket: OnceLock<TcpStream>,
    hung_up: AtomicBool,
    /// Held by the one who writes. Whoever finds it taken leaves the writing to its holder.
    writing: AtomicBool,
    /// What the last writer could not get rid of; touched by the holder of `writing` alone.
    rest: Mutex<Outgoing>,
}

type Link = SharedLink<SocketWire>;

impl Wire for SocketWire {
    fn is_due_sooner(link: &Arc<Link>) {
        // The hub keeps the time of all links.
        link.ring_hub();
    }

    fn bytes_queued(link: &Arc<Link>) {
        if link.wire.socket.get().is_none() {
            return;
        }
        // The holder looks again after it has let go, so what is queued now is not overlooked.
        while !link.wire.writing.swap(true, Ordering::AcqRel) {
            match write_queued(link, Instant::now() + DUTY) {
                Ok(true) => {}
                Ok(false) => return write_on_a_thread(link),
                Err(error) => link.wire.fail(link, &error),
            }
            link.wire.writing.store(false, Ordering::Release);
            if !link.has_queued() {
                return;
            }
        }
    }

    fn hang_up(&self) {
        self.hung_up.store(true, Ordering::SeqCst);
        if let Some(socket) = self.socket.get() {
            // It may be gone already, which is what is wanted.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

impl SocketWire {
    fn fail(&self, link: &Link, error: &io::Error) {
        link.disconnected(broken(error));
        self.hang_up();
    }
}

/// Writes until nothing is queued, or the time is up: false then, and what is left is kept for the
/// next writer. For the holder of `writing` alone.
fn write_queued(link: &Arc<Link>, until: Instant) -> io::Result<bool> {
    let Some(mut socket) = link.wire.socket.get() else { return Ok(true) };
    let take = || link.wire.rest.lock().unwrap_or_else(PoisonError::into_inner);
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

/// Goes on writing, on a thread that may wait, until everything is written or the link ends. The
/// right to write goes with it.
fn write_on_a_thread(link: &Arc<Link>) {
    let writer = Arc::clone(link);
    let thread = thread::Builder::new().name(format!("rmq-{}-writer", link.id()));
    let spawned = thread.spawn(move || {
        let result = loop {
            match write_queued(&writer, Instant::now() + DUTY) {
                Ok(false) if !writer.is_closed() => {}
                other => break other,
            }
        };
        writer.wire.writing.store(false, Ordering::Release);
        match result {
            Err(error) => writer.wire.fail(&writer, &error),
            Ok(_) => SocketWire::bytes_queued(&writer),
        }
    });
    if let Err(error) = spawned {
        link.wire.writing.store(false, Ordering::Release);
        link.wire.fail(link, &error);
    }
}

/// Reads, decodes and completes calls until the connection ends; says why it has.
pub(crate) fn read(link: &Arc<Link>, socket: TcpStream) -> LinkError {
    let prepared = socket.set_nodelay(true).and_then(|()| socket.set_write_timeout(Some(DUTY)));
    if let Err(error) = prepared {
        return broken(&error);
    }
    let socket = link.wire.socket.get_or_init(|| socket);
    if link.wire.hung_up.load(Ordering::SeqCst) {
        return LinkError::Retired;
    }
    link.connected(socket.peer_addr().ok());
    // Nobody could write before the socket was there.
    SocketWire::bytes_queued(link);
    let mut incoming = Incoming::default();
    let mut chunk = vec![0; READ_SIZE];
    let mut reader = socket;
    let cause = loop {
        match reader.read(&mut chunk) {
            Ok(0) => break LinkError::ClosedByPeer,
            Ok(count) => incoming.buffer.extend_from_slice(chunk.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => break broken(&error),
        }
        if let Err(error) = incoming.decode(link) {
            break error.into();
        }
    };
    // Whoever is writing is to notice.
    let _ = socket.shutdown(Shutdown::Both);
    cause
}

fn is_timeout(error: &io::Error) -> bool {
    // The platforms disagree about which one a write timeout is.
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

fn broken(error: &io::Error) -> LinkError {
    LinkError::Broken { reason: error.to_string().into() }
}
