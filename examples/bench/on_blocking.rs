//! The producer without any async runtime, on threads or on a poller.

use std::{thread, time::Instant};

use rocketmq_producer::blocking::Producer;

use crate::{
    args::{Plan, Runtime},
    error::Error,
    load::Load,
    measure::{Measurement, Outcome},
};

pub(crate) fn run(plan: &Plan) -> Result<Outcome, Error> {
    let started = Instant::now();
    let producer = match plan.runtime {
        Runtime::Mio => Producer::polled(plan.config()),
        _ => Producer::new(plan.config()),
    }?;
    producer.start()?;
    let _receipt = producer.send(plan.message()).map_err(Box::new)?;
    let first_send = started.elapsed();

    carry(&Load::new(plan, plan.warmup), &producer);
    let measurement = Measurement::begin(plan);
    carry(measurement.load(), &producer);
    let outcome = measurement.end(first_send);

    producer.shutdown()?;
    Ok(outcome)
}

/// One thread for every send that may await its answer.
fn carry(load: &Load, producer: &Producer) {
    thread::scope(|scope| {
        for number in load.senders() {
            scope.spawn(move || load.work_blocking(number, |message| producer.send(message)));
        }
    });
}
