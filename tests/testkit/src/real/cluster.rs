//! A running cluster: its addresses, the faults that can be done to it, and its end.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::builder::RealClusterBuilder;
use super::config::Server;
use super::consumed::ConsumedMessage;
use super::consumer;
use super::error::{ConsumeError, LaunchError, ProduceError};
use super::probe;
use super::process::Process;
use super::producer;
use super::progress::{Listener, Progress};
use super::ready::{self, Limit};
use super::version::Version;

/// How long the servers may take to end by themselves. Brokers take up to 20 s, for the sake of
/// files that are about to be removed, so most are killed.
const END_LIMIT: Duration = Duration::from_millis(500);

/// How long a broker may take to be back.
const RESTART_LIMIT: Duration = Duration::from_secs(90);

/// How long reading a topic may take. A second or two are usual, most of them Java's start.
const CONSUME_LIMIT: Duration = Duration::from_secs(60);

/// How long sending with Java may take: a few seconds, and the broker's question about a transaction.
const PRODUCE_LIMIT: Duration = Duration::from_secs(120);

/// One real name server and its brokers, ended and cleaned up when dropped.
#[derive(Debug)]
pub struct RealCluster {
    version: Version,
    jars: PathBuf,
    namesrv: Member,
    brokers: Vec<Member>,
    probe_topic: &'static str,
    home: TempDir,
}

impl RealCluster {
    /// Starts one name server and one broker of `version` and waits until both answer.
    ///
    /// # Errors
    ///
    /// See [`RealClusterBuilder::start`].
    pub fn start(version: Version) -> Result<RealCluster, LaunchError> {
        RealCluster::builder(version).start()
    }

    /// Chooses more than a version before starting.
    pub fn builder(version: Version) -> RealClusterBuilder {
        RealClusterBuilder::new(version)
    }

    pub(super) fn new(
        version: Version,
        jars: PathBuf,
        namesrv: Member,
        brokers: Vec<Member>,
        probe_topic: &'static str,
        home: TempDir,
    ) -> RealCluster {
        RealCluster { version, jars, namesrv, brokers, probe_topic, home }
    }

    /// Starts the name server, then all brokers at once: a broker that finds no name server tries
    /// again only seconds later.
    pub(super) fn start_all(
        &mut self,
        limit: Limit,
        listener: &Listener,
    ) -> Result<(), LaunchError> {
        let (namesrv, topic) = (self.namesrv.addr, self.probe_topic);
        self.namesrv.start(listener)?;
        self.namesrv.wait_ready(limit, |addr| probe::answers_route_request(addr, topic))?;
        for broker in &mut self.brokers {
            broker.start(listener)?;
        }
        for broker in &mut self.brokers {
            broker.wait_ready(limit, |addr| probe_broker(namesrv, topic, addr))?;
        }
        Ok(())
    }

    /// The release that runs.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The name server's address as clients are given it, `127.0.0.1:port`.
    pub fn namesrv_addr(&self) -> String {
        self.namesrv.addr.to_string()
    }

    /// The names of the brokers, `broker-a` first.
    pub fn broker_names(&self) -> impl Iterator<Item = &str> {
        self.brokers.iter().map(Member::name)
    }

    /// Where the broker `name` listens, or did until it was killed.
    pub fn broker_addr(&self, name: &str) -> Option<SocketAddr> {
        self.brokers.iter().find(|broker| broker.name() == name).map(Member::addr)
    }

    /// The process ids of the servers that have not been killed, even if they were asked to end: the name server's, then the
    /// brokers'.
    pub fn pids(&self) -> Vec<u32> {
        self.members().filter_map(|member| member.process.as_ref()).map(Process::id).collect()
    }

