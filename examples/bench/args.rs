//! The command line, and the plan made of it.

use std::{env, fmt, path::PathBuf, time::Duration};

use bytes::Bytes;
use bytestring::ByteString;
use clap::{Parser, Subcommand, ValueEnum};
use rocketmq_producer::{Message, ProducerConfig};

use crate::{
    child::Kind,
    compare::Which,
    error::Error,
    load::{body, topics},
    null_server::NullServerArgs,
};

/// Requests under way, unless told otherwise.
const WINDOW: usize = 256;
/// As many messages, in batches of the usual size.
const BATCH_WINDOW: usize = 8;
/// More than a message's properties take, and what else a batch says of it.
const PROPERTIES_MAX: usize = 512;

/// Sends messages as fast as it can, or at a fixed rate, and shows throughput, latency, CPU and
/// memory.
///
/// One command line serves all modes: what another mode has use for has no effect.
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
    /// Name servers, `host:port;host:port` [default: NAMESRV_ADDR, or those of an embedded cluster,
    /// which keeps all messages in its memory]
    #[arg(long, value_name = "ADDR", conflicts_with = "null")]
    namesrv: Option<String>,
    /// Use a null server, whatever NAMESRV_ADDR says: it stores nothing, and answers at once. The
    /// floor always does, unless told where there is one
    #[arg(long)]
    null: bool,
    /// Brokers of the null server
    #[arg(long, value_name = "N", default_value_t = 1, requires = "null",
        value_parser = clap::value_parser!(u16).range(1..))]
    brokers: u16,
    /// The topic
    #[arg(long, default_value = "BenchTopic")]
    topic: String,
    /// Topics to send to in turn: the topic itself, then others with `-1`, `-2`, … behind its name
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = at_least_one)]
    topics: usize,
    /// Bytes in a body
    #[arg(long, value_name = "BYTES", default_value_t = 1024)]
    size: usize,
    /// With sync, and in every mode where a send blocks: threads or tasks, each of which waits for
    /// its send to be over before it makes the next one
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = at_least_one)]
    threads: usize,
    /// Requests under way at one time. With async: sends that await their answers; with oneway:
    /// sends whose bytes the socket has not taken yet; with batch: batches that await their answers
    /// [default: 256, with batch 8]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    window: Option<usize>,
    /// With batch: messages in each
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = at_least_one)]
    batch: usize,
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
    /// the 0.1 ms that the operating system needs to wake the clock's thread); a batch is due when
    /// its first message is
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
    /// Be the embedded cluster: print the name servers, serve until standard input ends
    Cluster,
    /// Be the null server: print the address, serve until standard input ends
    NullServer(NullServerArgs),
    /// Alternate the floor and every runtime against one null server, and print ratios
    Compare(CompareArgs),
    /// Show what a message costs with more in flight, brokers, topics and bytes
    Scale(ScaleArgs),
}

/// How to compare.
#[derive(Debug, Parser)]
pub(crate) struct CompareArgs {
    /// What to compare
    #[arg(long = "mode", value_enum, default_value_t = Which::All)]
    pub(crate) which: Which,
    /// How often each runtime runs, each time after a run of the floor
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = at_least_one)]
    pub(crate) rounds: usize,
    /// Messages in a run, of which the floor, being so much faster, may send several times as many
    /// [default: enough for some seconds]
    #[arg(long, value_name = "N")]
    pub(crate) count: Option<u64>,
    /// Further options of every run, as `-- --size 4096 --window 64`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) rest: Vec<String>,
}

/// How to scale.
#[derive(Debug, Parser)]
pub(crate) struct ScaleArgs {
    /// What drives the producer
    #[arg(long, value_enum, default_value_t = Runtime::Tokio)]
    pub(crate) runtime: Runtime,
    /// How often each point is measured
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = at_least_one)]
    pub(crate) rounds: usize,
    /// Where the picture goes
    #[arg(long, value_name = "FILE", default_value = "scale.svg")]
    pub(crate) plot: PathBuf,
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
    /// Messages that are not answered: each is over when the socket has taken it, and all are when
    /// brokers have answered a message that comes behind them
    Oneway,
    /// Batches of `--batch` messages; counts and rates are of messages
    Batch,
}

