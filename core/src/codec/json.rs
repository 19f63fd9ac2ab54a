//! The JSON header: `RemotingSerializable` of Apache RocketMQ (fastjson).
//!
//! Lenient where Java is: any member order, unknown members, a language by name or ordinal, ext
//! values that are numbers or booleans. Strict where a guess would be dangerous: a header without
//! `code` or `opaque` is refused, because zero means something in both.

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};
use bytestring::ByteString;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::{CodecError, ExtFields, Header, Language};

pub(super) fn decode(input: &Bytes) -> Result<Header, CodecError> {
    let mut parser = serde_json::Deserializer::from_slice(input);
    let header = HeaderSeed(input).deserialize(&mut parser);
    header
        .and_then(|header| parser.end().map(|()| header))
        .map_err(|error| CodecError::Json { reason: error.to_string() })
}

/// Reads the header object; carries the buffer so that texts can be slices of it.
struct HeaderSeed<'b>(&'b Bytes);

impl<'de> DeserializeSeed<'de> for HeaderSeed<'_> {
    type Value = Header;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<Header, D::Error> {
        input.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for HeaderSeed<'_> {
    type Value = Header;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a header object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
        let (mut code, mut opaque) = (None, None);
        let (mut flag, mut version) = (0, 0);
        let (mut language, mut remark, mut ext) = (Language::OTHER, None, ExtFields::default());
        while let Some(member) = map.next_key_seed(Text(self.0))? {
            match member.as_deref().unwrap_or_default() {
                "code" => code = Some(map.next_value()?),
                "opaque" => opaque = Some(map.next_value()?),
                "flag" => flag = map.next_value()?,
                "version" => version = map.next_value()?,
                "language" => language = map.next_value_seed(LanguageSeed)?,
                "remark" => remark = map.next_value_seed(Text(self.0))?,
                "extFields" => ext = map.next_value_seed(ExtSeed(self.0))?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(Header {
            code: code.ok_or_else(|| A::Error::missing_field("code"))?,
            language,
            version,
            opaque: opaque.ok_or_else(|| A::Error::missing_field("opaque"))?,
            flag,
            remark: remark.filter(|remark| !remark.is_empty()),
            ext,
        })
    }
}

/// A text, a number or a boolean as text; null is none.
struct Text<'b>(&'b Bytes);

impl<'de> DeserializeSeed<'de> for Text<'_> {
    type Value = Option<ByteString>;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<Self::Value, D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Text<'_> {
    type Value = Option<ByteString>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number, a boolean or null")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        ByteString::try_from(self.0.slice_ref(text.as_bytes())).map(Some).map_err(E::custom)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(text.into()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Some(number.to_string().into()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Some(number.to_string().into()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        // `Display` would write 1e308 as 309 digits.
        Ok(Some(format!("{number:?}").into()))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Some(value.to_string().into()))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

/// The `extFields` object, or null.
struct ExtSeed<'b>(&'b Bytes);

impl<'de> DeserializeSeed<'de> for ExtSeed<'_> {
    type Value = ExtFields;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<ExtFields, D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ExtSeed<'_> {
    type Value = ExtFields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of texts or null")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ExtFields, A::Error> {
        let mut ext = ExtFields::default();
        while let Some(key) = map.next_key_seed(Text(self.0))? {
            let value = map.next_value_seed(Text(self.0))?;
            ext.add(key.unwrap_or_default(), value.unwrap_or_default())
                .map_err(A::Error::custom)?;
        }
        Ok(ext)
    }

    fn visit_unit<E: Error>(self) -> Result<ExtFields, E> {
        Ok(ExtFields::default())
    }
}

/// A name, an ordinal, or null.
struct LanguageSeed;

impl<'de> DeserializeSeed<'de> for LanguageSeed {
    type Value = Language;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<Language, D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for LanguageSeed {
    type Value = Language;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a language name or ordinal")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Language, E> {
        Ok(Language::from_name(name))
    }

    fn visit_u64<E: Error>(self, ordinal: u64) -> Result<Language, E> {
        Ok(u8::try_from(ordinal).map_or(Language::OTHER, Language))
    }

    fn visit_unit<E: Error>(self) -> Result<Language, E> {
        Ok(Language::OTHER)
    }
}

/// The code and the opening of `extFields`: members go in Java's order, which is alphabetical.
pub(super) fn put_start(out: &mut BytesMut, head: &super::header::Head<'_>) {
    out.put_slice(b"{\"code\":");
    put_number(out, head.code);
    out.put_slice(b",\"extFields\":{");
}

/// One ext field. An empty value is left out in this form as well, so that both forms mean the
/// same.
pub(super) fn put_field(out: &mut BytesMut, first: bool, key: &str, value: &str) {
    if !first {
        out.put_u8(b',');
    }
    put_text(out, key);
    out.put_u8(b':');
    put_text(out, value);
}

/// Closes `extFields` and writes the members that come after it.
pub(super) fn put_end(out: &mut BytesMut, head: &super::header::Head<'_>) {
    out.put_slice(b"},\"flag\":");
    put_number(out, head.flag);
    out.put_slice(b",\"language\":");
    match head.language.name() {
        Some(name) => put_text(out, name),
        None => put_number(out, i32::from(head.language.0)),
    }
    out.put_slice(b",\"opaque\":");
    put_number(out, head.opaque);
    if !head.remark.is_empty() {
        out.put_slice(b",\"remark\":");
        put_text(out, head.remark);
    }
    out.put_slice(b",\"serializeTypeCurrentRPC\":\"JSON\",\"version\":");
    put_number(out, head.version);
    out.put_u8(b'}');
}

fn put_number(out: &mut BytesMut, number: i32) {
    out.put_slice(number.to_string().as_bytes());
}

fn put_text(out: &mut BytesMut, text: &str) {
    // Writing a string into memory has no way to fail.
    let _ = serde_json::to_writer(out.writer(), text);
}
