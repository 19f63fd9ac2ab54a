//! Durations as whole milliseconds.

use std::{fmt, time::Duration};

use serde::{
    Deserializer, Serializer,
    de::{Error as DeError, Unexpected, Visitor},
    ser::Error as _,
};

/// Past this, a float no longer has a place for every whole number.
const FLOAT_MAX: f64 = 9_007_199_254_740_992.0;

/// What is not whole milliseconds is refused: written as less, it would be read as something else.
pub(super) fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
    match u64::try_from(time.as_millis()) {
        Ok(millis) if Duration::from_millis(millis) == *time => to.serialize_u64(millis),
        _ => Err(S::Error::custom(format!("{time:?} cannot be written as whole milliseconds"))),
    }
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    from.deserialize_u64(Millis).map(Duration::from_millis)
}

struct Millis;

impl Visitor<'_> for Millis {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number of milliseconds")
    }

    fn visit_u64<E: DeError>(self, millis: u64) -> Result<u64, E> {
        Ok(millis)
    }

    fn visit_i64<E: DeError>(self, millis: i64) -> Result<u64, E> {
        u64::try_from(millis).map_err(|_| E::invalid_value(Unexpected::Signed(millis), &self))
    }

    /// Files made for the Python client say `3000.0`.
    fn visit_f64<E: DeError>(self, millis: f64) -> Result<u64, E> {
        if (0.0..=FLOAT_MAX).contains(&millis) && millis.fract() == 0.0 {
            return Ok(millis as u64);
        }
        Err(E::invalid_value(Unexpected::Float(millis), &self))
    }
}
