//! What is compared with what, and what is aimed at.

use std::fmt;

use clap::ValueEnum;

use crate::args::{Mode, Runtime};

/// A part of the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Which {
    All,
    Async,
    Sync,
    Batch,
    Oneway,
    /// At a fixed rate
    Latency,
}

impl Which {
    pub(super) fn includes(self, other: Self) -> bool {
        self == Self::All || self == other
    }
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::All => "all",
            Self::Async => "async",
            Self::Sync => "sync",
            Self::Batch => "batch",
            Self::Oneway => "oneway",
            Self::Latency => "latency",
        })
    }
}

/// Runtimes that do the same as the floor.
pub(super) struct Contest {
    pub(super) which: Which,
    pub(super) title: &'static str,
    pub(super) mode: Mode,
    /// Messages in a run.
    pub(super) count: u64,
    /// The floor's run has to last long enough to be measured: so many times the messages.
    pub(super) floor_times: u64,
    pub(super) entrants: &'static [Entrant],
}

/// A runtime, and its targets as multiples of the floor's figures.
pub(super) struct Entrant {
    pub(super) runtime: Runtime,
    pub(super) throughput_min: f64,
    pub(super) cpu_max: f64,
}

impl Entrant {
    const fn new(runtime: Runtime, throughput_min: f64, cpu_max: f64) -> Self {
        Self { runtime, throughput_min, cpu_max }
    }
}

pub(super) const CONTESTS: &[Contest] = &[
    Contest {
        which: Which::Async,
        title: "One connection, a window of 256 (`--mode async`)",
        mode: Mode::Async,
        count: 1_000_000,
        floor_times: 5,
        entrants: &[
            Entrant::new(Runtime::TokioCurrent, 0.55, 2.0),
            Entrant::new(Runtime::Tokio, 0.40, 3.0),
            Entrant::new(Runtime::Smol, 0.50, 2.2),
        ],
    },
    Contest {
        which: Which::Sync,
        title: "64 senders that each wait for their answer (`--mode sync`); the floor has 64 sockets",
        mode: Mode::Sync,
        count: 400_000,
        floor_times: 1,
        entrants: &[
            Entrant::new(Runtime::Tokio, 4.0, 0.25),
            Entrant::new(Runtime::Blocking, 1.5, 0.8),
            Entrant::new(Runtime::Mio, 2.0, 0.6),
        ],
    },
    Contest {
        which: Which::Batch,
        title: "Batches of 32, 8 of them under way (`--mode batch`)",
        mode: Mode::Batch,
        count: 2_000_000,
        floor_times: 3,
        entrants: &[Entrant::new(Runtime::Tokio, 0.80, 2.0)],
    },
    Contest {
        which: Which::Oneway,
        title: "One-way messages, a window of 256 (`--mode oneway`)",
        mode: Mode::Oneway,
        count: 1_000_000,
        floor_times: 5,
        entrants: &[Entrant::new(Runtime::Tokio, 0.50, 3.0)],
    },
];

/// How long messages take where there is no hurry.
pub(super) struct Latency {
    pub(super) runtime: Runtime,
    pub(super) mode: Mode,
    /// Messages in the run that finds out how fast it can be.
    pub(super) count: u64,
    /// As a multiple of the floor's.
    pub(super) p99_max: f64,
}

pub(super) const LATENCY: Latency =
    Latency { runtime: Runtime::Tokio, mode: Mode::Async, count: 1_000_000, p99_max: 2.0 };

/// Of every run: peak memory, and the time from the producer's making to the first acknowledged
/// message.
pub(super) const MEMORY_MIB_MAX: f64 = 12.0;
pub(super) const FIRST_SEND_MS_MAX: f64 = 5.0;
