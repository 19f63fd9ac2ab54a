//! How a node can misbehave.

use bytes::{Bytes, BytesMut};
use rocketmq_producer_core::codec::Frame;

use super::{Answer, ConnectionId, Output, Response, STORED_CODES, codes::GO_AWAY, is_send};

/// Older clients do not know GO_AWAY and are served to the end.
const KNOWS_GO_AWAY_FROM: i32 = 476;
const GO_AWAY_VERSION: i32 = 513;

/// One way to misbehave, until it is used up or lifted. Sends are those of batches too.
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
    /// Answers every request with this code, without acting.
    Deny(i32),
    /// Acts on sends, and answers them with this code.
    ReplyCode(i32),
    /// Stores so many more sends, and answers them with this code and remark. A code of
    /// [`STORED_CODES`] comes with the message's place as ever; behind any other the answer hides
    /// that there is one. Sends that the broker itself refuses do not count.
    AnswerAfterActing {
        /// The response code.
        code: i32,
        /// Its remark.
        remark: String,
        /// How many times.
        times: u32,
    },
    /// Answers everything with code 1500 and acts on nothing, as a server does that shuts down
    /// gracefully. Clients older than 5.3.2 are served as ever.
    GoAway,
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
        let is_send = is_send(frame);
        match self {
            Self::Answer { code, remark, times } if is_send && *times > 0 => {
                *times -= 1;
                Some(Some(Response::code(*code, remark.clone())))
            }
            Self::Deny(code) => Some(Some(Response::code(*code, "denied"))),
            Self::GoAway if frame.header.version >= KNOWS_GO_AWAY_FROM => {
                let response = Response::code(GO_AWAY, "please go away");
                Some(Some(Response { version: GO_AWAY_VERSION, ..response }))
            }
            _ => None,
        }
    }

    /// Changes the answer to a send, which `stored` its message or did not.
    pub(super) fn change_reply(&mut self, stored: bool, answer: &mut Response) {
        match self {
            Self::ReplyCode(code) => answer.code = *code,
            Self::AnswerAfterActing { code, remark, times } if stored && *times > 0 => {
                *times -= 1;
                answer.code = *code;
                answer.remark.clone_from(remark);
                if !STORED_CODES.contains(code) {
                    answer.ext.clear();
                }
            }
            _ => {}
        }
    }

    /// What becomes of the answer to one request on its way out. With several faults, each is
    /// given what the one before it has left.
    pub(super) fn distort(
        &mut self,
        connection: ConnectionId,
        request: &Frame,
        answers: Vec<Output>,
    ) -> Vec<Output> {
        if !answers.iter().any(|output| matches!(output, Output::Send(..))) {
            return answers;
        }
        let is_send = is_send(request);
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
            Self::RepeatReplies => flat_map(answers, |answer| {
                let mut stray = BytesMut::from(&*answer);
                // The binary header has its opaque at a fixed place; in a JSON header this
                // overwrites as much of the text, so only one of the two is a stray answer.
                let binary = stray.get(4) == Some(&1);
                if let Some(opaque) = stray.get_mut(13..17).filter(|_| binary) {
                    opaque.copy_from_slice(&i32::MAX.to_be_bytes());
                }
                vec![answer.clone(), stray.freeze(), answer]
            }),
            Self::AskBack(question) => flat_map(answers, |answer| vec![question.clone(), answer]),
            Self::Speak(bytes) => vec![Output::Send(connection, bytes.clone())],
            _ => answers,
        }
    }
}

fn flat_map(outputs: Vec<Output>, change: impl Fn(Bytes) -> Vec<Bytes>) -> Vec<Output> {
    let each = |output| match output {
        Output::Send(connection, bytes) => {
            change(bytes).into_iter().map(|bytes| Output::Send(connection, bytes)).collect()
        }
        close @ Output::Close(_) => vec![close],
    };
    outputs.into_iter().flat_map(each).collect()
}
