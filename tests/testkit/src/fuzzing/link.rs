//! Any bytes as the life of one connection: calls, a peer that does what it likes, time, the end.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    time::Duration,
};

use bytes::{Buf as _, Bytes, BytesMut};
use rocketmq_producer_core::{
    Waiter,
    codec::{
        ExtFields, FieldWriter, Frame, FrameDecoder, Header, Language, Request, SerializeType,
    },
    link::{Call, CallError, Link, LinkConfig, LinkError, LinkEvent, Manner, Outgoing},
    time::{Instant, Now, UnixMillis},
};

const IN_FLIGHT_MAX: usize = 8;
const QUEUE_BYTES_MAX: usize = 16 * 1024;
/// More than any one frame of these calls and answers takes.
const FRAME_SIZE_MAX: usize = 8 * 1024;
/// Probes are taken without regard to room; like the client, these runs have few of them.
const PROBES_MAX: usize = 2;
const GO_AWAY: i32 = 1500;

/// Lets `data` drive a link, step by step, against a model of what callers and peer may expect.
///
/// # Panics
///
/// When a token gets lost, an answer reaches another call than its own, a call is reported as
/// unsent whose bytes were lent out (or the reverse), calls in flight are miscounted, or more is
/// kept than the limits allow.
pub fn link(data: &[u8]) {
    let mut run = Run::new(Script(data));
    while !run.script.is_over() {
        run.step();
        run.check();
    }
    run.finish();
}

/// The bytes that decide what happens next; zero when there are none left.
struct Script<'a>(&'a [u8]);

impl Script<'_> {
    fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or_default()
    }

    fn take(&mut self, count: usize) -> &[u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }
}

/// Panics when it is dropped without having come out of the link.
struct Token {
    id: u32,
    gone: Rc<Cell<bool>>,
    /// Set when the link itself is dropped, which is an end as good as any.
    forgiven: Rc<Cell<bool>>,
    out: bool,
}

impl Token {
    fn come_out(mut self) -> u32 {
        self.out = true;
        self.id
    }
}

impl Waiter for Token {
    fn is_gone(&self) -> bool {
        self.gone.get()
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        let lost = !self.out && !self.forgiven.get();
        assert!(!lost || std::thread::panicking(), "token {} is lost", self.id);
    }
}

/// Names itself in its only field, so that the peer can tell whose bytes it reads.
struct Question {
    id: u32,
    body: Bytes,
}

impl Request for Question {
    fn code(&self) -> i32 {
        310
    }

    fn fields(&self, out: &mut FieldWriter<'_>) {
        out.number("id", self.id);
    }

    fn body(&self) -> Bytes {
        self.body.clone()
    }
}

/// A call that is not over.
#[derive(Debug)]
struct Caller {
    deadline: Instant,
    gone: Rc<Cell<bool>>,
}

struct Run<'a> {
    script: Script<'a>,
    link: Link<Token>,
    now: Now,
    forgiven: Rc<Cell<bool>>,
    next_id: u32,
    /// Calls that are not over, and how to make their callers go.
    open: BTreeMap<u32, Caller>,
    /// Probes may overtake.
    probes: BTreeSet<u32>,
    /// Nobody answers these.
    oneways: BTreeSet<u32>,
    /// No call that is no probe was lent out before this one.
    last_lent: u32,
    /// Calls whose bytes were lent out.
    lent: BTreeSet<u32>,
    /// What the socket has not taken yet.
    wire: BytesMut,
    /// What it has taken in all.
    written: u64,
    peer: BytesMut,
    /// What the peer has read: opaque and call.
    read: BTreeMap<u32, i32>,
    is_closed: bool,
}

impl<'a> Run<'a> {
    fn new(mut script: Script<'a>) -> Self {
        let habits = script.byte();
        let config = LinkConfig {
            form: if habits & 1 == 0 { SerializeType::Binary } else { SerializeType::Json },
            in_flight_max: IN_FLIGHT_MAX,
            queue_bytes_max: QUEUE_BYTES_MAX,
            first_opaque: if habits & 2 == 0 { 0 } else { i32::MAX - 3 },
            seed: habits.into(),
        };
        Self {
            script,
            link: Link::new(config),
            now: Now { instant: Instant::from_nanos(1), wall: UnixMillis(0) },
            forgiven: Rc::default(),
            next_id: 0,
            open: BTreeMap::new(),
            probes: BTreeSet::new(),
            oneways: BTreeSet::new(),
            last_lent: 0,
            lent: BTreeSet::new(),
            wire: BytesMut::new(),
            written: 0,
            peer: BytesMut::new(),
            read: BTreeMap::new(),
            is_closed: false,
        }
    }

