//! Ports that are free now. Whether they still are when a server binds them only the server finds
//! out, so a start that loses that race is repeated with others.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use super::error::LaunchError;

/// Below the range the operating systems draw the ports of outgoing connections from, and above
/// those of well-known servers.
const FIRST_PORT: u32 = 12_000;

/// Ports are given out in blocks, so that a broker's neighbours never meet another server's.
const BLOCK: u32 = 8;
const BLOCKS: u32 = 2_500;

/// How many blocks are tried before giving up.
const ATTEMPTS: u32 = 200;

/// A free port for a name server.
pub(super) fn namesrv() -> Result<u16, LaunchError> {
    pick("port", |port| is_free(port).then_some(port))
}

/// A free port for a broker that has the two it derives from it free as well: the fast port
/// (two below) and the replication port (one above).
pub(super) fn broker() -> Result<u16, LaunchError> {
    pick("run of broker ports", |first| {
        let listen = first + 2;
        [listen - 2, listen, listen + 1].into_iter().all(is_free).then_some(listen)
    })
}

/// Offers `choose` the first port of one block after the other.
fn pick(wanted: &'static str, choose: impl Fn(u16) -> Option<u16>) -> Result<u16, LaunchError> {
    (0..ATTEMPTS)
        .find_map(|_| choose(next_block()))
        .ok_or(LaunchError::NoFreePort { wanted, tried: ATTEMPTS })
}

/// The first port of the next block: clusters of this process never share one, and processes begin
/// at random places so that they seldom do.
fn next_block() -> u16 {
    static START: OnceLock<u32> = OnceLock::new();
    static NEXT: AtomicU32 = AtomicU32::new(0);

    let start = *START.get_or_init(|| RandomState::new().build_hasher().finish() as u32 % BLOCKS);
    let block = (start + NEXT.fetch_add(1, Ordering::Relaxed) % BLOCKS) % BLOCKS;
    u16::try_from(FIRST_PORT + block * BLOCK).expect("the last block ends below 65536")
}

fn is_free(port: u16) -> bool {
    // All addresses, because RocketMQ 4.x binds all of them whatever it is told.
    TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_port_has_its_neighbours_free_and_nobody_gets_it_twice() {
        let (a, b) = (broker().expect("a port"), broker().expect("a port"));
        assert!([a - 2, a, a + 1].into_iter().all(is_free));
        assert!(a.abs_diff(b) >= BLOCK as u16);
    }

    #[test]
    fn a_port_in_use_is_not_free() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        assert!(!is_free(listener.local_addr().expect("its address").port()));
    }
}
