//! What the process allocates.

use std::{
    alloc::System,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

static ALONE: Mutex<()> = Mutex::new(());

/// For how long what is being tidied up may still count.
const SETTLING: Duration = Duration::from_secs(20);

/// Nobody else counts, or is counted, while this is held.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Of each of `times`, how many allocations and how many bytes it has taken to do all of them.
pub(crate) fn each(times: usize, all: impl FnOnce()) -> (f64, f64) {
    let region = Region::new(ALLOCATOR);
    all();
    let change = region.change();
    let allocations = (change.allocations + change.reallocations) as f64;
    (allocations / times as f64, change.bytes_allocated as f64 / times as f64)
}

/// Bytes that live now.
pub(crate) fn live_bytes() -> isize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated.cast_signed() - stats.bytes_deallocated.cast_signed()
}

/// What it comes down to, once it is within its limit or some time has passed: buffers are given
/// back when they have been written. `rest` has others do that.
pub(crate) fn settled(limit: f64, figure: impl Fn() -> f64, rest: impl Fn(Duration)) -> f64 {
    let until = Instant::now() + SETTLING;
    while figure() > limit && Instant::now() < until {
        rest(Duration::from_millis(20));
    }
    figure()
}
