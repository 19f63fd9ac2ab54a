//! Cuts a socket's stream into frames, as cheaply as can be: for the null server and the floor.

use std::io::{self, Read};

use rocketmq_producer_core::codec::FRAME_SIZE_MAX;

/// How much is read at once, if there is so much.
const READ_SIZE: usize = 256 * 1024;
/// No read has less room than this.
const READ_SIZE_MIN: usize = 64 * 1024;
/// The field that tells a frame's length, and the one that tells its form and header length.
pub(crate) const PREFIX_SIZE: usize = 8;

/// Bytes read and not yet cut.
#[derive(Debug)]
pub(crate) struct FrameReader {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

/// What a read has brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filled {
    /// The end of the stream.
    End,
    /// All that was there.
    WithAll,
    /// As much as there was room for.
    WithSome,
}

impl FrameReader {
    pub(crate) fn new() -> Self {
        Self { buffer: vec![0; READ_SIZE], start: 0, end: 0 }
    }

    /// Reads once.
    pub(crate) fn fill(&mut self, socket: &mut impl Read) -> io::Result<Filled> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        if self.buffer.len() - self.end < READ_SIZE_MIN {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.buffer.len() - self.end < READ_SIZE_MIN {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        let room = &mut self.buffer[self.end..];
        let count = socket.read(room)?;
        let filled = match count {
            0 => Filled::End,
            _ if count < room.len() => Filled::WithAll,
            _ => Filled::WithSome,
        };
        self.end += count;
        Ok(filled)
    }

    /// The next whole frame, its length field included.
    pub(crate) fn next(&mut self) -> io::Result<Option<&[u8]>> {
        let bytes = &self.buffer[self.start..self.end];
        let Some(prefix) = bytes.first_chunk::<4>() else { return Ok(None) };
        let size = usize::try_from(u32::from_be_bytes(*prefix)).unwrap_or(usize::MAX);
        let size = size.saturating_add(prefix.len());
        if !(PREFIX_SIZE..=FRAME_SIZE_MAX).contains(&size) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "impossible frame length"));
        }
        if bytes.len() < size {
            return Ok(None);
        }
        let start = self.start;
        self.start += size;
        Ok(Some(&self.buffer[start..self.start]))
    }
}
