//! Opening connections without waiting for them.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
    vec,
};

use mio::{Interest, Registry, Token, net::TcpStream};
use rocketmq_producer_core::{link::LinkError, model::Address};
use rocketmq_producer_shared::{Dialer, Driver, DriverBell};

use super::{NAMES, Rings};
use crate::{
    connect::{failed, look_up, no_address, no_thread, resolve},
    wire::{Link, SocketWire},
};

/// A link whose name has been looked up.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) driver: Driver<SocketWire>,
    pub(super) addresses: Result<Vec<SocketAddr>, LinkError>,
    /// When the dial is to be over.
    pub(super) until: Instant,
}

/// Looks names up, on threads that may wait, and leaves the rest to the poller.
#[derive(Debug)]
pub(crate) struct PollDialer {
    named: mpsc::Sender<Named>,
    rings: Arc<Rings>,
}

impl PollDialer {
    pub(super) fn new(named: mpsc::Sender<Named>, rings: Arc<Rings>) -> Self {
        Self { named, rings }
    }
}

impl Dialer for PollDialer {
    type Wire = SocketWire;

    fn wire(&self) -> SocketWire {
        SocketWire::Poller(DriverBell::default())
    }

    fn dial(&mut self, link: Arc<Link>, address: Address, timeout: Duration) {
        let until = Instant::now() + timeout;
        let (named, rings) = (self.named.clone(), Arc::clone(&self.rings));
        let (failed, waits) = (Arc::clone(&link), !address.is_literal());
        let thread = thread::Builder::new().name(format!("rmq-{}-name", link.id()));
        let look_up = move || {
            let driver = Driver::new(link);
            let addresses = resolve(&address).map(Iterator::collect);
            // A poller that is gone has no use for it: the driver says so to its link.
            let _ = named.send(Named { driver, addresses, until });
            rings.ring(NAMES);
        };
        if !waits {
            return look_up();
        }
        if let Err(error) = thread.spawn(look_up) {
            failed.disconnected(no_thread(&error));
        }
    }

    fn resolve(&mut self, link: Arc<Link>, address: Address) {
        look_up(link, address);
    }
}

/// Tries the addresses of a name in turn.
#[derive(Debug)]
pub(super) struct Dial {
    token: Token,
    addresses: vec::IntoIter<SocketAddr>,
    /// On its way to one of them.
    socket: Option<TcpStream>,
    until: Instant,
    /// What the address before has come to.
    last: LinkError,
}

impl Dial {
    pub(super) fn new(token: Token, addresses: Vec<SocketAddr>, until: Instant) -> Self {
        Self { token, addresses: addresses.into_iter(), socket: None, until, last: no_address() }
    }

    /// When [`step`](Self::step) is due, if no event comes first.
    pub(super) fn until(&self) -> Instant {
        self.until
    }

    /// A socket that is connected, and stays registered; none while one is on its way.
    ///
    /// # Errors
    ///
    /// What the last address has come to, when none is left, or that the time is up.
    pub(super) fn step(&mut self, registry: &Registry) -> Result<Option<TcpStream>, LinkError> {
        loop {
            if let Some(socket) = self.socket.take() {
                match is_connected(&socket) {
                    Ok(true) => return Ok(Some(socket)),
                    Ok(false) if Instant::now() < self.until => {
                        self.socket = Some(socket);
                        return Ok(None);
                    }
                    Ok(false) => return Err(LinkError::DialTimeout),
                    Err(error) => self.last = failed(&error),
                }
            }
            let Some(address) = self.addresses.next() else { return Err(self.last.clone()) };
            if Instant::now() >= self.until {
                return Err(LinkError::DialTimeout);
            }
            match self.begin(registry, address) {
                Ok(socket) => self.socket = Some(socket),
                Err(error) => self.last = failed(&error),
            }
        }
    }

    fn begin(&self, registry: &Registry, address: SocketAddr) -> io::Result<TcpStream> {
        let mut socket = TcpStream::connect(address)?;
        registry.register(&mut socket, self.token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(socket)
    }
}

/// Whether a socket that was told to connect has; an error, if it never will.
fn is_connected(socket: &TcpStream) -> io::Result<bool> {
    if let Some(error) = socket.take_error()? {
        return Err(error);
    }
    match socket.peer_addr() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use mio::{Events, Poll};

    use super::*;

    const TOKEN: Token = Token(1);
    const LONG: Duration = Duration::from_secs(20);

    /// Where nobody listens any more.
    fn deserted() -> SocketAddr {
        TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
    }

    /// Steps until the dial is over, as the poller does.
    fn run(mut dial: Dial) -> Result<TcpStream, LinkError> {
        let mut poll = Poll::new().unwrap();
        let mut events = Events::with_capacity(8);
        loop {
            if let Some(socket) = dial.step(poll.registry())? {
                return Ok(socket);
            }
            let left = dial.until().saturating_duration_since(Instant::now());
            poll.poll(&mut events, Some(left)).unwrap();
        }
    }

    #[test]
    fn an_address_that_refuses_is_followed_by_the_next() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let here = listener.local_addr().unwrap();
        let dial = Dial::new(TOKEN, vec![deserted(), here], Instant::now() + LONG);
        assert_eq!(run(dial).unwrap().peer_addr().unwrap(), here);
    }

    #[test]
    fn a_dial_without_success_tells_of_the_last_address() {
        let until = Instant::now() + LONG;
        let error = run(Dial::new(TOKEN, vec![deserted()], until)).unwrap_err();
        assert!(error.to_string().contains("refused"), "{error}");
        let error = run(Dial::new(TOKEN, Vec::new(), until)).unwrap_err();
        assert!(error.to_string().contains("no address"), "{error}");
    }

    #[test]
    fn a_dial_is_over_when_its_time_is_up() {
        let dial = Dial::new(TOKEN, vec![deserted()], Instant::now());
        assert_eq!(run(dial).unwrap_err(), LinkError::DialTimeout);
    }
}
