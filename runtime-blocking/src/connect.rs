//! Resolve and dial.

use std::{
    io,
    net::{SocketAddr, TcpStream, ToSocketAddrs},
    time::{Duration, Instant},
};

use rocketmq_producer_core::{link::LinkError, model::Address};

/// Resolves the name anew and tries its addresses in turn, all within `timeout` (but for the
/// resolver, which the operating system bounds: while it hangs, the client gives up on this dial and
/// begins another on a thread of its own, no more often than it redials).
pub(crate) fn connect(address: &Address, timeout: Duration) -> Result<TcpStream, LinkError> {
    let until = Instant::now() + timeout;
    let resolved = (&*address.host, address.port).to_socket_addrs();
    let resolved = resolved.map_err(|error| failed(&format!("cannot resolve: {error}")))?;
    let mut last = failed("the name has no address");
    for address in resolved {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(LinkError::DialTimeout);
        }
        match TcpStream::connect_timeout(&address, left) {
            Ok(socket) => return Ok(socket),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => last = LinkError::DialTimeout,
            Err(error) => last = failed(&error.to_string()),
        }
    }
    Err(last)
}

/// Where the name leads now; nowhere, if it cannot be resolved.
pub(crate) fn look_up(address: &Address) -> Vec<SocketAddr> {
    let found = (&*address.host, address.port).to_socket_addrs();
    found.map_or_else(|_| Vec::new(), Iterator::collect)
}

fn failed(reason: &str) -> LinkError {
    LinkError::Dial { reason: reason.into() }
}