    fn step(&mut self) {
        match self.script.byte() % 12 {
            0 | 1 => self.call(),
            2 => self.leave(),
            3 => self.lend(),
            4 | 5 => self.write(),
            6 => self.answer(),
            7 => self.answer_nothing(),
            8 => self.ask(),
            9 => self.pass_time(),
            10 => self.speak_nonsense(),
            _ => self.close_or_respond(),
        }
        // Any number of inputs may come before a drain.
        if self.script.byte() & 1 == 0 {
            self.drain();
        }
    }

    fn call(&mut self) {
        let size = usize::from(self.script.byte()) * 24;
        let deadline = self.deadline();
        let manner = match self.script.byte() {
            byte if byte.is_multiple_of(16) && self.probes.len() < PROBES_MAX => Manner::Probe,
            byte if byte.is_multiple_of(3) => Manner::Oneway,
            _ => Manner::Usual,
        };
        let token = self.token();
        let (id, gone) = (token.id, Rc::clone(&token.gone));
        let request = &Question { id, body: vec![b'x'; size].into() };
        let call = Call { request, token, deadline, linger: None, manner };
        match self.link.handle_call(self.now, call) {
            Ok(()) => {
                assert!(!self.is_closed, "a closed link takes no call");
                self.probes.extend((manner == Manner::Probe).then_some(id));
                self.oneways.extend((manner == Manner::Oneway).then_some(id));
                self.open.insert(id, Caller { deadline, gone });
            }
            Err(refused) => assert_eq!(refused.token.come_out(), id),
        }
    }

    /// A caller does not wait any longer.
    fn leave(&mut self) {
        let index = usize::from(self.script.byte()) % self.open.len().max(1);
        if let Some(caller) = self.open.values().nth(index) {
            caller.gone.set(true);
        }
    }

    fn lend(&mut self) {
        let mut lent = Outgoing::default();
        let any = self.link.lend(self.now, &mut lent);
        assert!(any || self.link.queued_bytes() == 0, "what is queued has not been lent");
        assert!(!any || !self.is_closed, "a closed link lends nothing");
        let mut bytes = BytesMut::from(&*lent.copy_to_bytes(lent.remaining()));
        self.wire.extend_from_slice(&bytes);
        while let Some(frame) = decode_own(&mut bytes) {
            let Some(id) = frame.header.ext.number("id") else { continue };
            assert!(self.lent.insert(id), "{id} is sent once");
            if !self.probes.contains(&id) {
                assert!(id > self.last_lent, "{id} was overtaken");
                self.last_lent = id;
            }
        }
    }

    /// The socket takes some bytes; the peer reads them.
    fn write(&mut self) {
        let count = usize::from(self.script.byte()) * 16 + 1;
        let count = count.min(self.wire.len());
        self.peer.unsplit(self.wire.split_to(count));
        while let Some(frame) = decode_own(&mut self.peer) {
            if let Some(id) = frame.header.ext.number("id") {
                self.read.insert(id, frame.header.opaque);
            }
        }
        self.written += count as u64;
        self.link.handle_written(self.written);
    }

    /// The peer answers something that it has read, maybe for the second time.
    fn answer(&mut self) {
        let index = usize::from(self.script.byte()) % self.read.len().max(1);
        let Some((_, opaque)) = self.read.iter().nth(index) else { return };
        let opaque = *opaque;
        let code = if self.script.byte().is_multiple_of(8) { GO_AWAY } else { 0 };
        self.hear(frame(code, 1, opaque));
    }

    /// The peer answers what nobody may have asked.
    fn answer_nothing(&mut self) {
        let near = i32::from(self.script.byte()) - 128;
        let base = if near % 2 == 0 { 0 } else { i32::MAX };
        self.hear(frame(0, 1, base.wrapping_add(near)));
    }

    /// The peer asks.
    fn ask(&mut self) {
        let opaque = i32::from(self.script.byte());
        self.hear(frame(39, 2, opaque));
    }

    fn pass_time(&mut self) {
        let millis = u64::from(self.script.byte());
        self.now.instant = self.now.instant + Duration::from_millis(millis);
        self.link.handle_timeout(self.now);
        let due = self.link.deadline();
        assert!(due.is_none_or(|due| due.at > self.now.instant), "nothing due stays undone");
    }