    /// The folder with all files of all servers, one folder a server: its output is in
    /// `stdout.log`.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Kills the broker `name` (SIGKILL) and waits until it has ended. Its files stay. The name
    /// server notices the lost connection and forgets the broker.
    ///
    /// # Errors
    ///
    /// When there is no such broker.
    pub fn kill_broker(&mut self, name: &str) -> Result<(), LaunchError> {
        // Dropping a process kills it.
        self.broker_mut(name)?.process = None;
        Ok(())
    }

    /// Asks the broker `name` to end (SIGTERM) and returns at once: how long it takes to leave is
    /// the broker's affair. It is killed, if need be, by [`kill_broker`](Self::kill_broker), by
    /// [`restart_broker`](Self::restart_broker), or with the cluster.
    ///
    /// # Errors
    ///
    /// When there is no such broker.
    pub fn stop_broker(&mut self, name: &str) -> Result<(), LaunchError> {
        let broker = self.broker_mut(name)?;
        if let Some(process) = &mut broker.process {
            process.terminate();
            broker.leaving = true;
        }
        Ok(())
    }

    /// Changes properties of the broker `name` while it runs, `key=value` in lines. The broker
    /// writes them to its configuration file too, so that they outlast a restart.
    ///
    /// # Errors
    ///
    /// When there is no such broker, or it does not take them.
    pub fn configure_broker(&mut self, name: &str, properties: &str) -> Result<(), LaunchError> {
        let addr = self.broker_mut(name)?.addr;
        probe::update_config(addr, properties)
            .map_err(LaunchError::io("configure the broker at", addr.to_string()))
    }

    /// Starts the broker `name` again, on the same port and files, and waits until it answers. It
    /// is killed first if it runs.
    ///
    /// # Errors
    ///
    /// When there is no such broker, or it ends or does not answer in time.
    pub fn restart_broker(&mut self, name: &str) -> Result<(), LaunchError> {
        self.kill_broker(name)?;
        let store = self.home.path().join(name).join("store");
        for folder in ["commitlog", "consumequeue"] {
            remove_unfinished_files(&store.join(folder));
        }
        let limit = Limit::from_now(RESTART_LIMIT);
        let (namesrv, topic) = (self.namesrv.addr, self.probe_topic);
        let broker = self.broker_mut(name)?;
        broker.start(&(Box::new(|_: &Progress| {}) as Listener))?;
        broker.wait_ready(limit, |addr| probe_broker(namesrv, topic, addr))
    }

    /// Reads all of `topic` with RocketMQ's own client of this release: every readable queue, from
    /// its first message to the one that is its last as reading begins. They come by broker, queue
    /// and offset.
    ///
    /// Each call runs a Java program. To wait for messages to appear, ask a
    /// [`Reader`](crate::Reader) first.
    ///
    /// # Errors
    ///
    /// When Java cannot be run, the name server knows no such topic, the client cannot decode every
    /// message, or all that takes more than a minute.
    pub fn consume(&self, topic: &str) -> Result<Vec<ConsumedMessage>, ConsumeError> {
        self.consume_within(topic, CONSUME_LIMIT)
    }

    /// [`consume`](Self::consume) with another limit than a minute.
    ///
    /// # Errors
    ///
    /// Those of [`consume`](Self::consume); [`ConsumeError::TimedOut`] after `limit`.
    pub fn consume_within(
        &self,
        topic: &str,
        limit: Duration,
    ) -> Result<Vec<ConsumedMessage>, ConsumeError> {
        consumer::consume(&self.jars, self.home.path(), self.namesrv.addr, topic, limit)
    }

    /// Sends a message of every kind with RocketMQ's own client of this release, its message trace
    /// switched on, and waits until the trace has been sent: one message that is dressed with tags and
    /// keys, one that is plain, a large one, one by delay level, one by timer, an ordered one, a
    /// one-way one, a batch of three, and three transactions: committed, rolled back, and one that the
    /// broker has to ask about. Each kind has a topic of its own, `<prefix>Dressed` and so on.
    ///
    /// # Errors
    ///
    /// When Java cannot be run, a message cannot be sent, or all that takes more than two minutes.
    pub fn produce_traced(&self, group: &str, prefix: &str) -> Result<(), ProduceError> {
        let (jars, home, namesrv) = (&self.jars, self.home.path(), self.namesrv.addr);
        producer::produce_traced(jars, home, namesrv, group, prefix, PRODUCE_LIMIT)
    }

