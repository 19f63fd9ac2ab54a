//! The JSON header: `RemotingSerializable` of Apache RocketMQ (fastjson).
//!
//! Lenient where Java is: any member order, unknown members, a language by name or ordinal, ext
//! values that are numbers or booleans. Strict where a guess would be dangerous: a header without
//! `code` or `opaque` is refused, because zero means something in both.

mod parse;
mod scan;
#[cfg(test)]
mod tests;
mod write;

use bytes::Bytes;
use bytestring::ByteString;

pub(super) use write::{put_end, put_field, put_start};

use super::{CodecError, Header};

/// Every answer of a broker comes in this form, so what brokers write is scanned in one go; whatever
/// is out of their ordinary is parsed in full.
pub(super) fn decode(input: &Bytes) -> Result<Header, CodecError> {
    let text = ByteString::try_from(input.clone()).ok();
    match text.and_then(scan::scan) {
        Some(header) => Ok(header),
        None => parse::parse(input),
    }
}
