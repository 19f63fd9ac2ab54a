//! Sends without an answer: each returns once the connection's socket has taken its bytes, and nobody
//! says whether a broker has stored them. For what may be lost: metrics, traces, hints.
//!
//! ```text
//! cargo run --example oneway
//! NAMESRV_ADDR=127.0.0.1:9876 cargo run --example oneway -- --count 1000
//! ```

#[path = "common/cluster.rs"]
mod cluster;

use std::{
    collections::BTreeSet,
    error::Error,
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::Parser;
use cluster::{Cluster, wait_until};
use rocketmq_producer::{Message, SendError, blocking::Producer};
use rocketmq_producer_testkit::ReadError;

/// How long the messages get to arrive.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends one-way messages to RocketMQ.
#[derive(Parser)]
struct Args {
    /// How many messages to send, half of them one by one, half of them as a batch.
    #[arg(long, default_value_t = 200)]
    count: u32,
    /// The topic; brokers create it unless told otherwise.
    #[arg(long, default_value = "OnewayExample")]
    topic: String,
    /// Tells this run's messages from those of others.
    #[arg(skip = fastrand::u64(..))]
    run: u64,
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
    println!("sending one-way to {} at {cluster}", args.topic);
    let producer = Producer::new(cluster.config("oneway-example"))?;
    producer.start()?;

    // The first goes with an answer: from here on the topic is there.
    let _ = producer.send(message(args, 0))?;

    let half = args.count / 2;
    let started = Instant::now();
    let one_by_one: Vec<_> =
        (1..=half).map(|number| producer.oneway(message(args, number))).collect();
    report("one by one", one_by_one, started)?;

    let started = Instant::now();
    let batch = (half + 1..=args.count).map(|number| message(args, number)).collect();
    report("as a batch", producer.oneway_batch(batch), started)?;

    // Here somebody does say: the example reads them back.
    let mut arrived = 0;
    let all = args.count as usize;
    wait_until(PATIENCE, || {
        arrived = count_arrived(&cluster, args)?;
        Ok::<_, ReadError>(arrived == all)
    })?;
    let stats = producer.oneway_stats();
    println!("  {:>4} handed over to sockets", stats.handed_over);
    println!("  {:>4} requests in doubt: their connection ended too soon", stats.requests_in_doubt);
    println!("  {arrived:>4} arrived");
    producer.shutdown()?;
    if arrived < all { Err(format!("{} messages were lost", all - arrived).into()) } else { Ok(()) }
}

fn message(args: &Args, number: u32) -> Message {
    Message::new(args.topic.clone(), format!("run {:x}, measurement {number}", args.run))
}

/// Only what never reached a socket is an error.
fn report(
    how: &str,
    results: Vec<Result<(), SendError>>,
    started: Instant,
) -> Result<(), Box<dyn Error>> {
    let took = started.elapsed();
    println!(
        "  {:>4} sent {how} in {took:.2?}",
        results.iter().filter(|sent| sent.is_ok()).count()
    );
    match results.into_iter().find_map(Result::err) {
        Some(error) => Err(error.into()),
        None => Ok(()),
    }
}

fn count_arrived(cluster: &Cluster, args: &Args) -> Result<usize, ReadError> {
    let ours: BTreeSet<_> =
        (1..=args.count).map(|number| message(args, number).body().clone()).collect();
    let stored = cluster.stored(&args.topic)?;
    let arrived: BTreeSet<_> = stored.into_iter().map(|stored| stored.body).collect();
    Ok(arrived.intersection(&ours).count())
}
