//! Those who wait for the machines.

/// Somebody who waits: a oneshot sender, a parking slot, a test's id.
///
/// Machines that keep waiters ask, now and then, who is still there, so that sends which were given
/// up do not fill their tables until their deadlines.
pub trait Waiter {
    /// True when nobody would notice an answer any more, now or ever.
    fn is_gone(&self) -> bool {
        false
    }

    /// A second token of the same waiter, where it can take more than one answer.
    fn again(&self) -> Option<Self>
    where
        Self: Sized,
    {
        None
    }
}

/// A bare number waits for ever.
impl Waiter for u64 {}

/// When a table of waiters is to be looked through: whenever what it holds has doubled since the
/// last look, so that looking costs each insertion a constant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sweep {
    at: usize,
}

/// Bytes that are not worth a look.
const SWEEP_MIN: usize = 1024 * 1024;
/// What an entry counts for, besides the bytes that it holds.
pub(crate) const ENTRY_SIZE: usize = 1_024;

impl Default for Sweep {
    fn default() -> Self {
        Self { at: SWEEP_MIN }
    }
}

impl Sweep {
    /// True when a table that holds so many bytes should be looked through.
    pub(crate) fn is_due(self, bytes: usize) -> bool {
        bytes >= self.at
    }

    /// The table has been looked through, and so much was left.
    pub(crate) fn done(&mut self, left: usize) {
        self.at = SWEEP_MIN.max(left.saturating_mul(2));
    }
}
