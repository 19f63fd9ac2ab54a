//! Runs RocketMQ's own client as a producer whose sends are traced.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use super::error::ProduceError;
use super::program::{Ended, Program};

/// Sends a message of every kind with the client in `jars`. All files are in a folder within `home`,
/// which is gone afterwards.
pub(super) fn produce_traced(
    jars: &Path,
    home: &Path,
    namesrv: SocketAddr,
    group: &str,
    prefix: &str,
    limit: Duration,
) -> Result<(), ProduceError> {
    let program = Program::new(home, "Produce.java", include_str!("Produce.java"))?;
    let arguments = [&*namesrv.to_string(), group, prefix];
    match program.run(jars, &arguments, limit)? {
        Ended::Well => Ok(()),
        Ended::Badly(status, output) => Err(ProduceError::Failed { status, output }),
        Ended::Late(output) => Err(ProduceError::TimedOut { limit, output }),
    }
}
