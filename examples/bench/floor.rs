//! What sockets alone take: ready-made frames, only the opaque patched, nothing decoded.
//!
//! The same bytes travel as with the producer, in the same window, in large writes and reads. What
//! a producer needs beyond this is its own.

use std::{
    collections::VecDeque,
    io::{self, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use bytes::BytesMut;
use rocketmq_producer_core::{
    codec::{Frame, FrameDecoder, SerializeType, encode_request},
    command::{DEFAULT_TOPIC, SendMessage},
    model::encode_properties,
    time::UnixMillis,
};

use crate::{
    args::{Mode, Plan},
    error::Error,
    frames::FrameReader,
    load::Load,
    measure::{Measurement, Outcome},
};

/// Writing and reading in turn ends in a standstill when the answers to one window do not fit the
/// sockets' buffers; so many always do.
pub(crate) const WINDOW_MAX: usize = 2048;
/// The most that is handed to one write, unless one frame is larger.
const WRITE_SIZE_MAX: usize = 1024 * 1024;
/// Where a binary header has its opaque: behind the prefix, code, language and version.
const OPAQUE_AT: usize = 13;

pub(crate) fn run(plan: &Plan) -> Result<Outcome, Error> {
    let frame = frame(plan)?;
    let count = match plan.mode {
        Mode::Async => 1,
        Mode::Sync => plan.threads,
    };
    let started = Instant::now();
    let first = Connection::open(plan, &frame)?;
    let first_send = started.elapsed();
    let mut connections = vec![first];
    for _ in 1..count {
        connections.push(Connection::open(plan, &frame)?);
    }

    carry(plan, &Load::new(plan, plan.warmup), &mut connections, plan.warmup)?;
    let measurement = Measurement::begin(plan);
    carry(plan, measurement.load(), &mut connections, plan.count)?;
    Ok(measurement.end(first_send))
}

/// Async: all over one connection, on this thread. Sync: a thread and a connection for each.
fn carry(
    plan: &Plan,
    load: &Load,
    connections: &mut [Connection],
    count: u64,
) -> Result<(), Error> {
    match (plan.mode, connections) {
        (Mode::Async, [connection, ..]) => connection.stream(plan.window, count, load)?,
        (_, connections) => thread::scope(|scope| {
            let threads = connections.iter_mut().enumerate();
            let threads = threads.map(|(number, connection)| {
                scope.spawn(move || connection.one_by_one(number, load))
            });
            let threads: Vec<_> = threads.collect();
            threads.into_iter().try_for_each(|thread| match thread.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            })
        })?,
    }
    Ok(())
}

/// A send as the producer writes it.
fn frame(plan: &Plan) -> Result<Vec<u8>, Error> {
    let properties =
        encode_properties([("UNIQ_KEY", "7F0000011234014AE5A55EB85A9B0000"), ("WAIT", "true")]);
    let request = SendMessage {
        batch: false,
        producer_group: &plan.group,
        topic: &plan.topic,
        default_topic: DEFAULT_TOPIC,
        default_topic_queue_nums: 4,
        queue_id: 2,
        sys_flag: 0,
        born_timestamp: UnixMillis(1_758_273_940_123),
        flag: 0,
        properties: &properties,
        broker_name: "broker-a",
        body: &plan.body,
    };
    let mut frame = BytesMut::new();
    encode_request(&mut frame, SerializeType::Binary, 0, false, &request, plan.body.len())?;
    Ok([&frame, &plan.body[..]].concat())
}

struct Connection {
    socket: TcpStream,
    reader: FrameReader,
    /// The frame, as often as goes into one write.
    frames: Vec<u8>,
    frame_size: usize,
    next_opaque: i32,
}

impl Connection {
    /// Connects, and sends one message to see that the other side takes it.
    fn open(plan: &Plan, frame: &[u8]) -> Result<Self, Error> {
        let socket = TcpStream::connect(&plan.namesrv)?;
        socket.set_nodelay(true)?;
        let at_once = match plan.mode {
            Mode::Async => (WRITE_SIZE_MAX / frame.len()).clamp(1, plan.window),
            Mode::Sync => 1,
        };
        let mut connection = Self {
            socket,
            reader: FrameReader::new(),
            frames: frame.repeat(at_once),
            frame_size: frame.len(),
            next_opaque: 0,
        };
        connection.write(1)?;
        let code = connection.read_one()?.header.code;
        if code == 0 {
            Ok(connection)
        } else {
            Err(Error::NotNullServer { address: plan.namesrv.clone(), code })
        }
    }

    /// Keeps `window` sends under way until `count` are answered.
    fn stream(&mut self, window: usize, count: u64, load: &Load) -> io::Result<()> {
        let mut unsent = count;
        let mut in_flight = 0;
        let mut written = VecDeque::new();
        while unsent > 0 || in_flight > 0 {
            while unsent > 0 && in_flight < window {
                let room = (window - in_flight).min(self.frames.len() / self.frame_size);
                let batch = room.min(usize::try_from(unsent).unwrap_or(room));
                written.push_back((Instant::now(), batch));
                self.write(batch)?;
                unsent -= batch as u64;
                in_flight += batch;
            }
            let answered = self.read()?;
            in_flight -= answered.min(in_flight);
            record(load, &mut written, answered);
        }
        Ok(())
    }

    /// Sends, waits for the answer, and so on until the load has no more.
    fn one_by_one(&mut self, sender: usize, load: &Load) -> io::Result<()> {
        while let Some(due) = load.next_blocking() {
            self.write(1)?;
            while self.read()? == 0 {}
            load.recorder().record_many(sender, due.elapsed(), 1);
        }
        Ok(())
    }

    fn write(&mut self, count: usize) -> io::Result<()> {
        let bytes = &mut self.frames[..count * self.frame_size];
        for frame in bytes.chunks_exact_mut(self.frame_size) {
            frame[OPAQUE_AT..OPAQUE_AT + 4].copy_from_slice(&self.next_opaque.to_be_bytes());
            self.next_opaque = self.next_opaque.wrapping_add(1) & i32::MAX;
        }
        self.socket.write_all(bytes)
    }

    /// Waits for bytes, and counts the whole frames among them.
    fn read(&mut self) -> io::Result<usize> {
        if !self.reader.fill(&mut self.socket)? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut frames = 0;
        while self.reader.next()?.is_some() {
            frames += 1;
        }
        Ok(frames)
    }

    fn read_one(&mut self) -> Result<Frame, Error> {
        loop {
            if !self.reader.fill(&mut self.socket)? {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            if let Some(frame) = self.reader.next()?
                && let Some(frame) = FrameDecoder::default().decode(&mut frame.into())?
            {
                return Ok(frame);
            }
        }
    }
}

/// Answers come in the order of the requests, so the oldest are answered.
fn record(load: &Load, written: &mut VecDeque<(Instant, usize)>, mut answered: usize) {
    let now = Instant::now();
    while let Some((at, batch)) = written.front_mut()
        && answered > 0
    {
        let count = answered.min(*batch);
        let latency: Duration = now.saturating_duration_since(*at);
        load.recorder().record_many(0, latency, count as u64);
        answered -= count;
        *batch -= count;
        if *batch == 0 {
            written.pop_front();
        }
    }
}
