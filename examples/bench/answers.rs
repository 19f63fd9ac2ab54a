//! What the null server reads of requests, and what it says to them.
//!
//! It answers as brokers do by default: with JSON headers, whatever the request's form. Of a binary
//! request it reads no more than the fields at fixed places; its answers are ready but for the opaque.

use std::{io, net::SocketAddr};

use bytes::{Bytes, BytesMut};
use rocketmq_producer_core::codec::{
    Frame, FrameDecoder, Header, Language, SerializeType, VERSION, encode_response,
};

use crate::frames::PREFIX_SIZE;

const HEART_BEAT: i32 = 34;
const UNREGISTER_CLIENT: i32 = 35;
const GET_ROUTEINFO_BY_TOPIC: i32 = 105;
const SEND_MESSAGE_V2: i32 = 310;
const SEND_BATCH_MESSAGE: i32 = 320;

const SUCCESS: i32 = 0;
const REQUEST_CODE_NOT_SUPPORTED: i32 = 3;

const QUEUES: u32 = 8;
const OFFSET_MESSAGE_ID: &str = "7F00000100002A9F00000000075BCD15";
/// Batches up to this long are told an id for each message.
const BATCH_READY_MAX: usize = 128;

/// What has to be known of a request.
pub(crate) struct Request<'a> {
    code: i32,
    opaque: i32,
    oneway: bool,
    frame: &'a [u8],
}

impl<'a> Request<'a> {
    /// Reads the fields at fixed places of a binary header; has a JSON header decoded.
    pub(crate) fn read(frame: &'a [u8]) -> io::Result<Self> {
        const BINARY: u8 = 1;
        match frame {
            [_, _, _, _, BINARY, _, _, _, fixed @ ..] if fixed.len() >= 17 => Ok(Self {
                code: i32::from(i16::from_be_bytes([fixed[0], fixed[1]])),
                opaque: i32::from_be_bytes([fixed[5], fixed[6], fixed[7], fixed[8]]),
                oneway: fixed[12] & 2 != 0,
                frame,
            }),
            _ => match FrameDecoder::default().decode(&mut BytesMut::from(frame)) {
                Ok(Some(Frame { header, .. })) => Ok(Self {
                    code: header.code,
                    opaque: header.opaque,
                    oneway: header.is_oneway(),
                    frame,
                }),
                Ok(None) => Err(io::ErrorKind::UnexpectedEof.into()),
                Err(error) => Err(io::Error::new(io::ErrorKind::InvalidData, error)),
            },
        }
    }

    /// How many messages the body of a batch has: each begins with its length.
    fn messages(&self) -> usize {
        let Some([_, header_len @ ..]) = self.frame[4..].first_chunk::<4>() else { return 0 };
        let header_len = u32::from_be_bytes([0, header_len[0], header_len[1], header_len[2]]);
        let mut rest = self.frame.get(PREFIX_SIZE + header_len as usize..).unwrap_or_default();
        let mut count = 0;
        while let Some(size) = rest.first_chunk().map(|size| u32::from_be_bytes(*size) as usize) {
            rest = rest.get(size.max(size_of::<u32>())..).unwrap_or_default();
            count += 1;
        }
        count
    }
}

/// All there is to say.
pub(crate) struct Answers {
    route: Answer,
    stored: Answer,
    /// By the number of messages.
    stored_batch: Vec<Answer>,
    done: Answer,
    unknown: Answer,
    silent: bool,
}

impl Answers {
    /// For brokers at these addresses, which do not answer sends if they are `silent`.
    pub(crate) fn new(brokers: &[SocketAddr], silent: bool) -> Self {
        Self {
            route: Answer::new(SUCCESS, &[], route(brokers).into()),
            stored: Answer::stored(1),
            stored_batch: (0..=BATCH_READY_MAX).map(Answer::stored).collect(),
            done: Answer::new(SUCCESS, &[], Bytes::new()),
            unknown: Answer::new(REQUEST_CODE_NOT_SUPPORTED, &[], Bytes::new()),
            silent,
        }
    }

