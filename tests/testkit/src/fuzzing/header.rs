//! Any bytes as one header.

use bytes::{BufMut, BytesMut};
use rocketmq_producer_core::codec::{
    CodecError, Frame, FrameDecoder, Header, SerializeType, encode_response,
};

const RESPONSE: i32 = 1;

/// Decodes `data` as a header, whose form the first byte picks; writes what it means in both forms
/// and reads that again.
///
/// # Panics
///
/// When a header that decodes does not survive being written and read.
pub fn header(data: &[u8]) {
    let Some((form, header)) = data.split_first() else { return };
    let Ok(Frame { header, body, .. }) = decode(form & 1, header) else { return };
    assert!(body.is_empty(), "all bytes belong to the header");

    // Writing makes a response of whatever it is.
    let meant = Header { flag: header.flag | RESPONSE, ..header };
    assert_eq!(again(SerializeType::Json, &meant).as_ref(), Ok(&meant));

    // The binary form has 16 bits for code, version and the length of names.
    let fits = |number: i32| i16::try_from(number).is_ok();
    let named = meant.ext.iter().all(|(name, _)| i16::try_from(name.len()).is_ok());
    if fits(meant.code) && fits(meant.version) && named {
        assert_eq!(again(SerializeType::Binary, &meant).as_ref(), Ok(&meant));
    }
}

fn decode(form: u8, header: &[u8]) -> Result<Frame, CodecError> {
    let mut bytes = BytesMut::new();
    bytes.put_u32(header.len() as u32 + 4);
    bytes.put_u32(u32::from(form) << 24 | header.len() as u32);
    bytes.put_slice(header);
    let frame = FrameDecoder::default().decode(&mut bytes)?;
    Ok(frame.expect("the frame is all there"))
}

fn again(form: SerializeType, header: &Header) -> Result<Header, CodecError> {
    let mut bytes = BytesMut::new();
    encode_response(&mut bytes, form, header, 0)?;
    let frame = FrameDecoder::default().decode(&mut bytes)?.expect("a whole frame was written");
    assert!(bytes.is_empty(), "one frame was written");
    Ok(frame.header)
}
