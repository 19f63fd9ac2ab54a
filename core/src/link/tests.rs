//! One connection without a socket. Tokens panic when they get lost, in every test.

mod life;
mod linger;
mod oneway;
mod outgoing;
mod room;
mod sequences;

use std::{cell::Cell, rc::Rc, time::Duration};

use bytes::{Buf, Bytes, BytesMut};

use super::{Call, CallError, CallRefused, Link, LinkConfig, LinkEvent, Manner, Outgoing, Refusal};
use crate::{
    Waiter,
    codec::{
        ExtFields, FieldWriter, Frame, FrameDecoder, Header, Language, Request, SerializeType,
    },
    time::{Instant, Now},
};

const MS: Duration = Duration::from_millis(1);

/// Panics when it is dropped without having come out of the link.
#[derive(Debug)]
struct Token {
    name: u32,
    out: bool,
    /// Counts drops instead, for tests that drop a link.
    dropped: Option<Rc<Cell<u32>>>,
    gone: Rc<Cell<bool>>,
    /// Until when it takes a late answer.
    linger: Option<Instant>,
}

impl Token {
    fn new(name: u32) -> Self {
        Self { name, out: false, dropped: None, gone: Rc::default(), linger: None }
    }

    fn lingering(name: u32, until: Instant) -> Self {
        let mut token = Self::new(name);
        token.linger = Some(until);
        token
    }

    fn come_out(mut self) -> u32 {
        self.out = true;
        self.name
    }
}

impl Waiter for Token {
    fn is_gone(&self) -> bool {
        self.gone.get()
    }

    fn again(&self) -> Option<Self> {
        self.linger.is_some().then(|| Self::new(self.name))
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        if let Some(dropped) = &self.dropped {
            dropped.set(dropped.get() + 1);
        } else if !std::thread::panicking() {
            assert!(self.out, "token {} is lost", self.name);
        }
    }
}

/// An event, told so that it can be compared.
#[derive(Clone, Debug, PartialEq)]
enum Told {
    /// The call with this name was answered with this code.
    Answered(u32, i32),
    Failed(u32, CallError),
    /// The peer asks, under this opaque.
    Request(i32),
    GoAway,
    /// The one-way call with this name was taken by the transport.
    Written(u32),
    InDoubt(u64),
}

/// A request with nothing but a name, so that the peer can tell whose it is.
struct Question {
    name: u32,
    body: Bytes,
}

impl Request for Question {
    fn code(&self) -> i32 {
        310
    }

    fn fields(&self, out: &mut FieldWriter<'_>) {
        out.number("name", self.name);
    }

    fn body(&self) -> Bytes {
        self.body.clone()
    }
}

/// A link, its clock, and the peer's end of the wire.
struct Bench {
    link: Link<Token>,
    now: Now,
    wire: Outgoing,
    peer: BytesMut,
    /// How often the peer was said to be silent.
    silences: usize,
    /// Bytes that the driver says it has written.
    written: u64,
}

impl Bench {
    fn new(config: LinkConfig) -> Self {
        let (link, now) = (Link::new(config), Now::default());
        Self {
            link,
            now,
            wire: Outgoing::default(),
            peer: BytesMut::new(),
            silences: 0,
            written: 0,
        }
    }

    fn roomy() -> Self {
        Self::new(LinkConfig::default())
    }

    fn in_flight_max(in_flight_max: usize) -> Self {
        Self::new(LinkConfig { in_flight_max, ..LinkConfig::default() })
    }

    /// Makes a call that waits for a second.
    fn call(&mut self, name: u32) {
        self.try_call(name, 1000 * MS, "hello").expect("the link is open");
    }

    fn try_call(
        &mut self,
        name: u32,
        wait: Duration,
        body: impl Into<Bytes>,
    ) -> Result<(), Refusal> {
        self.put(name, wait, body.into(), Manner::Usual)
    }

