//! One direction of a connection: bytes on their way, cut and delayed as networks do.

use std::{collections::VecDeque, time::Duration};

use bytes::{Buf as _, Bytes, BytesMut};
use fastrand::Rng;
use rocketmq_producer_core::time::Instant;

/// How a stream ends for its reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// In order: everything that was sent has been read.
    Finished,
    /// At once.
    Reset,
}

/// What it takes to get from one host to another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    pub(super) latency: Duration,
    /// At most so much is added to each piece's latency; order is kept.
    pub(super) jitter: Duration,
    pub(super) bytes_per_second: u64,
}

/// Largest piece that travels as one.
const PIECE_MAX: usize = 16 * 1024;

#[derive(Debug)]
enum Cargo {
    Bytes(Bytes),
    End(End),
}

/// See the module.
#[derive(Debug)]
pub(super) struct Pipe {
    /// In the order of their arrival.
    flight: VecDeque<(Instant, Cargo)>,
    /// Arrived, and not read yet.
    arrived: BytesMut,
    end: Option<End>,
    /// Written and not read yet: what the window bounds.
    outstanding: usize,
    window: usize,
    /// The line is busy until then.
    busy_until: Instant,
    last_arrival: Instant,
}

impl Pipe {
    pub(super) fn new(window: usize) -> Self {
        Self {
            flight: VecDeque::new(),
            arrived: BytesMut::new(),
            end: None,
            outstanding: 0,
            window,
            busy_until: Instant::default(),
            last_arrival: Instant::default(),
        }
    }

    /// Takes as much of `data` as the window allows, cuts it anywhere, and says how much that was.
    pub(super) fn write(&mut self, now: Instant, way: Way, rng: &mut Rng, data: &[u8]) -> usize {
        let room = self.window.saturating_sub(self.outstanding).min(data.len());
        // A socket may take less than it could.
        let taken = if room > 1 && rng.u8(..) < 16 { rng.usize(1..=room) } else { room };
        let mut rest = Bytes::copy_from_slice(&data[..taken]);
        while rest.has_remaining() {
            let most = rest.len().min(PIECE_MAX);
            let size = if rng.u8(..) < 64 { rng.usize(1..=most) } else { most };
            let piece = rest.split_to(size);
            self.send(now, way, rng, Cargo::Bytes(piece));
        }
        self.outstanding += taken;
        taken
    }

    /// Ends the stream behind what was written.
    pub(super) fn finish(&mut self, now: Instant, way: Way, rng: &mut Rng, end: End) {
        self.send(now, way, rng, Cargo::End(end));
    }

    fn send(&mut self, now: Instant, way: Way, rng: &mut Rng, cargo: Cargo) {
        let size = match &cargo {
            Cargo::Bytes(bytes) => bytes.len() as u64,
            Cargo::End(_) => 1,
        };
        let nanos = size.saturating_mul(1_000_000_000) / way.bytes_per_second.max(1);
        self.busy_until = self.busy_until.max(now) + Duration::from_nanos(nanos);
        let jitter = Duration::from_nanos(rng.u64(..=way.jitter.as_nanos() as u64));
        let arrival = (self.busy_until + way.latency + jitter).max(self.last_arrival);
        self.last_arrival = arrival;
        self.flight.push_back((arrival, cargo));
    }

    /// When the next piece arrives.
    pub(super) fn next_arrival(&self) -> Option<Instant> {
        self.flight.front().map(|(at, _)| *at)
    }

    /// Moves what has arrived to where it can be read; true if there was anything.
    pub(super) fn deliver(&mut self, now: Instant) -> bool {
        let mut any = false;
        while let Some((at, _)) = self.flight.front()
            && *at <= now
            && let Some((_, cargo)) = self.flight.pop_front()
        {
            any = true;
            match cargo {
                Cargo::Bytes(bytes) => self.arrived.extend_from_slice(&bytes),
                Cargo::End(end) => self.end = self.end.or(Some(end)),
            }
        }
        any
    }

    /// What was held up arrives from now on.
    pub(super) fn delay_until(&mut self, until: Instant) {
        for (at, _) in &mut self.flight {
            *at = (*at).max(until);
        }
        self.last_arrival = self.last_arrival.max(until);
    }

    /// Reads up to `most` bytes; none when there are none yet.
    pub(super) fn read(&mut self, most: usize) -> Result<Option<BytesMut>, End> {
        if self.end == Some(End::Reset) {
            return Err(End::Reset);
        }
        if self.arrived.is_empty() {
            return self.end.map_or(Ok(None), Err);
        }
        let count = self.arrived.len().min(most);
        self.outstanding = self.outstanding.saturating_sub(count);
        Ok(Some(self.arrived.split_to(count)))
    }

    /// True when the writer has been told of a reset, or the window is open.
    pub(super) fn has_room(&self) -> bool {
        self.outstanding < self.window
    }

    /// True once the reader has seen a reset.
    pub(super) fn is_reset(&self) -> bool {
        self.end == Some(End::Reset)
    }
}
