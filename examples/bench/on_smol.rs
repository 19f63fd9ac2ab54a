//! The producer on smol.

use std::{future::pending, sync::Arc, thread, time::Instant};

use rocketmq_producer::smol::Producer;
use smol::Executor;

use crate::{
    args::{Mode, Plan},
    error::Error,
    load::{self, Load},
    measure::{Measurement, Outcome},
};

/// This thread runs the executor and waits for its sockets; `--executors` adds further ones.
pub(crate) fn run(plan: &Plan) -> Result<Outcome, Error> {
    let executor = Arc::new(Executor::new());
    for _ in 1..plan.executors {
        let executor = Arc::clone(&executor);
        // Ends with the process.
        thread::spawn(move || smol::block_on(executor.run(pending::<()>())));
    }
    smol::block_on(executor.run(send(plan, &executor)))
}

async fn send(plan: &Plan, executor: &Arc<Executor<'static>>) -> Result<Outcome, Error> {
    let started = Instant::now();
    let producer = Producer::with_executor(plan.config(), executor)?;
    producer.start().await?;
    let _receipt = producer.send(plan.message(0)).await.map_err(Box::new)?;
    let first_send = started.elapsed();

    carry(&Load::new(plan, plan.warmup), &producer, executor).await?;
    let measurement = Measurement::begin(plan);
    carry(measurement.load(), &producer, executor).await?;
    let outcome = measurement.end(first_send);

    producer.shutdown().await?;
    Ok(outcome)
}

/// One task for every request that may be under way.
async fn carry(
    load: &Arc<Load>,
    producer: &Producer,
    executor: &Executor<'static>,
) -> Result<(), Error> {
    let senders = load.senders();
    let senders =
        senders.map(|number| executor.spawn(work(Arc::clone(load), number, producer.clone())));
    for sender in senders.collect::<Vec<_>>() {
        sender.await;
    }
    for (message, options) in load.last_words(|topic| producer.publish_queues(topic)) {
        let _receipt = producer.send_with(message, options).await.map_err(Box::new)?;
    }
    load::nothing_in_doubt(producer.oneway_stats())
}

async fn work(load: Arc<Load>, number: usize, producer: Producer) {
    match load.mode() {
        Mode::Sync | Mode::Async => load.work(number, |message| producer.send(message)).await,
        Mode::Oneway => load.work(number, |message| producer.oneway(message)).await,
        Mode::Batch => load.work_in_batches(number, |batch| producer.send_batch(batch)).await,
    }
}
