//! Counting takes no memory.
//!
//! A test binary of its own with one test, because it counts what belongs to the whole process.

use std::{alloc::System, sync::Arc, time::Duration};

use bytes::Bytes;
use rocketmq_producer_core::{
    client::{Client, Input, Output},
    codec::{ExtFields, Frame, Header, Language, SerializeType},
    command::ClientCommand,
    delivery::{Ask, Delivered, Delivery, Errand as _, Parcel, SendError, SendOptions, Step},
    model::{Identity, Message, ProducerConfig},
    route::{Choice, Routes},
    stats::Reading,
    time::Now,
};
use rocketmq_producer_shared::{Sent, Statistics};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const ROUTE: &str = r#"{"brokerDatas":[{"brokerName":"broker-a","brokerAddrs":{"0":"10.0.0.1:10911"}}],
    "queueDatas":[{"brokerName":"broker-a","perm":6,"readQueueNums":4,"writeQueueNums":4}]}"#;
const STORED: &str =
    r#"{"msgId":"7F00000100002A9F0000000000000000","queueId":"0","queueOffset":"1"}"#;

fn frame(ext: &str, body: &'static str) -> Frame {
    let ext = if ext.is_empty() { ExtFields::default() } else { fields(ext) };
    let (language, version) = (Language::JAVA, 513);
    let header = Header { code: 0, language, version, opaque: 1, flag: 1, remark: None, ext };
    Frame { form: SerializeType::Json, header, body: Bytes::from_static(body.as_bytes()) }
}

/// The fields of an answer, read as they come.
fn fields(ext: &str) -> ExtFields {
    let head = format!(
        r#"{{"code":0,"language":"JAVA","version":513,"opaque":1,"flag":1,"extFields":{ext}}}"#
    );
    let mut bytes = bytes::BytesMut::new();
    bytes.extend_from_slice(&(head.len() as u32 + 4).to_be_bytes());
    bytes.extend_from_slice(&(head.len() as u32).to_be_bytes());
    bytes.extend_from_slice(head.as_bytes());
    let decoded = rocketmq_producer_core::codec::FrameDecoder::default().decode(&mut bytes);
    decoded.expect("it is well formed").expect("it is whole").header.ext
}

/// A client whose name server knows every topic, and whose brokers can be reached.
struct World {
    client: Client,
    config: Arc<ProducerConfig>,
    now: Now,
    routes: Arc<Routes>,
}

impl World {
    fn new() -> Self {
        let config = Arc::new(ProducerConfig::new("allocations", "127.0.0.1:9876"));
        let client = Client::new(Arc::clone(&config), &Identity::default()).expect("it is valid");
        Self { client, config, now: Now::default(), routes: Arc::default() }
    }

    fn ask(&mut self, ask: Ask) {
        let until = self.now.instant + Duration::from_secs(3);
        self.client.handle(self.now, Input::Ask { ask, until });
        while let Some(output) = self.client.poll() {
            match output {
                Output::Open { link, .. } => self.client.handle(self.now, Input::Opened(link)),
                Output::Call { chore, command: ClientCommand::RouteQuery { .. }, .. } => {
                    let outcome = Ok(frame("", ROUTE));
                    self.client.handle(self.now, Input::Answer { chore, outcome });
                }
                Output::Publish(routes) => self.routes = routes,
                _ => {}
            }
        }
    }

    /// A send from its beginning to its end.
    fn deliver(&mut self) -> (Box<Delivery>, Result<Delivered, SendError>) {
        let message =
            Message::new("Allocations", "x").with_uniq_key("0123456789ABCDEF0123456789ABCDEF");
        let parcel = Parcel::new(&self.config, message).expect("it is valid");
        let (config, options) = (Arc::clone(&self.config), SendOptions::new());
        let delivery = Delivery::new(self.now, config, parcel, options, &Choice::default(), 0);
        let mut delivery = delivery.expect("it is valid");
        loop {
            match delivery.step(self.now, &self.routes) {
                Step::Wait { ask: Some(ask), .. } => self.ask(ask),
                Step::Call { attempt, .. } => {
                    self.now.instant = self.now.instant + Duration::from_millis(3);
                    delivery.handle_outcome(self.now, attempt, Ok(frame(STORED, "")));
                }
                Step::Done(result) => return (delivery, result),
                other => panic!("nothing of the kind is to be done: {other:?}"),
            }
        }
    }
}

#[test]
fn row_53_counting_a_send_allocates_nothing() {
    let (mut world, statistics) = (World::new(), Statistics::default());
    let (delivery, result) = world.deliver();
    assert!(result.is_ok(), "{result:?}");
    let count = || {
        statistics.entered(1);
        statistics.sent("Allocations", Sent::Stored(Duration::from_millis(3)), 1, false);
        statistics.request_over(&delivery, Some(&result), 1);
    };
    // The first one to a broker makes place for it.
    count();
    let region = Region::new(ALLOCATOR);
    (0..1_000).for_each(|_| count());
    let change = region.change();
    assert_eq!((change.allocations, change.reallocations), (0, 0));
    let stats = statistics.read(Reading::Look);
    assert_eq!((stats.total_sent, stats.in_flight.messages), (1_001, 0));
    let router = statistics.read_router(Reading::Look, |_| None);
    assert_eq!(router.broker_health["broker-a"].stored, 1_001);
}