    /// Puts the answer behind others, if there is to be one.
    pub(crate) fn put(&self, request: &Request<'_>, out: &mut Vec<u8>) {
        let is_send = matches!(request.code, SEND_MESSAGE_V2 | SEND_BATCH_MESSAGE);
        if request.oneway || self.silent && is_send {
            return;
        }
        let answer = match request.code {
            SEND_MESSAGE_V2 => &self.stored,
            // One id for all, as brokers give that keep a batch together, will do for longer ones.
            SEND_BATCH_MESSAGE => self.stored_batch.get(request.messages()).unwrap_or(&self.stored),
            GET_ROUTEINFO_BY_TOPIC => &self.route,
            HEART_BEAT | UNREGISTER_CLIENT => &self.done,
            _ => &self.unknown,
        };
        answer.put(request.opaque, out);
    }
}

/// `TopicRouteData` of Apache RocketMQ, for any topic.
fn route(brokers: &[SocketAddr]) -> String {
    let brokers = || brokers.iter().enumerate();
    let datas = brokers().map(|(number, address)| {
        format!(
            r#"{{"brokerAddrs":{{"0":"{address}"}},"brokerName":"broker-{number}","cluster":"DefaultCluster","enableActingMaster":false}}"#
        )
    });
    let queues = brokers().map(|(number, _)| {
        format!(
            r#"{{"brokerName":"broker-{number}","perm":6,"readQueueNums":{QUEUES},"topicSysFlag":0,"writeQueueNums":{QUEUES}}}"#
        )
    });
    let [datas, queues] = [datas.collect::<Vec<_>>(), queues.collect()].map(|all| all.join(","));
    format!(r#"{{"brokerDatas":[{datas}],"filterServerTable":{{}},"queueDatas":[{queues}]}}"#)
}

/// A frame in two parts, with the digits of the opaque to go between them.
struct Answer {
    before: Vec<u8>,
    after: Vec<u8>,
    header_len: usize,
}

impl Answer {
    /// So many messages are stored, each under an id.
    fn stored(messages: usize) -> Self {
        let ids = vec![OFFSET_MESSAGE_ID; messages].join(",");
        let fields = [
            ("msgId", &*ids),
            ("queueId", "2"),
            ("queueOffset", "4200000"),
            ("transactionId", "7F0000011234014AE5A55EB85A9B0000"),
            ("MSG_REGION", "DefaultRegion"),
            ("TRACE_ON", "true"),
        ];
        Self::new(SUCCESS, &fields, Bytes::new())
    }

    fn new(code: i32, fields: &[(&str, &str)], body: Bytes) -> Self {
        /// Ten digits that occur nowhere else.
        const OPAQUE: i32 = 1_987_654_321;
        let header = Header {
            code,
            language: Language::JAVA,
            version: VERSION,
            opaque: OPAQUE,
            flag: 0,
            remark: None,
            ext: fields.iter().map(|(name, value)| (*name, *value)).collect(),
        };
        let mut frame = BytesMut::new();
        encode_response(&mut frame, SerializeType::Json, &header, body.len())
            .expect("its header fits");
        let header = String::from_utf8_lossy(&frame[PREFIX_SIZE..]).into_owned();
        let (before, after) =
            header.split_once(&OPAQUE.to_string()).expect("a JSON header spells the opaque out");
        Self {
            header_len: before.len() + after.len(),
            before: before.into(),
            after: [after.as_bytes(), &body].concat(),
        }
    }

    fn put(&self, opaque: i32, out: &mut Vec<u8>) {
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(opaque).as_bytes();
        let header_len = self.header_len + digits.len();
        let frame_len = PREFIX_SIZE - 4 + self.before.len() + digits.len() + self.after.len();
        out.extend_from_slice(&(frame_len as u32).to_be_bytes());
        // The byte before the header's length is the form; zero is JSON.
        out.extend_from_slice(&(header_len as u32).to_be_bytes());
        out.extend_from_slice(&self.before);
        out.extend_from_slice(digits);
        out.extend_from_slice(&self.after);
    }
}