    fn probe(&mut self, name: u32, patience: Duration) {
        self.put(name, patience, Bytes::new(), Manner::Probe).expect("a probe is always taken");
    }

    fn put(
        &mut self,
        name: u32,
        wait: Duration,
        body: Bytes,
        manner: Manner,
    ) -> Result<(), Refusal> {
        self.put_token(Token::new(name), wait, body, manner)
    }

    fn put_token(
        &mut self,
        token: Token,
        wait: Duration,
        body: Bytes,
        manner: Manner,
    ) -> Result<(), Refusal> {
        let (name, deadline) = (token.name, self.now.instant + wait);
        let (request, linger) = (&Question { name, body }, token.linger);
        let call = Call { request, token, deadline, linger, manner };
        let taken = self.link.handle_call(self.now, call);
        taken.map_err(|CallRefused { token, why }| {
            assert_eq!(token.come_out(), name, "the token comes back");
            why
        })
    }

    /// How many calls are in flight, and how many wait for room.
    fn calls(&self) -> (usize, usize) {
        (self.link.in_flight(), self.link.held())
    }

    /// The driver takes the queued bytes; nothing is written yet.
    fn lend(&mut self) {
        self.link.lend(self.now, &mut self.wire);
    }

    /// The driver takes and writes everything; the peer reads it: name and opaque of each call.
    fn deliver(&mut self) -> Vec<(u32, i32)> {
        self.frames_delivered()
            .into_iter()
            .map(|frame| (frame.header.ext.number("name").unwrap(), frame.header.opaque))
            .collect()
    }

    fn frames_delivered(&mut self) -> Vec<Frame> {
        self.lend();
        while self.wire.has_remaining() {
            let chunk = self.wire.chunk();
            let length = chunk.len();
            self.written += length as u64;
            self.peer.extend_from_slice(chunk);
            self.wire.advance(length);
        }
        let decoder = FrameDecoder::default();
        std::iter::from_fn(|| decoder.decode(&mut self.peer).unwrap()).collect()
    }

    fn hear(&mut self, frames: impl IntoIterator<Item = Frame>) {
        self.link.handle_frames(self.now, frames);
    }

    fn pass(&mut self, time: Duration) {
        self.now.instant = self.now.instant + time;
    }

    fn told(&mut self) -> Vec<Told> {
        let mut told = Vec::new();
        while let Some(event) = self.link.poll() {
            told.push(match event {
                LinkEvent::Done { token, outcome: Ok(frame) } => {
                    Told::Answered(token.come_out(), frame.header.code)
                }
                LinkEvent::Done { token, outcome: Err(error) } => {
                    Told::Failed(token.come_out(), error)
                }
                LinkEvent::Request(frame) => Told::Request(frame.header.opaque),
                LinkEvent::GoAway => Told::GoAway,
                LinkEvent::Written { token } => Told::Written(token.come_out()),
                LinkEvent::InDoubt(count) => Told::InDoubt(count),
                LinkEvent::Silent => {
                    self.silences += 1;
                    continue;
                }
            });
        }
        told
    }

    /// Lets what has come out of nowhere be told: a test ends with nothing in the link.
    fn end(mut self) {
        self.link.handle_closed(super::LinkError::Retired);
        self.told();
        assert_eq!((self.calls(), self.link.queued_bytes()), ((0, 0), 0));
        assert_eq!(self.link.deadline(), None);
    }
}

fn answer(opaque: i32, code: i32) -> Frame {
    frame(opaque, code, 1)
}

fn request(opaque: i32) -> Frame {
    frame(opaque, 39, 0)
}

fn frame(opaque: i32, code: i32, flag: i32) -> Frame {
    let header = Header {
        code,
        language: Language::JAVA,
        version: 479,
        opaque,
        flag,
        remark: None,
        ext: ExtFields::default(),
    };
    Frame { form: SerializeType::Json, header, body: Bytes::new() }
}
