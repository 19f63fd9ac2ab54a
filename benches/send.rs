//! A send's way through the machines, without sockets: message, queue, request bytes, answer bytes,
//! receipt. `.ci/budgets` counts the instructions of [`send_a_window`] and nothing else:
//!
//! ```text
//! valgrind --tool=callgrind --toggle-collect='*send_a_window*' send
//! ```
//!
//! Run by itself (`cargo bench --all-features --bench send`), it shows how long they take.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{Buf, Bytes, BytesMut};
use rocketmq_producer_core::{
    client::{Client, Input, Output},
    codec::{
        ExtFields, Frame, FrameDecoder, Header, Language, SerializeType, VERSION, encode_response,
    },
    command::ClientCommand,
    delivery::{Ask, Delivered, Delivery, Errand, Parcel, SendOptions, Step},
    link::{Call, Link, LinkConfig, LinkEvent, Manner, Outgoing},
    model::{Identity, Message, ProducerConfig, SendReceipt, UniqKeys},
    route::{Choice, Routes},
    time::Now,
};

const ROUNDS: usize = 100;
/// Sends that are under way together.
const WINDOW: usize = 64;
const BODY: &[u8] = &[7; 1024];
const ROUTE: &str = r#"{"brokerDatas":[{"brokerName":"broker-a","brokerAddrs":{"0":"10.0.0.1:10911"}}],
    "queueDatas":[{"brokerName":"broker-a","perm":6,"readQueueNums":8,"writeQueueNums":8}]}"#;

fn main() {
    let mut world = World::new();
    let mut took = Duration::ZERO;
    for _ in 0..ROUNDS {
        let answers = world.answers();
        let started = Instant::now();
        let receipts = send_a_window(&mut world, answers);
        took += started.elapsed();
        assert_eq!(receipts.len(), WINDOW);
    }
    let sends = ROUNDS * WINDOW;
    println!("{sends} sends, {} ns each", took.as_nanos() / sends as u128);
}

/// A function of its own in the program, too, so that it can be told from all else.
#[inline(never)]
fn send_a_window(world: &mut World, mut answers: BytesMut) -> Vec<SendReceipt> {
    let mut deliveries: Vec<_> = (0..WINDOW).map(|number| world.begin(number)).collect();
    // What the driver of the socket does.
    world.link.lend(world.now, &mut world.outgoing);
    world.outgoing.advance(world.outgoing.remaining());
    let mut frames = Vec::with_capacity(WINDOW);
    while let Some(frame) = FrameDecoder::default().decode(&mut answers).expect("they are frames") {
        frames.push(frame);
    }
    world.link.handle_frames(world.now, frames);
    let mut receipts = Vec::with_capacity(WINDOW);
    while let Some(event) = world.link.poll() {
        let LinkEvent::Done { token, outcome } = event else { panic!("{event:?}") };
        let delivery = &mut deliveries[token as usize];
        delivery.handle_outcome(world.now, 0, outcome);
        match delivery.step(world.now, &world.routes) {
            Step::Done(Ok(Delivered::Stored(receipt))) => receipts.push(receipt),
            other => panic!("not sent: {other:?}"),
        }
    }
    receipts
}

struct World {
    now: Now,
    config: Arc<ProducerConfig>,
    routes: Arc<Routes>,
    uniq_keys: UniqKeys,
    /// The same, for the answers that are to come.
    promised: UniqKeys,
    link: Link<u64>,
    outgoing: Outgoing,
    template: Message,
    /// The peer's next answer is to this.
    next_opaque: i32,
}

impl World {
    fn new() -> Self {
        let config = Arc::new(ProducerConfig::new("bench", "127.0.0.1:9876"));
        Self {
            now: Now::default(),
            routes: routes(&config),
            config,
            uniq_keys: UniqKeys::new(&Identity::default()),
            promised: UniqKeys::new(&Identity::default()),
            link: Link::new(LinkConfig::default()),
            outgoing: Outgoing::default(),
            template: Message::new("BenchTopic", BODY),
            next_opaque: LinkConfig::default().first_opaque,
        }
    }

    /// What comes back for the next window: JSON headers, as brokers answer by default, and the
    /// message's own id as its transaction's, as they do from 5.0 on.
    fn answers(&mut self) -> BytesMut {
        let mut answers = BytesMut::new();
        for _ in 0..WINDOW {
            let uniq_key = self.promised.next(self.now.wall);
            let fields = [
                ("msgId", "7F00000100002A9F00000000075BCD15"),
                ("queueId", "2"),
                ("queueOffset", "4200000"),
                ("transactionId", &*uniq_key),
                ("MSG_REGION", "DefaultRegion"),
                ("TRACE_ON", "true"),
            ];
            let header = Header { opaque: self.next_opaque, ..header(fields) };
            encode_response(&mut answers, SerializeType::Json, &header, 0).expect("it fits");
            self.next_opaque += 1;
        }
        answers
    }

    /// A send up to its request, which is queued.
    fn begin(&mut self, number: usize) -> Box<Delivery> {
        let message = self.template.clone().with_uniq_key(self.uniq_keys.next(self.now.wall));
        let parcel = Parcel::new(&self.config, message).expect("it is valid");
        let (config, options) = (Arc::clone(&self.config), SendOptions::new());
        let choice = Choice::default();
        let delivery = Delivery::new(self.now, config, parcel, options, &choice, number as u64);
        let mut delivery = delivery.expect("it is valid");
        let Step::Call { deadline, linger, .. } = delivery.step(self.now, &self.routes) else {
            panic!("the broker is connected");
        };
        let request = delivery.request().expect("it is to be called");
        let (token, manner) = (number as u64, Manner::Usual);
        let linger = (linger > deadline).then_some(linger);
        let call = Call { request: &request, token, deadline, linger, manner };
        self.link.handle_call(self.now, call).expect("there is room");
        match delivery.step(self.now, &self.routes) {
            Step::Answer => delivery,
            other => panic!("nothing else is to be done: {other:?}"),
        }
    }
}

fn header<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Header {
    let ext: ExtFields = fields.into_iter().collect();
    let (language, version) = (Language::JAVA, VERSION);
    Header { code: 0, language, version, opaque: 0, flag: 1, remark: None, ext }
}

/// Those of a client that knows the topic, and is connected to its broker.
fn routes(config: &Arc<ProducerConfig>) -> Arc<Routes> {
    let now = Now::default();
    let identity = Identity::default();
    let mut client = Client::new(Arc::clone(config), &identity).expect("it is valid");
    let mut routes = Arc::<Routes>::default();
    let mut ask = |client: &mut Client, ask: Ask| {
        let until = now.instant + config.send_msg_timeout;
        client.handle(now, Input::Ask { ask, until });
        while let Some(output) = client.poll() {
            match output {
                Output::Open { link, .. } => client.handle(now, Input::Opened(link)),
                Output::Call { chore, command: ClientCommand::RouteQuery { .. }, .. } => {
                    let (form, header) = (SerializeType::Json, header([]));
                    let body = Bytes::from_static(ROUTE.as_bytes());
                    let outcome = Ok(Frame { form, header, body });
                    client.handle(now, Input::Answer { chore, outcome });
                }
                Output::Publish(published) => routes = published,
                _ => {}
            }
        }
    };
    ask(&mut client, Ask::Route("BenchTopic".into()));
    ask(&mut client, Ask::Connection("10.0.0.1:10911".parse().expect("it is one")));
    routes
}
