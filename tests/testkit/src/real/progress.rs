//! What a start is doing, for those who wait for it.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::version::Version;

/// A step of a starting cluster; its `Display` is one line for a person.
#[derive(Debug, Clone)]
pub enum Progress {
    /// The jars are not in the cache yet and are being fetched.
    Fetching {
        /// The release.
        version: Version,
        /// The folder they will be kept in.
        into: PathBuf,
        /// 1 for the first attempt.
        attempt: u32,
    },
    /// A server process has been started and is not ready yet.
    Starting {
        /// `namesrv` or the broker's name.
        who: String,
        /// Where it will answer.
        addr: SocketAddr,
    },
    /// Another process took a port; everything starts again on other ports.
    PortTaken {
        /// `namesrv` or the broker's name.
        who: String,
    },
    /// Every server answers.
    Ready {
        /// Since the start of the first server, without fetching.
        took: Duration,
    },
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Progress::Fetching { version, into, attempt } => {
                write!(f, "fetching RocketMQ {version} into {}", into.display())?;
                if *attempt > 1 { write!(f, " (attempt {attempt})") } else { Ok(()) }
            }
            Progress::Starting { who, addr } => write!(f, "starting {who} on {addr}"),
            Progress::PortTaken { who } => write!(f, "a port of {who} was taken, starting again"),
            Progress::Ready { took } => write!(f, "ready in {:.1} s", took.as_secs_f32()),
        }
    }
}

/// Where the steps of a start are reported to.
pub(super) type Listener = Box<dyn Fn(&Progress) + Send + Sync>;
