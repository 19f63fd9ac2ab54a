//! Writing headers: members go in Java's order, which is alphabetical.

use bytes::{BufMut, BytesMut};

use crate::codec::header::Head;

/// The code and the opening of `extFields`.
pub(in crate::codec) fn put_start(out: &mut BytesMut, head: &Head<'_>) {
    out.put_slice(b"{\"code\":");
    put_number(out, head.code);
    out.put_slice(b",\"extFields\":{");
}

/// One ext field. An empty value is left out in this form as well, so that both forms mean the
/// same.
pub(in crate::codec) fn put_field(out: &mut BytesMut, first: bool, key: &str, value: &str) {
    if !first {
        out.put_u8(b',');
    }
    put_text(out, key);
    out.put_u8(b':');
    put_text(out, value);
}

/// Closes `extFields` and writes the members that come after it.
pub(in crate::codec) fn put_end(out: &mut BytesMut, head: &Head<'_>) {
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
    out.put_slice(itoa::Buffer::new().format(number).as_bytes());
}

fn put_text(out: &mut BytesMut, text: &str) {
    // Writing a string into memory has no way to fail.
    let _ = serde_json::to_writer(out.writer(), text);
}
