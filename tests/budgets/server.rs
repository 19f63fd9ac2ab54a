//! The load generator's null server, in a process of its own: this program once more, told to run
//! one of its tests.

use std::{
    env,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use clap::Parser;

use crate::null_server::{self, NullServerArgs};

/// Has the options of the server that this process is to be.
const ARGS: &str = "BUDGETS_NULL_SERVER";
const HOST: &str = "127.0.0.1:";

#[test]
fn is_the_null_server_if_it_is_told_to_be() {
    if let Ok(args) = env::var(ARGS) {
        null_server::run(&NullServerArgs::parse_from(args.split(' '))).unwrap();
    }
}

/// Ends with its test.
pub(crate) struct NullServer {
    process: Child,
    pub(crate) address: String,
}

impl NullServer {
    /// One broker that answers at once.
    pub(crate) fn start() -> Self {
        Self::with("")
    }

    /// With options of the load generator's command `null-server`.
    pub(crate) fn with(options: &str) -> Self {
        let mut process = Command::new(env::current_exe().unwrap())
            .args(["--exact", "server::is_the_null_server_if_it_is_told_to_be", "--nocapture"])
            .env(ARGS, format!("null-server {options}").trim_end())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.as_mut().unwrap()).lines();
        let port = lines.find_map(|line| Some(line.unwrap().split_once(HOST)?.1.to_owned()));
        Self { process, address: format!("{HOST}{}", port.expect("it listens")) }
    }
}

impl Drop for NullServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
