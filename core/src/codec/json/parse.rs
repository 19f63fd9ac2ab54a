//! Any header that Java could write, and what is wrong with any other.

use std::{borrow::Cow, fmt};

use bytestring::ByteString;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use crate::codec::{CodecError, ExtFields, Header, Language, ext::ExtBuilder};

pub(super) fn parse(input: &[u8]) -> Result<Header, CodecError> {
    let mut parser = serde_json::Deserializer::from_slice(input);
    let header = HeaderSeed.deserialize(&mut parser);
    header
        .and_then(|header| parser.end().map(|()| header))
        .map_err(|error| CodecError::Json { reason: error.to_string() })
}

/// Reads the header object.
struct HeaderSeed;

impl<'de> DeserializeSeed<'de> for HeaderSeed {
    type Value = Header;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<Header, D::Error> {
        input.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for HeaderSeed {
    type Value = Header;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a header object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
        let (mut code, mut opaque) = (None, None);
        let (mut flag, mut version) = (0, 0);
        let (mut language, mut remark, mut ext) = (Language::OTHER, None, ExtFields::default());
        while let Some(member) = map.next_key_seed(Text)? {
            match member.as_deref().unwrap_or_default() {
                "code" => code = Some(map.next_value()?),
                "opaque" => opaque = Some(map.next_value()?),
                "flag" => flag = map.next_value()?,
                "version" => version = map.next_value()?,
                "language" => language = map.next_value_seed(LanguageSeed)?,
                "remark" => {
                    remark = map.next_value_seed(Text)?.map(|text| ByteString::from(&*text))
                }
                "extFields" => ext = map.next_value_seed(ExtSeed)?,
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
struct Text;

impl<'de> DeserializeSeed<'de> for Text {
    type Value = Option<Cow<'de, str>>;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<Self::Value, D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Text {
    type Value = Option<Cow<'de, str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number, a boolean or null")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Some(text.into()))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(text.to_owned().into()))
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
struct ExtSeed;

impl<'de> DeserializeSeed<'de> for ExtSeed {
    type Value = ExtFields;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<ExtFields, D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ExtSeed {
    type Value = ExtFields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of texts or null")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ExtFields, A::Error> {
        let mut ext = ExtBuilder::default();
        while let Some(key) = map.next_key_seed(Text)? {
            let value = map.next_value_seed(Text)?;
            ext.add(&key.unwrap_or_default(), &value.unwrap_or_default())
                .map_err(A::Error::custom)?;
        }
        Ok(ext.finish())
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
