//! Waits until a server really serves.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use super::error::LaunchError;
use super::process::Process;

const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// What both servers print after they have bound their ports. Without it an answer might be
/// another process's, met on a port that our server is about to find taken.
const BOOTED: &str = "boot success";

/// What a server prints whose port is taken. A broker may need many seconds to end after it.
const PORT_TAKEN: &str = "BindException";

/// By when a server must be ready.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    whole: Duration,
    deadline: Instant,
}

impl Limit {
    pub(super) fn from_now(whole: Duration) -> Limit {
        Limit { whole, deadline: Instant::now() + whole }
    }
}

/// Waits until the server `who` has booted and `probe` finds nothing missing.
pub(super) fn wait(
    who: &str,
    process: &mut Process,
    limit: Limit,
    probe: impl Fn() -> io::Result<()>,
) -> Result<(), LaunchError> {
    loop {
        // Looked at before the output, so that the output of an ended process is complete.
        let exited = process.exit_status();
        let output = process.output();
        if output.contains(PORT_TAKEN) {
            return Err(LaunchError::PortTaken { who: who.to_owned(), log: process.output_tail() });
        }
        if let Some(status) = exited {
            let log = process.output_tail();
            return Err(LaunchError::Exited { who: who.to_owned(), status, log });
        }

        let missing = if output.contains(BOOTED) {
            match probe() {
                Ok(()) => return Ok(()),
                Err(error) => error.to_string(),
            }
        } else {
            format!("it has not said `{BOOTED}`")
        };
        if Instant::now() >= limit.deadline {
            let (who, log) = (who.to_owned(), process.output_tail());
            return Err(LaunchError::NotReady { who, limit: limit.whole, missing, log });
        }
        thread::sleep(POLL_INTERVAL);
    }
}
