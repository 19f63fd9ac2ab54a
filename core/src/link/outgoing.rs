//! Bytes on their way to a socket.

use std::{collections::VecDeque, io::IoSlice, ops::Range};

use bytes::{Buf, BufMut as _, Bytes, BytesMut};

/// Bodies up to this size are copied behind their headers: chaining a small body costs more than
/// the copy.
const FLATTEN_MAX: usize = 4 * 1024;

/// A queue of bytes that implements [`Buf`]: headers and small bodies flattened into one piece,
/// large bodies chained without a copy. Write it with [`chunks_vectored`](Buf::chunks_vectored)
/// and [`advance`](Buf::advance); a partial write needs no further code.
#[derive(Debug, Default)]
pub struct Outgoing {
    /// Finished pieces; none is empty.
    chunks: VecDeque<Bytes>,
    /// The piece that is still being written to, after all of `chunks`.
    tail: BytesMut,
    /// So much of the tail is gone. It stays there until all of it is: a tail that is advanced loses
    /// that part of its memory, and has to be copied to where there is more.
    gone: usize,
    chained: usize,
}

impl Outgoing {
    /// Where headers are encoded to.
    pub(super) fn tail(&mut self) -> &mut BytesMut {
        &mut self.tail
    }

    fn rest_of_tail(&self) -> &[u8] {
        self.tail.get(self.gone..).unwrap_or_default()
    }

    /// The same as a finished piece.
    fn finish_tail(&mut self) -> Bytes {
        let mut piece = self.tail.split().freeze();
        piece.advance(std::mem::take(&mut self.gone));
        piece
    }

    /// Appends a body behind what has been encoded into the tail.
    pub(super) fn push_body(&mut self, body: Bytes) {
        if body.len() <= FLATTEN_MAX {
            self.tail.put_slice(&body);
            return;
        }
        let head = self.finish_tail();
        self.chained += head.len() + body.len();
        self.chunks.extend([head, body].into_iter().filter(|chunk| !chunk.is_empty()));
    }

    /// Appends everything of `other`, leaving it empty.
    pub(super) fn append(&mut self, other: &mut Self) {
        if !self.has_remaining() {
            std::mem::swap(self, other);
            return;
        }
        let head = self.finish_tail();
        self.chained += head.len() + other.chained;
        self.chunks.extend((!head.is_empty()).then_some(head));
        self.chunks.append(&mut other.chunks);
        other.chained = 0;
        std::mem::swap(&mut self.tail, &mut other.tail);
        std::mem::swap(&mut self.gone, &mut other.gone);
    }

    /// Takes out these stretches, which are in order and do not overlap.
    pub(super) fn cut(&mut self, stretches: impl IntoIterator<Item = Range<usize>>) {
        let mut rest = std::mem::take(self);
        let tail = rest.finish_tail();
        rest.chained += tail.len();
        rest.chunks.extend((!tail.is_empty()).then_some(tail));
        let mut at = 0;
        for stretch in stretches {
            self.take(&mut rest, stretch.start.saturating_sub(at));
            rest.advance(stretch.len());
            at = stretch.end;
        }
        self.append(&mut rest);
    }

    /// Moves the first `count` bytes of `other`, all of whose pieces are finished, to the end.
    fn take(&mut self, other: &mut Self, mut count: usize) {
        while count > 0
            && let Some(mut chunk) = other.chunks.pop_front()
        {
            let taken = chunk.split_to(count.min(chunk.len()));
            count -= taken.len();
            other.chained -= taken.len();
            self.chained += taken.len();
            self.chunks.push_back(taken);
            if !chunk.is_empty() {
                other.chunks.push_front(chunk);
            }
        }
    }
}

impl Buf for Outgoing {
    fn remaining(&self) -> usize {
        self.chained + self.tail.len() - self.gone
    }

    fn chunk(&self) -> &[u8] {
        self.chunks.front().map_or(self.rest_of_tail(), |chunk| chunk)
    }

    fn advance(&mut self, mut count: usize) {
        count = count.min(self.remaining());
        while let Some(front) = self.chunks.front_mut() {
            if count < front.len() {
                front.advance(count);
                self.chained -= count;
                return;
            }
            count -= front.len();
            self.chained -= front.len();
            self.chunks.pop_front();
        }
        self.gone += count;
        if self.gone >= self.tail.len() {
            // Everything is written: the whole allocation can be used again.
            self.tail.clear();
            self.gone = 0;
        }
    }

    fn chunks_vectored<'a>(&'a self, out: &mut [IoSlice<'a>]) -> usize {
        let pieces = self.chunks.iter().map(|chunk| &**chunk).chain([self.rest_of_tail()]);
        let mut count = 0;
        for (slot, piece) in out.iter_mut().zip(pieces.filter(|piece| !piece.is_empty())) {
            *slot = IoSlice::new(piece);
            count += 1;
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_in_parts_leaves_all_its_memory_behind() {
        let mut queue = Outgoing::default();
        queue.push_body(Bytes::from_static(&[7; 1_000]));
        let capacity = queue.tail.capacity();
        queue.advance(400);
        assert_eq!((queue.remaining(), queue.chunk().len()), (600, 600));
        queue.advance(600);
        assert!(!queue.has_remaining());
        assert_eq!(queue.tail.capacity(), capacity);
    }

    #[test]
    fn what_is_appended_follows_what_is_left() {
        let (mut queue, mut more) = (Outgoing::default(), Outgoing::default());
        queue.push_body(Bytes::from_static(b"gone, left"));
        queue.advance(6);
        more.push_body(Bytes::from_static(b", more"));
        queue.append(&mut more);
        let length = queue.remaining();
        assert_eq!(queue.copy_to_bytes(length), "left, more");
        assert!(!more.has_remaining());
    }
}
