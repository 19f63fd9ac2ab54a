//! Bodies that get smaller, and those that pretend to have.
#![cfg(all(
    feature = "compression-zlib",
    feature = "compression-lz4",
    feature = "compression-zstd"
))]

use CompressionType::{Lz4, Zlib, Zstd};
use proptest::prelude::*;

use super::*;

/// Each format, and the system flag that Java's producers mark it with.
const ALL: [(CompressionType, i32); 3] = [(Zlib, 0x301), (Lz4, 0x101), (Zstd, 0x201)];

fn vectors() -> serde_json::Value {
    serde_json::from_str(include_str!("../../../tests/vectors.json")).unwrap()
}

/// A text of about so many bytes, in which nothing repeats for long.
fn text(length: usize) -> Bytes {
    let mut random = fastrand::Rng::with_seed(7);
    let words = ["order", "paid", "shipped", "größe", "中文", "cancelled", "refund", "return"];
    let mut text = String::new();
    while text.len() < length {
        text.push_str(random.choice(words).unwrap());
        text.push_str(&random.u16(..).to_string());
    }
    text.into()
}

fn noise(length: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(1);
    (0..length).map(|_| random.u8(..)).collect()
}

fn compressed(format: CompressionType, body: &[u8], level: i32) -> Bytes {
    let (compressed, _) = format.compress(body, level).expect("it gets smaller");
    compressed
}

#[test]
fn row_44_bodies_that_java_has_compressed_are_read() {
    let vectors = vectors();
    for (name, sys_flag) in [
        ("zlib_body", 0x301),
        ("lz4_body", 0x101),
        ("zstd_body", 0x201),
        // Producers of 4.x leave the type bits zero.
        ("zlib_body", 0x001),
    ] {
        let hex = vectors[name]["hex"].as_str().unwrap();
        let digits = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        let body: Bytes = (0..hex.len()).step_by(2).map(digits).collect();
        let read = CompressionType::decompress(sys_flag, &body, 5_000);
        assert_eq!(read, Ok("A".repeat(5_000).into()), "{name}, {sys_flag:#x}");
        let half_message = CompressionType::decompress(sys_flag | 0x4, &body, 5_000);
        assert_eq!(half_message, read, "other bits change nothing");
    }
}

#[test]
fn row_44_the_bits_name_the_format_and_the_body_comes_back_at_every_level() {
    let body = text(20_000);
    for (format, expected) in ALL {
        for level in format.levels() {
            let (compressed, bits) = format.compress(&body, level).unwrap();
            assert_eq!(bits, expected, "{format:?}");
            assert!(compressed.len() < body.len(), "{format:?}, level {level}");
            let read = CompressionType::decompress(bits, &compressed, body.len());
            assert_eq!(read.as_ref(), Ok(&body), "{format:?}, level {level}");
        }
    }
    assert_eq!(CompressionType::None.compress(&body, 5), None);
}

#[test]
fn a_body_that_is_not_marked_is_left_as_it_is_whatever_it_looks_like() {
    for (format, bits) in ALL {
        let body = compressed(format, &[b'A'; 5_000], 5);
        // Java's consumers clear the lowest bit alone when they have read a body.
        for sys_flag in [0, bits & !1, 0x4] {
            let read = CompressionType::decompress(sys_flag, &body, 10_000);
            assert_eq!(read.as_ref(), Ok(&body), "{sys_flag:#x}");
        }
    }
}

