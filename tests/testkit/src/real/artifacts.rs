//! Fetches the servers' jars with Maven, once, into a folder that all runs share.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::error::LaunchError;
use super::process::Process;
use super::progress::{Listener, Progress};
use super::spawner;
use super::version::Version;

/// Names the folder that holds `rocketmq-<version>` folders of jars.
const CACHE_VARIABLE: &str = "ROCKETMQ_JARS";

/// Repositories refuse or stall now and then.
const ATTEMPTS: u32 = 4;
const PAUSE_BETWEEN_ATTEMPTS: Duration = Duration::from_secs(3);
const ATTEMPT_LIMIT: Duration = Duration::from_secs(600);

/// Fixed, so that what is fetched does not depend on the Maven that fetches.
const GOAL: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";

/// The folder with the jars of `version`, fetched first unless they are there.
pub(super) fn jars(version: Version, listener: &Listener) -> Result<PathBuf, LaunchError> {
    // Within one process the second asker waits for the first rather than fetching again.
    static FETCHING: Mutex<()> = Mutex::new(());
    let _guard = FETCHING.lock().unwrap_or_else(PoisonError::into_inner);

    let folder = cache_folder().join(format!("rocketmq-{version}"));
    if !is_complete(&folder, version) {
        fetch(version, &folder, listener)?;
    }
    Ok(folder)
}

/// `$ROCKETMQ_JARS`, else the target folder this program was built into, else the user's cache.
fn cache_folder() -> PathBuf {
    if let Some(folder) = env::var_os(CACHE_VARIABLE).filter(|value| !value.is_empty()) {
        return PathBuf::from(folder);
    }
    target_folder().or_else(user_cache_folder).unwrap_or_else(env::temp_dir)
}

/// The target folder is recognised by the file Cargo marks it with, wherever it has been moved to.
fn target_folder() -> Option<PathBuf> {
    let program = env::current_exe().ok()?;
    program
        .ancestors()
        .find(|folder| folder.join(".rustc_info.json").is_file())
        .map(Path::to_path_buf)
}

fn user_cache_folder() -> Option<PathBuf> {
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    Some(cache.join("rocketmq-producer"))
}

/// A folder is complete or absent, since it appears by renaming; this tells it from one of another
/// making.
fn is_complete(folder: &Path, version: Version) -> bool {
    ["namesrv", "broker", "client"]
        .iter()
        .all(|artifact| folder.join(format!("rocketmq-{artifact}-{version}.jar")).is_file())
}

/// Fetches into a folder beside `folder`, then renames it: another process looking at the same time
/// sees all jars or none.
fn fetch(version: Version, folder: &Path, listener: &Listener) -> Result<(), LaunchError> {
    check_maven(version)?;
    let parent = folder.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(LaunchError::io("create the folder", parent))?;
    let workshop = tempfile::Builder::new()
        .prefix(&format!("rocketmq-{version}.part-"))
        .tempdir_in(parent)
        .map_err(LaunchError::io("create a folder in", parent))?;
    let pom = workshop.path().join("pom.xml");
    fs::write(&pom, pom_text(version)).map_err(LaunchError::io("write", &pom))?;

    let lib = fetch_with_retries(version, folder, &workshop, listener)?;
    match fs::rename(&lib, folder) {
        // Another process was faster; its jars are as good.
        Err(_) if is_complete(folder, version) => Ok(()),
        result => result.map_err(LaunchError::io("rename the fetched jars to", folder)),
    }
}

fn check_maven(version: Version) -> Result<(), LaunchError> {
    Command::new("mvn")
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .map(|_| ())
        .map_err(|source| LaunchError::MavenMissing { version, source })
}

/// The folder Maven has put the jars into.
fn fetch_with_retries(
    version: Version,
    folder: &Path,
    workshop: &TempDir,
    listener: &Listener,
) -> Result<PathBuf, LaunchError> {
    for attempt in 1.. {
        listener(&Progress::Fetching { version, into: folder.to_owned(), attempt });
        let lib = workshop.path().join(format!("lib-{attempt}"));
        let mut maven = Process::spawn(maven(&lib, workshop), &workshop.path().join("mvn.log"))?;
        let status = maven.wait_until(Instant::now() + ATTEMPT_LIMIT);
        if status.is_some_and(|status| status.success()) && is_complete(&lib, version) {
            return Ok(lib);
        }
        if attempt == ATTEMPTS || status.is_some_and(was_interrupted) {
            let output = maven.output_tail();
            return Err(LaunchError::Fetch { version, attempts: attempt, output });
        }
        thread::sleep(PAUSE_BETWEEN_ATTEMPTS);
    }
    unreachable!("the last attempt returns")
}

fn maven(lib: &Path, workshop: &TempDir) -> Command {
    let mut command = spawner::command("mvn");
    command
        .args(["--quiet", "--batch-mode", "-Dstyle.color=never", "-DincludeScope=runtime", GOAL])
        .arg(format!("-DoutputDirectory={}", lib.display()))
        .current_dir(workshop.path());
    command
}

/// Whether somebody ended Maven, rather than Maven giving up: by a signal, or by one of the codes
/// Java ends with after SIGINT and SIGTERM.
fn was_interrupted(status: ExitStatus) -> bool {
    matches!(status.code(), None | Some(130 | 143))
}

/// A project that depends on both servers, and on the Java client of the same version for
/// programs that compare with it.
fn pom_text(version: Version) -> String {
    let dependencies: String = ["namesrv", "broker", "client"]
        .iter()
        .map(|artifact| {
            format!(
                "    <dependency>\n      <groupId>org.apache.rocketmq</groupId>\n      \
                 <artifactId>rocketmq-{artifact}</artifactId>\n      \
                 <version>{version}</version>\n    </dependency>\n"
            )
        })
        .collect();
    format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\">\n  \
         <modelVersion>4.0.0</modelVersion>\n  <groupId>local</groupId>\n  \
         <artifactId>rocketmq-jars</artifactId>\n  <version>1</version>\n  \
         <packaging>pom</packaging>\n  <dependencies>\n{dependencies}  </dependencies>\n\
         </project>\n"
    )
}
