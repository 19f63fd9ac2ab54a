//! What a row of the tables is.

use std::{collections::BTreeMap, ffi::OsString, fmt::Debug, ops::RangeInclusive, time::Duration};

use rocketmq_producer::{ProducerConfig, SendError, SendReceipt};
use rocketmq_producer_testkit::{
    model::Fault,
    sim::{BROKER_A, BROKER_B, BROKER_C, Peer, Producer, SendId, TOPIC, World},
};

pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const BROKERS: [Peer; 3] = [BROKER_A, BROKER_B, BROKER_C];
pub(super) const BROKER_NAMES: [&str; 3] = ["broker-a", "broker-b", "broker-c"];
const SEND_MESSAGE_V2: i32 = 310;

/// One setting at one value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    name: &'static str,
    value: &'static str,
}

impl Setting {
    /// This configuration with the setting, which is found by its name: a row cannot drive another
    /// one than it says.
    pub(super) fn in_config(self, config: ProducerConfig) -> ProducerConfig {
        let variable = format!("ROCKETMQ_{}", self.name.to_uppercase());
        let vars = BTreeMap::from([(variable, OsString::from(self.value))]);
        let config = config.with_vars(|name| vars.get(name).cloned()).expect("it can be read");
        assert!(crate::written(&config).contains_key(self.name), "there is no {}", self.name);
        config
    }

    /// A healthy world, and a producer that has the setting and is connected to every broker.
    pub(super) fn in_world(self) -> (World, Producer) {
        self.in_world_with(|config| config)
    }

    /// The same, with other settings besides.
    pub(super) fn in_world_with(
        self,
        others: impl FnOnce(ProducerConfig) -> ProducerConfig,
    ) -> (World, Producer) {
        let mut world = World::new(1);
        let config = self.in_config(others(world.config()));
        let producer = world.producer(config);
        warm_up(&mut world, producer);
        (world, producer)
    }
}

/// A setting, and what shows its effect.
pub(super) struct Row {
    name: &'static str,
    show: Box<dyn Fn()>,
}

impl Row {
    pub(super) fn new(name: &'static str, show: impl Fn() + 'static) -> Self {
        Self { name, show: Box::new(show) }
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }
}

/// A row: what is seen with each of two values.
pub(super) fn row<O: Debug + PartialEq + 'static>(
    name: &'static str,
    observe: fn(Setting) -> O,
    expected: [(&'static str, O); 2],
) -> Row {
    Row::new(name, move || {
        let [(_, first), (_, second)] = &expected;
        assert_ne!(first, second, "{name}: a row shows a difference");
        for (value, expected) in &expected {
            assert_eq!(observe(Setting { name, value }), *expected, "{name} = {value}");
        }
    })
}

/// A row for what chance has a part in.
pub(super) fn row_within(
    name: &'static str,
    observe: fn(Setting) -> u64,
    expected: [(&'static str, RangeInclusive<u64>); 2],
) -> Row {
    Row::new(name, move || {
        let [(_, first), (_, second)] = &expected;
        let apart = first.end() < second.start() || second.end() < first.start();
        assert!(apart, "{name}: a row shows a difference");
        for (value, expected) in &expected {
            let seen = observe(Setting { name, value });
            assert!(expected.contains(&seen), "{name} = {value}: {seen}, not {expected:?}");
        }
    })
}

/// Every row of a table holds; tells all of those that do not.
pub(super) fn show(rows: Vec<Row>) {
    let mut wrong = Vec::new();
    for row in rows {
        let shown = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| (row.show)()));
        if shown.is_err() {
            wrong.push(row.name);
        }
    }
    assert!(wrong.is_empty(), "without the effect that they are to have: {wrong:?}");
}

/// Sends until the producer is connected to every broker.
pub(super) fn warm_up(world: &mut World, producer: Producer) {
    for _ in 0..6 {
        let _ = world.deliver(producer, TOPIC).expect("all is well");
    }
}

pub(super) fn pass(world: &mut World, time: Duration) {
    world.run_for(time).expect("no rule is broken");
}

/// All brokers misbehave like this.
pub(super) fn all_misbehave(world: &mut World, fault: &Fault) {
    for broker in BROKERS {
        world.misbehave(broker, fault.clone());
    }
}

/// How many sends all brokers have been asked for, batches counted once.
pub(super) fn requests(world: &mut World) -> u64 {
    count(world, SEND_MESSAGE_V2)
}

/// How often all brokers have got this request code.
pub(super) fn count(world: &mut World, code: i32) -> u64 {
    BROKER_NAMES.map(|name| world.cluster().broker(name).requests(code)).iter().sum()
}

/// How often the name servers were asked for the topic's route.
pub(super) fn queries(world: &mut World) -> u64 {
    [0, 1].map(|index| world.cluster().name_server(index).queries(TOPIC)).iter().sum()
}

/// How many attempts a send has made in the end.
pub(super) fn attempts(result: &Result<SendReceipt, SendError>) -> usize {
    match result {
        Ok(receipt) => receipt.attempts as usize,
        Err(error) => error.attempts().len(),
    }
}

/// How long it takes until a send is over, rounded to 10 ms.
pub(super) fn time_of(world: &mut World, send: SendId) -> u64 {
    let begun = world.elapsed();
    let _ = world.answer(send);
    rounded(world.elapsed() - begun)
}

/// How long it takes until something holds, rounded to 10 ms.
pub(super) fn time_until(world: &mut World, holds: impl FnMut(&mut World) -> bool) -> u64 {
    let begun = world.elapsed();
    let held = world.run_until(Duration::from_secs(120), holds).expect("no rule is broken");
    assert!(held, "it never came to hold");
    rounded(world.elapsed() - begun)
}

/// Milliseconds, to the nearest ten: less is the network's.
pub(super) fn rounded(time: Duration) -> u64 {
    (time.as_millis() as u64 + 5) / 10 * 10
}
