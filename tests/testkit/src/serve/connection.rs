//! One connection, which several threads may write to.

use std::{
    io::{self, Write as _},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::{Mutex, PoisonError},
};

/// A socket. Its own thread reads, and writes answers; what its node says unasked, others write.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) id: u64,
    pub(super) peer: SocketAddr,
    pub(super) socket: TcpStream,
    /// Held while frames are written: each of them goes out whole.
    writing: Mutex<()>,
}

impl Connection {
    pub(super) fn new(id: u64, socket: TcpStream) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        Ok(Self { id, peer: socket.peer_addr()?, socket, writing: Mutex::default() })
    }

    /// Writes whole frames.
    pub(super) fn write(&self, frames: &[u8]) -> io::Result<()> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        (&self.socket).write_all(frames)
    }

    /// Ends it: its thread notices.
    pub(super) fn end(&self) {
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}
