//! What the simulation is worth: known bugs, put back one by one, are found.

use std::time::Duration;

use rocketmq_producer_core::mutants::{Mutant, switch_on};
use rocketmq_producer_testkit::sim;

/// A bug that so many seeds do not show is not found.
const SEEDS_MAX: u64 = 100;
const TIME: Duration = Duration::from_secs(600);

#[test]
fn every_known_bug_is_found_within_a_hundred_seeds() {
    let healthy = sim::sweep((1, SEEDS_MAX), TIME, 2, |_| {});
    assert!(healthy.is_ok(), "without any of them there is one: {healthy:?}");
    let mut missed = Vec::new();
    for mutant in Mutant::ALL {
        switch_on(Some(mutant));
        let found = (1..=SEEDS_MAX).find_map(|seed| sim::run(seed, TIME).err());
        switch_on(None);
        match found {
            Some(failure) => {
                println!("{mutant:?}: found by seed {}: {}", failure.seed, failure.violation.rule);
            }
            None => missed.push(mutant),
        }
    }
    assert!(missed.is_empty(), "nobody noticed {missed:?}");
}
