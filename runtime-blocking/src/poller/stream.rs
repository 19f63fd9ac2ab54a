//! One socket among others: reads and writes what can be without waiting.

use std::{
    io::{self, IoSlice, Read, Write},
    net::SocketAddr,
    sync::Arc,
};

use bytes::Buf;
use mio::{event::Event, net::TcpStream};
use rocketmq_producer_core::link::{LinkError, Outgoing};
use rocketmq_producer_shared::Incoming;

use crate::{
    link::{PIECES, broken},
    wire::Link,
};

/// No more is taken from the link while this much waits for the socket.
const LENT_MAX: usize = 256 * 1024;

/// A connection. Readiness is told by edges: once told, it lasts until the socket says that it would
/// block.
#[derive(Debug)]
pub(super) struct Stream {
    socket: TcpStream,
    readable: bool,
    writable: bool,
    incoming: Incoming,
    outgoing: Outgoing,
}

impl Stream {
    pub(super) fn new(socket: TcpStream) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        let (incoming, outgoing) = (Incoming::default(), Outgoing::default());
        Ok(Self { socket, readable: true, writable: true, incoming, outgoing })
    }

    pub(super) fn take_in(&mut self, event: &Event) {
        self.readable |= event.is_readable() || event.is_read_closed() || event.is_error();
        self.writable |= event.is_writable() || event.is_write_closed() || event.is_error();
    }

    /// Reads once, so that a peer that never stops keeps nobody else waiting; true when calls may
    /// have been answered.
    pub(super) fn read(&mut self, link: &Arc<Link>, chunk: &mut [u8]) -> Result<bool, LinkError> {
        if !self.readable {
            return Ok(false);
        }
        match self.socket.read(chunk) {
            Ok(0) => return Err(LinkError::ClosedByPeer),
            Ok(count) => {
                self.incoming.buffer.extend_from_slice(chunk.get(..count).unwrap_or_default());
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.readable = false;
                return Ok(false);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(false),
            Err(error) => return Err(broken(&error)),
        }
        Ok(self.incoming.decode(link)?)
    }

    /// Writes what is queued now, as far as the socket takes it; true when more is queued by then.
    pub(super) fn write(&mut self, link: &Arc<Link>) -> Result<bool, LinkError> {
        // What is not lent is known not to have been sent, should the connection end.
        if self.writable && self.outgoing.remaining() < LENT_MAX {
            link.lend(&mut self.outgoing);
        }
        let mut any = false;
        while self.writable && self.outgoing.has_remaining() {
            let mut pieces = [IoSlice::new(&[]); PIECES];
            let count = self.outgoing.chunks_vectored(&mut pieces);
            match self.socket.write_vectored(pieces.get(..count).unwrap_or_default()) {
                Ok(0) => return Err(broken(&io::ErrorKind::WriteZero.into())),
                Ok(written) => {
                    self.outgoing.advance(written);
                    link.wrote(written);
                    any = true;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.writable = false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(broken(&error)),
            }
        }
        // Held calls are let in when what was before them is lent.
        Ok(any && self.writable && link.has_queued())
    }

    /// True when there may be more to read.
    pub(super) fn is_readable(&self) -> bool {
        self.readable
    }

    pub(super) fn peer(&self) -> Option<SocketAddr> {
        self.socket.peer_addr().ok()
    }
}
