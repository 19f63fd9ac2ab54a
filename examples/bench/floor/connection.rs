//! A socket, frames for it, and what is read from it.

use std::{
    io::{self, Write},
    net::TcpStream,
    time::Instant,
};

use rocketmq_producer_core::codec::FrameDecoder;

use super::frame;
use crate::{
    args::{Mode, Plan},
    error::Error,
    frames::{Filled, FrameReader},
    load::Load,
};

/// The most that is handed to one write, unless one frame is larger.
const WRITE_SIZE_MAX: usize = 1024 * 1024;

pub(super) struct Connection {
    pub(super) socket: TcpStream,
    reader: FrameReader,
    /// A message by itself, to be answered.
    single: Vec<u8>,
    /// The mode's frame, as often as goes into one write.
    frames: Vec<u8>,
    frame_size: usize,
    next_opaque: i32,
}

impl Connection {
    /// Connects, and sends one message to see that the other side takes it.
    pub(super) fn open(plan: &Plan) -> Result<Self, Error> {
        let (single, frame) = (frame::single(plan)?, frame::repeated(plan)?);
        let at_once = match plan.mode {
            Mode::Sync => 1,
            _ => (WRITE_SIZE_MAX / frame.len()).clamp(1, plan.window),
        };
        let socket = TcpStream::connect(&plan.namesrv)?;
        socket.set_nodelay(true)?;
        let mut connection = Self {
            socket,
            reader: FrameReader::new(),
            single,
            frames: frame.repeat(at_once),
            frame_size: frame.len(),
            next_opaque: 0,
        };
        match connection.exchange()? {
            0 => Ok(connection),
            code => Err(Error::NotNullServer { address: plan.namesrv.clone(), code }),
        }
    }

    /// Sends one message, waits for its answer, and tells its code. Everything that was sent before
    /// has been read then.
    pub(super) fn exchange(&mut self) -> Result<i32, Error> {
        self.socket.write_all(&self.single)?;
        loop {
            self.fill()?;
            if let Some(frame) = self.reader.next()?
                && let Some(frame) = FrameDecoder::default().decode(&mut frame.into())?
            {
                return Ok(frame.header.code);
            }
        }
    }

    /// Sends, waits for the answer, and so on until the load has no more.
    pub(super) fn one_by_one(&mut self, sender: usize, load: &Load) -> io::Result<()> {
        let mut now = Instant::now();
        while let Some(turn) = load.next_blocking(now) {
            self.prepare(1);
            self.socket.write_all(&self.frames)?;
            while self.read()? == 0 {}
            now = Instant::now();
            load.recorder().record_many(sender, now - turn.due, 1);
        }
        Ok(())
    }

    /// How many frames one write takes.
    pub(super) fn at_once(&self) -> usize {
        self.frames.len() / self.frame_size
    }

    /// Makes so many frames ready, and tells how many bytes they are.
    pub(super) fn prepare(&mut self, count: usize) -> usize {
        let bytes = &mut self.frames[..count * self.frame_size];
        for frame in bytes.chunks_exact_mut(self.frame_size) {
            frame::patch(frame, self.next_opaque);
            self.next_opaque = self.next_opaque.wrapping_add(1) & i32::MAX;
        }
        bytes.len()
    }

    /// Writes these of the bytes that are ready, or some of them.
    pub(super) fn write(&mut self, from: usize, to: usize) -> io::Result<usize> {
        self.socket.write(&self.frames[from..to])
    }

    /// The bytes of one frame.
    pub(super) fn frame_size(&self) -> usize {
        self.frame_size
    }

    /// Reads once, and counts the frames that are whole by now.
    pub(super) fn read(&mut self) -> io::Result<usize> {
        self.fill()?;
        let mut frames = 0;
        while self.reader.next()?.is_some() {
            frames += 1;
        }
        Ok(frames)
    }

    fn fill(&mut self) -> io::Result<()> {
        match self.reader.fill(&mut self.socket)? {
            Filled::End => Err(io::ErrorKind::UnexpectedEof.into()),
            Filled::WithAll | Filled::WithSome => Ok(()),
        }
    }
}
