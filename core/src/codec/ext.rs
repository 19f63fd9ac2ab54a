//! What a header has besides its fixed members.

use std::{fmt, ops::Range};

use bytestring::ByteString;

use super::CodecError;

/// More ext fields than any command has. An entry takes many times the bytes that it may take on the
/// wire, so without a limit a small frame could fill a large memory.
pub(super) const EXT_FIELDS_MAX: usize = 4_096;

/// The custom header's fields.
///
/// A name may occur twice on the wire (Java's signer writes fields twice); the last one counts. A
/// field with an empty value reads as absent, because the binary form cannot carry one.
#[derive(Clone, Default)]
pub struct ExtFields {
    /// All names and values, among other things perhaps: what was read is not copied.
    text: ByteString,
    places: Places,
}

/// Where in the text names and values are.
#[derive(Clone)]
enum Places {
    /// There are the values of these names, and no others. As all answers to sends are so, it takes
    /// no memory.
    Usual(UsualPlaces),
    Kept(Vec<Place>),
}

/// Where one field's name and value are in the text.
#[derive(Clone, Debug)]
pub(super) struct Place {
    key: Range<u32>,
    value: Range<u32>,
}

/// A field of the answers to sends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Usual {
    MessageId,
    QueueId,
    QueueOffset,
    TransactionId,
    Region,
    TraceOn,
}

/// By [`Usual`]; empty where there is none.
pub(super) type UsualPlaces = [(u16, u16); Usual::NAMES.len()];

impl Usual {
    pub(super) const NAMES: [&str; 6] =
        ["msgId", "queueId", "queueOffset", "transactionId", "MSG_REGION", "TRACE_ON"];
}

impl Default for Places {
    fn default() -> Self {
        Self::Usual(UsualPlaces::default())
    }
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
        Self { text, places: Places::Kept(places) }
    }

    /// The usual fields and no others, found in a text.
    pub(super) fn of_usual(text: ByteString, places: UsualPlaces) -> Self {
        Self { text, places: Places::Usual(places) }
    }

    /// The value of `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().filter(|(known, _)| *known == name).last().map(|(_, value)| value)
    }

    /// The value of `name` as a number; absent when it is missing or not a number of that type.
    pub fn number<N: std::str::FromStr>(&self, name: &str) -> Option<N> {
        self.get(name)?.parse().ok()
    }

    /// The value of a usual name: the same as [`get`](Self::get), sooner.
    #[inline]
    pub(crate) fn usual(&self, field: Usual) -> Option<&str> {
        let index = field as usize;
        match &self.places {
            Places::Usual(places) => self.usual_value(places.get(index)?),
            Places::Kept(_) => self.get(Usual::NAMES.get(index)?),
        }
    }

    #[inline]
    fn usual_value(&self, &(start, end): &(u16, u16)) -> Option<&str> {
        self.text.get(start.into()..end.into()).filter(|value| !value.is_empty())
    }

    /// All fields, duplicates included: in wire order, unless they are those of a send's answer and
    /// none is there twice.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let (usual, kept) = match &self.places {
            Places::Usual(places) => (places.as_slice(), [].as_slice()),
            Places::Kept(places) => ([].as_slice(), places.as_slice()),
        };
        let usual = Usual::NAMES.into_iter().zip(usual);
        let usual = usual.filter_map(|(name, place)| Some((name, self.usual_value(place)?)));
        let kept = kept.iter().map(|place| (self.part(&place.key), self.part(&place.value)));
        usual.chain(kept)
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

/// Where no name comes twice, order means nothing.
impl PartialEq for ExtFields {
    fn eq(&self, other: &Self) -> bool {
        let sorted = |fields: &Self| {
            let mut fields: Vec<_> =
                fields.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            // Stable: those of one name keep their order.
            fields.sort_by(|(one, _), (other, _)| one.cmp(other));
            fields
        };
        sorted(self) == sorted(other)
    }
}

impl Eq for ExtFields {}

impl fmt::Debug for ExtFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
