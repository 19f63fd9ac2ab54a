//! Resolve and dial.

use std::{
    future::poll_fn,
    io,
    net::{SocketAddr, TcpStream},
    pin::pin,
    task::Poll,
};

use rocketmq_producer_core::{link::LinkError, model::Address};
use rocketmq_producer_shared::{DriverBell, SharedLink};
use smol::{Async, net::resolve};

/// Resolves the name anew and tries its addresses in turn, until the link is closed: the client
/// keeps the time.
pub(crate) async fn connect(
    link: &SharedLink<DriverBell>,
    address: &Address,
) -> Result<Async<TcpStream>, LinkError> {
    let mut dial = pin!(dial(address));
    poll_fn(|context| {
        link.wire.poll_rung(context);
        if link.is_closed() {
            return Poll::Ready(Err(LinkError::Retired));
        }
        dial.as_mut().poll(context).map_err(|error| failed(&error))
    })
    .await
}

async fn dial(address: &Address) -> io::Result<Async<TcpStream>> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for resolved in resolve((&*address.host, address.port)).await? {
        match Async::<TcpStream>::connect(resolved).await {
            Ok(socket) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Where the name leads now; nowhere, if it cannot be resolved.
pub(crate) async fn look_up(address: &Address) -> Vec<SocketAddr> {
    resolve((&*address.host, address.port)).await.unwrap_or_default()
}

fn failed(error: &io::Error) -> LinkError {
    LinkError::Dial { reason: error.to_string().into() }
}
