//! Any bytes as a stream of frames.

use bytes::BytesMut;
use rocketmq_producer_core::codec::{CodecError, Frame, FrameDecoder};

/// Small, so that lengths beyond it are found quickly.
const FRAME_SIZE_MAX: usize = 64 * 1024;

/// What a stream was cut into.
#[derive(Debug, PartialEq)]
struct Cut {
    frames: Vec<Frame>,
    /// Why the stream ended, or what is left of it.
    end: Result<BytesMut, CodecError>,
}

/// Decodes `data` whole and byte by byte.
///
/// # Panics
///
/// When the two differ, when bytes get lost, or when memory is taken for a frame that is too long.
pub fn frame(data: &[u8]) {
    let whole = cut([data]);
    let bytewise = cut(data.chunks(1));
    assert_eq!(whole, bytewise, "whole and byte by byte");
    if let Ok(rest) = &whole.end {
        assert!(data.ends_with(rest), "what is left is the end of what was there");
        let shortest_frame = 4 + 4;
        assert!(whole.frames.len() * shortest_frame + rest.len() <= data.len());
    }
}

fn cut<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Cut {
    let decoder = FrameDecoder::new(FRAME_SIZE_MAX);
    let mut buffer = BytesMut::new();
    let mut frames = Vec::new();
    for piece in pieces {
        buffer.extend_from_slice(piece);
        let capacity = buffer.capacity();
        loop {
            match decoder.decode(&mut buffer) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => {
                    assert!(buffer.capacity() <= capacity, "{error} has taken memory");
                    return Cut { frames, end: Err(error) };
                }
            }
        }
    }
    Cut { frames, end: Ok(buffer) }
}
