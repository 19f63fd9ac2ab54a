//! Ratios to the floor: the only figures that mean something on another machine.
//!
//! Every run is a process of its own against the same null server. Before each run of a runtime
//! comes one of the floor, so that what disturbs the machine for a while disturbs both.

use std::{env, process::Command};

use crate::{
    args::{CompareArgs, Mode, Runtime},
    child::NullServer,
    error::Error,
    report::Report,
};

const ASYNC: &[Runtime] = &[Runtime::TokioCurrent, Runtime::Tokio, Runtime::Smol];
const SYNC: &[Runtime] =
    &[Runtime::Blocking, Runtime::Mio, Runtime::TokioCurrent, Runtime::Tokio, Runtime::Smol];

/// A run of the floor has to last long enough to be measured.
const FLOOR_TIMES: u64 = 5;

/// A run and the floor's run before it.
struct Pair {
    floor: Report,
    run: Report,
}

pub(crate) fn run(args: &CompareArgs) -> Result<(), Error> {
    let server = NullServer::start()?;
    let runtimes = match args.mode {
        Mode::Async => ASYNC,
        Mode::Sync => SYNC,
    };
    let mut pairs: Vec<Vec<Pair>> = runtimes.iter().map(|_| Vec::new()).collect();
    for round in 1..=args.rounds {
        for (runtime, pairs) in runtimes.iter().zip(&mut pairs) {
            eprintln!("round {round} of {}: {runtime}", args.rounds);
            let floor = measure(args, Runtime::Floor, &server)?;
            pairs.push(Pair { floor, run: measure(args, *runtime, &server)? });
        }
    }
    print(args, &pairs);
    Ok(())
}

fn measure(args: &CompareArgs, runtime: Runtime, server: &NullServer) -> Result<Report, Error> {
    let failed = |why: String| Error::Compare { runtime, why };
    let times = if (runtime, args.mode) == (Runtime::Floor, Mode::Async) { FLOOR_TIMES } else { 1 };
    let program = env::current_exe().map_err(|error| failed(error.to_string()))?;
    let output = Command::new(program)
        .args(["--json", "--namesrv", server.address(), "--mode", &args.mode.to_string()])
        .args(["--runtime", &runtime.to_string(), "--count", &(args.count * times).to_string()])
        .args(&args.rest)
        .output()
        .map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    let report: Report =
        serde_json::from_slice(&output.stdout).map_err(|error| failed(error.to_string()))?;
    match report.failed {
        0 => Ok(report),
        count => Err(failed(format!("{count} messages were not acknowledged"))),
    }
}

fn print(args: &CompareArgs, pairs: &[Vec<Pair>]) {
    let CompareArgs { mode, rounds, count, rest } = args;
    println!("mode {mode}, {rounds} rounds of {count} messages {}", rest.join(" "));
    println!("median [least – most]; ratios to the run of the floor just before\n");
    println!("| runtime | messages/s | × floor | CPU µs/message | × floor | p99 µs | peak MiB |");
    println!("|---|---|---|---|---|---|---|");
    let floors = || pairs.iter().flatten().map(|pair| &pair.floor);
    println!(
        "| floor | {} | 1 | {} | 1 | {} | {} |",
        Spread::of(floors().map(|floor| floor.msgs_per_s)).with(0),
        Spread::of(floors().map(|floor| floor.cpu_us_per_msg)).with(2),
        Spread::of(floors().map(|floor| floor.p99_us)).median(0),
        Spread::of(floors().filter_map(|floor| floor.rss_mb)).median(0),
    );
    for pairs in pairs {
        let of = |figure: fn(&Pair) -> f64| Spread::of(pairs.iter().map(figure));
        println!(
            "| {} | {} | {} | {} | {} | {} | {} |",
            pairs.first().map_or("", |pair| &pair.run.runtime),
            of(|pair| pair.run.msgs_per_s).with(0),
            of(|pair| pair.run.msgs_per_s / pair.floor.msgs_per_s).with(2),
            of(|pair| pair.run.cpu_us_per_msg).with(2),
            of(|pair| pair.run.cpu_us_per_msg / pair.floor.cpu_us_per_msg).with(2),
            of(|pair| pair.run.p99_us).median(0),
            Spread::of(pairs.iter().filter_map(|pair| pair.run.rss_mb)).median(0),
        );
    }
}

/// Sorted figures of all rounds.
struct Spread(Vec<f64>);

impl Spread {
    fn of(figures: impl Iterator<Item = f64>) -> Self {
        let mut figures: Vec<_> = figures.collect();
        figures.sort_by(f64::total_cmp);
        Self(figures)
    }

    fn median(&self, digits: usize) -> String {
        let middle = |index: usize| self.0.get(index).copied().unwrap_or(f64::NAN);
        let median = (middle(self.0.len().saturating_sub(1) / 2) + middle(self.0.len() / 2)) / 2.0;
        format!("{median:.digits$}")
    }

    fn with(&self, digits: usize) -> String {
        let end = |figure: Option<&f64>| figure.map_or(0.0, |figure| *figure);
        let (least, most) = (end(self.0.first()), end(self.0.last()));
        format!("{} [{least:.digits$} – {most:.digits$}]", self.median(digits))
    }
}
