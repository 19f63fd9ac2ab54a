//! The producer without any async runtime, on threads or on a poller.

use std::{thread, time::Instant};

use rocketmq_producer::blocking::Producer;

use crate::{
    args::{Mode, Plan, Runtime},
    error::Error,
    load::{self, Load},
    measure::{Measurement, Outcome},
};

pub(crate) fn run(plan: &Plan) -> Result<Outcome, Error> {
    let started = Instant::now();
    let producer = match plan.runtime {
        Runtime::Mio => Producer::polled(plan.config()),
        _ => Producer::new(plan.config()),
    }?;
    producer.start()?;
    let _receipt = producer.send(plan.message(0)).map_err(Box::new)?;
    let first_send = started.elapsed();

    carry(&Load::new(plan, plan.warmup), &producer)?;
    let measurement = Measurement::begin(plan);
    carry(measurement.load(), &producer)?;
    let outcome = measurement.end(first_send);

    producer.shutdown()?;
    Ok(outcome)
}

/// One thread for every request that may be under way.
fn carry(load: &Load, producer: &Producer) -> Result<(), Error> {
    thread::scope(|scope| {
        for number in load.senders() {
            scope.spawn(move || work(load, number, producer));
        }
    });
    for (message, options) in load.last_words(|topic| producer.publish_queues(topic)) {
        let _receipt = producer.send_with(message, options).map_err(Box::new)?;
    }
    load::nothing_in_doubt(producer.oneway_stats())
}

fn work(load: &Load, number: usize, producer: &Producer) {
    match load.mode() {
        Mode::Sync | Mode::Async => load.work_blocking(number, |message| producer.send(message)),
        Mode::Oneway => load.work_blocking(number, |message| producer.oneway(message)),
        Mode::Batch => {
            load.work_blocking_in_batches(number, |batch| producer.send_batch(batch));
        }
    }
}
