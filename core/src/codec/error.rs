//! What can be wrong with bytes.

use std::fmt;

/// Why bytes are not a frame. Every one of these ends the connection they came from: after a
/// frame that cannot be cut, nothing that follows can be trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The peer does not speak the remoting protocol at all.
    #[error("the peer answered with {0}, not with the RocketMQ remoting protocol")]
    NotRemoting(Impostor),
    /// The announced length cannot hold even the header's length field.
    #[error("frame length {length} is too short for a frame (at least 4 bytes)")]
    TooShort {
        /// Announced length, bytes.
        length: i32,
    },
    /// Checked before any memory is taken for it.
    #[error("frame of {length} bytes exceeds the limit of {max} bytes")]
    TooLong {
        /// Whole frame, its length field included, bytes.
        length: u64,
        /// The limit, bytes.
        max: usize,
    },
    /// The header claims more bytes than its frame has.
    #[error("header length {header} exceeds the {frame} bytes that its frame holds")]
    HeaderTooLong {
        /// Announced header length, bytes.
        header: usize,
        /// Bytes in the frame after the two length fields.
        frame: usize,
    },
    /// Neither JSON (0) nor binary (1).
    #[error("unknown header form {0} (0 is JSON, 1 is binary)")]
    UnknownSerializeType(u8),
    /// A binary header ends before, or claims more than, what it announced.
    #[error("binary header: {field} is cut off or has an impossible length")]
    Binary {
        /// The part that could not be read.
        field: &'static str,
    },
    /// A text that is not UTF-8.
    #[error("header: {field} is not UTF-8")]
    Utf8 {
        /// The part that could not be read.
        field: &'static str,
    },
    /// A JSON header that is not the object it should be.
    #[error("JSON header: {reason}")]
    Json {
        /// What the JSON parser said.
        reason: String,
    },
    /// More ext fields than any command has.
    #[error("the header has more than {max} ext fields")]
    TooManyFields {
        /// The limit.
        max: usize,
    },
    /// A frame that this side wanted to send does not fit the protocol's limits.
    #[error("cannot encode: {what} of {length} bytes exceeds {max} bytes")]
    Encode {
        /// The part that is too long.
        what: &'static str,
        /// Its length, bytes.
        length: usize,
        /// The limit, bytes.
        max: usize,
    },
}

/// What a peer's first bytes look like when they are not a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Impostor {
    /// An HTTP server.
    Http,
    /// A TLS endpoint.
    Tls,
    /// Something that speaks in words: an HTTP server before HTTP/1.0, a mail server, a shell.
    Text,
}

impl Impostor {
    /// Recognises the usual suspects by the four bytes where a frame has its length.
    ///
    /// No frame within the protocol's limit starts with a byte above 1, so these cannot be frames.
    pub(super) fn recognise(first: [u8; 4]) -> Option<Self> {
        match first {
            [b'H', b'T', b'T', b'P'] => Some(Self::Http),
            // Alert or handshake record, version 3.x.
            [0x15 | 0x16, 0x03, 0x00..=0x04, _] => Some(Self::Tls),
            _ if first.iter().all(|byte| is_text(*byte)) => Some(Self::Text),
            _ => None,
        }
    }
}

const fn is_text(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\r' | b'\n' | b'\t')
}

impl fmt::Display for Impostor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "HTTP",
            Self::Tls => "TLS",
            Self::Text => "text",
        })
    }
}
