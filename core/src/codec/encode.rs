//! Writing frames.

use bytes::{BufMut, Bytes, BytesMut};
use bytestring::ByteString;

use super::{
    CodecError, FRAME_SIZE_MAX, Header, Language, SerializeType, binary, header::Head, json,
};

/// `MQVersion` that this client claims, V5_3_3: new enough for quoted route keys (≥ 401) and to be
/// told GO_AWAY (> 475).
pub const VERSION: i32 = 479;
/// `MQVersion` of the first brokers that know timers, V5_0_0.
pub const VERSION_WITH_TIMERS: i32 = 413;
/// The header's length field has 24 bits.
const HEADER_SIZE_MAX: usize = 0x00FF_FFFF;
/// An ext field's name has 16 bits for its length, one of them a sign.
const NAME_SIZE_MAX: usize = i16::MAX as usize;
/// Frame length and mark.
const PREFIX_SIZE: usize = 8;

/// A command that can be written as a frame.
pub trait Request {
    /// Request code: `RequestCode` of Apache RocketMQ.
    fn code(&self) -> i32;

    /// Writes the custom header's fields, in wire order.
    fn fields(&self, out: &mut FieldWriter<'_>);

    /// The body; empty by default.
    fn body(&self) -> Bytes {
        Bytes::new()
    }
}

/// Appends a request's frame up to its body; the caller appends exactly [`Request::body`], copied
/// or chained.
///
/// # Errors
///
/// [`CodecError::Encode`] when a field, the header or the frame exceeds what the protocol can
/// carry; `out` is then as it was.
pub fn encode_request(
    out: &mut BytesMut,
    form: SerializeType,
    opaque: i32,
    oneway: bool,
    request: &(impl Request + ?Sized),
    body_len: usize,
) -> Result<(), CodecError> {
    let head = Head {
        code: request.code(),
        language: Language::RUST,
        version: VERSION,
        opaque,
        flag: Header::request_flag(oneway),
        remark: "",
    };
    encode(out, form, &head, body_len, |fields| request.fields(fields))
}

/// Appends a response's frame up to its body.
///
/// # Errors
///
/// As [`encode_request`].
pub fn encode_response(
    out: &mut BytesMut,
    form: SerializeType,
    header: &Header,
    body_len: usize,
) -> Result<(), CodecError> {
    let head = Head {
        code: header.code,
        language: header.language,
        version: header.version,
        opaque: header.opaque,
        flag: header.flag | Header::response_flag(),
        remark: header.remark.as_deref().unwrap_or_default(),
    };
    encode(out, form, &head, body_len, |fields| {
        for (key, value) in header.ext.iter() {
            fields.text(key, value);
        }
    })
}

fn encode(
    out: &mut BytesMut,
    form: SerializeType,
    head: &Head<'_>,
    body_len: usize,
    fields: impl FnOnce(&mut FieldWriter<'_>),
) -> Result<(), CodecError> {
    let start = out.len();
    out.put_bytes(0, PREFIX_SIZE);
    let written = write_header(out, form, head, fields);
    let header_len = out.len() - start - PREFIX_SIZE;
    let frame_len = header_len.saturating_add(body_len).saturating_add(PREFIX_SIZE);
    let checked = written
        .and_then(|()| within("header", header_len, HEADER_SIZE_MAX))
        .and_then(|()| within("frame", frame_len, FRAME_SIZE_MAX));
    if checked.is_err() {
        out.truncate(start);
        return checked;
    }
    let mark = u32::from(form.code()) << 24 | header_len as u32;
    let length = (frame_len - 4) as u32;
    patch(out, start, length);
    patch(out, start + 4, mark);
    Ok(())
}

fn write_header(
    out: &mut BytesMut,
    form: SerializeType,
    head: &Head<'_>,
    fields: impl FnOnce(&mut FieldWriter<'_>),
) -> Result<(), CodecError> {
    match form {
        SerializeType::Binary => {
            binary::put_fixed(out, head);
            let at = out.len();
            out.put_i32(0);
            let error = FieldWriter::run(out, form, fields);
            let length = (out.len() - at - 4) as u32;
            patch(out, at, length);
            error
        }
        SerializeType::Json => {
            json::put_start(out, head);
            let error = FieldWriter::run(out, form, fields);
            json::put_end(out, head);
            error
        }
    }
}

fn within(what: &'static str, length: usize, max: usize) -> Result<(), CodecError> {
    if length > max { Err(CodecError::Encode { what, length, max }) } else { Ok(()) }
}

/// Writes a length into the place that was kept for it.
fn patch(out: &mut BytesMut, at: usize, number: u32) {
    if let Some(place) = out.get_mut(at..at + 4) {
        place.copy_from_slice(&number.to_be_bytes());
    }
}

/// Ext fields in the binary form, for many requests to come; none where they cannot be carried, which
/// those will say.
pub(crate) fn write_beforehand(fields: impl FnOnce(&mut FieldWriter<'_>)) -> Option<Box<[u8]>> {
    let mut out = BytesMut::new();
    FieldWriter::run(&mut out, SerializeType::Binary, fields).ok()?;
    Some(out[..].into())
}

/// Takes a custom header's fields and writes them in the frame's form.
#[derive(Debug)]
pub struct FieldWriter<'a> {
    out: &'a mut BytesMut,
    form: SerializeType,
    first: bool,
    error: Option<CodecError>,
}

impl<'a> FieldWriter<'a> {
    fn run(
        out: &'a mut BytesMut,
        form: SerializeType,
        fields: impl FnOnce(&mut Self),
    ) -> Result<(), CodecError> {
        let mut writer = Self { out, form, first: true, error: None };
        fields(&mut writer);
        writer.error.map_or(Ok(()), Err)
    }

    /// Fields that [`write_beforehand`] has written in the binary form, in whatever form this is.
    #[inline]
    pub(crate) fn written(&mut self, written: Option<&[u8]>, fields: impl FnOnce(&mut Self)) {
        match written {
            Some(written) if self.form == SerializeType::Binary => self.out.put_slice(written),
            _ => fields(self),
        }
    }

    /// A text field; left out when empty, since the binary form reads empty as absent.
    #[inline]
    pub fn text(&mut self, key: &str, value: &str) {
        if key.is_empty() || value.is_empty() || self.error.is_some() {
            return;
        }
        if key.len() > NAME_SIZE_MAX || value.len() > HEADER_SIZE_MAX {
            return self.refuse(key, value);
        }
        match self.form {
            SerializeType::Binary => binary::put_field(self.out, key, value),
            SerializeType::Json => json::put_field(self.out, self.first, key, value),
        }
        self.first = false;
    }

    /// A text field of no more than a property string may have, which `put` writes.
    #[inline]
    pub(crate) fn text_put_by(&mut self, key: &str, put: impl FnOnce(&mut BytesMut)) {
        if self.error.is_some() {
            return;
        }
        match self.form {
            SerializeType::Binary => {
                let before = self.out.len();
                binary::put_field_start(self.out, key, 0);
                let start = self.out.len();
                put(self.out);
                match self.out.len() - start {
                    0 => self.out.truncate(before),
                    len => patch(self.out, start - 4, len as u32),
                }
            }
            SerializeType::Json => {
                let mut text = BytesMut::new();
                put(&mut text);
                self.text(key, &ByteString::try_from(text).unwrap_or_default());
            }
        }
    }

    #[cold]
    fn refuse(&mut self, key: &str, value: &str) {
        let checked = within("ext field name", key.len(), NAME_SIZE_MAX)
            .and_then(|()| within("ext field value", value.len(), HEADER_SIZE_MAX));
        self.error = checked.err();
    }

    /// A whole number; written as Java's `toString` writes it.
    pub fn number(&mut self, key: &str, number: impl itoa::Integer) {
        self.text(key, itoa::Buffer::new().format(number));
    }
}
