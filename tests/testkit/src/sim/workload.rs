//! Random traffic: what applications do with their producers.

use std::time::Duration;

use fastrand::Rng;
use rocketmq_producer_core::{
    codec::SerializeType,
    model::{BatchSplitType, CompressionType, Message, ProducerConfig, RoutingStrategy},
};

use super::{
    peers::{Producer, TOPIC},
    transactions::Work,
    world::{Happening, World},
};

/// See the module.
#[derive(Debug)]
pub(super) struct Workload {
    rng: Rng,
    going: bool,
    /// So many more sends come one right after the other.
    rush: u32,
    /// Topics that have been made up so far.
    fresh: u32,
}

impl Workload {
    pub(super) fn new(rng: Rng) -> Self {
        Self { rng, going: false, rush: 0, fresh: 0 }
    }
}

impl World {
    /// A configuration drawn from the seed.
    #[must_use]
    pub fn any_config(&mut self) -> ProducerConfig {
        let config = self.config();
        let rng = &mut self.workload.rng;
        let millis = |rng: &mut Rng, range| Duration::from_millis(rng.u64(range));
        let config = match rng.u8(..3) {
            0 => config,
            1 => config.with_timeout(millis(rng, 200..2_000)),
            _ => config.with_timeout(millis(rng, 2_000..10_000)),
        };
        let config = match rng.u8(..4) {
            0 => config.with_connection_in_flight_max(rng.usize(1..8)),
            1 => config.with_connection_queue_bytes_max(rng.usize(1..20_000)),
            _ => config,
        };
        let config = match rng.u8(..4) {
            0 => config.with_retry(0),
            1 => config.with_retry(rng.u32(1..6)),
            2 => config.with_retry_unknown(false),
            _ => config,
        };
        let config = match rng.u8(..4) {
            0 => config.with_serialize_type(SerializeType::Json),
            1 => config.with_attempt_timeout_min(millis(rng, 50..1_000)),
            2 => config.with_shutdown_timeout(millis(rng, 0..3_000)),
            _ => config,
        };
        let config = match rng.u8(..8) {
            0 => config.with_async_send_semaphore(rng.usize(1..20)),
            1 => config.with_in_flight_bytes_max(rng.usize(300_000..1_000_000)),
            2 => config.with_send_latency_enable(true),
            3 => config.with_routing_strategy(RoutingStrategy::Random),
            4 => config.with_routing_strategy(RoutingStrategy::MessageHash),
            5 => config.with_retry_another_broker_when_not_store_ok(true),
            6 => config.with_strict_order(true),
            _ => config,
        };
        let config = match rng.u8(..8) {
            0 => config.with_heartbeat_broker_interval(millis(rng, 1_000..10_000)),
            1 => config.with_auto_create_topic(false),
            2 => config.with_route_timeout(millis(rng, 500..60_000)),
            _ => config,
        };
        let config = match rng.u8(..8) {
            0..4 => {
                let types = [CompressionType::Zlib, CompressionType::Lz4, CompressionType::Zstd];
                let config = config.with_compress_type(types[rng.usize(..3)]);
                config.with_compress_msg_body_over_howmuch(rng.usize(1..5_000))
            }
            4 => config.with_batch_split_type(BatchSplitType::ByCount),
            5 => config.with_max_message_size(rng.usize(300_000..400_000)),
            _ => config,
        };
        let config = match rng.u8(..4) {
            0 => config.with_auto_batch(true).with_batch_linger(millis(rng, 1..200)),
            _ => config,
        };
        match rng.u8(..8) {
            0 => config.with_transaction_timeout(millis(rng, 1_000..20_000)),
            1 => config.with_check_concurrency(rng.usize(2..5)),
            2 => config.with_check_queue_max(rng.usize(4..20)),
            3 => config.with_final_states_max(rng.usize(200..400)),
            4 => config.with_final_states_kept(millis(rng, 30_000..90_000)),
            _ => config,
        }
    }

    /// From now on a producer sends at random, is shut down and started again now and then.
    pub fn let_traffic_flow(&mut self, producer: Producer) {
        self.workload.going = true;
        self.agenda.add(self.now, Happening::Traffic(producer));
    }

    /// No more random sends begin.
    pub fn stop_traffic(&mut self) {
        self.workload.going = false;
    }

