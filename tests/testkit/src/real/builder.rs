//! Chooses what a cluster is made of, and starts it.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::artifacts;
use super::cluster::{Member, RealCluster};
use super::config::{self, Properties, Server};
use super::error::LaunchError;
use super::ports;
use super::progress::{Listener, Progress};
use super::ready::Limit;
use super::version::Version;

/// How often a start is repeated when ports turn out to be taken.
const PORT_ATTEMPTS: u32 = 5;

const DEFAULT_READY_LIMIT: Duration = Duration::from_secs(90);

/// Chooses what a [`RealCluster`] is made of.
#[must_use = "nothing runs until `start`"]
pub struct RealClusterBuilder {
    version: Version,
    brokers: usize,
    broker_properties: Properties,
    namesrv_properties: Properties,
    system_properties: Properties,
    ready_limit: Duration,
    listener: Listener,
}

impl RealClusterBuilder {
    pub(super) fn new(version: Version) -> RealClusterBuilder {
        RealClusterBuilder {
            version,
            brokers: 1,
            broker_properties: Vec::new(),
            namesrv_properties: Vec::new(),
            system_properties: Vec::new(),
            ready_limit: DEFAULT_READY_LIMIT,
            listener: Box::new(|_| {}),
        }
    }

    /// How many master brokers there are, named `broker-a`, `broker-b` and so on; 1 unless set.
    ///
    /// # Panics
    ///
    /// If `count` is not between 1 and 26.
    pub fn brokers(mut self, count: usize) -> RealClusterBuilder {
        assert!((1..=26).contains(&count), "a cluster has 1 to 26 brokers, not {count}");
        self.brokers = count;
        self
    }

