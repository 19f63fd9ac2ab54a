//! The producer on smol.

use std::{future::pending, sync::Arc, thread, time::Instant};

use rocketmq_producer::smol::Producer;
use smol::Executor;

use crate::{
    args::Plan,
    error::Error,
    load::Load,
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
    let _receipt = producer.send(plan.message()).await.map_err(Box::new)?;
    let first_send = started.elapsed();

    carry(&Load::new(plan, plan.warmup), &producer, executor).await;
    let measurement = Measurement::begin(plan);
    carry(measurement.load(), &producer, executor).await;
    let outcome = measurement.end(first_send);

    producer.shutdown().await?;
    Ok(outcome)
}

/// One task for every send that may await its answer.
async fn carry(load: &Arc<Load>, producer: &Producer, executor: &Executor<'static>) {
    let senders = load.senders().map(|number| {
        let (load, producer) = (Arc::clone(load), producer.clone());
        executor.spawn(async move {
            load.work(number, |message| producer.send(message)).await;
        })
    });
    for sender in senders.collect::<Vec<_>>() {
        sender.await;
    }
}
