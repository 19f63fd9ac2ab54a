//! The process of a server that the load generator brings along.

use std::{
    env,
    io::{self, BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
};

use rocketmq_producer_testkit::serve::EmbeddedCluster;

use crate::{error::Error, null_server::NullServerArgs};

/// What there is to send to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// The embedded cluster, which keeps what it is sent.
    Cluster,
    Null(NullServerArgs),
}

/// This program once more, as a server, so that its CPU and memory are not the client's.
///
/// Dropped, also by a panic, it kills the process; killed itself, it takes the process along, since
/// that serves only until its standard input ends.
#[derive(Debug)]
pub(crate) struct Server {
    process: Child,
    address: String,
}

impl Server {
    pub(crate) fn start(kind: Kind) -> Result<Self, Error> {
        Self::spawn(kind).map_err(Error::Server)
    }

    fn spawn(kind: Kind) -> io::Result<Self> {
        let mut command = Command::new(env::current_exe()?);
        match kind {
            Kind::Cluster => command.arg("cluster"),
            Kind::Null(NullServerArgs { brokers, silent }) => command
                .args(["null-server", "--brokers", &brokers.to_string()])
                .args(silent.then_some("--silent")),
        };
        let process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
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

    /// Its name servers.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}

/// Is the embedded cluster: prints the name servers, then serves until standard input ends.
pub(crate) fn serve_cluster() -> io::Result<()> {
    let cluster = EmbeddedCluster::start();
    println!("{}", cluster.namesrv_addr());
    io::stdin().read_to_end(&mut Vec::new()).map(drop)
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself, which is what is wanted.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
