//! Clusters and configurations that scenarios share.

use std::{
    thread,
    time::{Duration, Instant},
};

use rocketmq_producer::{Message, ProducerConfig};
use rocketmq_producer_testkit::{
    model::{ModelCluster, Node},
    serve::EmbeddedCluster,
};

/// Request code of a goodbye.
pub(crate) const UNREGISTER_CLIENT: i32 = 35;

/// More than any deadline can be late on a busy machine.
pub(crate) const SLACK: Duration = Duration::from_secs(2);

pub(crate) fn one_broker() -> EmbeddedCluster {
    EmbeddedCluster::start()
}

pub(crate) fn two_brokers() -> EmbeddedCluster {
    EmbeddedCluster::serve(ModelCluster::new(1, ["broker-a", "broker-b"]))
}

pub(crate) fn broker_a() -> Node {
    Node::Broker("broker-a".to_owned())
}

pub(crate) fn broker_b() -> Node {
    Node::Broker("broker-b".to_owned())
}

pub(crate) fn name_server(index: usize) -> Node {
    Node::NameServer(index)
}

/// A configuration for this cluster, with a deadline that leaves room on a busy machine. Bodies take
/// as many bytes as they have.
pub(crate) fn config(cluster: &EmbeddedCluster) -> ProducerConfig {
    ProducerConfig::new("contract", cluster.namesrv_addr())
        .with_timeout(Duration::from_secs(10))
        .with_compress_msg_body_over_howmuch(usize::MAX)
}

pub(crate) fn message(body: &str) -> Message {
    Message::new("Contract", body.to_owned())
}

/// Waits until something holds; says what, when it does not come to hold.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < until, "never came to hold: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Makes every scenario a test of every runtime.
macro_rules! on_every_runtime {
    ($($scenario:ident),+ $(,)?) => {
        mod blocking {
            $(#[test] fn $scenario() { super::$scenario::<crate::subject::Blocking>(); })+
        }
        mod mio {
            $(#[test] fn $scenario() { super::$scenario::<crate::subject::Mio>(); })+
        }
        mod smol {
            $(#[test] fn $scenario() { super::$scenario::<crate::subject::Smol>(); })+
        }
        mod tokio {
            $(#[test] fn $scenario() { super::$scenario::<crate::subject::Tokio>(); })+
        }
    };
}
pub(crate) use on_every_runtime;
