//! Messages that are delivered later: by delay level, after a time of the caller's choice, and at a
//! time of day. The last two need brokers from 5.0 on; to older ones they are not sent at all.
//!
//! ```text
//! cargo run --example delay
//! cargo run --example delay -- --old      # an embedded broker of 4.x
//! NAMESRV_ADDR=127.0.0.1:9876 cargo run --example delay
//! ```

#[path = "common/cluster.rs"]
mod cluster;

use std::{
    collections::BTreeMap,
    error::Error,
    process::ExitCode,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use clap::Parser;
use cluster::{Cluster, wait_until};
use rocketmq_producer::{Message, SendErrorKind, blocking::Producer};
use rocketmq_producer_testkit::{ReadError, model::Flavour};

/// How long the messages get to arrive.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sends messages to RocketMQ that are delivered later.
#[derive(Parser)]
struct Args {
    /// The topic; brokers create it unless told otherwise.
    #[arg(long, default_value = "DelayExample")]
    topic: String,
    /// Has the embedded broker behave as one of 4.x, which knows delay levels only.
    #[arg(long)]
    old: bool,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let cluster = Cluster::given_or_embedded();
    match cluster.embedded() {
        Some(embedded) if args.old => {
            embedded.model(|model| model.broker("broker-a").set_flavour(Flavour::V4));
        }
        None if args.old => return Err("--old is for the embedded cluster".into()),
        _ => {}
    }
    println!("sending to {} at {cluster}", args.topic);
    let producer = Producer::new(cluster.config("delay-example"))?;
    producer.start()?;

    let to_be_delivered = |when: &str| Message::new(args.topic.clone(), when.to_owned());
    let messages = [
        to_be_delivered("after 1 s, by level 1").with_delay_level(1),
        to_be_delivered("after 3 s").with_delay_for(Duration::from_secs(3)),
        to_be_delivered("at a time 5 s from now")
            .with_deliver_at(SystemTime::now() + Duration::from_secs(5)),
    ];
    let started = SystemTime::now();
    let mut sent = BTreeMap::new();
    for message in messages {
        let when = String::from_utf8_lossy(message.body()).into_owned();
        match producer.send(message) {
            Ok(receipt) => {
                println!("  sent     {when}");
                sent.insert(receipt.message_id, when);
            }
            // Nothing was sent: such a broker would deliver it at once.
            Err(error) if matches!(error.kind(), SendErrorKind::BrokerTooOld { .. }) => {
                println!("  not sent {when}: {}", error.kind());
            }
            Err(error) => return Err(error.into()),
        }
    }

    // What is to be delivered later is seen by nobody until then.
    let all_arrived = wait_until(PATIENCE, || {
        for message in cluster.stored(&args.topic)? {
            if let Some(when) = message.uniq_key().and_then(|id| sent.remove(id)) {
                let stored = Duration::from_millis(message.store_timestamp.try_into().unwrap_or(0));
                let after = (UNIX_EPOCH + stored).duration_since(started).unwrap_or_default();
                println!(
                    "  arrived  {when}: {:.1} s after the first was sent",
                    after.as_secs_f64()
                );
            }
        }
        Ok::<_, ReadError>(sent.is_empty())
    })?;
    producer.shutdown()?;
    if all_arrived {
        Ok(())
    } else {
        Err(format!("not delivered in time: {:?}", sent.values()).into())
    }
}
