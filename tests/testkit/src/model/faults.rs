//! How a node can misbehave.

use bytes::{Bytes, BytesMut};
use rocketmq_producer_core::codec::Frame;

use super::{Answer, ConnectionId, Output, Response};

pub(super) const SEND_MESSAGE_V2: i32 = 310;

/// One way to misbehave, until it is used up or lifted.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// Acts, and answers nothing.
    Hang,
    /// Acts on so many more sends, and keeps the answers to itself.
    SwallowSends(u32),
    /// Acts on so many more sends, and closes the connection instead of answering.
    CloseInsteadOfReply(u32),
    /// Answers so many more sends with this code and remark, without acting.
    Answer {
        /// The response code.
        code: i32,
        /// Its remark.
        remark: String,
        /// How many times.
        times: u32,
    },
    /// Acts on sends, and answers them with this code.
    ReplyCode(i32),
    /// Gives every answer twice, and one to a request that was never made.
    RepeatReplies,
    /// Asks the client something with every answer, under the same opaque.
    AskBack(Bytes),
    /// Answers with these bytes, whatever they are.
    Speak(Bytes),
}

impl Fault {
    /// The answer that the node gives instead of acting.
    pub(super) fn refusal(&mut self, frame: &Frame) -> Option<Answer> {
        let is_send = frame.header.code == SEND_MESSAGE_V2;
        match self {
            Self::Answer { code, remark, times } if is_send && *times > 0 => {
                *times -= 1;
                Some(Some(Response::code(*code, remark.clone())))
            }
            _ => None,
        }
    }

    /// The code that an answer to a send carries.
    pub(super) fn reply_code(&self) -> Option<i32> {
        match self {
            Self::ReplyCode(code) => Some(*code),
            _ => None,
        }
    }

    /// What becomes of an answer on its way out.
    pub(super) fn distort(
        &mut self,
        connection: ConnectionId,
        request: &Frame,
        answer: Option<Bytes>,
    ) -> Vec<Output> {
        let is_send = request.header.code == SEND_MESSAGE_V2;
        let send = |bytes| Output::Send(connection, bytes);
        let Some(answer) = answer else { return Vec::new() };
        match self {
            Self::Hang => Vec::new(),
            Self::SwallowSends(left) if is_send && *left > 0 => {
                *left -= 1;
                Vec::new()
            }
            Self::CloseInsteadOfReply(left) if is_send && *left > 0 => {
                *left -= 1;
                vec![Output::Close(connection)]
            }
            Self::RepeatReplies => {
                let mut stray = BytesMut::from(&*answer);
                // The binary header has its opaque at a fixed place; in a JSON header this
                // overwrites as much of the text, so only one of the two is a stray answer.
                if stray.get(4) == Some(&1) {
                    stray[13..17].copy_from_slice(&i32::MAX.to_be_bytes());
                }
                vec![send(answer.clone()), send(stray.freeze()), send(answer)]
            }
            Self::AskBack(question) => vec![send(question.clone()), send(answer)],
            Self::Speak(bytes) => vec![send(bytes.clone())],
            _ => vec![send(answer)],
        }
    }
}
