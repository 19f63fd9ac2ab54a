//! A decoded header.

use bytestring::ByteString;

use super::{CodecError, Language};

/// More ext fields than any command has. An entry takes many times the bytes that it may take on the
/// wire, so without a limit a small frame could fill a large memory.
const EXT_FIELDS_MAX: usize = 4_096;
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

/// The custom header's fields, in wire order.
///
/// A name may occur twice on the wire (Java's signer writes fields twice); the last one counts. A
/// field with an empty value reads as absent, because the binary form cannot carry one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExtFields(Vec<(ByteString, ByteString)>);

impl ExtFields {
    /// The value of `name`.
    pub fn get(&self, name: &str) -> Option<&ByteString> {
        self.0.iter().rev().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// The value of `name` as a number; absent when it is missing or not a number of that type.
    pub fn number<N: std::str::FromStr>(&self, name: &str) -> Option<N> {
        self.get(name)?.parse().ok()
    }

    /// All fields in wire order, duplicates included.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }

    /// Adds a field that was read.
    pub(super) fn add(&mut self, key: ByteString, value: ByteString) -> Result<(), CodecError> {
        if self.0.len() == EXT_FIELDS_MAX {
            return Err(CodecError::TooManyFields { max: EXT_FIELDS_MAX });
        }
        self.push(key, value);
        Ok(())
    }

    fn push(&mut self, key: ByteString, value: ByteString) {
        if !key.is_empty() && !value.is_empty() {
            self.0.push((key, value));
        }
    }
}

impl<K: Into<ByteString>, V: Into<ByteString>> FromIterator<(K, V)> for ExtFields {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(fields: I) -> Self {
        let mut ext = Self::default();
        for (key, value) in fields {
            ext.push(key.into(), value.into());
        }
        ext
    }
}
