//! Resolve and dial.

use std::{future::poll_fn, io, net::SocketAddr, pin::pin, task::Poll};

use rocketmq_producer_core::{link::LinkError, model::Address};
use rocketmq_producer_shared::{DriverBell, SharedLink};
use tokio::net::{TcpStream, lookup_host};

/// Resolves the name anew and tries its addresses in turn, until the link is closed: the client
/// keeps the time.
pub(crate) async fn connect(
    link: &SharedLink<DriverBell>,
    address: &Address,
) -> Result<TcpStream, LinkError> {
    let mut dial = pin!(TcpStream::connect((&*address.host, address.port)));
    poll_fn(|context| {
        link.wire.poll_rung(context);
        if link.is_closed() {
            return Poll::Ready(Err(LinkError::Retired));
        }
        dial.as_mut().poll(context).map_err(|error| failed(&error))
    })
    .await
}

/// Where the name leads now; nowhere, if it cannot be resolved.
pub(crate) async fn look_up(address: &Address) -> Vec<SocketAddr> {
    let found = lookup_host((&*address.host, address.port)).await;
    found.map_or_else(|_| Vec::new(), Iterator::collect)
}

fn failed(error: &io::Error) -> LinkError {
    LinkError::Dial { reason: error.to_string().into() }
}