/// A run that can be carried out.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) runtime: Runtime,
    pub(crate) mode: Mode,
    pub(crate) namesrv: String,
    /// Shared by all messages without counting references, as the body is.
    pub(crate) topics: &'static [ByteString],
    pub(crate) group: String,
    pub(crate) threads: usize,
    pub(crate) window: usize,
    pub(crate) batch: usize,
    pub(crate) executors: usize,
    pub(crate) count: u64,
    pub(crate) warmup: u64,
    pub(crate) rate: Option<u32>,
    pub(crate) json: bool,
    pub(crate) body: Bytes,
}

impl Args {
    /// The cluster to send to, if there is one.
    pub(crate) fn name_servers(&self) -> Option<String> {
        let from_env = || env::var("NAMESRV_ADDR").ok().filter(|address| !address.is_empty());
        let null = self.null || self.runtime == Runtime::Floor;
        self.namesrv.clone().or_else(|| if null { None } else { from_env() })
    }

    /// The server to be started, if there is none.
    pub(crate) fn server(&self) -> Kind {
        match self.null || self.runtime == Runtime::Floor {
            true => Kind::Null(NullServerArgs { brokers: self.brokers, silent: false }),
            false => Kind::Cluster,
        }
    }
}

impl Plan {
    /// Checks what the options mean together.
    pub(crate) fn new(args: &Args, namesrv: String) -> Result<Self, Error> {
        let runtime = args.runtime;
        let mode = args.mode.unwrap_or(if runtime.blocks() { Mode::Sync } else { Mode::Async });
        if runtime.blocks() && mode == Mode::Async {
            let why = "its send blocks until the answer is there; use --mode sync --threads N";
            return Err(Error::NoSuchMode { runtime, mode, why });
        }
        if runtime != Runtime::Smol && args.executors > 1 {
            let (option, why) = ("--executors", "only smol's executor is run by threads of ours");
            return Err(Error::NoSuchOption { option, runtime, why });
        }
        if runtime == Runtime::Floor && args.topics > 1 {
            let (option, why) = ("--topics", "its frames are ready-made, for one topic");
            return Err(Error::NoSuchOption { option, runtime, why });
        }
        let window_default = if mode == Mode::Batch { BATCH_WINDOW } else { WINDOW };
        Ok(Self {
            runtime,
            mode,
            namesrv,
            topics: topics(&args.topic, args.topics),
            group: args.group.clone(),
            threads: args.threads,
            window: args.window.unwrap_or(window_default),
            batch: if mode == Mode::Batch { args.batch } else { 1 },
            executors: args.executors,
            count: args.count,
            warmup: args.warmup,
            rate: args.rate,
            json: args.json,
            body: body(args.size),
        })
    }

    /// How many senders there are, each of which has one request under way.
    pub(crate) fn senders(&self) -> usize {
        if self.has_window() { self.window } else { self.threads }
    }

    /// True when requests are limited by the window, not by the threads that make them.
    pub(crate) fn has_window(&self) -> bool {
        self.mode != Mode::Sync && !self.runtime.blocks()
    }

    /// No retries: a failure is to be seen, not mended. No compression, and no limit that the plan
    /// itself would meet.
    pub(crate) fn config(&self) -> ProducerConfig {
        let config = ProducerConfig::new(&self.group, &self.namesrv)
            .with_retry(0)
            .with_timeout(Duration::from_secs(10))
            .with_trace_message(false)
            .with_compress_msg_body_over_howmuch(self.body.len() + 1);
        let (senders, request) = (self.senders(), (self.body.len() + PROPERTIES_MAX) * self.batch);
        let size_max = config.max_message_size.max(request);
        let bytes_max = config.in_flight_bytes_max.max(request * senders);
        let sends_max = config.async_send_semaphore.max(senders);
        let calls_max = config.connection_in_flight_max.max(senders);
        config
            .with_max_message_size(size_max)
            .with_in_flight_bytes_max(bytes_max)
            .with_async_send_semaphore(sends_max)
            .with_connection_in_flight_max(calls_max)
    }

    /// The message with this number.
    pub(crate) fn message(&self, number: u64) -> Message {
        let topic = &self.topics[(number % self.topics.len() as u64) as usize];
        Message::new(topic.clone(), self.body.clone())
    }
}

impl Runtime {
    /// True when a send holds its thread until it is over.
    fn blocks(self) -> bool {
        matches!(self, Self::Blocking | Self::Mio)
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
            Self::Oneway => "oneway",
            Self::Batch => "batch",
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
