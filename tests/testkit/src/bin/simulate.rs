//! Runs simulated clusters, seed by seed.
//!
//! ```text
//! cargo run -p rocketmq-producer-testkit --release --bin simulate -- --seeds 1..2000
//! ```
//!
//! prints what troubles have met what states of producers, how sends have ended, and how long
//! recovery took; Ctrl-C shows it of the runs so far. A run that breaks a rule is told event by event, with the line that replays it.

use std::{
    num::ParseIntError,
    process::ExitCode,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use rocketmq_producer_testkit::sim::{Failure, Summary, run_with_timeline, sweep};
use rustix::time::{ClockId, clock_gettime};

/// Events of a failed run that are shown.
const TAIL: usize = 60;

/// Simulates clusters in trouble, and judges every step of the producers in them.
#[derive(Debug, Parser)]
#[command(name = "simulate")]
struct Arguments {
    /// The seeds, first and last
    #[arg(long, value_name = "FIRST..LAST", default_value = "1..2000")]
    seeds: Seeds,

    /// A single seed
    #[arg(long, value_name = "N", conflicts_with = "seeds")]
    seed: Option<u64>,

    /// Tell a single seed's run event by event
    #[arg(long, requires = "seed")]
    timeline: bool,

    /// Virtual minutes of trouble in each run
    #[arg(long, value_name = "M", default_value_t = 10)]
    minutes: u64,

    /// Print each seed with the hash of its run: equal for equal runs, in every build
    #[arg(long)]
    hashes: bool,

    /// Fail when some kind of trouble has never met some state of a producer
    #[arg(long)]
    require_coverage: bool,

    /// Runs at a time; one for each processor if not given
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

/// `first..last`, both of them included.
#[derive(Clone, Copy, Debug)]
struct Seeds(u64, u64);

impl FromStr for Seeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (first, last) = text.split_once("..").ok_or("two numbers are needed: 1..2000")?;
        let number = |text: &str| text.trim().parse().map_err(|e: ParseIntError| e.to_string());
        match (number(first)?, number(last)?) {
            (first, last) if first > last => Err("the last seed is before the first".to_owned()),
            (first, last) => Ok(Self(first, last)),
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let time = Duration::from_secs(60 * arguments.minutes);
    if let (Some(seed), true) = (arguments.seed, arguments.timeline) {
        return tell(seed, time);
    }
    let Seeds(first, last) = arguments.seed.map_or(arguments.seeds, |seed| Seeds(seed, seed));
    let processors = thread::available_parallelism().map_or(1, Into::into);
    let threads = arguments.threads.unwrap_or(processors);
    let threads = if arguments.hashes { 1 } else { threads };
    let bar = ProgressBar::new(last - first + 1).with_style(style());
    let stop = stop_on_ctrl_c();
    let swept = sweep((first, last), time, threads, &stop, |report| {
        if arguments.hashes {
            println!("{} {:016x}", report.seed, report.hash);
        }
        bar.inc(1);
    });
    bar.finish_and_clear();
    match swept {
        Ok(_) if arguments.hashes => ExitCode::SUCCESS,
        Ok(summary) => {
            show(&summary);
            // A rule that never applies says nothing either.
            let all_met = summary.coverage.empty().is_empty() && summary.counts.saved > 0;
            if all_met || !arguments.require_coverage {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(failure) => {
            show_failure(&failure, arguments.minutes);
            ExitCode::FAILURE
        }
    }
}

/// Ctrl-C ends the runs under way; what they were is shown all the same.
fn stop_on_ctrl_c() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    // Without a handler, Ctrl-C ends the program as it always does.
    let _ = ctrlc::set_handler(move || told.store(true, Ordering::Relaxed));
    stop
}

fn style() -> ProgressStyle {
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} seeds, {eta} left");
    style.unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn tell(seed: u64, time: Duration) -> ExitCode {
    let (result, timeline) = run_with_timeline(seed, time);
    print!("{timeline}");
    match result {
        Ok(report) => {
            println!("seed {seed}: no rule broken, {:?}, hash {:016x}", report.counts, report.hash);
            ExitCode::SUCCESS
        }
        Err(violation) => {
            println!("seed {seed}: {violation}");
            ExitCode::FAILURE
        }
    }
}

fn show(summary: &Summary) {
    let cpu: Duration = clock_gettime(ClockId::ProcessCPUTime).try_into().unwrap_or_default();
    let hours = |time: Duration| time.as_secs_f64() / 3600.0;
    let counts = summary.counts;
    println!("kinds of trouble, and what producers were doing when they began\n");
    println!("{}", summary.coverage);
    println!(
        "{} seeds, {} troubles, no rule broken\n\
         {} sends: {} acknowledged, {} not sent, {} rejected, {} unknown, {} dropped; {} duplicates\n\
         {} began with a broker in trouble and found one that was well\n\
         {:.1} hours simulated in {:.1} s of CPU: {:.0} simulated hours in one of CPU\n\
         the longest recovery took {:?} (seed {})",
        summary.seeds,
        summary.troubles,
        counts.sends,
        counts.acknowledged,
        counts.not_sent,
        counts.rejected,
        counts.unknown,
        counts.dropped,
        counts.duplicates,
        counts.saved,
        hours(summary.simulated),
        cpu.as_secs_f64(),
        hours(summary.simulated) / hours(cpu).max(1e-9),
        summary.recovery.0,
        summary.recovery.1,
    );
    for (kind, doing) in summary.coverage.empty() {
        println!("never met: {kind} while {doing}");
    }
}

fn show_failure(failure: &Failure, minutes: u64) {
    let lines: Vec<_> = failure.timeline.lines().collect();
    for line in &lines[lines.len().saturating_sub(TAIL)..] {
        println!("{line}");
    }
    println!("\nseed {}: {}", failure.seed, failure.violation);
    println!("again: simulate --seed {} --minutes {minutes} --timeline", failure.seed);
}