    pub(super) fn go_on_with_traffic(&mut self, producer: Producer) {
        if !self.workload.going {
            return;
        }
        match self.workload.rng.u16(..600) {
            0 => {
                let burst = self.workload.rng.u32(..50);
                (0..burst).for_each(|_| self.send_something(producer));
                self.shut_down(producer);
                self.strike_soon();
            }
            1..6 | 100..160 => self.start(producer),
            15..17 => {
                let burst = self.workload.rng.u32(10..40);
                for _ in 0..burst {
                    let size = self.workload.rng.usize(20_000..100_000);
                    self.send_with(producer, TOPIC, size, |message| message);
                }
                self.strike_soon();
            }
            6..9 => self.workload.rush = self.workload.rng.u32(50..300),
            9..15 => {
                let burst = self.workload.rng.u32(20..200);
                (0..burst).for_each(|_| self.send_something(producer));
                self.strike_soon();
            }
            _ => self.send_something(producer),
        }
        let hurried = self.workload.rush > 0;
        self.workload.rush = self.workload.rush.saturating_sub(1);
        let pause = match self.workload.rng.u8(..16) {
            _ if hurried => self.workload.rng.u64(..30),
            0 => self.workload.rng.u64(1_000..20_000),
            _ => self.workload.rng.u64(..1_500),
        };
        self.agenda.add(self.now + Duration::from_millis(pause), Happening::Traffic(producer));
    }

    fn send_something(&mut self, producer: Producer) {
        let rng = &mut self.workload.rng;
        let topic = match rng.u8(..40) {
            0 => {
                self.workload.fresh += 1;
                format!("fresh-{}", self.workload.fresh)
            }
            1 if self.workload.fresh > 0 => {
                format!("fresh-{}", rng.u32(1..=self.workload.fresh))
            }
            _ => TOPIC.to_owned(),
        };
        let size = match rng.u8(..64) {
            0 => rng.usize(10_000..300_000),
            1..8 => rng.usize(1_000..6_000),
            _ => rng.usize(1..200),
        };
        let key = (rng.u8(..8) == 0).then(|| format!("key-{}", rng.u8(..5)));
        let patience = (rng.u8(..16) == 0).then(|| Duration::from_micros(rng.u64(..50_000)));
        let work = any_work(rng);
        let sizes: Vec<_> = (0..rng.usize(1..40)).map(|_| rng.usize(1..300)).collect();
        let (way, later) = (rng.u8(..32), any_delay(rng));
        let transactional = self.producers[producer.0].transactional;
        let dress = |message: Message| match &key {
            Some(key) => message.with_sharding_key(key.clone()),
            None => message,
        };
        let send = match way {
            0..2 => self.try_send(producer, &topic, dress),
            2..6 => {
                let keys = ["a", "b", "c"].iter().cycle().take(sizes.len());
                let mut keys = keys.filter(|_| key.is_some());
                let dress = |message: Message| match keys.next() {
                    Some(key) => message.with_sharding_key(*key),
                    None => message,
                };
                let batch = self.send_batch(producer, &topic, &sizes, way == 2, dress);
                self.strike_soon();
                batch[0]
            }
            6..8 => self.send_oneway(producer, &topic, dress),
            8 => self.send_with(producer, &topic, size, later),
            9..16 if transactional => self.transact(producer, &topic, work),
            _ => self.send_with(producer, &topic, size, dress),
        };
        if let Some(patience) = patience {
            self.agenda.add(self.now + patience, Happening::Drop(send));
        }
    }
}

/// What an application does in a transaction.
fn any_work(rng: &mut Rng) -> Work {
    let millis = |rng: &mut Rng, at_most| Duration::from_millis(rng.u64(..at_most));
    Work {
        takes: match rng.u8(..8) {
            0 => millis(rng, 30_000),
            1..5 => millis(rng, 500),
            _ => Duration::ZERO,
        },
        commits: rng.u8(..3) > 0,
        is_silent: rng.u8(..4) == 0,
        asked: if rng.u8(..16) == 0 { millis(rng, 5_000) } else { millis(rng, 50) },
    }
}

/// A way to have a message delivered later.
fn any_delay(rng: &mut Rng) -> impl FnOnce(Message) -> Message + use<> {
    let (way, level, delay) =
        (rng.u8(..2), rng.u8(1..4), Duration::from_millis(rng.u64(1..15_000)));
    move |message| match way {
        0 => message.with_delay_level(level),
        _ => message.with_delay_for(delay),
    }
}
