//! The command line, and the plan made of it.

use std::{env, fmt, time::Duration};

use bytes::Bytes;
use clap::{Parser, Subcommand, ValueEnum};
use rocketmq_producer::{Message, ProducerConfig};

use crate::{error::Error, floor, load::body};

/// Sends messages as fast as it can, or at a fixed rate, and shows throughput, latency, CPU and
/// memory.
#[derive(Debug, Parser)]
#[command(name = "bench", args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    /// What drives the producer
    #[arg(long, value_enum, default_value_t = Runtime::Tokio)]
    runtime: Runtime,
    /// How messages are sent [default: async, with blocking and mio sync]
    #[arg(long, value_enum)]
    mode: Option<Mode>,
    /// Name servers, `host:port;host:port` [default: NAMESRV_ADDR, or a null server of its own]
    #[arg(long, value_name = "ADDR", conflicts_with = "null")]
    namesrv: Option<String>,
    /// Use a null server, whatever NAMESRV_ADDR says: stores nothing, answers at once
    #[arg(long)]
    null: bool,
    /// The topic
    #[arg(long, default_value = "BenchTopic")]
    topic: String,
    /// Bytes in a body
    #[arg(long, value_name = "BYTES", default_value_t = 1024)]
    size: usize,
    /// With sync: threads or tasks, each of which waits for its answer
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = at_least_one)]
    threads: usize,
    /// With async: sends that may await their answers
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = at_least_one)]
    window: usize,
    /// With smol: threads that run the executor
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = at_least_one)]
    executors: usize,
    /// Messages to measure
    #[arg(long, value_name = "N", default_value_t = 200_000,
        value_parser = clap::value_parser!(u64).range(1..))]
    count: u64,
    /// Messages to send before that, which do not count
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    warmup: u64,
    /// Send so many messages a second, and measure each from the instant it was due (give or take
    /// the 0.1 ms that the operating system needs to wake the clock's thread)
    #[arg(long, value_name = "PER_SECOND", value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// The producer group
    #[arg(long, default_value = "BENCH_PG")]
    group: String,
    /// Print one line of JSON and nothing else
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Be the null server: print the address, serve until standard input ends
    #[command(hide = true)]
    NullServer,
    /// Alternate the floor and every runtime against one null server, and print ratios
    #[command(hide = true)]
    Compare(CompareArgs),
}

/// How to compare.
#[derive(Debug, Parser)]
pub(crate) struct CompareArgs {
    /// How messages are sent
    #[arg(long, value_enum, default_value_t = Mode::Async)]
    pub(crate) mode: Mode,
    /// How often each runtime runs, each time after a run of the floor
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = at_least_one)]
    pub(crate) rounds: usize,
    /// Messages in a run; the async floor, being so much faster, sends five times as many
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    pub(crate) count: u64,
    /// Further options of every run, as `-- --size 4096 --window 64`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) rest: Vec<String>,
}

/// What drives the producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Runtime {
    /// tokio, two worker threads
    Tokio,
    /// tokio, everything on one thread
    TokioCurrent,
    /// smol, one executor thread unless told otherwise
    Smol,
    /// No async runtime: a thread for each connection
    Blocking,
    /// No async runtime: one thread polls all connections
    Mio,
    /// No producer: ready-made frames over raw sockets, to a null server
    Floor,
}

/// How messages are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// `--threads` senders, each of which waits for its answer
    Sync,
    /// At most `--window` sends that await their answers
    Async,
}

/// A run that can be carried out.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) runtime: Runtime,
    pub(crate) mode: Mode,
    pub(crate) namesrv: String,
    pub(crate) topic: String,
    pub(crate) group: String,
    pub(crate) threads: usize,
    pub(crate) window: usize,
    pub(crate) executors: usize,
    pub(crate) count: u64,
    pub(crate) warmup: u64,
    pub(crate) rate: Option<u32>,
    pub(crate) json: bool,
    pub(crate) body: Bytes,
}

impl Args {
    /// The cluster to send to; none when a null server is to be started.
    pub(crate) fn name_servers(&self) -> Option<String> {
        let from_env = || env::var("NAMESRV_ADDR").ok().filter(|address| !address.is_empty());
        if self.null { None } else { self.namesrv.clone().or_else(from_env) }
    }
}

impl Plan {
    /// Checks what the options mean together.
    pub(crate) fn new(args: &Args, namesrv: String) -> Result<Self, Error> {
        let runtime = args.runtime;
        let mode = args.mode.unwrap_or(match runtime {
            Runtime::Blocking | Runtime::Mio => Mode::Sync,
            _ => Mode::Async,
        });
        if matches!((runtime, mode), (Runtime::Blocking | Runtime::Mio, Mode::Async)) {
            let why = "its send blocks until the answer is there; use --mode sync --threads N";
            return Err(Error::NoSuchMode { runtime, mode, why });
        }
        if runtime != Runtime::Smol && args.executors > 1 {
            let (option, why) = ("--executors", "only smol's executor is run by threads of ours");
            return Err(Error::NoSuchOption { option, runtime, why });
        }
        if runtime == Runtime::Floor && args.rate.is_some() {
            let (option, why) = ("--rate", "the floor is as fast as it can be");
            return Err(Error::NoSuchOption { option, runtime, why });
        }
        if runtime == Runtime::Floor && mode == Mode::Async && args.window > floor::WINDOW_MAX {
            return Err(Error::FloorWindow { window: args.window, max: floor::WINDOW_MAX });
        }
        Ok(Self {
            runtime,
            mode,
            namesrv,
            topic: args.topic.clone(),
            group: args.group.clone(),
            threads: args.threads,
            window: args.window,
            executors: args.executors,
            count: args.count,
            warmup: args.warmup,
            rate: args.rate,
            json: args.json,
            body: body(args.size),
        })
    }

    /// How many senders wait for an answer each.
    pub(crate) fn senders(&self) -> usize {
        match self.mode {
            Mode::Sync => self.threads,
            Mode::Async => self.window,
        }
    }

    /// No retries: a failure is to be seen, not mended.
    pub(crate) fn config(&self) -> ProducerConfig {
        let config = ProducerConfig::new(&self.group, &self.namesrv)
            .with_retry(0)
            .with_timeout(Duration::from_secs(10));
        let size_max = config.max_message_size.max(self.body.len());
        config.with_max_message_size(size_max)
    }

    /// A message to clone for every send.
    pub(crate) fn message(&self) -> Message {
        Message::new(self.topic.clone(), self.body.clone())
    }
}

impl fmt::Display for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tokio => "tokio",
            Self::TokioCurrent => "tokio-current",
            Self::Smol => "smol",
            Self::Blocking => "blocking",
            Self::Mio => "mio",
            Self::Floor => "floor",
        })
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sync => "sync",
            Self::Async => "async",
        })
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("it must be at least 1".to_owned()),
        Ok(number) => Ok(number),
        Err(error) => Err(format!("{error}")),
    }
}
