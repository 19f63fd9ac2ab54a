//! Sends messages and shows their receipts.
//!
//! Without `NAMESRV_ADDR` it brings a cluster along, inside this process; with it, it talks to that
//! one.

#[path = "common/cluster.rs"]
mod cluster;

use std::{error::Error, process::ExitCode, time::Instant};

use clap::{Parser, ValueEnum};
use cluster::Cluster;
use rocketmq_producer::{Message, ProducerConfig, SendError, SendReceipt};

/// Sends messages to RocketMQ and prints each receipt.
#[derive(Parser)]
struct Args {
    /// What drives the producer.
    #[arg(long, value_enum, default_value_t = Runtime::Blocking)]
    runtime: Runtime,
    /// How many messages to send.
    #[arg(long, default_value_t = 10)]
    count: u32,
    /// The topic; brokers create it unless told otherwise.
    #[arg(long, default_value = "QuickStart")]
    topic: String,
}

#[derive(Clone, Copy, ValueEnum)]
enum Runtime {
    Tokio,
    Smol,
    Blocking,
    Mio,
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
    println!("sending {} messages to {} at {cluster}", args.count, args.topic);

    let config = cluster.config("quickstart");
    let mut summary = Summary::new();
    match args.runtime {
        Runtime::Blocking => blocking(config, args, &mut summary)?,
        Runtime::Mio => mio(config, args, &mut summary)?,
        Runtime::Smol => smol(config, args, &mut summary)?,
        Runtime::Tokio => tokio(config, args, &mut summary)?,
    }
    summary.print()
}

fn message(args: &Args, number: u32) -> Message {
    Message::new(args.topic.clone(), format!("hello, number {number}"))
        .with_tags("quickstart")
        .with_key(format!("key-{number}"))
}

#[cfg(feature = "blocking")]
fn blocking(
    config: ProducerConfig,
    args: &Args,
    summary: &mut Summary,
) -> Result<(), Box<dyn Error>> {
    on_threads(&rocketmq_producer::blocking::Producer::new(config)?, args, summary)
}

#[cfg(feature = "mio")]
fn mio(config: ProducerConfig, args: &Args, summary: &mut Summary) -> Result<(), Box<dyn Error>> {
    on_threads(&rocketmq_producer::blocking::Producer::polled(config)?, args, summary)
}

#[cfg(feature = "blocking")]
fn on_threads(
    producer: &rocketmq_producer::blocking::Producer,
    args: &Args,
    summary: &mut Summary,
) -> Result<(), Box<dyn Error>> {
    producer.start()?;
    for number in 1..=args.count {
        summary.add(number, producer.send(message(args, number)));
    }
    producer.shutdown()?;
    Ok(())
}

#[cfg(feature = "smol")]
fn smol(config: ProducerConfig, args: &Args, summary: &mut Summary) -> Result<(), Box<dyn Error>> {
    smol::block_on(async {
        let producer = rocketmq_producer::smol::Producer::new(config)?;
        producer.start().await?;
        for number in 1..=args.count {
            summary.add(number, producer.send(message(args, number)).await);
        }
        producer.shutdown().await?;
        Ok(())
    })
}

#[cfg(feature = "tokio")]
fn tokio(config: ProducerConfig, args: &Args, summary: &mut Summary) -> Result<(), Box<dyn Error>> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let producer = rocketmq_producer::tokio::Producer::new(config)?;
        producer.start().await?;
        for number in 1..=args.count {
            summary.add(number, producer.send(message(args, number)).await);
        }
        producer.shutdown().await?;
        Ok(())
    })
}

/// Stands in for a runtime that is not compiled in.
macro_rules! missing {
    ($($feature:literal $name:ident),+) => {
        $(#[cfg(not(feature = $feature))]
        fn $name(_: ProducerConfig, _: &Args, _: &mut Summary) -> Result<(), Box<dyn Error>> {
            Err(concat!(
                "this program was built without the feature `", $feature,
                "`: run it with `--features ", $feature, "`"
            ).into())
        })+
    };
}
missing!("blocking" blocking, "mio" mio, "smol" smol, "tokio" tokio);

/// What became of the messages.
struct Summary {
    started: Instant,
    acknowledged: u32,
    failed: u32,
}

impl Summary {
    fn new() -> Self {
        Self { started: Instant::now(), acknowledged: 0, failed: 0 }
    }

    fn add(&mut self, number: u32, sent: Result<SendReceipt, SendError>) {
        match sent {
            Ok(receipt) => {
                self.acknowledged += 1;
                println!(
                    "{number:>4}  {}  {} offset {}  {:?}",
                    receipt.message_id, receipt.message_queue, receipt.queue_offset, receipt.status
                );
            }
            Err(error) => {
                self.failed += 1;
                println!("{number:>4}  {error:#}");
            }
        }
    }

    fn print(&self) -> Result<(), Box<dyn Error>> {
        let Self { started, acknowledged, failed } = self;
        println!("{acknowledged} acknowledged, {failed} failed in {:.2?}", started.elapsed());
        if *failed > 0 {
            Err(format!("{failed} messages were not acknowledged").into())
        } else {
            Ok(())
        }
    }
}
