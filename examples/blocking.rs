//! The quick start of the README on `blocking`.

use rocketmq_producer::{Message, ProducerConfig, blocking::Producer};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let producer = Producer::new(ProducerConfig::new("orders", "127.0.0.1:9876"))?;
    producer.start()?;

    let message = Message::new("TopicTest", "hello").with_tags("a").with_key("k1");
    match producer.send(message) {
        Ok(receipt) => println!("{} is stored in {}", receipt.message_id, receipt.message_queue),
        Err(error) => eprintln!("{error:#}"),
    }

    producer.shutdown()?;
    Ok(())
}