#[test]
fn row_44_what_would_not_get_smaller_is_left_as_it_is() {
    for (format, _) in ALL {
        for body in [&noise(10_000)[..], b"hello", b"x", b""] {
            assert_eq!(format.compress(body, 5), None, "{format:?}, {} bytes", body.len());
        }
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
fn row_44_zlib_streams_are_those_of_rfc_1950() {
    let body = text(20_000);
    for level in Zlib.levels() {
        let stream = compressed(Zlib, &body, level);
        let (head, rest) = stream.split_at(2);
        assert_eq!(head[0], 0x78, "deflate, a window of 32 KiB");
        assert_eq!((256 * u32::from(head[0]) + u32::from(head[1])) % 31, 0, "level {level}");
        assert_eq!(head[1] & 0x20, 0, "no dictionary");
        let (deflated, checksum) = rest.split_at(rest.len() - 4);
        assert_eq!(checksum, adler_32(&body).to_be_bytes(), "level {level}");
        let inflated = miniz_oxide::inflate::decompress_to_vec(deflated).unwrap();
        assert_eq!(inflated, body, "level {level}");
    }
}

#[test]
fn row_44_lz4_frames_have_independent_blocks_each_of_which_is_readable_alone() {
    // More than one block, for those are of 4 MiB.
    let body = text(9_000_000);
    let frame = compressed(Lz4, &body, 1);
    assert_eq!(frame[..4], [0x04, 0x22, 0x4D, 0x18]);
    // Version 1, independent blocks, no checksums, no size, no dictionary; 4 MiB: as lz4-java does.
    assert_eq!(frame[4..6], [0x60, 0x70]);
    let mut rest = frame.slice(7..);
    let (mut read, mut blocks) = (Vec::new(), 0);
    loop {
        let word = u32::from_le_bytes(rest.split_to(4)[..].try_into().unwrap());
        if word == 0 {
            break;
        }
        let stored = word >> 31 == 1;
        let block = rest.split_to((word & 0x7FFF_FFFF) as usize);
        read.extend(if stored { block.to_vec() } else { unpack_lz4_block(&block) });
        blocks += 1;
    }
    assert!(rest.is_empty(), "nothing follows the end mark");
    assert_eq!(blocks, 3);
    assert!(read == body, "the body comes back");
}

#[test]
fn row_44_zstd_frames_tell_their_size_and_need_no_dictionary() {
    let body = text(20_000);
    for level in Zstd.levels() {
        let frame = compressed(Zstd, &body, level);
        assert_eq!(frame[..4], [0x28, 0xB5, 0x2F, 0xFD]);
        let descriptor = frame[4];
        assert_eq!(descriptor & 0b11, 0, "no dictionary");
        assert_eq!(descriptor >> 5, 0b011, "one segment, two bytes of size");
        let size = u16::from_le_bytes([frame[5], frame[6]]);
        assert_eq!(usize::from(size) + 256, body.len(), "level {level}");
    }
}

#[test]
fn a_body_may_have_as_many_bytes_as_are_allowed_and_not_one_more() {
    let body = text(20_000);
    for (format, bits) in ALL {
        let smaller = compressed(format, &body, 5);
        let read = |max| CompressionType::decompress(bits, &smaller, max);
        assert_eq!(read(body.len()).as_ref(), Ok(&body), "{format:?}");
        for max in [body.len() - 1, 1, 0] {
            assert_eq!(read(max), Err(BadCompression::Malformed(format)), "{max}");
        }
    }
}

#[test]
fn a_body_that_is_cut_anywhere_is_malformed() {
    let body = text(5_000);
    for (format, bits) in ALL {
        let whole = compressed(format, &body, 5);
        for cut in 0..whole.len() {
            let read = CompressionType::decompress(bits, &whole.slice(..cut), body.len());
            let read = read.map(|read| read.len());
            assert_eq!(read, Err(BadCompression::Malformed(format)), "cut at {cut}");
        }
    }
}

#[test]
fn an_lz4_body_that_ends_between_two_blocks_is_malformed() {
    let body = text(9_000_000);
    let whole = compressed(Lz4, &body, 1);
    let first_block = u32::from_le_bytes(whole[7..11].try_into().unwrap()) as usize;
    let read = CompressionType::decompress(0x101, &whole.slice(..11 + first_block), body.len());
    assert!(read == Err(BadCompression::Malformed(Lz4)), "its second half is missing");
}

#[test]
fn a_body_of_another_format_than_its_bits_say_is_malformed() {
    let body = text(5_000);
    for (format, _) in ALL {
        let smaller = compressed(format, &body, 5);
        for (other, bits) in ALL.into_iter().filter(|(other, _)| *other != format) {
            let read = CompressionType::decompress(bits, &smaller, body.len());
            assert_eq!(read, Err(BadCompression::Malformed(other)), "it is {format:?}");
        }
    }
}

#[test]
fn a_format_that_nobody_knows_is_named_by_its_bits() {
    for sys_flag in [0x401, 0x501, 0x601, 0x701] {
        let read = CompressionType::decompress(sys_flag, &Bytes::from("body"), 100);
        let error = read.unwrap_err();
        assert_eq!(error, BadCompression::Unsupported { sys_flag });
        assert!(error.to_string().contains(&format!("{sys_flag:#x}")), "{error}");
    }
}

proptest! {
    #[test]
    fn row_44_what_is_compressed_comes_back_or_was_not_worth_it(
        pieces in prop::collection::vec(
            (prop::collection::vec(any::<u8>(), 1..200), 1..40_usize),
            1..6,
        ),
        which in 0..3_usize,
        level in 1..=22_i32,
    ) {
        let body: Bytes = pieces.iter().flat_map(|(piece, times)| piece.repeat(*times)).collect();
        let (format, bits) = ALL[which];
        match format.compress(&body, level.min(*format.levels().end())) {
            Some((smaller, told)) => {
                prop_assert_eq!(told, bits);
                prop_assert!(smaller.len() < body.len());
                prop_assert_eq!(CompressionType::decompress(bits, &smaller, body.len()), Ok(body));
            }
            None => prop_assert!(
                pieces.iter().map(|(piece, _)| piece.len()).sum::<usize>() + 100 > body.len(),
                "{} bytes with many repetitions", body.len()
            ),
        }
    }

    #[test]
    fn hostile_bodies_are_errors_or_small_and_never_a_panic(
        sys_flag in any::<i32>(),
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        max in 0..2_000_usize,
    ) {
        let bytes = Bytes::from(bytes);
        if let Ok(read) = CompressionType::decompress(sys_flag | 1, &bytes, max) {
            prop_assert!(read.len() <= max);
        }
    }

    #[test]
    fn damaged_bodies_are_errors_or_small_and_never_a_panic(
        which in 0..3_usize,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let body = text(3_000);
        let (format, bits) = ALL[which];
        let mut bytes = compressed(format, &body, 5).to_vec();
        for (place, byte) in damage {
            *place.get_mut(&mut bytes) = byte;
        }
        if let Ok(read) = CompressionType::decompress(bits, &bytes.into(), 4_000) {
            prop_assert!(read.len() <= 4_000);
        }
    }
}

/// RFC 1950, as it is written there.
fn adler_32(body: &[u8]) -> u32 {
    let step = |(a, b): (u32, u32), byte: &u8| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    };
    let (a, b) = body.iter().fold((1, 0), step);
    b << 16 | a
}

/// The LZ4 block format, as its description says; for blocks that are well-formed.
fn unpack_lz4_block(block: &[u8]) -> Vec<u8> {
    fn length(nibble: u8, input: &mut std::slice::Iter<'_, u8>) -> usize {
        let mut length = usize::from(nibble);
        if nibble == 15 {
            loop {
                let more = *input.next().unwrap();
                length += usize::from(more);
                if more != 255 {
                    break;
                }
            }
        }
        length
    }
    let (mut input, mut out) = (block.iter(), Vec::new());
    while let Some(token) = input.next() {
        let literals = length(token >> 4, &mut input);
        out.extend(input.by_ref().take(literals));
        let Some(low) = input.next() else { break };
        let offset = usize::from(u16::from_le_bytes([*low, *input.next().unwrap()]));
        for _ in 0..length(token & 0xF, &mut input) + 4 {
            out.push(out[out.len() - offset]);
        }
    }
    out
}
