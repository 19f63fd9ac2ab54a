//! The producer on tokio.

use std::{sync::Arc, time::Instant};

use rocketmq_producer::tokio::Producer;
use tokio::{runtime::Builder, task::JoinSet};

use crate::{
    args::{Mode, Plan, Runtime},
    error::Error,
    load::{self, Load},
    measure::{Measurement, Outcome},
};

const WORKERS: usize = 2;

pub(crate) fn run(plan: &Plan) -> Result<Outcome, Error> {
    let mut builder = match plan.runtime {
        Runtime::TokioCurrent => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    let runtime = builder.worker_threads(WORKERS).enable_all().build().map_err(Error::Runtime)?;
    runtime.block_on(async {
        let started = Instant::now();
        let producer = Producer::new(plan.config())?;
        producer.start().await?;
        let _receipt = producer.send(plan.message(0)).await.map_err(Box::new)?;
        let first_send = started.elapsed();

        carry(&Load::new(plan, plan.warmup), &producer).await?;
        let measurement = Measurement::begin(plan);
        carry(measurement.load(), &producer).await?;
        let outcome = measurement.end(first_send);

        producer.shutdown().await?;
        Ok(outcome)
    })
}

/// One task for every request that may be under way.
async fn carry(load: &Arc<Load>, producer: &Producer) -> Result<(), Error> {
    let mut senders = JoinSet::new();
    for number in load.senders() {
        senders.spawn(work(Arc::clone(load), number, producer.clone()));
    }
    senders.join_all().await;
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
