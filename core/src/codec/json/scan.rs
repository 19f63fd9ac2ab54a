//! What brokers write, in one go: no white space, no escapes, whole numbers, members that are known.
//!
//! Accepts a part of what [`parse`](super::parse::parse) does, and makes the same of it; a property
//! test compares them. Parsing in full takes about four times the instructions, for every answer.

use std::ops::Range;

use bytestring::ByteString;

use crate::codec::{
    ExtFields, Header, Language,
    header::{EXT_FIELDS_MAX, Place},
};

/// The header, or none where anything is out of the ordinary.
pub(super) fn scan(text: &ByteString) -> Option<Header> {
    if text.bytes().fold(false, |odd, byte| odd | (byte < b' ') | (byte == b'\\')) {
        return None;
    }
    let mut scanner = Scanner { text, at: 0 };
    let (mut code, mut opaque) = (None, None);
    let (mut flag, mut version) = (0, 0);
    let (mut language, mut remark, mut ext) = (Language::OTHER, None, ExtFields::default());
    scanner.take(b'{')?;
    loop {
        let name = scanner.string()?;
        scanner.take(b':')?;
        match text.get(name)? {
            "code" => code = Some(scanner.number()?),
            "opaque" => opaque = Some(scanner.number()?),
            "flag" => flag = scanner.number()?,
            "version" => version = scanner.number()?,
            "language" => language = Language::from_name(text.get(scanner.string()?)?),
            "remark" => remark = Some(text.slice_ref(text.get(scanner.string()?)?)),
            "extFields" => ext = scanner.fields()?,
            "serializeTypeCurrentRPC" => _ = scanner.string()?,
            _ => return None,
        }
        if !scanner.goes_on()? {
            break;
        }
    }
    (scanner.at == text.len()).then_some(())?;
    let remark = remark.filter(|remark| !remark.is_empty());
    Some(Header { code: code?, language, version, opaque: opaque?, flag, remark, ext })
}

/// Reads from the front of a text without control characters and escapes.
struct Scanner<'a> {
    text: &'a ByteString,
    at: usize,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Exactly this.
    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// True at a comma, false at the end of an object.
    fn goes_on(&mut self) -> Option<bool> {
        let goes_on = match self.peek()? {
            b',' => true,
            b'}' => false,
            _ => return None,
        };
        self.at += 1;
        Some(goes_on)
    }

    /// Where the text between two quotes is.
    fn string(&mut self) -> Option<Range<usize>> {
        self.take(b'"')?;
        let start = self.at;
        let end = start + quote(self.text.as_bytes().get(start..)?)?;
        self.at = end + 1;
        Some(start..end)
    }

    /// A whole number as JSON writes it.
    fn number(&mut self) -> Option<i32> {
        let rest = self.text.as_bytes().get(self.at..)?;
        let negative = rest.first() == Some(&b'-');
        let digits = rest.get(usize::from(negative)..)?;
        let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
        // A zero that leads, or has a sign, is no whole number.
        let is_odd = digits.first() == Some(&b'0') && (negative || count > 1);
        if count == 0 || is_odd {
            return None;
        }
        let end = self.at + usize::from(negative) + count;
        let number = self.text.get(self.at..end)?.parse().ok()?;
        self.at = end;
        Some(number)
    }

    /// An object of texts.
    fn fields(&mut self) -> Option<ExtFields> {
        self.take(b'{')?;
        let mut places = Vec::with_capacity(8);
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(ExtFields::default());
        }
        loop {
            let key = self.string()?;
            self.take(b':')?;
            let value = self.string()?;
            if places.len() == EXT_FIELDS_MAX {
                return None;
            }
            if !key.is_empty() && !value.is_empty() {
                places.push(Place::new(key, value)?);
            }
            if !self.goes_on()? {
                return Some(ExtFields::of_places(self.text.clone(), places));
            }
        }
    }
}

/// The first quote, looked for eight bytes at a time (A. Mycroft's test for a zero byte).
fn quote(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::MAX / 0xFF;
    const HIGH_BITS: u64 = ONES << 7;
    const QUOTES: u64 = ONES * b'"' as u64;
    let mut at = 0;
    while let Some(eight) = bytes.get(at..)?.first_chunk() {
        let zero_where_quote = u64::from_le_bytes(*eight) ^ QUOTES;
        let found = zero_where_quote.wrapping_sub(ONES) & !zero_where_quote & HIGH_BITS;
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    let rest = bytes.get(at..)?.iter().position(|byte| *byte == b'"')?;
    Some(at + rest)
}
