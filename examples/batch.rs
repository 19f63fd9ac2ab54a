//! Many messages in few requests: first in batches of the caller's, then in those that a producer
//! gathers by itself from messages that are sent one by one.
//!
//! ```text
//! cargo run --example batch
//! NAMESRV_ADDR=127.0.0.1:9876 cargo run --example batch -- --count 1000
//! ```

#[path = "common/cluster.rs"]
mod cluster;

use std::{
    collections::BTreeMap, error::Error, panic::resume_unwind, process::ExitCode, thread,
    time::Instant,
};

use clap::Parser;
use cluster::Cluster;
use rocketmq_producer::{
    InvalidMessage, Message, SendError, SendErrorKind, SendReceipt, blocking::Producer,
};

/// Threads that send one by one while the producer gathers.
const SENDERS: u32 = 32;
/// The request code of sends, as the embedded cluster counts them.
const SEND: i32 = 310;

/// Sends batches to RocketMQ.
#[derive(Parser)]
struct Args {
    /// How many messages to send, each way.
    #[arg(long, default_value_t = 300)]
    count: u32,
    /// The topic; brokers create it unless told otherwise.
    #[arg(long, default_value = "BatchExample")]
    topic: String,
    /// Prints what has become of each message.
    #[arg(long)]
    each: bool,
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
    println!("sending to {} at {cluster}", args.topic);

    let producer = Producer::new(cluster.config("batch-example"))?;
    producer.start()?;
    println!("\na batch");
    let messages = (1..=args.count).map(|number| message(args, number)).collect();
    report(&cluster, args, || producer.send_batch(messages))?;

    println!("\na batch with a message that cannot be in one");
    one_does_not_fit(&producer, args)?;
    producer.shutdown()?;

    println!("\none by one, from {SENDERS} threads, gathered by the producer");
    let producer = Producer::new(cluster.config("batch-example").with_auto_batch(true))?;
    producer.start()?;
    report(&cluster, args, || one_by_one(&producer, args))?;
    producer.shutdown()?;
    Ok(())
}

/// Every third belongs to a customer, whose messages stay in their order.
fn message(args: &Args, number: u32) -> Message {
    let message = Message::new(args.topic.clone(), format!("number {number}"));
    match number % 3 {
        0 => message.with_sharding_key(format!("customer-{}", number % 5)),
        _ => message,
    }
}

/// No message is sent: the error of each says which one is to blame, and gives its own back.
fn one_does_not_fit(producer: &Producer, args: &Args) -> Result<(), Box<dyn Error>> {
    let mut messages: Vec<_> = (1..=5).map(|number| message(args, number)).collect();
    messages[3] = Message::new(args.topic.clone(), "a second late").with_delay_level(1);
    let errors: Vec<_> =
        producer.send_batch(messages).into_iter().filter_map(Result::err).collect();
    let Some(first) = errors.first() else { return Err("the batch was accepted".into()) };
    println!("  all {} fail: {first}", errors.len());
    let &SendErrorKind::InvalidMessage(InvalidMessage::InBatch { index, .. }) = first.kind() else {
        return Err("the error does not say which message is to blame".into());
    };
    let mut messages: Vec<_> = errors.into_iter().map(SendError::into_message).collect();
    let _ = producer.send(messages.remove(index))?;
    for sent in producer.send_batch(messages) {
        let _ = sent?;
    }
    println!("  number {index}, counted from zero, went alone, the others without it");
    Ok(())
}

fn one_by_one(producer: &Producer, args: &Args) -> Vec<Result<SendReceipt, SendError>> {
    let share = |sender| (1..=args.count).filter(move |number| number % SENDERS == sender);
    let send_share = |sender| -> Vec<_> {
        share(sender).map(|number| producer.send(message(args, number))).collect()
    };
    thread::scope(|scope| {
        let senders: Vec<_> =
            (0..SENDERS).map(|sender| scope.spawn(move || send_share(sender))).collect();
        senders
            .into_iter()
            .flat_map(|sender| sender.join().unwrap_or_else(|panic| resume_unwind(panic)))
            .collect()
    })
}

/// Sends, then tells what has become of the messages: each has a result of its own.
fn report(
    cluster: &Cluster,
    args: &Args,
    send: impl FnOnce() -> Vec<Result<SendReceipt, SendError>>,
) -> Result<(), Box<dyn Error>> {
    let requests =
        || Some(cluster.embedded()?.model(|model| model.broker("broker-a").requests(SEND)));
    let (before, started) = (requests(), Instant::now());
    let results = send();
    let took = started.elapsed();
    let mut queues = BTreeMap::<_, u32>::new();
    for result in &results {
        match result {
            Ok(SendReceipt { message_id, message_queue, queue_offset, .. }) => {
                *queues.entry(message_queue).or_default() += 1;
                if args.each {
                    println!("  {message_id}  {message_queue} offset {queue_offset}");
                }
            }
            Err(error) => println!("  {error:#}"),
        }
    }
    for (queue, messages) in &queues {
        println!("  {queue}  {messages:>4} messages");
    }
    let stored = queues.values().sum::<u32>();
    print!("  {stored} messages in {} queues after {took:.2?}", queues.len());
    match before.zip(requests()) {
        Some((before, after)) => println!(", by {} requests", after - before),
        None => println!(),
    }
    match args.count - stored {
        0 => Ok(()),
        failed => Err(format!("{failed} messages were not acknowledged").into()),
    }
}
