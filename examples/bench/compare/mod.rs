//! Ratios to the floor: the only figures that mean something on another machine.
//!
//! Every run is a process of its own against the same null server. Before each run of a runtime
//! comes one of the floor, so that what disturbs the machine for a while disturbs both.

mod contests;
mod table;

use std::{env, process::Command};

use crate::{
    args::{CompareArgs, Mode, Runtime},
    child::{Kind, Server},
    error::Error,
    null_server::NullServerArgs,
    report::Report,
};

pub(crate) use contests::Which;
use contests::{CONTESTS, Contest, LATENCY};

/// So long a run at a fixed rate takes.
const PACED_SECS: u64 = 3;

/// A run and the floor's run before it.
struct Pair {
    floor: Report,
    run: Report,
}

pub(crate) fn run(args: &CompareArgs) -> Result<(), Error> {
    let server = Server::start(Kind::Null(NullServerArgs { brokers: 1, silent: false }))?;
    let race = Race { args, server };
    for contest in CONTESTS.iter().filter(|contest| args.which.includes(contest.which)) {
        let mut pairs: Vec<Vec<Pair>> = contest.entrants.iter().map(|_| Vec::new()).collect();
        for round in 1..=args.rounds {
            for (entrant, pairs) in contest.entrants.iter().zip(&mut pairs) {
                eprintln!(
                    "{}, round {round} of {}: {}",
                    contest.which, args.rounds, entrant.runtime
                );
                pairs.push(race.pair(contest, entrant.runtime)?);
            }
        }
        table::print_contest(contest, &pairs);
    }
    if args.which.includes(Which::Latency) {
        race.latency()?;
    }
    Ok(())
}

struct Race<'a> {
    args: &'a CompareArgs,
    server: Server,
}

impl Race<'_> {
    /// As fast as they can.
    fn pair(&self, contest: &Contest, runtime: Runtime) -> Result<Pair, Error> {
        let count = self.args.count.unwrap_or(contest.count);
        let run = |runtime, count| self.measure(runtime, contest.mode, count, &[]);
        let floor = run(Runtime::Floor, count * contest.floor_times)?;
        Ok(Pair { floor, run: run(runtime, count)? })
    }

    /// Both at half the rate that the runtime can take.
    fn latency(&self) -> Result<(), Error> {
        let count = self.args.count.unwrap_or(LATENCY.count);
        let most = self.measure(LATENCY.runtime, LATENCY.mode, count, &[])?.msgs_per_s;
        let rate = (most / 2.0).round() as u64;
        let mut pairs = Vec::new();
        for round in 1..=self.args.rounds {
            eprintln!("{}, round {round} of {}", Which::Latency, self.args.rounds);
            let options = ["--rate", &rate.to_string()];
            let count = rate * PACED_SECS;
            let run = |runtime| self.measure(runtime, LATENCY.mode, count, &options);
            let floor = run(Runtime::Floor)?;
            pairs.push(Pair { floor, run: run(LATENCY.runtime)? });
        }
        table::print_latency(rate, &pairs);
        Ok(())
    }

    fn measure(
        &self,
        runtime: Runtime,
        mode: Mode,
        count: u64,
        options: &[&str],
    ) -> Result<Report, Error> {
        let failed = |why: String| Error::NoFigures { runtime, why };
        let program = env::current_exe().map_err(|error| failed(error.to_string()))?;
        let output = Command::new(program)
            .args(["--json", "--namesrv", self.server.address(), "--mode", &mode.to_string()])
            .args(["--runtime", &runtime.to_string(), "--count", &count.to_string()])
            .args(options)
            .args(&self.args.rest)
            .output()
            .map_err(|error| failed(error.to_string()))?;
        Report::of_process(&output).map_err(failed)
    }
}
