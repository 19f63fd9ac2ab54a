//! Runs RocketMQ's own client over a topic: one Java program a topic, which ends by itself.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::config::{self, LOGBACK};
use super::consumed::ConsumedMessage;
use super::error::{ConsumeError, LaunchError};
use super::process::Process;
use super::spawner;

/// The program, as source: Java compiles it as it starts, against the jars it then runs with.
const PROGRAM: &str = include_str!("Consume.java");

/// Enough for the compiler and for what a broker hands out at once: 256 KiB, or one message of any
/// size.
const MEMORY: &str = "-Xmx256m";

/// Reads `topic` with the client in `jars`. All files are in a folder within `home`, which is gone
/// afterwards.
pub(super) fn consume(
    jars: &Path,
    home: &Path,
    namesrv: SocketAddr,
    topic: &str,
    limit: Duration,
) -> Result<Vec<ConsumedMessage>, ConsumeError> {
    let folder = write_files(home)?;
    let found = folder.path().join("messages");
    let mut command = java(jars, folder.path());
    command.arg(namesrv.to_string()).arg(topic).arg(&found);

    // Dropped before the folder that it writes to.
    let mut process = Process::spawn(command, &folder.path().join("stdout.log"))?;
    let status = process.wait_until(Instant::now() + limit);
    let topic = topic.to_owned();
    match status {
        Some(status) if status.success() => {
            let bytes = fs::read(&found).map_err(LaunchError::io("read", &found))?;
            ConsumedMessage::decode_all(bytes.into())
                .map_err(|reason| ConsumeError::Malformed { topic, reason: reason.to_string() })
        }
        Some(status) => Err(ConsumeError::Failed { topic, status, output: process.output_tail() }),
        None => {
            process.kill();
            Err(ConsumeError::TimedOut { topic, limit, output: process.output_tail() })
        }
    }
}

fn write_files(home: &Path) -> Result<TempDir, LaunchError> {
    let folder = tempfile::Builder::new()
        .prefix("consumer-")
        .tempdir_in(home)
        .map_err(LaunchError::io("create a folder in", home))?;
    for (name, text) in [("Consume.java", PROGRAM), ("logback.xml", LOGBACK)] {
        let path = folder.path().join(name);
        fs::write(&path, text).map_err(LaunchError::io("write", &path))?;
    }
    Ok(folder)
}

fn java(jars: &Path, folder: &Path) -> Command {
    let logback = folder.join("logback.xml");
    let mut command = spawner::command(config::java());
    command
        // What runs for a second is not worth optimising.
        .args([MEMORY, "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData"])
        // Logs and unpacked native libraries stay in the folder.
        .arg(format!("-Duser.home={}", folder.display()))
        .arg(format!("-Djava.io.tmpdir={}", folder.display()))
        // Warnings go where an error finds them. 4.x logs through slf4j only when told to; 5.x
        // through a logback of its own, under another property.
        .arg("-Drocketmq.client.logUseSlf4j=true")
        .arg(format!("-Dlogback.configurationFile={}", logback.display()))
        .arg(format!("-Drmq.logback.configurationFile={}", logback.display()))
        .arg("-cp")
        .arg(jars.join("*"))
        .arg(folder.join("Consume.java"))
        .current_dir(folder);
    config::remove_foreign_variables(&mut command);
    command
}
