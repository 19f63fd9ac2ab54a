//! What the message trace tells of a send.

use bytestring::ByteString;

use super::{Delivery, machine::State};
use crate::{model::Address, time::Now};

/// What of a send goes in its record, besides its message and its end.
#[derive(Clone, Debug)]
pub(crate) struct Traced<'a> {
    pub(crate) producer_group: &'a str,
    pub(crate) started: Now,
    /// The ids of a batch's messages; none where it is no batch.
    pub(crate) members: &'a [ByteString],
    /// As sent, compressed.
    pub(crate) body_length: usize,
    pub(crate) is_half: bool,
    /// Where the broker listens that has the message, or that is being asked.
    pub(crate) broker: Option<&'a Address>,
    pub(crate) is_wanted: bool,
}

impl Delivery {
    /// For the record of this send.
    pub(crate) fn traced(&self) -> Traced<'_> {
        let calling = match &self.state {
            State::Calling { target, .. } => Some(&target.broker),
            _ => None,
        };
        let answered = self.answered.as_ref();
        let answerer = answered.map(|answered| &answered.broker);
        let broker = answerer.or(self.handed_over.as_ref()).or(calling);
        Traced {
            producer_group: &self.config.producer_group,
            started: self.started,
            members: self.parcel.members(),
            body_length: self.parcel.body().len(),
            is_half: self.parcel.is_half(),
            broker: broker.map(|broker| &broker.address),
            is_wanted: answered.is_none_or(|answered| answered.is_traced),
        }
    }
}
