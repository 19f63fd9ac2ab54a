//! Resolve and dial.

use std::{
    io,
    net::{SocketAddr, TcpStream, ToSocketAddrs},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use rocketmq_producer_core::{link::LinkError, model::Address};

use crate::wire::Link;

/// Resolves the name anew and tries its addresses in turn, all within `timeout` (but for the
/// resolver, which the operating system bounds: while it hangs, the client gives up on this dial and
/// begins another on a thread of its own, no more often than it redials).
pub(crate) fn connect(address: &Address, timeout: Duration) -> Result<TcpStream, LinkError> {
    let until = Instant::now() + timeout;
    let mut last = no_address();
    for address in resolve(address)? {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(LinkError::DialTimeout);
        }
        match TcpStream::connect_timeout(&address, left) {
            Ok(socket) => return Ok(socket),
            Err(error) => last = failed(&error),
        }
    }
    Err(last)
}

/// Where the name leads now.
pub(crate) fn resolve(
    address: &Address,
) -> Result<impl Iterator<Item = SocketAddr> + use<>, LinkError> {
    let resolved = (&*address.host, address.port).to_socket_addrs();
    resolved.map_err(|error| refused(&format!("cannot resolve: {error}")))
}

/// Looks where the name leads now, on a thread that may wait, and tells the link: nowhere, if it
/// cannot be resolved.
pub(crate) fn look_up(link: Arc<Link>, address: Address) {
    let thread = thread::Builder::new().name(format!("rmq-{}-name", link.id()));
    let failed = Arc::clone(&link);
    let spawned = thread.spawn(move || link.resolved(resolve(&address).into_iter().flatten()));
    if spawned.is_err() {
        failed.resolved([]);
    }
}

/// What the dial of a name without an address comes to.
pub(crate) fn no_address() -> LinkError {
    refused("the name has no address")
}

/// What the dial of an address has come to.
pub(crate) fn failed(error: &io::Error) -> LinkError {
    match error.kind() {
        io::ErrorKind::TimedOut => LinkError::DialTimeout,
        _ => refused(&error.to_string()),
    }
}

/// The operating system gives no thread for a dial.
pub(crate) fn no_thread(error: &io::Error) -> LinkError {
    refused(&format!("no thread to be had: {error}"))
}

fn refused(reason: &str) -> LinkError {
    LinkError::Dial { reason: reason.into() }
}
