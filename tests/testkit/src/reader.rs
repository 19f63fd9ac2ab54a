//! Reads back what was stored: a consumer with no group state, for tests.

use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use bytes::BytesMut;
use rocketmq_producer_core::{
    codec::{CodecError, FieldWriter, Frame, FrameDecoder, Request, SerializeType, encode_request},
    route::{BadRoute, RouteData},
};

use crate::{NotStored, StoredMessage};

const GROUP: &str = "TESTKIT_READER";
const PULL_MESSAGE: i32 = 11;
const GET_BROKER_RUNTIME_INFO: i32 = 28;
const GET_MIN_OFFSET: i32 = 31;
const VIEW_MESSAGE_BY_ID: i32 = 33;
const GET_ROUTEINFO_BY_TOPIC: i32 = 105;
const SUCCESS: i32 = 0;
const PULL_NOT_FOUND: i32 = 19;
const PULL_RETRY_IMMEDIATELY: i32 = 20;
const PULL_OFFSET_MOVED: i32 = 21;
const PERM_READ: i32 = 4;
const PATIENCE: Duration = Duration::from_secs(30);

/// Pulls whole topics from a cluster, real or embedded.
#[derive(Debug)]
pub struct Reader {
    name_server: Connection,
}

/// Why reading back failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// Connecting, reading or writing.
    #[error("{address}: {error}")]
    Io {
        /// The peer.
        address: String,
        /// What the operating system said.
        error: io::Error,
    },
    /// Bytes that are no frames.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// A route that is none.
    #[error(transparent)]
    Route(#[from] BadRoute),
    /// Bytes that are no messages.
    #[error(transparent)]
    Message(#[from] NotStored),
    /// A broker that does not come to enter its log in its queues.
    #[error("{address}: stored messages are not entered in the queues")]
    Behind {
        /// The broker.
        address: String,
    },
    /// An answer with another code than expected.
    #[error("request {request} was answered with code {code}: {remark}")]
    Refused {
        /// The request's code.
        request: i32,
        /// The answer's code.
        code: i32,
        /// Its remark.
        remark: String,
    },
}

impl Reader {
    /// Connects to the first name server of a list.
    ///
    /// # Errors
    ///
    /// [`ReadError::Io`] when it cannot be reached.
    pub fn connect(namesrv_addr: &str) -> Result<Self, ReadError> {
        let first = namesrv_addr.split([';', ',']).next().unwrap_or_default();
        Ok(Self { name_server: Connection::open(first)? })
    }

    /// Everything stored under a topic, by broker, queue and offset. What was acknowledged before
    /// is among it: brokers acknowledge what is in their log and enter it in the queues a little
    /// later, which is waited for.
    ///
    /// # Errors
    ///
    /// [`ReadError`]; code 17 from the name server when the topic does not exist.
    pub fn read_topic(&mut self, topic: &str) -> Result<Vec<StoredMessage>, ReadError> {
        let query = Query::new(GET_ROUTEINFO_BY_TOPIC).with("topic", topic);
        let route = RouteData::decode(&self.name_server.ask(&query)?.body)?;
        let masters: BTreeMap<_, _> = route
            .broker_datas
            .iter()
            .filter_map(|broker| Some((&broker.broker_name, broker.broker_addrs.get("0")?)))
            .collect();
        let mut messages = Vec::new();
        for queues in route.queue_datas.iter().filter(|queues| queues.perm & PERM_READ != 0) {
            let Some(address) = masters.get(&queues.broker_name) else { continue };
            let mut broker = Connection::open(address)?;
            await_dispatch(&mut broker)?;
            for queue in 0..queues.read_queue_nums {
                read_queue(&mut broker, topic, queue, &mut messages)?;
            }
        }
        Ok(messages)
    }

    /// Reads a topic until there are so many messages or it has taken too long, and gives what there
    /// is then: a name server comes to know a topic that its brokers have just created a little
    /// after they have acknowledged the first messages, and not of all brokers at once.
    ///
    /// # Errors
    ///
    /// [`ReadError`] of the last reading.
    pub fn await_topic(
        &mut self,
        topic: &str,
        count: usize,
    ) -> Result<Vec<StoredMessage>, ReadError> {
        let until = Instant::now() + PATIENCE;
        loop {
            let read = self.read_topic(topic);
            let enough = read.as_ref().is_ok_and(|messages| messages.len() >= count);
            if enough || Instant::now() > until {
                return read;
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// The message at a place in a broker's commit log.
    ///
    /// # Errors
    ///
    /// [`ReadError`]; code 1 when there is none.
    pub fn view(
        broker: &str,
        topic: &str,
        commit_log_offset: i64,
    ) -> Result<StoredMessage, ReadError> {
        let query =
            Query::new(VIEW_MESSAGE_BY_ID).with("offset", commit_log_offset).with("topic", topic);
        let mut body = Connection::open(broker)?.ask(&query)?.body;
        Ok(StoredMessage::decode(&mut body)?)
    }
}

/// Waits until the broker has entered all of its log in its queues
/// (`ReputMessageService.behind()` of RocketMQ).
fn await_dispatch(broker: &mut Connection) -> Result<(), ReadError> {
    let query = Query::new(GET_BROKER_RUNTIME_INFO);
    let until = Instant::now() + PATIENCE;
    loop {
        let answer = broker.exchange(&query)?;
        // The model enters at once, and does not know this question.
        if answer.header.code != SUCCESS || bytes_behind(&answer.body) == Some(0) {
            return Ok(());
        }
        if Instant::now() > until {
            return Err(ReadError::Behind { address: broker.address.clone() });
        }
        thread::sleep(Duration::from_millis(10));
    }
}

fn bytes_behind(runtime_info: &[u8]) -> Option<i64> {
    let info: serde_json::Value = serde_json::from_slice(runtime_info).ok()?;
    info.get("table")?.get("dispatchBehindBytes")?.as_str()?.parse().ok()
}

fn read_queue(
    broker: &mut Connection,
    topic: &str,
    queue: i32,
    messages: &mut Vec<StoredMessage>,
) -> Result<(), ReadError> {
    let min = Query::new(GET_MIN_OFFSET).with("topic", topic).with("queueId", queue);
    // The model keeps everything and does not know this question.
    let mut offset: i64 = match broker.exchange(&min)? {
        answer if answer.header.code == SUCCESS => answer.header.ext.number("offset").unwrap_or(0),
        _ => 0,
    };
    loop {
        let pull = Query::new(PULL_MESSAGE)
            .with("consumerGroup", GROUP)
            .with("topic", topic)
            .with("queueId", queue)
            .with("queueOffset", offset)
            .with("maxMsgNums", 32)
            .with("sysFlag", 4)
            .with("commitOffset", 0)
            .with("suspendTimeoutMillis", 0)
            .with("subscription", "*")
            .with("subVersion", 0)
            .with("expressionType", "TAG");
        let answer = broker.exchange(&pull)?;
        let next = answer.header.ext.number("nextBeginOffset").unwrap_or(offset);
        match answer.header.code {
            SUCCESS => messages.extend(StoredMessage::decode_all(answer.body)?),
            PULL_NOT_FOUND => return Ok(()),
            PULL_RETRY_IMMEDIATELY | PULL_OFFSET_MOVED if next != offset => {}
            _ => return Err(refused(&pull, &answer)),
        }
        offset = next;
    }
}

/// A request with fields and nothing else.
struct Query {
    code: i32,
    fields: Vec<(&'static str, String)>,
}

impl Query {
    fn new(code: i32) -> Self {
        Self { code, fields: Vec::new() }
    }

    fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.fields.push((name, value.to_string()));
        self
    }
}

impl Request for Query {
    fn code(&self) -> i32 {
        self.code
    }

    fn fields(&self, out: &mut FieldWriter<'_>) {
        for (name, value) in &self.fields {
            out.text(name, value);
        }
    }
}

/// One question at a time.
#[derive(Debug)]
struct Connection {
    address: String,
    socket: TcpStream,
    buffer: BytesMut,
    opaque: i32,
}

impl Connection {
    fn open(address: &str) -> Result<Self, ReadError> {
        let failed = |error| ReadError::Io { address: address.to_owned(), error };
        let socket = TcpStream::connect(address).map_err(failed)?;
        socket.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
        Ok(Self { address: address.to_owned(), socket, buffer: BytesMut::new(), opaque: 0 })
    }

    /// Asks, and expects success.
    fn ask(&mut self, query: &Query) -> Result<Frame, ReadError> {
        let answer = self.exchange(query)?;
        if answer.header.code == SUCCESS { Ok(answer) } else { Err(refused(query, &answer)) }
    }

    fn exchange(&mut self, query: &Query) -> Result<Frame, ReadError> {
        self.opaque += 1;
        let mut out = BytesMut::new();
        encode_request(&mut out, SerializeType::Json, self.opaque, false, query, 0)?;
        self.io(|socket| socket.write_all(&out))?;
        loop {
            while let Some(frame) = FrameDecoder::default().decode(&mut self.buffer)? {
                if frame.header.is_response() && frame.header.opaque == self.opaque {
                    return Ok(frame);
                }
            }
            let mut chunk = vec![0; 64 * 1024];
            let count = self.io(|socket| socket.read(&mut chunk))?;
            if count == 0 {
                self.io(|_| Err::<(), _>(io::ErrorKind::UnexpectedEof.into()))?;
            }
            self.buffer.extend_from_slice(&chunk[..count]);
        }
    }

    fn io<R>(&mut self, act: impl FnOnce(&mut TcpStream) -> io::Result<R>) -> Result<R, ReadError> {
        let address = &self.address;
        act(&mut self.socket).map_err(|error| ReadError::Io { address: address.clone(), error })
    }
}

fn refused(query: &Query, answer: &Frame) -> ReadError {
    let remark = answer.header.remark.as_ref().map(ToString::to_string).unwrap_or_default();
    ReadError::Refused { request: query.code, code: answer.header.code, remark }
}