    fn speak_nonsense(&mut self) {
        let count = usize::from(self.script.byte());
        let mut bytes = BytesMut::from(self.script.take(count));
        let decoder = FrameDecoder::new(FRAME_SIZE_MAX);
        loop {
            match decoder.decode(&mut bytes) {
                Ok(Some(frame)) => self.hear(frame),
                Ok(None) => return,
                Err(error) => return self.close(error.into()),
            }
        }
    }

    fn close_or_respond(&mut self) {
        let byte = self.script.byte();
        if byte.is_multiple_of(16) {
            return self.close(LinkError::ClosedByPeer);
        }
        self.link.handle_respond(&frame(3, 1, i32::from(byte)).header);
    }

    fn close(&mut self, cause: LinkError) {
        self.link.handle_closed(cause);
        self.is_closed = true;
    }

    fn hear(&mut self, frame: Frame) {
        self.link.handle_frames(self.now, [frame]);
    }

    fn drain(&mut self) {
        while let Some(event) = self.link.poll() {
            match event {
                LinkEvent::Done { token, outcome } => self.done(token.come_out(), outcome),
                LinkEvent::Written { token } => self.taken(token.come_out()),
                LinkEvent::InDoubt(count) => {
                    assert!(self.is_closed && count <= self.oneways.len() as u64);
                }
                LinkEvent::Request(frame) => assert!(!frame.header.is_response()),
                _ => {}
            }
        }
    }

    /// A call that nobody answers is over.
    fn taken(&mut self, id: u32) {
        self.open.remove(&id).unwrap_or_else(|| panic!("{id} comes out twice"));
        assert!(self.oneways.contains(&id), "{id} was to be answered");
        assert!(self.read.contains_key(&id), "{id} was not written");
    }

    fn done(&mut self, id: u32, outcome: Result<Frame, CallError>) {
        let caller = self.open.remove(&id).unwrap_or_else(|| panic!("{id} comes out twice"));
        let was_lent = self.lent.contains(&id);
        match outcome {
            Ok(answer) => {
                assert!(was_lent, "{id} was answered before it was sent");
                assert!(!self.oneways.contains(&id), "nobody answers {id}");
                let own = self.read.get(&id).is_none_or(|own| *own == answer.header.opaque);
                assert!(own, "{id} got the answer to another call");
            }
            Err(CallError::Unsent(_) | CallError::Expired { lent: false }) => {
                assert!(!was_lent, "{id} was sent and is said not to be");
            }
            Err(CallError::Lost(_) | CallError::Expired { lent: true }) => {
                assert!(was_lent, "{id} was never lent out");
            }
            Err(CallError::Full) => {
                let due = caller.deadline <= self.now.instant;
                assert!(!was_lent && (due || caller.gone.get()), "{id} was given up without need");
            }
            Err(error) => panic!("{id} ended with {error}"),
        }
    }

    fn check(&mut self) {
        let calls = self.link.in_flight();
        assert!(calls <= IN_FLIGHT_MAX + PROBES_MAX, "{calls} calls in flight");
        assert!(calls + self.link.held() <= self.open.len());
        let bytes = self.link.queued_bytes();
        let max = QUEUE_BYTES_MAX + (1 + PROBES_MAX) * FRAME_SIZE_MAX;
        assert!(bytes <= max, "{bytes} bytes queued");
        assert_eq!(self.link.closed().is_some(), self.is_closed);
    }

    /// Half of the runs close the link, half drop it.
    fn finish(mut self) {
        if self.next_id.is_multiple_of(2) {
            self.close(LinkError::Retired);
            self.drain();
            assert_eq!(self.link.in_flight(), 0);
            assert_eq!(self.link.queued_bytes(), 0);
            assert!(self.link.deadline().is_none());
            assert!(self.open.is_empty(), "{:?} never came out", self.open);
        } else {
            self.drain();
            assert_eq!(self.link.in_flight() + self.link.held(), self.open.len());
            self.forgiven.set(true);
        }
    }

    fn deadline(&mut self) -> Instant {
        self.now.instant + Duration::from_millis(u64::from(self.script.byte()))
    }

    fn token(&mut self) -> Token {
        self.next_id += 1;
        let gone = Rc::default();
        Token { id: self.next_id, gone, forgiven: Rc::clone(&self.forgiven), out: false }
    }
}

fn decode_own(bytes: &mut BytesMut) -> Option<Frame> {
    FrameDecoder::default().decode(bytes).expect("whole frames are written")
}

fn frame(code: i32, flag: i32, opaque: i32) -> Frame {
    let (language, version) = (Language::JAVA, 479);
    let ext = ExtFields::default();
    let header = Header { code, language, version, opaque, flag, remark: None, ext };
    Frame { form: SerializeType::Binary, header, body: Bytes::new() }
}
