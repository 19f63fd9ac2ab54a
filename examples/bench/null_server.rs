//! A name server and broker that stores nothing and answers at once.
//!
//! It names itself as the master of every topic, and answers as brokers do by default: with JSON
//! headers, whatever the request's form. Of a binary request it reads no more than the fields at
//! fixed places; its answers are ready but for the opaque. So it costs a fraction of any client.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread,
};

use bytes::{Bytes, BytesMut};
use rocketmq_producer_core::codec::{
    FrameDecoder, Header, Language, SerializeType, VERSION, encode_response,
};

use crate::frames::FrameReader;

const HEART_BEAT: i32 = 34;
const UNREGISTER_CLIENT: i32 = 35;
const GET_ROUTEINFO_BY_TOPIC: i32 = 105;
const SEND_MESSAGE_V2: i32 = 310;

const SUCCESS: i32 = 0;
const REQUEST_CODE_NOT_SUPPORTED: i32 = 3;

const QUEUES: u32 = 8;

/// Prints the address, then serves until standard input ends: with the process that started this
/// one, however that ended.
pub(crate) fn run() -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let answers = Arc::new(Answers::new(listener.local_addr()?));
    println!("{}", listener.local_addr()?);
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let answers = Arc::clone(&answers);
            // A connection that fails is over; the client notices.
            thread::spawn(move || serve(socket, &answers));
        }
    });
    io::stdin().read_to_end(&mut Vec::new()).map(drop)
}

fn serve(mut socket: TcpStream, answers: &Answers) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let mut reader = FrameReader::new();
    let mut out = Vec::new();
    while reader.fill(&mut socket)? {
        while let Some(frame) = reader.next()? {
            let request = Request::read(frame)?;
            if !request.oneway {
                answers.to(request.code).put(request.opaque, &mut out);
            }
        }
        socket.write_all(&out)?;
        out.clear();
    }
    Ok(())
}

/// What has to be known of a request.
struct Request {
    code: i32,
    opaque: i32,
    oneway: bool,
}

impl Request {
    /// Reads the fields at fixed places of a binary header; has a JSON header decoded.
    fn read(frame: &[u8]) -> io::Result<Self> {
        const BINARY: u8 = 1;
        match frame {
            [_, _, _, _, BINARY, _, _, _, fixed @ ..] if fixed.len() >= 17 => Ok(Self {
                code: i32::from(i16::from_be_bytes([fixed[0], fixed[1]])),
                opaque: i32::from_be_bytes([fixed[5], fixed[6], fixed[7], fixed[8]]),
                oneway: fixed[12] & 2 != 0,
            }),
            _ => match FrameDecoder::default().decode(&mut BytesMut::from(frame)) {
                Ok(Some(frame)) => Ok(Self {
                    code: frame.header.code,
                    opaque: frame.header.opaque,
                    oneway: frame.header.is_oneway(),
                }),
                Ok(None) => Err(io::ErrorKind::UnexpectedEof.into()),
                Err(error) => Err(io::Error::new(io::ErrorKind::InvalidData, error)),
            },
        }
    }
}

/// All there is to say.
struct Answers {
    route: Answer,
    stored: Answer,
    done: Answer,
    unknown: Answer,
}

impl Answers {
    fn new(address: SocketAddr) -> Self {
        let route = format!(
            r#"{{"brokerDatas":[{{"brokerAddrs":{{"0":"{address}"}},"brokerName":"broker-a","cluster":"DefaultCluster","enableActingMaster":false}}],"filterServerTable":{{}},"queueDatas":[{{"brokerName":"broker-a","perm":6,"readQueueNums":{QUEUES},"topicSysFlag":0,"writeQueueNums":{QUEUES}}}]}}"#
        );
        let stored = [
            ("msgId", "7F00000100002A9F00000000075BCD15"),
            ("queueId", "2"),
            ("queueOffset", "4200000"),
            ("transactionId", "7F0000011234014AE5A55EB85A9B0000"),
            ("MSG_REGION", "DefaultRegion"),
            ("TRACE_ON", "true"),
        ];
        Self {
            route: Answer::new(SUCCESS, &[], route.into()),
            stored: Answer::new(SUCCESS, &stored, Bytes::new()),
            done: Answer::new(SUCCESS, &[], Bytes::new()),
            unknown: Answer::new(REQUEST_CODE_NOT_SUPPORTED, &[], Bytes::new()),
        }
    }

    fn to(&self, code: i32) -> &Answer {
        match code {
            SEND_MESSAGE_V2 => &self.stored,
            GET_ROUTEINFO_BY_TOPIC => &self.route,
            HEART_BEAT | UNREGISTER_CLIENT => &self.done,
            _ => &self.unknown,
        }
    }
}

/// A frame in two parts, with the digits of the opaque to go between them.
struct Answer {
    before: Vec<u8>,
    after: Vec<u8>,
    header_len: usize,
}

impl Answer {
    fn new(code: i32, fields: &[(&'static str, &'static str)], body: Bytes) -> Self {
        /// Ten digits that occur nowhere else.
        const OPAQUE: i32 = 1_987_654_321;
        const PREFIX_SIZE: usize = 8;
        let header = Header {
            code,
            language: Language::JAVA,
            version: VERSION,
            opaque: OPAQUE,
            flag: 0,
            remark: None,
            ext: fields.iter().copied().collect(),
        };
        let mut frame = BytesMut::new();
        encode_response(&mut frame, SerializeType::Json, &header, body.len())
            .expect("a short header fits");
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
        let start = out.len();
        out.extend_from_slice(&[0; 8]);
        out.extend_from_slice(&self.before);
        let digits_at = out.len();
        write!(out, "{opaque}").expect("memory takes what it is given");
        let header_len = (self.header_len + out.len() - digits_at) as u32;
        out.extend_from_slice(&self.after);
        let frame_len = (out.len() - start - 4) as u32;
        // The byte before the header's length is the form; zero is JSON.
        out[start..start + 4].copy_from_slice(&frame_len.to_be_bytes());
        out[start + 4..start + 8].copy_from_slice(&header_len.to_be_bytes());
    }
}
