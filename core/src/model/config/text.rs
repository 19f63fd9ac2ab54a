//! One setting as text.

use serde::{
    Deserializer,
    de::{Expected, IntoDeserializer, Visitor},
    forward_to_deserialize_any,
};

use super::EnvError;

/// The value of an environment variable, read as whatever its field is made of.
#[derive(Clone, Debug)]
pub(super) struct Text {
    pub(super) variable: String,
    pub(super) value: String,
}

impl Text {
    fn refuse<T>(self, expected: &dyn Expected) -> Result<T, EnvError> {
        Err(EnvError { variable: self.variable, value: self.value, expected: in_words(expected) })
    }

    /// A failure, with its variable's name and value.
    fn name<T>(self, read: Result<T, EnvError>) -> Result<T, EnvError> {
        let Self { variable, value } = self;
        read.map_err(|error| EnvError { variable, value, ..error })
    }
}

/// What a field takes, for people who do not speak Rust.
pub(super) fn in_words(expected: &dyn Expected) -> String {
    let text = expected.to_string();
    match &*text {
        "a boolean" => "true or false".to_owned(),
        "u32" => format!("a whole number from 0 to {}", u32::MAX),
        "usize" => format!("a whole number from 0 to {}", usize::MAX),
        "i32" => "a whole number".to_owned(),
        _ => text,
    }
}

impl<'de> Deserializer<'de> for Text {
    type Error = EnvError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, EnvError> {
        let read = visitor.visit_str(&self.value);
        self.name(read)
    }

    /// What other clients take for yes and no, in any case.
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, EnvError> {
        let read = match &*self.value.trim().to_ascii_lowercase() {
            "true" | "1" | "yes" | "on" => visitor.visit_bool(true),
            "false" | "0" | "no" | "off" => visitor.visit_bool(false),
            _ => return self.refuse(&visitor),
        };
        self.name(read)
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, EnvError> {
        match self.value.trim().parse() {
            Ok(number) => self.name(visitor.visit_i32(number)),
            Err(_) => self.refuse(&visitor),
        }
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, EnvError> {
        match self.value.trim().parse() {
            Ok(number) => self.name(visitor.visit_u32(number)),
            Err(_) => self.refuse(&visitor),
        }
    }

    /// Sizes, and milliseconds, which may be written with a fraction of nothing.
    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, EnvError> {
        let text = self.value.trim();
        match (text.parse(), text.parse()) {
            (Ok(number), _) => self.name(visitor.visit_u64(number)),
            (Err(_), Ok(number)) => self.name(visitor.visit_f64(number)),
            (Err(_), Err(_)) => self.refuse(&visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, EnvError> {
        visitor.visit_some(self)
    }

    /// A choice, in any case.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _choices: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, EnvError> {
        let choice = self.value.trim().to_ascii_lowercase();
        self.name(visitor.visit_enum(choice.into_deserializer()))
    }

    forward_to_deserialize_any! {
        i8 i16 i64 i128 u8 u16 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

impl IntoDeserializer<'_, EnvError> for Text {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}
