//! Smaller bodies.

use bytes::Bytes;

/// Bit 0 of the system flag: the body is compressed.
const COMPRESSED: i32 = 0x1;
/// Bits 8 to 10: how.
const TYPE_MASK: i32 = 0x700;
const LZ4: i32 = 0x100;
const ZSTD: i32 = 0x200;
const ZLIB: i32 = 0x300;
/// Producers older than the type bits leave them zero, and know zlib alone.
const UNTOLD: i32 = 0x000;

/// How bodies are compressed: `CompressionType` of Apache RocketMQ. Each is a feature of its own,
/// `compression-zlib`, `compression-lz4` and `compression-zstd`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CompressionType {
    /// Not at all.
    None,
    /// RFC 1950; consumers of all versions read it. The default.
    Zlib,
    /// The LZ4 frame format with independent blocks; consumers from 5.0 on read it. Has no levels.
    Lz4,
    /// Zstandard; consumers from 5.0 on read it.
    Zstd,
}

impl Default for CompressionType {
    /// Zlib where it is compiled in.
    fn default() -> Self {
        if cfg!(feature = "compression-zlib") { Self::Zlib } else { Self::None }
    }
}

/// A body that is not what its system flag says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadCompression {
    /// The bytes are not of that format, or too many come out of them.
    #[error("the body is not {0:?}, or longer than allowed")]
    Malformed(CompressionType),
    /// The format's feature is not compiled in, or there is no such format.
    #[error("bodies with system flag {sys_flag:#x} cannot be read: the format is not compiled in")]
    Unsupported {
        /// The message's system flag.
        sys_flag: i32,
    },
}

impl CompressionType {
    /// True when its feature is compiled in.
    pub const fn is_available(self) -> bool {
        match self {
            Self::None => true,
            Self::Zlib => cfg!(feature = "compression-zlib"),
            Self::Lz4 => cfg!(feature = "compression-lz4"),
            Self::Zstd => cfg!(feature = "compression-zstd"),
        }
    }

    /// The levels there are, fastest first.
    pub const fn levels(self) -> std::ops::RangeInclusive<i32> {
        match self {
            Self::Zlib => 1..=9,
            // The others are told levels that they have no use for.
            Self::None | Self::Lz4 | Self::Zstd => 1..=22,
        }
    }

    /// The compressed body and the bits of the system flag that say so; none when it would not get
    /// smaller.
    pub(crate) fn compress(self, body: &[u8], level: i32) -> Option<(Bytes, i32)> {
        let (compressed, bits) = match self {
            Self::None => return None,
            Self::Zlib => (zlib::compress(body, level)?, ZLIB),
            Self::Lz4 => (lz4::compress(body)?, LZ4),
            Self::Zstd => (zstd::compress(body, level)?, ZSTD),
        };
        let smaller = compressed.len() < body.len();
        smaller.then(|| (compressed.into(), COMPRESSED | bits))
    }

    /// The body as it was before it was compressed, if `sys_flag` says that it was.
    ///
    /// # Errors
    ///
    /// [`BadCompression`] when it cannot be read, or has more than `max` bytes.
    pub fn decompress(sys_flag: i32, body: &Bytes, max: usize) -> Result<Bytes, BadCompression> {
        if sys_flag & COMPRESSED == 0 {
            return Ok(body.clone());
        }
        let (format, read) = match sys_flag & TYPE_MASK {
            ZLIB | UNTOLD => (Self::Zlib, zlib::decompress(body, max)),
            LZ4 => (Self::Lz4, lz4::decompress(body, max)),
            ZSTD => (Self::Zstd, zstd::decompress(body, max)),
            _ => return Err(BadCompression::Unsupported { sys_flag }),
        };
        match read {
            Some(read) => Ok(read.into()),
            None if !format.is_available() => Err(BadCompression::Unsupported { sys_flag }),
            None => Err(BadCompression::Malformed(format)),
        }
    }
}

/// A format whose feature is not compiled in.
#[cfg(not(all(
    feature = "compression-zlib",
    feature = "compression-lz4",
    feature = "compression-zstd"
)))]
macro_rules! absent {
    ($($parameter:ident: $kind:ty),*) => {
        pub(super) fn compress(_: &[u8] $(, $parameter: $kind)*) -> Option<Vec<u8>> {
            None
        }

        pub(super) fn decompress(_: &[u8], _: usize) -> Option<Vec<u8>> {
            None
        }
    };
}

mod zlib {
    #[cfg(not(feature = "compression-zlib"))]
    absent!(_level: i32);

    #[cfg(feature = "compression-zlib")]
    pub(super) fn compress(body: &[u8], level: i32) -> Option<Vec<u8>> {
        let level = u8::try_from(level).ok()?;
        Some(miniz_oxide::deflate::compress_to_vec_zlib(body, level))
    }

    #[cfg(feature = "compression-zlib")]
    pub(super) fn decompress(body: &[u8], max: usize) -> Option<Vec<u8>> {
        miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(body, max).ok()
    }
}

mod lz4 {
    #[cfg(not(feature = "compression-lz4"))]
    absent!();

    /// Java's decoder reads independent blocks only.
    #[cfg(feature = "compression-lz4")]
    pub(super) fn compress(body: &[u8]) -> Option<Vec<u8>> {
        use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
        use std::io::Write as _;

        let shape =
            FrameInfo::new().block_mode(BlockMode::Independent).block_size(BlockSize::Max4MB);
        let mut encoder = FrameEncoder::with_frame_info(shape, Vec::new());
        encoder.write_all(body).ok()?;
        encoder.finish().ok()
    }

    #[cfg(feature = "compression-lz4")]
    pub(super) fn decompress(body: &[u8], max: usize) -> Option<Vec<u8>> {
        let input = Input { rest: body, ran_out: false };
        let mut decoder = lz4_flex::frame::FrameDecoder::new(input);
        let read = super::read_up_to(&mut decoder, max)?;
        (!decoder.get_ref().ran_out).then_some(read)
    }

    /// A body that says whether more was asked of it than there is: to the decoder, the end of its
    /// input is as good as the mark at a frame's end.
    #[cfg(feature = "compression-lz4")]
    struct Input<'a> {
        rest: &'a [u8],
        ran_out: bool,
    }

    #[cfg(feature = "compression-lz4")]
    impl std::io::Read for Input<'_> {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            let read = self.rest.read(out)?;
            self.ran_out |= read == 0 && !out.is_empty();
            Ok(read)
        }
    }
}

mod zstd {
    #[cfg(not(feature = "compression-zstd"))]
    absent!(_level: i32);

    #[cfg(feature = "compression-zstd")]
    pub(super) fn compress(body: &[u8], level: i32) -> Option<Vec<u8>> {
        ::zstd::bulk::compress(body, level).ok()
    }

    #[cfg(feature = "compression-zstd")]
    pub(super) fn decompress(body: &[u8], max: usize) -> Option<Vec<u8>> {
        super::read_up_to(::zstd::stream::read::Decoder::new(body).ok()?, max)
    }
}

/// Everything that a decoder gives, unless that is more than `max` bytes, or none: there are no
/// messages without a body.
#[cfg(any(feature = "compression-lz4", feature = "compression-zstd"))]
fn read_up_to(decoder: impl std::io::Read, max: usize) -> Option<Vec<u8>> {
    use std::io::Read as _;

    let mut out = Vec::new();
    decoder.take(max as u64 + 1).read_to_end(&mut out).ok()?;
    (1..=max).contains(&out.len()).then_some(out)
}

#[cfg(test)]
mod tests;
