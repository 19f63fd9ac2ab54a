//! Small Java programs that use RocketMQ's own client: each runs once and ends by itself.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::config::{self, LOGBACK};
use super::error::LaunchError;
use super::process::Process;
use super::spawner;

/// Enough for the compiler and for what a broker hands out at once: 256 KiB, or one message of any
/// size.
const MEMORY: &str = "-Xmx256m";

/// A program, as source: Java compiles it as it starts, against the jars it then runs with. All its
/// files are in a folder that is gone when this is dropped.
pub(super) struct Program {
    file: &'static str,
    folder: TempDir,
}

/// How a program has ended.
pub(super) enum Ended {
    Well,
    /// With this status, and these last words.
    Badly(ExitStatus, String),
    /// It was killed, for it took too long; its last words.
    Late(String),
}

impl Program {
    /// Writes the program down in a folder within `home`.
    pub(super) fn new(
        home: &Path,
        file: &'static str,
        source: &str,
    ) -> Result<Program, LaunchError> {
        let folder = tempfile::Builder::new()
            .prefix("program-")
            .tempdir_in(home)
            .map_err(LaunchError::io("create a folder in", home))?;
        for (name, text) in [(file, source), ("logback.xml", LOGBACK)] {
            let path = folder.path().join(name);
            fs::write(&path, text).map_err(LaunchError::io("write", &path))?;
        }
        Ok(Program { file, folder })
    }

    /// Where it is, and may leave files.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs it with the client in `jars`.
    pub(super) fn run(
        &self,
        jars: &Path,
        arguments: &[&str],
        limit: Duration,
    ) -> Result<Ended, LaunchError> {
        let mut command = java(jars, self.folder());
        command.arg(self.folder().join(self.file)).args(arguments);
        let mut process = Process::spawn(command, &self.folder().join("stdout.log"))?;
        Ok(match process.wait_until(Instant::now() + limit) {
            Some(status) if status.success() => Ended::Well,
            Some(status) => Ended::Badly(status, process.output_tail()),
            None => {
                process.kill();
                Ended::Late(process.output_tail())
            }
        })
    }
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
        .current_dir(folder);
    config::remove_foreign_variables(&mut command);
    command
}
