//! Cutting a byte stream into frames.

use bytes::{Buf, Bytes, BytesMut};

use super::{CodecError, Header, Impostor, SerializeType, binary, ext::Place, json};

/// Largest frame that RocketMQ peers accept, its length field included:
/// `com.rocketmq.remoting.frameMaxLength`, 16 MiB.
pub const FRAME_SIZE_MAX: usize = 16 * 1024 * 1024;

const LENGTH_SIZE: usize = 4;
const MARK_SIZE: usize = 4;
/// What an ext field takes besides its texts.
const ENTRY_SIZE: usize = size_of::<Place>();

/// One command as it came off the wire. The body is a slice of the read buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The form that its header travelled in; servers may answer in the same.
    pub form: SerializeType,
    /// The decoded header.
    pub header: Header,
    /// Everything after the header; empty when there was nothing.
    pub body: Bytes,
}

impl Frame {
    /// About how many bytes it keeps in memory.
    pub fn size(&self) -> usize {
        let header = &self.header;
        let texts = header.ext.iter().map(|(key, value)| ENTRY_SIZE + key.len() + value.len());
        let remark = header.remark.as_ref().map_or(0, |remark| remark.len());
        size_of::<Self>() + self.body.len() + remark + texts.sum::<usize>()
    }
}

/// Cuts frames from the front of a read buffer.
///
/// Feed it whole or byte by byte: the frames are the same. It keeps no bytes of its own, and
/// memory is asked for only after a frame's length has passed the limit.
#[derive(Clone, Copy, Debug)]
pub struct FrameDecoder {
    size_max: usize,
}

impl Default for FrameDecoder {
    fn default() -> Self {
        Self::new(FRAME_SIZE_MAX)
    }
}

impl FrameDecoder {
    /// A decoder that refuses frames of more than `size_max` bytes, their length field included.
    pub const fn new(size_max: usize) -> Self {
        Self { size_max }
    }

    /// Takes the next whole frame off the front of `buffer`; `Ok(None)` when it is not all there
    /// yet, in which case `buffer` has room reserved for the rest.
    ///
    /// # Errors
    ///
    /// Any [`CodecError`] means that the connection must be closed: the stream cannot be followed
    /// any further.
    pub fn decode(&self, buffer: &mut BytesMut) -> Result<Option<Frame>, CodecError> {
        let Some(first) = buffer.first_chunk::<LENGTH_SIZE>() else {
            return Ok(None);
        };
        let size = self.frame_size(*first)?;
        if buffer.len() < size {
            buffer.reserve(size - buffer.len());
            return Ok(None);
        }
        let mut frame = buffer.split_to(size).freeze();
        frame.advance(LENGTH_SIZE);
        parse(frame).map(Some)
    }

    /// Checks the announced length; the result includes the length field itself.
    fn frame_size(&self, first: [u8; LENGTH_SIZE]) -> Result<usize, CodecError> {
        let length = i32::from_be_bytes(first);
        if let Some(impostor) = Impostor::recognise(first) {
            return Err(CodecError::NotRemoting(impostor));
        }
        let size = usize::try_from(length).ok().filter(|length| *length >= MARK_SIZE);
        let Some(size) = size.map(|length| length + LENGTH_SIZE) else {
            return Err(CodecError::TooShort { length });
        };
        if size > self.size_max {
            return Err(CodecError::TooLong { length: size as u64, max: self.size_max });
        }
        Ok(size)
    }
}

/// Parses a frame whose length field has been taken off; at least the mark is there.
fn parse(mut frame: Bytes) -> Result<Frame, CodecError> {
    let mark = frame.try_get_u32().map_err(|_| CodecError::Binary { field: "mark" })?;
    let [form, high, mid, low] = mark.to_be_bytes();
    let header_len = usize::from(high) << 16 | usize::from(mid) << 8 | usize::from(low);
    if header_len > frame.len() {
        return Err(CodecError::HeaderTooLong { header: header_len, frame: frame.len() });
    }
    let header = frame.split_to(header_len);
    let form = SerializeType::from_code(form).ok_or(CodecError::UnknownSerializeType(form))?;
    let header = match form {
        SerializeType::Json => json::decode(&header)?,
        SerializeType::Binary => binary::decode(header)?,
    };
    Ok(Frame { form, header, body: frame })
}
