//! What sockets alone take: ready-made frames, only the opaque patched, nothing decoded.
//!
//! The same bytes travel as with the producer, in the same window, in large writes and reads. What
//! a producer needs beyond this is its own.
//!
//! * `sync`: a blocking socket and a thread for each sender, one request at a time.
//! * `async`, `batch`: one thread and one non-blocking socket, the window full.
//! * `oneway`: the same, with nothing to read but the answer to one last message, which says that
//!   everything before it has been read.

mod connection;
mod frame;
mod stream;

use std::{thread, time::Instant};

use crate::{
    args::{Mode, Plan},
    error::Error,
    load::Load,
    measure::{Measurement, Outcome},
};

use connection::Connection;
use stream::Stream;

pub(crate) fn run(plan: &Plan) -> Result<Outcome, Error> {
    let started = Instant::now();
    let first = Connection::open(plan)?;
    let first_send = started.elapsed();
    let mut connections = vec![first];
    if plan.mode == Mode::Sync {
        for _ in 1..plan.threads {
            connections.push(Connection::open(plan)?);
        }
    }
    // A stream looks at the clock itself.
    let rate = plan.rate.filter(|_| plan.mode == Mode::Sync);
    let scheduled = Plan { rate, ..plan.clone() };
    carry(plan, &Load::new(&scheduled, plan.warmup), &mut connections, plan.warmup)?;
    let measurement = Measurement::begin(&scheduled);
    carry(plan, measurement.load(), &mut connections, plan.count)?;
    Ok(measurement.end(first_send))
}

fn carry(
    plan: &Plan,
    load: &Load,
    connections: &mut [Connection],
    count: u64,
) -> Result<(), Error> {
    match (plan.mode, connections) {
        (Mode::Sync, connections) => thread::scope(|scope| {
            let threads = connections.iter_mut().enumerate();
            let threads = threads.map(|(number, connection)| {
                scope.spawn(move || connection.one_by_one(number, load))
            });
            let threads: Vec<_> = threads.collect();
            threads.into_iter().try_for_each(|thread| match thread.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            })
        })?,
        (_, [connection, ..]) => Stream::new(plan, connection, load, count).run()?,
        (_, []) => {}
    }
    Ok(())
}
