//! What the message trace tells of a send.

use bytestring::ByteString;

use super::{Delivery, machine::State};
use crate::{model::Address, time::Now};

/// The attempt that has ended a send well.
#[derive(Clone, Debug)]
pub(super) struct End {
    /// Where the broker listens that has the message.
    broker: Option<Address>,
    /// It does not mind that the message is traced.
    is_wanted: bool,
}

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
    /// An attempt has ended well. Nobody asks where sends are not traced.
    pub(super) fn note_end(&mut self, broker: Option<Address>, is_wanted: bool) {
        if self.config.trace_message {
            self.end = Some(Box::new(End { broker, is_wanted }));
        }
    }

    /// For the record of this send.
    pub(crate) fn traced(&self) -> Traced<'_> {
        let calling = match &self.state {
            State::Calling { target, .. } => Some(&target.address),
            _ => None,
        };
        let end = self.end.as_ref();
        Traced {
            producer_group: &self.config.producer_group,
            started: self.started,
            members: &self.parcel.members,
            body_length: self.parcel.body.len(),
            is_half: self.parcel.is_half(),
            broker: end.map_or(calling, |end| end.broker.as_ref()),
            is_wanted: end.is_none_or(|end| end.is_wanted),
        }
    }
}
