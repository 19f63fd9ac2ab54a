//! What brokers write, in one go: no white space, no escapes, whole numbers, members that are known.
//!
//! Accepts a part of what [`parse`](super::parse::parse) does, and makes the same of it; a property
//! test compares them. Parsing in full takes about ten times the instructions, for every answer.

use std::ops::Range;

use bytestring::ByteString;

use crate::codec::{
    ExtFields, Header, Language,
    header::{EXT_FIELDS_MAX, Place},
};

/// The header, or none where anything is out of the ordinary.
pub(super) fn scan(text: &ByteString) -> Option<Header> {
    let mut scanner = Scanner { bytes: text.as_bytes(), at: 0 };
    let (mut code, mut opaque) = (None, None);
    let (mut flag, mut version) = (0, 0);
    let (mut language, mut remark, mut ext) = (Language::OTHER, None, ExtFields::default());
    scanner.take(b'{')?;
    loop {
        match scanner.member()? {
            Member::Code => code = Some(scanner.number()?),
            Member::Opaque => opaque = Some(scanner.number()?),
            Member::Flag => flag = scanner.number()?,
            Member::Version => version = scanner.number()?,
            Member::Language => language = Language::from_name(text.get(scanner.string()?)?),
            Member::Remark => remark = Some(text.slice_ref(text.get(scanner.string()?)?)),
            Member::ExtFields => ext = ExtFields::of_places(text.clone(), scanner.fields()?),
            Member::Form => _ = scanner.string()?,
        }
        if !scanner.goes_on()? {
            break;
        }
    }
    (scanner.at == text.len()).then_some(())?;
    let remark = remark.filter(|remark| !remark.is_empty());
    Some(Header { code: code?, language, version, opaque: opaque?, flag, remark, ext })
}

/// What a header has.
enum Member {
    Code,
    ExtFields,
    Flag,
    Language,
    Opaque,
    Remark,
    Form,
    Version,
}

/// Reads from the front of a text.
struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Exactly this.
    #[inline]
    fn take(&mut self, byte: u8) -> Option<()> {
        (*self.bytes.get(self.at)? == byte).then(|| self.at += 1)
    }

    /// Exactly these.
    #[inline]
    fn word<const N: usize>(&mut self, word: &[u8; N]) -> Option<()> {
        (self.rest().first_chunk() == Some(word)).then(|| self.at += N)
    }

    /// A member's name and the colon behind it.
    #[inline]
    fn member(&mut self) -> Option<Member> {
        Some(match self.bytes.get(self.at + 1)? {
            b'c' => self.word(b"\"code\":").map(|()| Member::Code)?,
            b'e' => self.word(b"\"extFields\":").map(|()| Member::ExtFields)?,
            b'f' => self.word(b"\"flag\":").map(|()| Member::Flag)?,
            b'l' => self.word(b"\"language\":").map(|()| Member::Language)?,
            b'o' => self.word(b"\"opaque\":").map(|()| Member::Opaque)?,
            b'r' => self.word(b"\"remark\":").map(|()| Member::Remark)?,
            b's' => self.word(b"\"serializeTypeCurrentRPC\":").map(|()| Member::Form)?,
            b'v' => self.word(b"\"version\":").map(|()| Member::Version)?,
            _ => return None,
        })
    }

    /// True at a comma, false at the end of an object.
    #[inline]
    fn goes_on(&mut self) -> Option<bool> {
        let goes_on = match self.bytes.get(self.at)? {
            b',' => true,
            b'}' => false,
            _ => return None,
        };
        self.at += 1;
        Some(goes_on)
    }

    /// Where the text between two quotes is.
    #[inline]
    fn string(&mut self) -> Option<Range<usize>> {
        self.take(b'"')?;
        let start = self.at;
        let end = start + quote(self.rest())?;
        self.at = end + 1;
        Some(start..end)
    }

    /// A whole number as JSON writes it.
    fn number(&mut self) -> Option<i32> {
        let negative = self.take(b'-').is_some();
        let start = self.at;
        let mut number = 0_i64;
        while let Some(digit) = self.bytes.get(self.at).filter(|byte| byte.is_ascii_digit()) {
            number = number.checked_mul(10)?.checked_add(i64::from(digit - b'0'))?;
            self.at += 1;
        }
        // A zero that leads, or has a sign, is no whole number.
        let is_odd =
            self.bytes.get(start) == Some(&b'0') && (negative || self.at > start.wrapping_add(1));
        if self.at == start || is_odd {
            return None;
        }
        i32::try_from(if negative { -number } else { number }).ok()
    }

    /// One of the names that the answer to every send has, told by its first letters.
    #[inline]
    fn usual_name(&mut self) -> Option<Range<usize>> {
        let start = self.at + 1;
        match self.bytes.get(start..start + 2)? {
            b"ms" => self.word(b"\"msgId\""),
            b"MS" => self.word(b"\"MSG_REGION\""),
            b"TR" => self.word(b"\"TRACE_ON\""),
            b"tr" => self.word(b"\"transactionId\""),
            b"qu" => self.word(b"\"queueId\"").or_else(|| self.word(b"\"queueOffset\"")),
            _ => None,
        }?;
        Some(start..self.at - 1)
    }

    /// An object of texts.
    fn fields(&mut self) -> Option<Vec<Place>> {
        self.take(b'{')?;
        if self.take(b'}').is_some() {
            return Some(Vec::new());
        }
        let mut places = Vec::with_capacity(8);
        loop {
            let key = match self.usual_name() {
                Some(name) => name,
                None => self.string()?,
            };
            self.take(b':')?;
            let value = self.string()?;
            if places.len() == EXT_FIELDS_MAX {
                return None;
            }
            if !key.is_empty() && !value.is_empty() {
                places.push(Place::new(key, value)?);
            }
            if !self.goes_on()? {
                return Some(places);
            }
        }
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