    /// Adds a line to every broker's `broker.conf`, after the launcher's own: it overrides them.
    pub fn broker_property(mut self, key: &str, value: &str) -> RealClusterBuilder {
        self.broker_properties.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Lets every broker take leave for so long, to the second, when it is asked to end: it answers
    /// whatever comes in with code 1500 (GO_AWAY) before it closes. Brokers since 5.3 can.
    pub fn graceful_shutdown(self, wait: Duration) -> RealClusterBuilder {
        self.broker_property("enableShutdownGracefully", "true")
            .broker_property("shutdownWaitTimeSeconds", &wait.as_secs().to_string())
    }

    /// Lets every broker ask for the outcome of a transaction, for the first time, when its half
    /// message is `timeout` old, and look for such transactions every `interval`; 6 s and 30 s
    /// unless set. Both to the millisecond.
    pub fn transaction_checks(self, timeout: Duration, interval: Duration) -> RealClusterBuilder {
        self.broker_property("transactionTimeOut", &timeout.as_millis().to_string())
            .broker_property("transactionCheckInterval", &interval.as_millis().to_string())
    }

    /// Adds a line to the name server's `namesrv.conf`, after the launcher's own.
    pub fn namesrv_property(mut self, key: &str, value: &str) -> RealClusterBuilder {
        self.namesrv_properties.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Sets a Java system property of every server, for example `rocketmq.serialize.type`.
    pub fn system_property(mut self, key: &str, value: &str) -> RealClusterBuilder {
        self.system_properties.push((key.to_owned(), value.to_owned()));
        self
    }

    /// How long the servers may take until all of them answer; 90 s unless set. Fetching does not
    /// count.
    pub fn ready_within(mut self, limit: Duration) -> RealClusterBuilder {
        self.ready_limit = limit;
        self
    }

    /// Reports the steps of the start.
    pub fn on_progress(
        mut self,
        listener: impl Fn(&Progress) + Send + Sync + 'static,
    ) -> RealClusterBuilder {
        self.listener = Box::new(listener);
        self
    }

    /// Starts the cluster and waits until every server answers.
    ///
    /// # Errors
    ///
    /// When Java or Maven is missing, the jars cannot be fetched, or a server ends or does not
    /// answer in time. Whatever had been started is ended then.
    pub fn start(self) -> Result<RealCluster, LaunchError> {
        config::check_java()?;
        let jars = artifacts::jars(self.version, &self.listener)?;
        let mut attempt = 1;
        loop {
            match self.start_on_new_ports(&jars) {
                Err(LaunchError::PortTaken { who, .. }) if attempt < PORT_ATTEMPTS => {
                    (self.listener)(&Progress::PortTaken { who });
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    fn start_on_new_ports(&self, jars: &Path) -> Result<RealCluster, LaunchError> {
        let begin = Instant::now();
        let limit = Limit::from_now(self.ready_limit);
        let home = temporary_folder()?;

        let namesrv = self.namesrv(jars, &home)?;
        let brokers = (0..self.brokers)
            .map(|index| self.broker(index, namesrv.addr(), jars, &home))
            .collect::<Result<Vec<_>, _>>()?;
        let mut cluster = RealCluster::new(
            self.version,
            jars.to_owned(),
            namesrv,
            brokers,
            self.probe_topic(),
            home,
        );
        cluster.start_all(limit, &self.listener)?;

        (self.listener)(&Progress::Ready { took: begin.elapsed() });
        Ok(cluster)
    }

    fn namesrv(&self, jars: &Path, home: &TempDir) -> Result<Member, LaunchError> {
        let addr = loopback(ports::namesrv()?);
        let home = home.path().join("namesrv");
        Server::namesrv(home, addr, jars, &self.namesrv_properties, &self.system_properties)
            .map(|server| Member::new(server, addr))
    }

    fn broker(
        &self,
        index: usize,
        namesrv: SocketAddr,
        jars: &Path,
        home: &TempDir,
    ) -> Result<Member, LaunchError> {
        let name = broker_name(index);
        let addr = loopback(ports::broker()?);
        let home = home.path().join(&name);
        let (extra, system) = (&self.broker_properties, &self.system_properties);
        Server::broker(&name, home, addr, namesrv, jars, extra, system)
            .map(|server| Member::new(server, addr))
    }

    /// A topic whose route leads to every broker as soon as the broker has registered.
    fn probe_topic(&self) -> &'static str {
        let auto_create =
            self.broker_properties.iter().rev().find(|(key, _)| key == "autoCreateTopicEnable");
        match auto_create {
            // Only brokers that create topics on demand have the template topic.
            Some((_, value)) if value == "false" => "SELF_TEST_TOPIC",
            _ => "TBW102",
        }
    }
}

impl fmt::Debug for RealClusterBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RealClusterBuilder")
            .field("version", &self.version)
            .field("brokers", &self.brokers)
            .field("broker_properties", &self.broker_properties)
            .field("namesrv_properties", &self.namesrv_properties)
            .field("system_properties", &self.system_properties)
            .finish_non_exhaustive()
    }
}

fn temporary_folder() -> Result<TempDir, LaunchError> {
    tempfile::Builder::new()
        .prefix("rocketmq-")
        .tempdir()
        .map_err(LaunchError::io("create a folder in", std::env::temp_dir()))
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

fn broker_name(index: usize) -> String {
    format!("broker-{}", char::from(b'a' + index as u8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brokers_are_lettered() {
        assert_eq!([0, 1, 25].map(broker_name), ["broker-a", "broker-b", "broker-z"]);
    }

    #[test]
    fn transaction_checks_are_told_in_milliseconds() {
        let builder = RealCluster::builder(Version::V5_5_0)
            .transaction_checks(Duration::from_secs(1), Duration::from_millis(2500));
        let own = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        let expected = [("transactionTimeOut", "1000"), ("transactionCheckInterval", "2500")];
        assert_eq!(builder.broker_properties, expected.map(own));
    }

    #[test]
    fn a_cluster_that_creates_no_topics_is_probed_with_one_it_has() {
        let builder = RealCluster::builder(Version::V5_5_0);
        assert_eq!(builder.probe_topic(), "TBW102");
        assert_eq!(
            builder.broker_property("autoCreateTopicEnable", "false").probe_topic(),
            "SELF_TEST_TOPIC"
        );
    }
}
