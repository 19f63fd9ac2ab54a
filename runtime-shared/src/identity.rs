//! What tells this process from others.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};

use rocketmq_producer_core::model::Identity;

use crate::StartError;

/// An address of TEST-NET-1 (RFC 5737), which never answers and is never asked.
const ELSEWHERE: (Ipv4Addr, u16) = (Ipv4Addr::new(192, 0, 2, 1), 9);

/// Asks the operating system, anew for each session.
pub(crate) fn identity() -> Result<Identity, StartError> {
    let nonce = getrandom::u64().map_err(|error| StartError::Entropy(error.to_string()))?;
    Ok(Identity { host: outward_address(), pid: std::process::id(), nonce })
}

/// The address that connections to elsewhere leave from; loopback where there is no way out.
/// Connecting a datagram socket only asks the routing table, nothing is sent.
fn outward_address() -> IpAddr {
    UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))
        .and_then(|socket| {
            socket.connect(ELSEWHERE)?;
            socket.local_addr()
        })
        .map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |address| address.ip())
}
