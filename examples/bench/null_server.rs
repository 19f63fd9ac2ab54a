//! Name server and brokers that store nothing and answer at once, all in one event loop.
//!
//! They name themselves as the masters of every topic. One thread serves every connection: it reads
//! what is there, answers all of it by one write, and reads no more from a peer that does not take
//! its answers. So it costs a fraction of any client, and takes what a single core has.

use std::{
    collections::HashMap,
    io::{self, Read, Write},
    mem,
    net::{Ipv4Addr, SocketAddr},
    process, thread,
    time::Duration,
};

use clap::Parser;
use mio::{
    Events, Interest, Poll, Token,
    net::{TcpListener, TcpStream},
};

use crate::{
    answers::{Answers, Request},
    frames::{Filled, FrameReader},
};

const EVENTS_AT_ONCE: usize = 256;

/// What it is to be.
#[derive(Clone, Copy, Debug, Parser)]
pub(crate) struct NullServerArgs {
    /// Brokers, each with a port of its own; the first is the name server, too
    #[arg(long, value_name = "N", default_value_t = 1,
        value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) brokers: u16,
    /// Read what is sent, and never answer it
    #[arg(long)]
    pub(crate) silent: bool,
}

/// Prints the name server's address, then serves until standard input ends: with the process that
/// started this one, however that ended.
pub(crate) fn run(args: &NullServerArgs) -> io::Result<()> {
    let mut server = Server::bind(args)?;
    println!("{}", server.name_server);
    thread::spawn(move || {
        if let Err(error) = server.serve() {
            eprintln!("null server: {error}");
            process::exit(1);
        }
    });
    io::stdin().read_to_end(&mut Vec::new()).map(drop)
}

/// Tokens below the number of listeners are theirs.
struct Server {
    poll: Poll,
    listeners: Vec<TcpListener>,
    name_server: SocketAddr,
    connections: HashMap<Token, Connection>,
    next_token: usize,
    answers: Answers,
}

impl Server {
    fn bind(args: &NullServerArgs) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut listeners = Vec::new();
        let mut addresses = Vec::new();
        for number in 0..usize::from(args.brokers) {
            let mut listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0).into())?;
            poll.registry().register(&mut listener, Token(number), Interest::READABLE)?;
            addresses.push(listener.local_addr()?);
            listeners.push(listener);
        }
        let name_server = addresses[0];
        let answers = Answers::new(&addresses, args.silent);
        let next_token = listeners.len();
        Ok(Self { poll, listeners, name_server, connections: HashMap::new(), next_token, answers })
    }

    fn serve(&mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS_AT_ONCE);
        // Those that have more to read; one that floods the server does not keep it from others.
        let mut busy = Vec::new();
        loop {
            let timeout = (!busy.is_empty()).then_some(Duration::ZERO);
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                polled => polled?,
            }
            let mut turn = mem::take(&mut busy);
            for event in &events {
                let token = event.token();
                match self.connections.get_mut(&token) {
                    Some(connection) => {
                        connection.ending |= event.is_read_closed();
                        turn.push(token);
                    }
                    None => self.accept(token)?,
                }
            }
            for token in turn {
                let Some(connection) = self.connections.get_mut(&token) else { continue };
                match connection.turn(&self.answers) {
                    Ok(Next::Wait) => {}
                    Ok(Next::Again) => busy.push(token),
                    // A connection that fails is over; the client notices.
                    Ok(Next::Close) | Err(_) => drop(self.connections.remove(&token)),
                }
            }
        }
    }

    fn accept(&mut self, listener: Token) -> io::Result<()> {
        let Some(listener) = self.listeners.get(listener.0) else { return Ok(()) };
        loop {
            let mut socket = match listener.accept() {
                Ok((socket, _)) => socket,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            socket.set_nodelay(true)?;
            let token = Token(self.next_token);
            self.next_token += 1;
            let interests = Interest::READABLE | Interest::WRITABLE;
            self.poll.registry().register(&mut socket, token, interests)?;
            self.connections.insert(token, Connection::new(socket));
        }
    }
}

/// When a connection has its next turn.
enum Next {
    /// When its socket has news.
    Wait,
    /// As soon as the others had theirs.
    Again,
    Close,
}

struct Connection {
    socket: TcpStream,
    reader: FrameReader,
    /// Answers, of which so many bytes have been written.
    out: Vec<u8>,
    written: usize,
    /// The peer has said that it sends no more: there is an end to be read.
    ending: bool,
}

impl Connection {
    fn new(socket: TcpStream) -> Self {
        Self { socket, reader: FrameReader::new(), out: Vec::new(), written: 0, ending: false }
    }

    /// One read, and the answers to it.
    fn turn(&mut self, answers: &Answers) -> io::Result<Next> {
        if !self.flush()? {
            return Ok(Next::Wait);
        }
        let filled = match self.reader.fill(&mut self.socket) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Next::Wait),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(Next::Again),
            filled => filled?,
        };
        while let Some(frame) = self.reader.next()? {
            answers.put(&Request::read(frame)?, &mut self.out);
        }
        let flushed = self.flush()?;
        Ok(match filled {
            Filled::End => Next::Close,
            // What comes later is news; an end that has been announced is not.
            Filled::WithAll if !self.ending => Next::Wait,
            Filled::WithAll | Filled::WithSome if flushed => Next::Again,
            Filled::WithAll | Filled::WithSome => Next::Wait,
        })
    }

    /// Writes what the socket takes; false when that is not all.
    fn flush(&mut self) -> io::Result<bool> {
        while self.written < self.out.len() {
            match self.socket.write(&self.out[self.written..]) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.out.clear();
        self.written = 0;
        Ok(true)
    }
}
