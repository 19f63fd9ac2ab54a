//! The remoting protocol's frames: bytes in, [`Frame`]s out, and back.
//!
//! ```text
//!   i32 length of what follows │ u8 form │ u24 header length │ header │ body
//! ```
//!
//! A header is JSON or binary; each frame says which, and a server answers in its own form
//! whatever the request's was. Bodies are slices of the read buffer, never copies.
//!
//! Source: `RemotingCommand`, `RocketMQSerializable` and `NettyDecoder` of Apache RocketMQ.

mod binary;
mod encode;
mod error;
mod ext;
mod frame;
mod header;
mod json;
mod language;

pub(crate) use encode::write_beforehand;
pub use encode::{
    FieldWriter, Request, VERSION, VERSION_WITH_TIMERS, encode_request, encode_response,
};
pub use error::{CodecError, Impostor};
pub use ext::ExtFields;
pub(crate) use ext::Usual;
pub use frame::{FRAME_SIZE_MAX, Frame, FrameDecoder};
pub use header::Header;
pub use language::Language;

/// How a header is written: `SerializeType` of Apache RocketMQ.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SerializeType {
    /// A JSON object; what servers answer with by default.
    Json,
    /// The compact form; what requests use by default.
    #[default]
    Binary,
}

impl SerializeType {
    const fn code(self) -> u8 {
        match self {
            Self::Json => 0,
            Self::Binary => 1,
        }
    }

    const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Json),
            1 => Some(Self::Binary),
            _ => None,
        }
    }
}
