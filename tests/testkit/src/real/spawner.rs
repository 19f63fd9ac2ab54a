//! Starts processes that die with this one, however this one dies.
//!
//! Linux sends the "parent death signal" when the parent *thread* ends, not the process. A cluster
//! started by a test's thread but kept for the whole process would be killed as that test returns,
//! so every process is started by one thread that lives as long as this process does.

use std::ffi::OsStr;
use std::io;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};
use std::thread;

type Request = (Command, Sender<io::Result<Child>>);

/// A command for `program` that is killed when the process which starts it ends.
///
/// Without a working `setpriv` it is `program` alone.
pub(super) fn command(program: impl AsRef<OsStr>) -> Command {
    if !can_die_with_parent() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    // setpriv replaces itself by the program: the child's pid is the program's.
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// Starts `command` on the thread that never ends.
pub(super) fn spawn(command: Command) -> io::Result<Child> {
    static REQUESTS: OnceLock<Sender<Request>> = OnceLock::new();
    let gone = || io::Error::other("the thread that starts processes has ended");

    let requests = REQUESTS.get_or_init(start_thread);
    let (reply, child) = channel();
    requests.send((command, reply)).map_err(|_| gone())?;
    child.recv().map_err(|_| gone())?
}

fn start_thread() -> Sender<Request> {
    let (sender, requests) = channel::<Request>();
    thread::spawn(move || {
        for (mut command, reply) in requests {
            // The asking thread waits for the answer, so it cannot be gone.
            let _ = reply.send(command.spawn());
        }
    });
    sender
}

/// Whether `setpriv` exists and knows the option; BusyBox's does not.
fn can_die_with_parent() -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| {
        cfg!(target_os = "linux")
            && Command::new("setpriv")
                .args(["--pdeathsig", "KILL", "--", "true"])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
    })
}
