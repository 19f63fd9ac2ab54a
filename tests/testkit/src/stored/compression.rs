//! Bodies that producers have compressed.

use std::io::Read;

use bytes::Bytes;

use super::StoredMessage;

const COMPRESSED: i32 = 0x1;
const TYPE: i32 = 0x700;
/// What producers wrote before there were types; it means zlib.
const LEGACY: i32 = 0;
const LZ4: i32 = 0x100;
const ZSTD: i32 = 0x200;
const ZLIB: i32 = 0x300;

/// A body that is not what its message's `sys_flag` says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the body cannot be decompressed: {0}")]
pub struct BadCompression(String);

impl BadCompression {
    fn new(why: impl std::fmt::Display) -> Self {
        Self(why.to_string())
    }
}

impl StoredMessage {
    /// The body as its sender's caller gave it.
    ///
    /// # Errors
    ///
    /// [`BadCompression`] when the body is not what `sys_flag` says.
    pub fn decompressed_body(&self) -> Result<Bytes, BadCompression> {
        match self.sys_flag & (COMPRESSED | TYPE) {
            plain if plain & COMPRESSED == 0 => Ok(self.body.clone()),
            compressed => match compressed & TYPE {
                LEGACY | ZLIB => zlib(&self.body),
                LZ4 => read(lz4_flex::frame::FrameDecoder::new(&*self.body)),
                ZSTD => zstd(&self.body),
                unknown => Err(BadCompression(format!("compression type {unknown:#x}"))),
            },
        }
    }
}

fn zlib(body: &[u8]) -> Result<Bytes, BadCompression> {
    let plain = miniz_oxide::inflate::decompress_to_vec_zlib(body);
    plain.map(Bytes::from).map_err(BadCompression::new)
}

fn zstd(body: &[u8]) -> Result<Bytes, BadCompression> {
    read(ruzstd::decoding::StreamingDecoder::new(body).map_err(BadCompression::new)?)
}

fn read(mut plain: impl Read) -> Result<Bytes, BadCompression> {
    let mut body = Vec::new();
    plain.read_to_end(&mut body).map_err(BadCompression::new)?;
    Ok(body.into())
}

#[cfg(test)]
mod tests {
    use super::{super::tests::*, *};

    fn message(sys_flag: i32, body: Bytes) -> StoredMessage {
        let raw = bytes(&vectors()["stored_message_v1"]["hex"]);
        let message = StoredMessage::decode(&mut raw.clone()).unwrap();
        StoredMessage { sys_flag, body, ..message }
    }

    #[test]
    fn bodies_are_decompressed_as_java_has_compressed_them() {
        let plain = [b'A'; 5_000];
        let flags =
            [(0x1, "zlib_body"), (0x301, "zlib_body"), (0x101, "lz4_body"), (0x201, "zstd_body")];
        for (sys_flag, vector) in flags {
            let body = bytes(&vectors()[vector]["hex"]);
            let decompressed = message(sys_flag, body).decompressed_body().unwrap();
            assert_eq!(decompressed, plain[..], "{vector}");
        }
    }

    #[test]
    fn a_plain_body_is_left_as_it_is() {
        for sys_flag in [0, 0x300, 0xC] {
            let body = message(sys_flag, "hello".into()).decompressed_body();
            assert_eq!(body, Ok(Bytes::from("hello")));
        }
    }

    #[test]
    fn a_body_that_is_not_what_it_is_said_to_be_is_an_error() {
        for sys_flag in [0x1, 0x101, 0x201, 0x301, 0x401, 0x701] {
            let body = message(sys_flag, "hello".into()).decompressed_body();
            assert!(body.is_err(), "{sys_flag:#x}");
        }
    }
}