    /// Checks that no server has ended of itself.
    ///
    /// # Errors
    ///
    /// [`LaunchError::Exited`] for the first one that has.
    pub fn check(&mut self) -> Result<(), LaunchError> {
        let mut members = std::iter::once(&mut self.namesrv).chain(&mut self.brokers);
        members.try_for_each(Member::check)
    }

    fn members(&self) -> impl Iterator<Item = &Member> {
        std::iter::once(&self.namesrv).chain(&self.brokers)
    }

    fn broker_mut(&mut self, name: &str) -> Result<&mut Member, LaunchError> {
        self.brokers
            .iter_mut()
            .find(|broker| broker.name() == name)
            .ok_or_else(|| LaunchError::UnknownBroker(name.to_owned()))
    }
}

impl Drop for RealCluster {
    fn drop(&mut self) {
        let members = std::iter::once(&mut self.namesrv).chain(&mut self.brokers);
        let mut processes: Vec<Process> =
            members.filter_map(|member| member.process.take()).collect();
        for process in &mut processes {
            process.terminate();
        }
        let deadline = Instant::now() + END_LIMIT;
        for process in &mut processes {
            process.wait_until(deadline);
        }
        // Killed here, before the folder they write to is removed.
        drop(processes);
    }
}

/// A server of the cluster, running or killed.
#[derive(Debug)]
pub(super) struct Member {
    server: Server,
    addr: SocketAddr,
    process: Option<Process>,
    /// Asked to end, which is no failure then.
    leaving: bool,
}

impl Member {
    pub(super) fn new(server: Server, addr: SocketAddr) -> Member {
        Member { server, addr, process: None, leaving: false }
    }

    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    fn name(&self) -> &str {
        self.server.name()
    }

    fn start(&mut self, listener: &Listener) -> Result<(), LaunchError> {
        listener(&Progress::Starting { who: self.name().to_owned(), addr: self.addr });
        self.process = Some(self.server.start()?);
        self.leaving = false;
        Ok(())
    }

    fn wait_ready(
        &mut self,
        limit: Limit,
        probe: impl Fn(SocketAddr) -> std::io::Result<()>,
    ) -> Result<(), LaunchError> {
        match &mut self.process {
            Some(process) => ready::wait(self.server.name(), process, limit, || probe(self.addr)),
            None => Ok(()),
        }
    }

    fn check(&mut self) -> Result<(), LaunchError> {
        let Some(process) = &mut self.process else { return Ok(()) };
        match process.exit_status() {
            None => Ok(()),
            Some(_) if self.leaving => Ok(()),
            Some(status) => {
                let (who, log) = (self.server.name().to_owned(), process.output_tail());
                Err(LaunchError::Exited { who, status, log })
            }
        }
    }
}

/// A broker is ready when the name server sends clients to it and it answers them.
fn probe_broker(namesrv: SocketAddr, topic: &str, addr: SocketAddr) -> std::io::Result<()> {
    probe::route_leads_to(namesrv, topic, addr)?;
    probe::answers_heartbeat(addr)
}

/// Does what an operator has to do after a broker was killed while it created a file: the file is
/// there without a length, and the broker refuses to start ("length not matched message store
/// config value, please check it manually"). Nothing was in it.
fn remove_unfinished_files(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.metadata() {
            Ok(file) if file.is_dir() => remove_unfinished_files(&entry.path()),
            // A file that cannot be removed is the broker's to complain about.
            Ok(file) if file.len() == 0 => drop(fs::remove_file(entry.path())),
            _ => {}
        }
    }
}
