//! What callers and socket drivers leave for the client.

use std::collections::VecDeque;

use bytestring::ByteString;

use super::Input;
use crate::{delivery::Ask, time::Instant};

/// Requests of peers that may be waiting to be looked at; further ones are dropped and counted, so
/// that no peer can make this side grow.
const PEER_REQUESTS_MAX: usize = 1_024;
/// Bytes of such requests, beyond which no further one is taken.
const PEER_BYTES_MAX: usize = 1024 * 1024;

/// A send that waits for the routes to change.
#[derive(Debug)]
pub struct Wait<W> {
    /// What it needs, if anything.
    pub ask: Option<Ask>,
    /// The topic that it is about.
    pub topic: ByteString,
    /// How long it waits.
    pub until: Instant,
    /// The version of the routes that it has seen: it is not kept waiting when there is a newer
    /// one.
    pub seen: u64,
    /// How to wake it.
    pub waiter: W,
}

/// The hub's letter box. Pure data: the adapter puts it behind a short lock and rings its hub.
///
/// The hub empties it whenever it is rung, so it holds what comes within one turn of the hub: a wait
/// for each send that lacks a route or a connection, an answer for each of the client's own calls,
/// an event for each connection. Requests of peers are bounded by number and by size.
#[derive(Debug)]
pub struct Mailbox<W> {
    inputs: VecDeque<Input>,
    waits: VecDeque<Wait<W>>,
    peer_requests: usize,
    peer_bytes: usize,
    dropped_requests: u64,
}

impl<W> Default for Mailbox<W> {
    fn default() -> Self {
        Self {
            inputs: VecDeque::new(),
            waits: VecDeque::new(),
            peer_requests: 0,
            peer_bytes: 0,
            dropped_requests: 0,
        }
    }
}

impl<W> Mailbox<W> {
    /// Leaves an input.
    pub fn push(&mut self, input: Input) {
        if let Input::Request { frame, .. } = &input {
            if self.peer_requests == PEER_REQUESTS_MAX || self.peer_bytes >= PEER_BYTES_MAX {
                self.dropped_requests += 1;
                return;
            }
            self.peer_requests += 1;
            self.peer_bytes += frame.size();
        }
        self.inputs.push_back(input);
    }

    /// Leaves a wait.
    pub fn push_wait(&mut self, wait: Wait<W>) {
        self.waits.push_back(wait);
    }

    /// Takes everything out, inputs before waits.
    pub fn take(&mut self) -> (VecDeque<Input>, VecDeque<Wait<W>>) {
        (self.peer_requests, self.peer_bytes) = (0, 0);
        (std::mem::take(&mut self.inputs), std::mem::take(&mut self.waits))
    }

    /// True when there is nothing to take.
    pub fn is_empty(&self) -> bool {
        self.inputs.is_empty() && self.waits.is_empty()
    }

    /// Requests of peers that were dropped because too many were waiting.
    pub fn dropped_requests(&self) -> u64 {
        self.dropped_requests
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{
        codec::{ExtFields, Frame, Header, Language, SerializeType},
        ids::LinkId,
    };

    fn request(size: usize) -> Input {
        let header = Header {
            code: 39,
            language: Language::JAVA,
            version: 479,
            opaque: 1,
            flag: 0,
            remark: None,
            ext: ExtFields::default(),
        };
        let frame = Frame { form: SerializeType::Json, header, body: Bytes::from(vec![0; size]) };
        Input::Request { link: LinkId { slot: 0, generation: 1 }, frame }
    }

    #[test]
    fn requests_of_peers_are_bounded_by_number_and_by_size() {
        for (size, kept) in [(0, PEER_REQUESTS_MAX), (PEER_BYTES_MAX / 4, 4), (1 << 24, 1)] {
            let mut mailbox = Mailbox::<u64>::default();
            for _ in 0..2_000 {
                mailbox.push(request(size));
            }
            mailbox.push(Input::Shutdown);
            assert_eq!(mailbox.dropped_requests(), 2_000 - kept as u64, "of {size} bytes");
            let (inputs, _) = mailbox.take();
            assert_eq!(inputs.len(), kept + 1, "what is our own is never dropped");
            mailbox.push(request(size));
            assert!(!mailbox.is_empty(), "an emptied mailbox takes requests again");
        }
    }
}
