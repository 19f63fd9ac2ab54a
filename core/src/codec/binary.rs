//! The binary header: `RocketMQSerializable` of Apache RocketMQ.
//!
//! ```text
//!   i16 code │ u8 language │ i16 version │ i32 opaque │ i32 flag
//!   i32 + n remark │ i32 + n ext fields: { i16 + n name │ i32 + n value }*
//! ```

use bytes::{Buf, BufMut, Bytes, BytesMut};
use bytestring::ByteString;

use super::{CodecError, ExtFields, Header, Language, ext::ExtBuilder};

/// Bytes before the remark's length.
const FIXED_SIZE: usize = 13;

pub(super) fn decode(mut input: Bytes) -> Result<Header, CodecError> {
    if input.len() < FIXED_SIZE {
        return Err(CodecError::Binary { field: "fixed part" });
    }
    let code = input.get_i16();
    let language = Language(input.get_u8());
    let version = input.get_i16();
    let opaque = input.get_i32();
    let flag = input.get_i32();
    let remark = take(&mut input, "remark")?;
    let mut fields = take(&mut input, "ext fields")?;
    Ok(Header {
        code: i32::from(code),
        language,
        version: i32::from(version),
        opaque,
        flag,
        remark: Some(text(remark, "remark")?).filter(|remark| !remark.is_empty()),
        ext: decode_fields(&mut fields)?,
    })
}

fn decode_fields(input: &mut Bytes) -> Result<ExtFields, CodecError> {
    let mut ext = ExtBuilder::default();
    while input.has_remaining() {
        let name = "ext field name";
        let length = input.try_get_i16().map_err(|_| CodecError::Binary { field: name })?;
        let key = split(input, i32::from(length), name)?;
        let value = take(input, "ext field value")?;
        ext.add(&text(key, name)?, &text(value, "ext field value")?)?;
    }
    Ok(ext.finish())
}

/// An `i32` length and that many bytes.
fn take(input: &mut Bytes, field: &'static str) -> Result<Bytes, CodecError> {
    let length = input.try_get_i32().map_err(|_| CodecError::Binary { field })?;
    split(input, length, field)
}

fn split(input: &mut Bytes, length: i32, field: &'static str) -> Result<Bytes, CodecError> {
    match usize::try_from(length) {
        Ok(length) if length <= input.len() => Ok(input.split_to(length)),
        _ => Err(CodecError::Binary { field }),
    }
}

fn text(bytes: Bytes, field: &'static str) -> Result<ByteString, CodecError> {
    ByteString::try_from(bytes).map_err(|_| CodecError::Utf8 { field })
}

/// Everything before the ext fields. Codes and versions beyond 16 bits are cut, as Java cuts them.
pub(super) fn put_fixed(out: &mut BytesMut, head: &super::header::Head<'_>) {
    let [.., c1, c0] = head.code.to_be_bytes();
    let [.., v1, v0] = head.version.to_be_bytes();
    let [o3, o2, o1, o0] = head.opaque.to_be_bytes();
    let [f3, f2, f1, f0] = head.flag.to_be_bytes();
    let [r3, r2, r1, r0] = (head.remark.len() as u32).to_be_bytes();
    let language = head.language.0;
    // In one piece: this is written for every send.
    out.put_slice(&[c1, c0, language, v1, v0, o3, o2, o1, o0, f3, f2, f1, f0, r3, r2, r1, r0]);
    if !head.remark.is_empty() {
        out.put_slice(head.remark.as_bytes());
    }
}

/// One ext field; the caller has checked the lengths.
#[inline]
pub(super) fn put_field(out: &mut BytesMut, key: &str, value: &str) {
    // Those of a send.
    if let ([letter], [digit]) = (key.as_bytes(), value.as_bytes()) {
        return out.put_slice(&[0, 1, *letter, 0, 0, 0, 1, *digit]);
    }
    put_field_start(out, key, value.len());
    out.put_slice(value.as_bytes());
}

/// All of an ext field but its value, of this length.
#[inline]
pub(super) fn put_field_start(out: &mut BytesMut, key: &str, len: usize) {
    let [a, b, c, d] = (len as u32).to_be_bytes();
    match key.as_bytes() {
        [letter] => out.put_slice(&[0, 1, *letter, a, b, c, d]),
        _ => {
            out.put_u16(key.len() as u16);
            out.put_slice(key.as_bytes());
            out.put_slice(&[a, b, c, d]);
        }
    }
}
