//! A decoded header.

use bytestring::ByteString;

use super::{ExtFields, Language};

const FLAG_RESPONSE: i32 = 1;
const FLAG_ONEWAY: i32 = 2;

/// The header of a frame, whichever form it travelled in: `RemotingCommand` of Apache RocketMQ
/// without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Request code, or response code when [`is_response`](Self::is_response).
    pub code: i32,
    /// The sender's language.
    pub language: Language,
    /// The sender's `MQVersion` ordinal; tells a broker's age.
    pub version: i32,
    /// Correlates a response with its request.
    pub opaque: i32,
    /// Bit 0: response; bit 1: one-way.
    pub flag: i32,
    /// Error text of a response. Absent and empty are one and the same: the binary form cannot
    /// tell them apart.
    pub remark: Option<ByteString>,
    /// The custom header.
    pub ext: ExtFields,
}

impl Header {
    /// True for an answer, false for a request of the peer.
    pub const fn is_response(&self) -> bool {
        self.flag & FLAG_RESPONSE != 0
    }

    /// True when the sender expects no answer of any kind.
    pub const fn is_oneway(&self) -> bool {
        self.flag & FLAG_ONEWAY != 0
    }

    /// The flag of a request.
    pub(super) const fn request_flag(oneway: bool) -> i32 {
        if oneway { FLAG_ONEWAY } else { 0 }
    }

    /// The flag of a response.
    pub(super) const fn response_flag() -> i32 {
        FLAG_RESPONSE
    }
}

/// Everything of a header but its ext fields.
pub(super) struct Head<'a> {
    pub(super) code: i32,
    pub(super) language: Language,
    pub(super) version: i32,
    pub(super) opaque: i32,
    pub(super) flag: i32,
    pub(super) remark: &'a str,
}
