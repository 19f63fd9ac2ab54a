//! Why a cluster could not be started, steered or read: who failed, at what, and its last words.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use super::version::Version;

/// Why a real cluster could not be started or steered.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// Maven is needed to fetch the servers and could not be run.
    #[error(
        "cannot run `mvn` to fetch RocketMQ {version}: {source}; install Maven, or set \
         ROCKETMQ_JARS to a folder that already holds rocketmq-{version}"
    )]
    MavenMissing {
        /// The release that was to be fetched.
        version: Version,
        /// What the operating system said.
        source: io::Error,
    },

    /// Java is needed to run the servers and could not be run.
    #[error("cannot run `{program}`: {source}; install a JRE or set JAVA_HOME")]
    JavaMissing {
        /// The program that was tried.
        program: String,
        /// What the operating system said.
        source: io::Error,
    },

    /// Maven ran but did not bring the jars.
    #[error("mvn could not fetch RocketMQ {version} in {attempts} attempt(s); it said:\n{output}")]
    Fetch {
        /// The release that was to be fetched.
        version: Version,
        /// How often it was tried.
        attempts: u32,
        /// The end of Maven's output.
        output: String,
    },

    /// A file, folder or process could not be handled.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was being done, as a verb phrase.
        action: &'static str,
        /// To what.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },

    /// No ports could be found for the servers.
    #[error("found no {wanted} free in {tried} places on 127.0.0.1")]
    NoFreePort {
        /// What was looked for.
        wanted: &'static str,
        /// How many places were looked at.
        tried: u32,
    },

    /// Another process took a port between its choice and its use.
    #[error("{who} found one of its ports taken; the end of its log:\n{log}")]
    PortTaken {
        /// The server, `namesrv` or the broker's name.
        who: String,
        /// The end of its output.
        log: String,
    },

    /// A server ended although nobody asked it to.
    #[error("{who} ended with {status}; the end of its log:\n{log}")]
    Exited {
        /// The server, `namesrv` or the broker's name.
        who: String,
        /// How it ended.
        status: ExitStatus,
        /// The end of its output.
        log: String,
    },

    /// A server runs but did not answer in time.
    #[error("{who} was not ready within {} s: {missing}; the end of its log:\n{log}", limit.as_secs())]
    NotReady {
        /// The server, `namesrv` or the broker's name.
        who: String,
        /// How long it was waited for.
        limit: Duration,
        /// What it still failed to do.
        missing: String,
        /// The end of its output.
        log: String,
    },

    /// The cluster has no broker of that name.
    #[error("the cluster has no broker named `{0}`")]
    UnknownBroker(String),
}

impl LaunchError {
    /// Turns an I/O error into one that says what was done to which file.
    pub(super) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> LaunchError {
        let path = path.into();
        move |source| LaunchError::Io { action, path, source }
    }
}

/// Why the Java consumer has not read a topic.
#[derive(Debug, thiserror::Error)]
pub enum ConsumeError {
    /// Java could not be started, or one of its files could not be handled.
    #[error(transparent)]
    Launch(#[from] LaunchError),

    /// The Java program gave up: there is no such topic, a broker did not answer, or the client
    /// could not decode a message.
    #[error("the Java consumer of `{topic}` ended with {status}; the end of its output:\n{output}")]
    Failed {
        /// The topic.
        topic: String,
        /// How the program ended.
        status: ExitStatus,
        /// The end of its output, the exception among it.
        output: String,
    },

    /// The Java program was killed because it took too long.
    #[error(
        "the Java consumer of `{topic}` was not done within {} s; the end of its output:\n{output}",
        limit.as_secs()
    )]
    TimedOut {
        /// The topic.
        topic: String,
        /// How long it was waited for.
        limit: Duration,
        /// The end of its output.
        output: String,
    },

    /// The Java program ended well but left bytes that are no messages.
    #[error("the Java consumer of `{topic}` has written bytes that are no messages: {reason}")]
    Malformed {
        /// The topic.
        topic: String,
        /// What is wrong with them.
        reason: String,
    },
}

/// Why the Java producer has not sent what it was to send.
#[derive(Debug, thiserror::Error)]
pub enum ProduceError {
    /// Java could not be started, or one of its files could not be handled.
    #[error(transparent)]
    Launch(#[from] LaunchError),

    /// The Java program gave up: a broker refused a message, or did not ask about a transaction.
    #[error("the Java producer ended with {status}; the end of its output:\n{output}")]
    Failed {
        /// How the program ended.
        status: ExitStatus,
        /// The end of its output, the exception among it.
        output: String,
    },

    /// The Java program was killed because it took too long.
    #[error(
        "the Java producer was not done within {} s; the end of its output:\n{output}",
        limit.as_secs()
    )]
    TimedOut {
        /// How long it was waited for.
        limit: Duration,
        /// The end of its output.
        output: String,
    },
}

/// A version text that names no release the launcher knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no RocketMQ {0} here, only {known}", known = known_versions())]
pub struct UnknownVersion(pub(super) String);

fn known_versions() -> String {
    Version::ALL.map(Version::as_str).join(", ")
}
