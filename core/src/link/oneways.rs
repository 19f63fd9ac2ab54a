//! Calls that nobody answers: taken by the transport, then known to have arrived, or in doubt.

use std::collections::VecDeque;

/// Stretches that are remembered one by one; more are taken together, and count as in doubt for
/// longer.
const UNPROVEN_MAX: usize = 1_024;

/// One-way calls, in the order of the stream.
///
/// ```text
///   queued ──lend──▶ lent ──written──▶ unproven ──an answer to something behind them──▶ forgotten
/// ```
///
/// The peer reads the stream in order: once it has answered a call, it has read everything before
/// that call. What has not been proven so is in doubt when the connection ends.
#[derive(Debug, Default)]
pub(super) struct Oneways {
    /// Opaques of those that are in the queue.
    queued: VecDeque<i32>,
    /// Opaques of those that were lent, and how many bytes must have been written until they are.
    lent: VecDeque<(u64, i32)>,
    /// Bytes lent in all, without those that were cut out before.
    lent_bytes: u64,
    /// Stream offsets behind those that were written, and how many there are up to each.
    unproven: VecDeque<(u64, u64)>,
}

impl Oneways {
    pub(super) fn queued(&mut self, opaque: i32) {
        self.queued.push_back(opaque);
    }

    /// So many bytes have been lent: everything that was queued.
    pub(super) fn lent(&mut self, bytes: usize) {
        self.lent_bytes += bytes as u64;
        let until = self.lent_bytes;
        self.lent.extend(self.queued.drain(..).map(|opaque| (until, opaque)));
    }

    /// True when somebody waits for bytes to be written.
    pub(super) fn awaits_writes(&self) -> bool {
        !self.lent.is_empty()
    }

    /// The next one that is written once `written` bytes are.
    pub(super) fn next_written(&mut self, written: u64) -> Option<i32> {
        self.lent.front().filter(|(until, _)| *until <= written)?;
        self.lent.pop_front().map(|(_, opaque)| opaque)
    }

    /// One that ends at this stream offset has been written, and may still get lost.
    pub(super) fn unproven(&mut self, end: u64) {
        let full = self.unproven.len() == UNPROVEN_MAX;
        match self.unproven.back_mut() {
            Some((last, count)) if full => (*last, *count) = (end, *count + 1),
            _ => self.unproven.push_back((end, 1)),
        }
    }

    /// The peer has read everything before this stream offset.
    pub(super) fn proven(&mut self, before: u64) {
        while self.unproven.front().is_some_and(|(end, _)| *end <= before) {
            self.unproven.pop_front();
        }
    }

    /// How many are in doubt.
    pub(super) fn in_doubt(&self) -> u64 {
        self.unproven.iter().map(|(_, count)| count).sum()
    }
}
