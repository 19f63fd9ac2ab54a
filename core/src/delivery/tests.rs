//! One send at a time, against brokers that do as the test says.

mod attempts;
mod health;
mod late;
mod needs;
mod oneway;
mod outcomes;
mod prepared;
mod reports;
mod routing;
mod traced;
mod warming;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use bytestring::ByteString;

use super::{
    Ask, AttemptFailure, Delivered, Delivery, Errand as _, Outcome, Parcel, SendError,
    SendErrorKind, SendOptions, Step, TimeoutPhase,
};
use crate::{
    codec::{ExtFields, Frame, Header, Language, SerializeType},
    ids::LinkId,
    link::{CallError, LinkError},
    model::{Address, Message, ProducerConfig, SendReceipt},
    route::{
        BrokerHealth, Choice, Phase, Reach, RouteData, RouteError, Routes, TopicEntry, TopicRoute,
    },
    time::{Instant, Now, UnixMillis},
};

const MS: Duration = Duration::from_millis(1);
const TOPIC: &str = "TopicTest";
const UNIQ_KEY: &str = "7F0000011234014AE5A55EB85A9B0000";

/// One delivery and the world that it sees.
struct World {
    now: Now,
    routes: Routes,
    delivery: Box<Delivery>,
    /// What the client was told.
    told: Vec<Ask>,
    /// The brokers whose state it has said to have changed.
    noticed: Vec<ByteString>,
    /// The number of the last call.
    attempt: u32,
}

impl World {
    /// A send that knows nothing of the topic yet.
    fn unrouted(config: ProducerConfig, message: Message) -> Self {
        Self::with_options(config, message, SendOptions::new())
    }

    fn with_options(config: ProducerConfig, message: Message, options: SendOptions) -> Self {
        let parcel = Parcel::new(&config, message).unwrap();
        Self::with_parcel(config, parcel, options)
    }

    fn with_parcel(config: ProducerConfig, parcel: Parcel, options: SendOptions) -> Self {
        let now = Now { instant: Instant::from_nanos(7), wall: UnixMillis(1_758_273_940_123) };
        let choice = Choice::Strategy(config.routing_strategy);
        let delivery = Delivery::new(now, Arc::new(config), parcel, options, &choice, 1).unwrap();
        Self { now, routes: Routes::default(), delivery, told: vec![], noticed: vec![], attempt: 0 }
    }

    /// A send to a topic with two queues on each of these brokers, all connected.
    fn new(config: ProducerConfig, brokers: &[&str]) -> Self {
        Self::with_message(config, message(), brokers)
    }

    fn with_message(config: ProducerConfig, message: Message, brokers: &[&str]) -> Self {
        Self::unrouted(config, message).reaching(brokers)
    }

    fn reaching(mut self, brokers: &[&str]) -> Self {
        self.set_route(brokers);
        for broker in brokers {
            self.connect(broker);
        }
        self
    }

