//! Runs RocketMQ's own client over a topic.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use super::consumed::ConsumedMessage;
use super::error::{ConsumeError, LaunchError};
use super::program::{Ended, Program};

/// Reads `topic` with the client in `jars`. All files are in a folder within `home`, which is gone
/// afterwards.
pub(super) fn consume(
    jars: &Path,
    home: &Path,
    namesrv: SocketAddr,
    topic: &str,
    limit: Duration,
) -> Result<Vec<ConsumedMessage>, ConsumeError> {
    let program = Program::new(home, "Consume.java", include_str!("Consume.java"))?;
    let found = program.folder().join("messages");
    let arguments = [&*namesrv.to_string(), topic, &*found.display().to_string()];
    let ended = program.run(jars, &arguments, limit)?;
    let topic = topic.to_owned();
    match ended {
        Ended::Well => {
            let bytes = fs::read(&found).map_err(LaunchError::io("read", &found))?;
            ConsumedMessage::decode_all(bytes.into())
                .map_err(|reason| ConsumeError::Malformed { topic, reason: reason.to_string() })
        }
        Ended::Badly(status, output) => Err(ConsumeError::Failed { topic, status, output }),
        Ended::Late(output) => Err(ConsumeError::TimedOut { topic, limit, output }),
    }
}
