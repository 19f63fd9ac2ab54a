//! Many seeds.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use super::{
    coverage::Coverage,
    oracle::Counts,
    run::{Failure, Report, run},
};

/// What many runs were.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Runs that broke no rule.
    pub seeds: u64,
    /// Virtual time that has passed in all of them.
    pub simulated: Duration,
    /// How their sends have ended.
    pub counts: Counts,
    /// Troubles that there were.
    pub troubles: u64,
    /// The longest recovery, and its seed.
    pub recovery: (Duration, u64),
    /// What troubles have met what.
    pub coverage: Coverage,
}

impl Summary {
    fn add(&mut self, report: &Report) {
        self.seeds += 1;
        self.simulated += report.simulated;
        self.counts.add(&report.counts);
        self.troubles += report.troubles;
        self.recovery = self.recovery.max((report.recovery, report.seed));
        self.coverage.add(&report.coverage);
    }
}

/// Runs the seeds `first..=last`, each for `time` under faults, on so many threads; `each` is told
/// of every run that is over. The first failure ends it, and so does `stop`.
///
/// # Errors
///
/// One of the failures, when there are any.
pub fn sweep(
    (first, last): (u64, u64),
    time: Duration,
    threads: usize,
    stop: &AtomicBool,
    each: impl Fn(&Report) + Sync,
) -> Result<Summary, Box<Failure>> {
    let next = AtomicU64::new(first);
    let over = AtomicBool::new(false);
    let summary = Mutex::new(Summary::default());
    let failure = Mutex::new(None);
    let work = || {
        while !over.load(Ordering::Relaxed) && !stop.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed > last {
                return;
            }
            match run(seed, time) {
                Ok(report) => {
                    each(&report);
                    summary.lock().unwrap_or_else(PoisonError::into_inner).add(&report);
                }
                Err(found) => {
                    over.store(true, Ordering::Relaxed);
                    *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(work);
        }
    });
    match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(failure) => Err(failure),
        None => Ok(summary.into_inner().unwrap_or_else(PoisonError::into_inner)),
    }
}
