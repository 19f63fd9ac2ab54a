//! What callers and socket drivers leave for the client.

use std::collections::VecDeque;

use super::Input;
use crate::{delivery::Ask, time::Instant};

/// Requests of peers that may be waiting to be looked at; further ones are dropped and counted, so
/// that no peer can make this side grow.
const PEER_REQUESTS_MAX: usize = 1_024;

/// A send that waits for the routes to change.
#[derive(Debug)]
pub struct Wait<W> {
    /// What it needs, if anything.
    pub ask: Option<Ask>,
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
/// Bounded by what its writers can have outstanding: one wait for each send in flight, one answer
/// for each of the client's own calls, one event for each connection, and a fixed number of
/// requests from peers.
#[derive(Debug)]
pub struct Mailbox<W> {
    inputs: VecDeque<Input>,
    waits: VecDeque<Wait<W>>,
    peer_requests: usize,
    dropped_requests: u64,
}

impl<W> Default for Mailbox<W> {
    fn default() -> Self {
        Self {
            inputs: VecDeque::new(),
            waits: VecDeque::new(),
            peer_requests: 0,
            dropped_requests: 0,
        }
    }
}

impl<W> Mailbox<W> {
    /// Leaves an input.
    pub fn push(&mut self, input: Input) {
        if matches!(input, Input::Request { .. }) {
            if self.peer_requests == PEER_REQUESTS_MAX {
                self.dropped_requests += 1;
                return;
            }
            self.peer_requests += 1;
        }
        self.inputs.push_back(input);
    }

    /// Leaves a wait.
    pub fn push_wait(&mut self, wait: Wait<W>) {
        self.waits.push_back(wait);
    }

    /// Takes everything out, inputs before waits.
    pub fn take(&mut self) -> (VecDeque<Input>, VecDeque<Wait<W>>) {
        self.peer_requests = 0;
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
