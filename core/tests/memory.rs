//! What the client keeps, counted by the byte.
//!
//! A test binary of its own with one test, because it counts what belongs to the whole process.
#![allow(clippy::expect_used, reason = "a test that finds something missing has failed")]

use std::{alloc::System, sync::Arc, time::Duration};

use bytes::Bytes;
use rocketmq_producer_core::{
    client::{Client, Input, Output},
    codec::{ExtFields, Frame, Header, Language, SerializeType},
    command::ClientCommand,
    delivery::Ask,
    model::{Identity, ProducerConfig},
    route::Routes,
    time::Now,
};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const TOPICS: usize = 10_000;
const BYTES_PER_TOPIC_MAX: usize = 4_096;

/// Four queues on each of three brokers.
const ROUTE: &str = r#"{"brokerDatas":[
    {"brokerName":"broker-a","brokerAddrs":{"0":"10.0.0.1:10911","1":"10.0.0.2:10911"}},
    {"brokerName":"broker-b","brokerAddrs":{"0":"10.0.0.3:10911","1":"10.0.0.4:10911"}},
    {"brokerName":"broker-c","brokerAddrs":{"0":"10.0.0.5:10911","1":"10.0.0.6:10911"}}],
    "queueDatas":[
    {"brokerName":"broker-a","perm":6,"readQueueNums":4,"writeQueueNums":4},
    {"brokerName":"broker-b","perm":6,"readQueueNums":4,"writeQueueNums":4},
    {"brokerName":"broker-c","perm":6,"readQueueNums":4,"writeQueueNums":4}]}"#;

fn route() -> Frame {
    let header = Header {
        code: 0,
        language: Language::JAVA,
        version: 513,
        opaque: 1,
        flag: 1,
        remark: None,
        ext: ExtFields::default(),
    };
    Frame { form: SerializeType::Json, header, body: Bytes::from_static(ROUTE.as_bytes()) }
}

/// A client whose name server knows every topic, and the routes that it has published last.
struct World {
    client: Client,
    now: Now,
    routes: Arc<Routes>,
}

impl World {
    fn ask(&mut self, topic: String) {
        let until = self.now.instant + Duration::from_secs(3);
        self.client.handle(self.now, Input::Ask { ask: Ask::Route(topic.into()), until });
        while let Some(output) = self.client.poll() {
            match output {
                Output::Open { link, .. } => self.client.handle(self.now, Input::Opened(link)),
                Output::Call { chore, command: ClientCommand::RouteQuery { .. }, .. } => {
                    let outcome = Ok(route());
                    self.client.handle(self.now, Input::Answer { chore, outcome });
                }
                Output::Publish(routes) => self.routes = routes,
                _ => {}
            }
        }
    }
}

#[test]
fn row_43_a_cached_topic_takes_a_bounded_amount_of_memory() {
    let config = Arc::new(ProducerConfig::new("memory", "127.0.0.1:9876"));
    let client = Client::new(config, &Identity::default()).expect("it is valid");
    let mut world = World { client, now: Now::default(), routes: Arc::default() };
    world.ask("Warmup".to_owned());
    let region = Region::new(ALLOCATOR);
    for number in 0..TOPICS {
        world.ask(format!("orders-of-{number:05}"));
    }
    let change = region.change();
    assert!(world.routes.topic("orders-of-09999").is_some_and(|topic| topic.route.is_some()));
    let bytes = (change.bytes_allocated - change.bytes_deallocated) / TOPICS;
    println!("{bytes} bytes for each topic of 12 queues on 3 brokers, {TOPICS} of them");
    assert!(bytes <= BYTES_PER_TOPIC_MAX, "{bytes}");
}
