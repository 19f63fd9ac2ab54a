//! How large futures are: they are moved into tasks, and live in them.

use rocketmq_producer::{Message, ProducerConfig, smol, tokio};

const SEND_MAX: usize = 448;

#[test]
fn a_send_is_a_small_future() {
    let (config, message) = (ProducerConfig::default(), Message::new("Budgets", "x"));
    let on_tokio = tokio::Producer::new(config.clone()).unwrap();
    let on_smol = smol::Producer::new(config).unwrap();
    let sizes = [
        ("tokio", size_of_val(&on_tokio.send(message.clone()))),
        ("smol", size_of_val(&on_smol.send(message))),
    ];
    for (runtime, size) in sizes {
        println!("a send's future on {runtime}: {size} bytes");
        assert!(size <= SEND_MAX, "{runtime}: {size} bytes, at most {SEND_MAX}");
    }
}
