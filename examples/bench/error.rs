//! Why a run gave no figures.

use std::io;

use rocketmq_producer::{ConfigError, SendError, ShutdownError, StartError};
use rocketmq_producer_core::codec::CodecError;

use crate::args::{Mode, Runtime};

/// What can go wrong, apart from single messages, which are counted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("--runtime {runtime} has no --mode {mode}: {why}")]
    NoSuchMode { runtime: Runtime, mode: Mode, why: &'static str },
    #[error("{option} has no effect with --runtime {runtime}: {why}")]
    NoSuchOption { option: &'static str, runtime: Runtime, why: &'static str },
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("a message before or behind all others was not acknowledged: {0}")]
    Acknowledged(#[from] Box<SendError>),
    #[error("the connection ended, and {0} one-way requests may be lost with it")]
    InDoubt(u64),
    #[error("at the end: {0}")]
    Shutdown(#[from] ShutdownError),
    #[error("the server: {0}")]
    Server(io::Error),
    #[error("the picture: {0}")]
    Plot(io::Error),
    #[error("no runtime: {0}")]
    Runtime(io::Error),
    #[error("raw socket: {0}")]
    Floor(#[from] io::Error),
    #[error("raw frame: {0}")]
    Frame(#[from] CodecError),
    #[error("{address} answered a raw send with code {code}: the floor needs the null server")]
    NotNullServer { address: String, code: i32 },
    #[error("{runtime} gave no figures: {why}")]
    NoFigures { runtime: Runtime, why: String },
}
