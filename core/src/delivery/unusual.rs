//! What most sends have nothing of.

use std::sync::Arc;

use bytestring::ByteString;

use super::{AttemptReport, Delivery};
use crate::{model::SendReceipt, route::Broker, time::Instant};

/// Kept apart, so that a send that goes as it should is small.
#[derive(Debug, Default)]
pub(super) struct Unusual {
    /// Attempts that were given up and may still be answered.
    pub(super) late: Vec<Late>,
    /// Stored, but not as well as was asked for: what the send ends with if nothing better comes.
    pub(super) stored: Option<SendReceipt>,
    /// What is to be reported, if anybody watches.
    pub(super) reports: Option<Vec<AttemptReport>>,
    /// A broker whose state this send has changed: the client is to be told.
    pub(super) changed: Option<ByteString>,
    /// Who was being asked when another's answer has ended it.
    pub(super) abandoned: Option<ByteString>,
    /// Busy answers that are not told one by one any more, by broker.
    pub(super) untold: Vec<(ByteString, u64)>,
}

/// An attempt that was given up and may still be answered.
#[derive(Clone, Debug)]
pub(super) struct Late {
    pub(super) number: u32,
    pub(super) begun: Instant,
    pub(super) broker: Arc<Broker>,
}

impl Unusual {
    /// A busy broker's attempt makes way for another.
    pub(super) fn count_untold(&mut self, broker: ByteString) {
        match self.untold.iter_mut().find(|(name, _)| *name == broker) {
            Some((_, times)) => *times += 1,
            None => self.untold.push((broker, 1)),
        }
    }
}

impl Delivery {
    /// To write something down in.
    pub(super) fn unusual(&mut self) -> &mut Unusual {
        self.unusual.get_or_insert_default()
    }
}
