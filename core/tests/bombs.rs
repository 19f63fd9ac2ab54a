//! What a hostile body costs, counted by the byte.
//!
//! A test binary of its own with one test, because it counts what belongs to the whole process.
#![cfg(all(feature = "compression-zlib", feature = "compression-lz4"))]
#![allow(clippy::expect_used, reason = "a test that finds something missing has failed")]

use std::{alloc::System, io::Write as _};

use bytes::Bytes;
use rocketmq_producer_core::model::{BadCompression, CompressionType};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const MIB: usize = 1024 * 1024;
/// What comes out of a bomb, of which one byte is too many.
const UNPACKED: usize = 512 * MIB;
/// What is allowed to come out.
const MAX: usize = 4 * MIB;

/// Whatever is asked for on the way: a buffer that doubles until it is full takes twice its size in
/// all, and a decoder of LZ4 frames has two blocks of 4 MiB.
const ASKED_MAX: usize = 6 * MAX;

fn zlib_bomb() -> Vec<u8> {
    miniz_oxide::deflate::compress_to_vec_zlib(&vec![0; UNPACKED], 1)
}

fn lz4_bomb() -> Vec<u8> {
    let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
    encoder.write_all(&vec![0; UNPACKED]).expect("it is in memory");
    encoder.finish().expect("it is in memory")
}

#[test]
fn a_bomb_takes_little_more_memory_than_a_body_that_is_allowed() {
    for (format, sys_flag, bomb) in
        [(CompressionType::Zlib, 0x301, zlib_bomb()), (CompressionType::Lz4, 0x101, lz4_bomb())]
    {
        let bomb = Bytes::from(bomb);
        let region = Region::new(ALLOCATOR);
        let read = CompressionType::decompress(sys_flag, &bomb, MAX);
        let change = region.change();
        assert_eq!(read.map(|read| read.len()), Err(BadCompression::Malformed(format)));
        println!("{format:?}: {} bytes of {}", change.bytes_allocated, bomb.len());
        assert!(change.bytes_allocated <= ASKED_MAX, "{format:?}: {change:?}");
    }
}
