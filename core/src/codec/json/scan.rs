//! What brokers write, in one go: all members and no others, in the order of their names, without
//! white space or escapes.
//!
//! Accepts a part of what [`parse`](super::parse::parse) does, and makes the same of it; a property
//! test compares them. Parsing in full takes about ten times the instructions, for every answer.

use bytestring::ByteString;

use crate::codec::{
    ExtFields, Header, Language,
    ext::{EXT_FIELDS_MAX, Place, Usual, UsualPlaces},
};

/// The header, or none where anything is out of the ordinary.
pub(super) fn scan(text: ByteString) -> Option<Header> {
    let mut scanner = Scanner { rest: &text };
    scanner.take("{\"code\":")?;
    let code = scanner.number()?;
    let found = match scanner.take(",\"extFields\":{") {
        Some(()) => scanner.fields(text.len())?,
        None => Found::default(),
    };
    scanner.take(",\"flag\":")?;
    let flag = scanner.number()?;
    scanner.take(",\"language\":\"JAVA\",\"opaque\":")?;
    let opaque = scanner.number()?;
    let remark = match scanner.take(",\"remark\":") {
        Some(()) => scanner.string()?,
        None => "",
    };
    scanner.take(",\"serializeTypeCurrentRPC\":\"JSON\",\"version\":")?;
    let version = scanner.number()?;
    scanner.take("}")?;
    scanner.rest.is_empty().then_some(())?;
    let language = Language::JAVA;
    let remark = (!remark.is_empty()).then(|| text.slice_ref(remark));
    let ext = match found {
        Found::Usual(places) => ExtFields::of_usual(text, places),
        Found::Any(places) => ExtFields::of_places(text, places),
    };
    Some(Header { code, language, version, opaque, flag, remark, ext })
}

/// Where the ext fields are.
enum Found {
    Usual(UsualPlaces),
    Any(Vec<Place>),
}

impl Default for Found {
    fn default() -> Self {
        Self::Usual(UsualPlaces::default())
    }
}

/// Reads from the front of a text.
struct Scanner<'a> {
    rest: &'a str,
}

impl<'a> Scanner<'a> {
    /// Exactly this.
    #[inline(always)]
    fn take(&mut self, word: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(word)?;
        Some(())
    }

    /// True at a comma, false at the end of an object.
    #[inline]
    fn goes_on(&mut self) -> Option<bool> {
        match self.take(",") {
            Some(()) => Some(true),
            None => self.take("}").map(|()| false),
        }
    }

    /// The text between two quotes.
    #[inline]
    fn string(&mut self) -> Option<&'a str> {
        self.take("\"")?;
        self.rest_of_string()
    }

    /// The text up to the closing quote.
    #[inline]
    fn rest_of_string(&mut self) -> Option<&'a str> {
        let (string, rest) = self.rest.split_at_checked(quote(self.rest.as_bytes())?)?;
        self.rest = rest.strip_prefix('"')?;
        Some(string)
    }

    /// A whole number as JSON writes it.
    #[inline]
    fn number(&mut self) -> Option<i32> {
        let negative = self.take("-").is_some();
        let (mut number, mut digits) = (0_i64, 0);
        for digit in self.rest.bytes().take_while(u8::is_ascii_digit) {
            number = number.checked_mul(10)?.checked_add(i64::from(digit - b'0'))?;
            digits += 1;
        }
        // A zero that leads, or has a sign, is no whole number.
        let is_odd = self.rest.starts_with('0') && (negative || digits > 1);
        if digits == 0 || is_odd {
            return None;
        }
        self.rest = self.rest.get(digits..)?;
        i32::try_from(if negative { -number } else { number }).ok()
    }

    /// The rest of an object of texts in a header of that length.
    #[inline]
    fn fields(&mut self, len: usize) -> Option<Found> {
        if self.take("}").is_some() {
            return Some(Found::default());
        }
        let start = self.rest;
        if let Some(places) = self.usual_fields(len) {
            return Some(Found::Usual(places));
        }
        self.rest = start;
        self.any_fields(len).map(Found::Any)
    }

    /// Fields that the answers to sends have, each at most once.
    #[inline]
    fn usual_fields(&mut self, len: usize) -> Option<UsualPlaces> {
        let mut places = UsualPlaces::default();
        loop {
            let place = places.get_mut(self.usual_name()? as usize)?;
            let value = self.rest_of_string()?;
            // Behind it are the quote and the rest.
            let end = len - self.rest.len() - 1;
            let found = (u16::try_from(end - value.len()).ok()?, u16::try_from(end).ok()?);
            if std::mem::replace(place, found) != (0, 0) {
                return None;
            }
            if !self.goes_on()? {
                return Some(places);
            }
        }
    }

    /// One of their names, told by its first letters, and all up to its value.
    #[inline]
    fn usual_name(&mut self) -> Option<Usual> {
        Some(match self.rest.as_bytes().get(1..3)? {
            b"ms" => self.take("\"msgId\":\"").map(|()| Usual::MessageId)?,
            b"MS" => self.take("\"MSG_REGION\":\"").map(|()| Usual::Region)?,
            b"TR" => self.take("\"TRACE_ON\":\"").map(|()| Usual::TraceOn)?,
            b"tr" => self.take("\"transactionId\":\"").map(|()| Usual::TransactionId)?,
            b"qu" => match self.take("\"queueId\":\"") {
                Some(()) => Usual::QueueId,
                None => self.take("\"queueOffset\":\"").map(|()| Usual::QueueOffset)?,
            },
            _ => return None,
        })
    }

    /// Whatever they are.
    #[cold]
    fn any_fields(&mut self, len: usize) -> Option<Vec<Place>> {
        let mut places = Vec::new();
        for _ in 0..EXT_FIELDS_MAX {
            let (key, key_end) = (self.string()?, len - self.rest.len() - 1);
            self.take(":")?;
            let (value, end) = (self.string()?, len - self.rest.len() - 1);
            if !key.is_empty() && !value.is_empty() {
                places.push(Place::new(key_end - key.len()..key_end, end - value.len()..end)?);
            }
            if !self.goes_on()? {
                return Some(places);
            }
        }
        None
    }
}

/// How far the text goes on before its closing quote; none where anything is escaped or should have
/// been.
///
/// Eight bytes at a time: A. Mycroft's tests for a byte that is zero, and for one below a limit. The
/// lowest byte that they find is one, and those above it may not be.
#[inline]
fn quote(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::MAX / 0xFF;
    const HIGH_BITS: u64 = ONES << 7;
    const QUOTES: u64 = ONES * b'"' as u64;
    const ESCAPES: u64 = ONES * b'\\' as u64;
    const SPACES: u64 = ONES * b' ' as u64;
    let mut at = 0;
    while let Some(eight) = bytes.get(at..)?.first_chunk() {
        let eight = u64::from_le_bytes(*eight);
        let (quote, escape) = (eight ^ QUOTES, eight ^ ESCAPES);
        let found = (quote.wrapping_sub(ONES) & !quote)
            | (escape.wrapping_sub(ONES) & !escape)
            | (eight.wrapping_sub(SPACES) & !eight);
        let found = found & HIGH_BITS;
        if found != 0 {
            at += found.trailing_zeros() as usize / 8;
            return (*bytes.get(at)? == b'"').then_some(at);
        }
        at += 8;
    }
    let odd = |byte: &u8| matches!(byte, b'"' | b'\\' | ..b' ');
    at += bytes.get(at..)?.iter().position(odd)?;
    (*bytes.get(at)? == b'"').then_some(at)
}
