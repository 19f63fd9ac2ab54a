//! Runs a real RocketMQ cluster until it is told to stop.
//!
//! ```text
//! cargo run -p rocketmq-producer-testkit --bin cluster -- 5.5.0
//! ```
//!
//! prints `export NAMESRV_ADDR=127.0.0.1:port` when the cluster answers, and ends it on Ctrl-C or
//! SIGTERM.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use clap::Parser;
use rocketmq_producer_testkit::real::{RealCluster, Version};

/// How often the servers are looked after.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Runs a real RocketMQ cluster on free ports of 127.0.0.1 until Ctrl-C.
#[derive(Debug, Parser)]
#[command(name = "cluster")]
struct Arguments {
    /// The RocketMQ release, 5.5.0 or 4.9.5
    version: Version,

    /// The number of brokers, named broker-a, broker-b and so on
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=26))]
    brokers: u8,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let (stop, stopped) = channel();
    ctrlc::set_handler(move || {
        // Nobody listens any more when the cluster is being ended already.
        let _ = stop.send(());
    })?;

    let started = RealCluster::builder(arguments.version)
        .brokers(arguments.brokers.into())
        .on_progress(|step| eprintln!("{step}"))
        .start();
    // A terminal sends Ctrl-C to the servers too, so a start that was interrupted has failed.
    let mut cluster = match started {
        Err(_) if stopped.try_recv().is_ok() => return Ok(()),
        result => result?,
    };
    announce(&cluster)?;
    let outcome = watch(&mut cluster, &stopped);
    eprintln!("stopping");
    drop(cluster);
    outcome
}

fn announce(cluster: &RealCluster) -> io::Result<()> {
    let mut stdout = io::stdout();
    writeln!(stdout, "export NAMESRV_ADDR={}", cluster.namesrv_addr())?;
    stdout.flush()?;
    eprintln!("Ctrl-C, or `kill {}`, stops the cluster and removes its files", std::process::id());
    Ok(())
}

/// Returns when the cluster is to be stopped; fails when one of its servers has ended.
fn watch(cluster: &mut RealCluster, stopped: &Receiver<()>) -> Result<(), Box<dyn Error>> {
    loop {
        match stopped.recv_timeout(CHECK_INTERVAL) {
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
            Err(RecvTimeoutError::Timeout) => {}
        }
        // The servers get a terminal's Ctrl-C as well and may be gone before it is reported here.
        if let Err(error) = cluster.check() {
            return if stopped.try_recv().is_ok() { Ok(()) } else { Err(error.into()) };
        }
    }
}
