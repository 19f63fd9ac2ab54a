//! Names for things that come and go.

use std::fmt;

/// One connection, from the order to open it until it is closed.
///
/// Generational: a slot may be used again, the pair never is, so an event that arrives late for a
/// dead connection cannot be taken for its successor's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId {
    /// Index, dense: adapters may use it to index a table.
    pub slot: u32,
    /// Counts the uses of the slot.
    pub generation: u32,
}

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "link {}.{}", self.slot, self.generation)
    }
}

/// A housekeeping request of the [`Client`](crate::client::Client) itself (route query, heartbeat,
/// unregister), as opposed to a caller's send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChoreId(pub u64);
