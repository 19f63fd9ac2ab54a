//! The null server's process.

use std::{
    env,
    io::{self, BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use crate::{error::Error, null_server::NullServerArgs};

/// This program once more, as a null server, so that its CPU and memory are not the client's.
///
/// Dropped, also by a panic, it kills the process; killed itself, it takes the process along, since
/// that serves only until its standard input ends.
#[derive(Debug)]
pub(crate) struct NullServer {
    process: Child,
    address: String,
}

impl NullServer {
    pub(crate) fn start(args: &NullServerArgs) -> Result<Self, Error> {
        Self::spawn(args).map_err(Error::NullServer)
    }

    fn spawn(args: &NullServerArgs) -> io::Result<Self> {
        let process = Command::new(env::current_exe()?)
            .args(["null-server", "--brokers", &args.brokers.to_string()])
            .args(args.silent.then_some("--silent"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        // From here on every way out ends the process.
        let mut server = Self { process, address: String::new() };
        if let Some(stdout) = &mut server.process.stdout {
            BufReader::new(stdout).read_line(&mut server.address)?;
        }
        server.address.truncate(server.address.trim_end().len());
        match server.address.is_empty() {
            true => Err(io::Error::other("it ended before it said where it listens")),
            false => Ok(server),
        }
    }

    /// Its name server, which is its broker as well.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for NullServer {
    fn drop(&mut self) {
        // It may have ended by itself, which is what is wanted.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
