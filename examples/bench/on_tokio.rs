//! The producer on tokio.

use std::{sync::Arc, time::Instant};

use rocketmq_producer::tokio::Producer;
use tokio::{runtime::Builder, task::JoinSet};

use crate::{
    args::{Plan, Runtime},
    error::Error,
    load::Load,
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
        let _receipt = producer.send(plan.message()).await.map_err(Box::new)?;
        let first_send = started.elapsed();

        carry(&Load::new(plan, plan.warmup), &producer).await;
        let measurement = Measurement::begin(plan);
        carry(measurement.load(), &producer).await;
        let outcome = measurement.end(first_send);

        producer.shutdown().await?;
        Ok(outcome)
    })
}

/// One task for every send that may await its answer.
async fn carry(load: &Arc<Load>, producer: &Producer) {
    let mut senders = JoinSet::new();
    for number in load.senders() {
        let (load, producer) = (Arc::clone(load), producer.clone());
        senders.spawn(async move {
            load.work(number, |message| producer.send(message)).await;
        });
    }
    senders.join_all().await;
}
