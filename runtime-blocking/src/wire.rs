//! The blocking adapter's part of a link, one for each way of driving sockets.

use std::sync::Arc;

#[cfg(feature = "mio")]
use rocketmq_producer_shared::DriverBell;
use rocketmq_producer_shared::{SharedLink, Wire};

use crate::link::ThreadWire;

pub(crate) type Link = SharedLink<SocketWire>;

/// Who writes what has been queued.
#[derive(Debug)]
pub(crate) enum SocketWire {
    /// Whoever queues it.
    Threads(ThreadWire),
    /// The thread that polls all sockets, when it is rung.
    #[cfg(feature = "mio")]
    Poller(DriverBell),
}

impl SocketWire {
    /// The wire of a link that has a thread of its own.
    pub(crate) fn threads(&self) -> Option<&ThreadWire> {
        match self {
            Self::Threads(wire) => Some(wire),
            #[cfg(feature = "mio")]
            Self::Poller(_) => None,
        }
    }
}

impl Wire for SocketWire {
    fn bytes_queued(link: &Arc<Link>) {
        match &link.wire {
            Self::Threads(wire) => wire.write(link),
            #[cfg(feature = "mio")]
            Self::Poller(bell) => bell.ring(),
        }
    }

    fn hang_up(&self) {
        match self {
            Self::Threads(wire) => wire.hang_up(),
            #[cfg(feature = "mio")]
            Self::Poller(bell) => bell.ring(),
        }
    }

    fn is_due_sooner(link: &Arc<Link>) {
        match &link.wire {
            // The hub keeps the time of all links.
            Self::Threads(_) => link.ring_hub(),
            // Looks at the time whenever it has read.
            #[cfg(feature = "mio")]
            Self::Poller(_) => {}
        }
    }
}
