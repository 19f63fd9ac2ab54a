//! What can go wrong at the ends of a producer's life.

use rocketmq_producer_core::model::ConfigError;

/// Why a producer could not be started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The configuration breaks a rule.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The operating system gave no entropy.
    #[error("no entropy to be had from the operating system: {0}")]
    Entropy(String),
    /// There is nothing to run on.
    #[error("{0}")]
    Runtime(String),
}

impl StartError {
    /// The case's stable name, for logs, metrics and alerts.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Config(error) => error.code(),
            Self::Entropy(_) => "no_entropy",
            Self::Runtime(_) => "no_runtime",
        }
    }
}

/// What a shutdown had to cut off. The producer is down all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{unfinished} sends were still in flight when shutdown_timeout ended, and were cut off")]
#[non_exhaustive]
pub struct ShutdownError {
    /// Sends that were answered with an error that says `ShuttingDown`.
    pub unfinished: usize,
}

impl ShutdownError {
    /// Its stable name, for logs, metrics and alerts.
    pub const fn code(&self) -> &'static str {
        "cut_off"
    }
}
