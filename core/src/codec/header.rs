//! A decoded header.

use std::{fmt, ops::Range};

use bytestring::ByteString;

use super::{CodecError, Language};

/// More ext fields than any command has. An entry takes many times the bytes that it may take on the
/// wire, so without a limit a small frame could fill a large memory.
pub(super) const EXT_FIELDS_MAX: usize = 4_096;
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
#[derive(Clone, Default)]
pub struct ExtFields {
    /// All names and values, among other things perhaps: what was read is not copied.
    text: ByteString,
    places: Vec<Place>,
}

/// Where one field's name and value are in the text.
#[derive(Clone, Debug)]
pub(super) struct Place {
    key: Range<u32>,
    value: Range<u32>,
}

impl Place {
    /// None beyond what headers can be long.
    pub(super) fn new(key: Range<usize>, value: Range<usize>) -> Option<Self> {
        let short = |at: usize| u32::try_from(at).ok();
        let short = |range: Range<usize>| Some(short(range.start)?..short(range.end)?);
        Some(Self { key: short(key)?, value: short(value)? })
    }
}

impl ExtFields {
    /// Fields that were found in a text.
    pub(super) fn of_places(text: ByteString, places: Vec<Place>) -> Self {
        Self { text, places }
    }

    /// The value of `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        let place = self.places.iter().rev().find(|place| self.part(&place.key) == name)?;
        Some(self.part(&place.value))
    }

    /// The value of `name` as a number; absent when it is missing or not a number of that type.
    pub fn number<N: std::str::FromStr>(&self, name: &str) -> Option<N> {
        self.get(name)?.parse().ok()
    }

    /// All fields in wire order, duplicates included.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.places.iter().map(|place| (self.part(&place.key), self.part(&place.value)))
    }

    fn part(&self, range: &Range<u32>) -> &str {
        self.text.get(range.start as usize..range.end as usize).unwrap_or_default()
    }
}

/// Collects fields one by one, copying their texts.
#[derive(Debug, Default)]
pub(super) struct ExtBuilder {
    text: String,
    places: Vec<Place>,
}

impl ExtBuilder {
    /// Adds a field, unless its name or value is empty.
    pub(super) fn add(&mut self, key: &str, value: &str) -> Result<(), CodecError> {
        if self.places.len() == EXT_FIELDS_MAX {
            return Err(CodecError::TooManyFields { max: EXT_FIELDS_MAX });
        }
        self.push(key, value);
        Ok(())
    }

    fn push(&mut self, key: &str, value: &str) {
        let start = self.text.len();
        let middle = start + key.len();
        let place = Place::new(start..middle, middle..middle + value.len());
        if let Some(place) = place.filter(|_| !key.is_empty() && !value.is_empty()) {
            self.text.push_str(key);
            self.text.push_str(value);
            self.places.push(place);
        }
    }

    pub(super) fn finish(self) -> ExtFields {
        ExtFields::of_places(self.text.into(), self.places)
    }
}

impl<K: AsRef<str>, V: AsRef<str>> FromIterator<(K, V)> for ExtFields {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(fields: I) -> Self {
        let mut builder = ExtBuilder::default();
        for (key, value) in fields {
            builder.push(key.as_ref(), value.as_ref());
        }
        builder.finish()
    }
}

impl PartialEq for ExtFields {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for ExtFields {}

impl fmt::Debug for ExtFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