    fn set_route(&mut self, brokers: &[&str]) {
        let queue =
            |name: &str| format!(r#"{{"brokerName":"{name}","perm":6,"writeQueueNums":2}}"#);
        let broker = |name: &str| {
            format!(r#"{{"brokerName":"{name}","brokerAddrs":{{"0":"{name}:10911"}}}}"#)
        };
        let all = |one: &dyn Fn(&str) -> String| {
            brokers.iter().map(|name| one(name)).collect::<Vec<_>>().join(",")
        };
        let (queues, brokers) = (all(&queue), all(&broker));
        self.set_route_data(&format!(r#"{{"queueDatas":[{queues}],"brokerDatas":[{brokers}]}}"#));
    }

    fn set_route_data(&mut self, json: &str) {
        let data = RouteData::decode(json.as_bytes()).unwrap();
        let route = TopicRoute::build(&TOPIC.into(), &data, Arc::default()).unwrap();
        let route = route.attended(|broker| (self.health(broker), None));
        self.entry().route = Some(Arc::new(route));
    }

    /// Sends before this one have found the broker so.
    fn share_health(&mut self, broker: &str, health: &Arc<BrokerHealth>) {
        self.routes.health.insert(broker.into(), Arc::clone(health));
        self.set_route(&[broker]);
    }

    fn fail_route(&mut self, error: RouteError) {
        let entry = self.entry();
        entry.rounds += 1;
        entry.failure = Some(Arc::new(error));
    }

    fn entry(&mut self) -> &mut TopicEntry {
        self.routes.topics.entry(TOPIC)
    }

    fn health(&mut self, broker: &str) -> Arc<BrokerHealth> {
        Arc::clone(self.routes.health.entry(broker.into()).or_default())
    }

    fn connect(&mut self, broker: &str) {
        self.routes.brokers.insert(address(broker), Reach::Up(link(broker, 1)));
    }

    fn reconnect(&mut self, broker: &str) {
        self.routes.brokers.insert(address(broker), Reach::Up(link(broker, 2)));
    }

    /// The broker has answered the first heartbeat on its connection: it is of this version.
    fn register(&mut self, broker: &str, version: i32) {
        self.routes.versions.insert(address(broker), version);
    }

    /// The broker is not connected, after so many failures.
    fn disconnect(&mut self, broker: &str, failures: u64, resting: bool) {
        let error = (failures > 0).then_some(LinkError::DialTimeout);
        self.routes.brokers.insert(address(broker), Reach::Down { failures, error, resting });
    }

    fn close(&mut self) {
        self.routes.phase = Phase::Closed(LinkError::ShuttingDown);
    }

    fn pass(&mut self, time: Duration) {
        self.now.instant = self.now.instant + time;
    }

    fn pass_until(&mut self, until: Instant) {
        assert!(until > self.now.instant, "time does not go back, nor stand still");
        self.now.instant = until;
    }

    fn step(&mut self) -> Step {
        loop {
            match self.delivery.step(self.now, &self.routes) {
                Step::Tell(Ask::Notice(broker)) => self.noticed.push(broker),
                Step::Tell(ask) => self.told.push(ask),
                step => {
                    if let Step::Call { attempt, .. } = step {
                        self.attempt = attempt;
                    }
                    return step;
                }
            }
        }
    }

    /// The next step is a call: to which broker, and how long it may take.
    fn call(&mut self) -> (ByteString, Duration) {
        match self.step() {
            Step::Call { link: called, deadline, .. } => {
                let request = self.delivery.request().expect("a call has a request");
                let broker = ByteString::from(request.broker_name);
                assert_eq!(called.slot, link(&broker, 1).slot, "the broker's own connection");
                (broker, deadline.saturating_since(self.now.instant))
            }
            other => panic!("a call was expected, not {other:?}"),
        }
    }

    /// The next step is a call to this broker.
    fn calls(&mut self, broker: &str) {
        assert_eq!(self.call().0, broker);
    }

    fn waits(&mut self) -> (Option<Ask>, Instant) {
        match self.step() {
            Step::Wait { ask, until } => (ask, until),
            other => panic!("a wait was expected, not {other:?}"),
        }
    }

    /// Waits out a pause; how long it was.
    fn pauses(&mut self) -> Duration {
        let (ask, until) = self.waits();
        assert_eq!(ask, None);
        let pause = until.saturating_since(self.now.instant);
        self.pass_until(until);
        pause
    }

    fn answer(&mut self, code: i32) {
        let fields = [("msgId", "0A"), ("queueId", "1"), ("queueOffset", "42")];
        self.answer_with(code, fields.into_iter().collect());
    }

    fn answer_with(&mut self, code: i32, ext: ExtFields) {
        let remark = (code != 0).then(|| "because".into());
        let (language, version) = (Language::JAVA, 479);
        let header = Header { code, language, version, opaque: 0, flag: 1, remark, ext };
        let frame = Frame { form: SerializeType::Json, header, body: Bytes::new() };
        self.delivery.handle_outcome(self.now, self.attempt, Ok(frame));
    }

    /// An earlier call is answered, or not.
    fn late(&mut self, attempt: u32, end: impl FnOnce(&mut Self)) {
        let current = std::mem::replace(&mut self.attempt, attempt);
        end(self);
        self.attempt = current;
    }

    /// Nothing is to be done before a call is answered.
    fn awaits_an_answer(&mut self) {
        assert!(matches!(self.step(), Step::Answer));
    }

    fn fail(&mut self, error: CallError) {
        self.delivery.handle_outcome(self.now, self.attempt, Err(error));
    }

    /// The transport has taken all bytes of the call.
    fn hand_over(&mut self) {
        self.delivery.handle_written(self.now, self.attempt);
    }

    fn end(&mut self) -> Result<Delivered, SendError> {
        match self.step() {
            Step::Done(result) => result,
            other => panic!("the end was expected, not {other:?}"),
        }
    }

    fn done(&mut self) -> Result<SendReceipt, SendError> {
        self.end().map(|end| end.receipt().expect("it was to be answered"))
    }

    fn error(&mut self) -> SendError {
        self.done().expect_err("a failure was expected")
    }
}

fn message() -> Message {
    Message::new(TOPIC, "Hello RocketMQ").with_key("k1").with_uniq_key(UNIQ_KEY)
}

fn parcel() -> Parcel {
    Parcel::new(&config(), message()).unwrap()
}

/// Three attempts in three seconds.
fn config() -> ProducerConfig {
    ProducerConfig::new("PG_TEST", "ns:9876")
}

fn address(broker: &str) -> Address {
    Address { host: broker.into(), port: 10911 }
}

fn link(broker: &str, generation: u32) -> LinkId {
    LinkId { slot: u32::from(broker.as_bytes()[0]), generation }
}

fn lost() -> CallError {
    CallError::Lost(LinkError::ClosedByPeer)
}

fn unsent() -> CallError {
    CallError::Unsent(LinkError::ClosedByPeer)
}
