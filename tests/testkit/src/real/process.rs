//! A child process whose output goes to a file and which never outlives its owner.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::error::LaunchError;
use super::spawner;

/// How much of an output an error shows.
const LOG_TAIL_LINES: usize = 40;

const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// A running process; dropping it kills it and waits for its end.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` with both its outputs in the file `log`, which is emptied first.
    pub(super) fn spawn(mut command: Command, log: &Path) -> Result<Process, LaunchError> {
        let file = File::create(log).map_err(LaunchError::io("create the log", log))?;
        let both = file.try_clone().map_err(LaunchError::io("share the log", log))?;
        command.stdin(Stdio::null()).stdout(file).stderr(both);

        let program = PathBuf::from(command.get_program());
        let child = spawner::spawn(command).map_err(LaunchError::io("run", program))?;
        Ok(Process { child, log: log.to_owned() })
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How the process ended, `None` while it runs.
    pub(super) fn exit_status(&mut self) -> Option<ExitStatus> {
        // Fails only for a process that is not our child, which this one is.
        self.child.try_wait().ok().flatten()
    }

    /// Waits until the process ends or `deadline` passes.
    pub(super) fn wait_until(&mut self, deadline: Instant) -> Option<ExitStatus> {
        loop {
            let status = self.exit_status();
            if status.is_some() || Instant::now() >= deadline {
                return status;
            }
            thread::sleep(POLL_INTERVAL);
        }
    }

    /// Asks the process to end (SIGTERM) and returns at once.
    pub(super) fn terminate(&mut self) {
        // The pid cannot belong to anyone else: it stays ours until its exit has been collected.
        if self.exit_status().is_none() {
            // The shell's own `kill` is there even where no `kill` program is. Should it fail
            // nevertheless, the caller's `kill` still ends the process.
            let _ = Command::new("sh")
                .args(["-c", "kill -TERM \"$1\"", "sh", &self.id().to_string()])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
        }
    }

    /// Ends the process (SIGKILL) and waits until it has ended.
    pub(super) fn kill(&mut self) {
        // Both fail only when the process has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// All the process has written so far.
    pub(super) fn output(&self) -> String {
        fs::read(&self.log)
            .map(|text| String::from_utf8_lossy(&text).into_owned())
            .unwrap_or_default()
    }

    /// The last lines of the output, without the logging library's talk about itself.
    pub(super) fn output_tail(&self) -> String {
        tail(&self.output())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn tail(output: &str) -> String {
    let lines: Vec<&str> = output
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.contains(" |-INFO in "))
        .collect();
    lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_the_last_lines_without_logback_status() {
        let output: String =
            (0..50).map(|n| format!("line {n}\n\n10:00:00,000 |-INFO in logback\n")).collect();
        let tail = tail(&output);
        assert_eq!(tail.lines().count(), LOG_TAIL_LINES);
        assert!(tail.starts_with("line 10\n") && tail.ends_with("\nline 49"), "{tail}");
    }
}
