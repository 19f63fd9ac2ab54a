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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
        super::read_up_to(lz4_flex::frame::FrameDecoder::new(body), max)
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
#[cfg(all(
    feature = "compression-zlib",
    feature = "compression-lz4",
    feature = "compression-zstd"
))]
mod tests {
    use CompressionType::{Lz4, Zlib, Zstd};

    use super::*;

    const ALL: [CompressionType; 3] = [Zlib, Lz4, Zstd];

    fn vectors() -> serde_json::Value {
        serde_json::from_str(include_str!("../../../tests/vectors.json")).unwrap()
    }

    #[test]
    fn row_44_bodies_that_java_has_compressed_are_read() {
        let vectors = vectors();
        for (name, sys_flag) in [("zlib_body", 0x301), ("lz4_body", 0x101), ("zstd_body", 0x201)] {
            let vector = &vectors[name];
            let hex = vector["hex"].as_str().unwrap();
            let digits = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
            let body: Bytes = (0..hex.len()).step_by(2).map(digits).collect();
            let read = CompressionType::decompress(sys_flag, &body, 1 << 20);
            assert!(read.is_ok_and(|read| !read.is_empty()), "{name}");
        }
    }

    #[test]
    fn row_44_the_bits_name_the_format_and_the_body_comes_back() {
        let body = Bytes::from("all work and no play ".repeat(1_000));
        for (format, expected) in [(Zlib, 0x301), (Lz4, 0x101), (Zstd, 0x201)] {
            let (compressed, bits) = format.compress(&body, 5).unwrap();
            assert_eq!(bits, expected, "{format:?}");
            assert!(compressed.len() < body.len() / 10, "{format:?}: {}", compressed.len());
            let read = CompressionType::decompress(bits, &compressed, body.len());
            assert_eq!(read.as_ref(), Ok(&body), "{format:?}");
        }
    }

    #[test]
    fn row_44_lz4_frames_have_independent_blocks() {
        let (compressed, _) = Lz4.compress(&[0; 10_000], 1).unwrap();
        assert_eq!(compressed[..4], [0x04, 0x22, 0x4D, 0x18]);
        assert_eq!(compressed[4] & 0x20, 0x20, "the flag that Java's decoder insists on");
    }

    #[test]
    fn what_would_not_get_smaller_is_left_as_it_is() {
        let mut random = fastrand::Rng::with_seed(1);
        let noise: Vec<u8> = (0..10_000).map(|_| random.u8(..)).collect();
        for format in ALL {
            assert_eq!(format.compress(&noise, 5), None, "{format:?}");
        }
    }

    #[test]
    fn a_level_has_an_effect() {
        let text: Vec<u8> = (0..200_000_u64).map(|at| (at * at / 7_919 % 251) as u8).collect();
        for format in [Zlib, Zstd] {
            let size = |level| format.compress(&text, level).map(|(body, _)| body.len());
            assert_ne!(size(1), size(9), "{format:?}");
        }
    }

    #[test]
    fn hostile_bodies_cost_no_memory_and_no_panic() {
        let bomb = Bytes::from(vec![0; 10_000_000]);
        for format in ALL {
            let (compressed, bits) = format.compress(&bomb, 5).unwrap();
            let read = CompressionType::decompress(bits, &compressed, 1_000);
            assert_eq!(read, Err(BadCompression::Malformed(format)));
            for cut in 0..compressed.len().min(50) {
                assert!(CompressionType::decompress(bits, &compressed.slice(..cut), 10).is_err());
            }
        }
    }
}
