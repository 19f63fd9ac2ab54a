//! What the simulation is worth: known bugs, put back one by one, are found.

use std::{sync::atomic::AtomicBool, time::Duration};

use rocketmq_producer_core::mutants::{Mutant, switch_on};
use rocketmq_producer_testkit::sim::{self, BROKER_A, BROKER_B, BROKER_C, TOPIC, Violation, World};

/// A bug that so many seeds do not show is not found.
const SEEDS_MAX: u64 = 100;
const TIME: Duration = Duration::from_secs(600);

#[test]
fn known_bugs_are_found_within_a_hundred_seeds() {
    let healthy = sim::sweep((1, SEEDS_MAX), TIME, 2, &AtomicBool::new(false), |_| {});
    assert!(healthy.is_ok(), "without any of them there is one: {healthy:?}");
    let mut missed = Vec::new();
    for mutant in Mutant::SHOWN_BY_CHANCE {
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

#[test]
fn a_wake_up_that_is_lost_when_a_whole_queue_expires_is_found_by_a_scenario() {
    for seed in 1..=SEEDS_MAX {
        whole_queue_expires(seed).expect("nothing is wrong without the bug");
    }
    switch_on(Some(Mutant::LendingLooksOnce));
    let found = (1..=SEEDS_MAX).find_map(|seed| Some((seed, whole_queue_expires(seed).err()?)));
    switch_on(None);
    let (seed, violation) = found.expect("somebody notices");
    println!("LendingLooksOnce: found by seed {seed} of its scenario: {}", violation.rule);
    assert_eq!(violation.rule, "no wake-up is lost");
}

/// Brokers that read nothing, more than their windows take, and one small send behind it all, which
/// is still in time when they read again.
fn whole_queue_expires(seed: u64) -> Result<(), Violation> {
    let mut world = World::new(seed);
    let config = world.config().with_timeout(Duration::from_secs(2)).with_retry(0);
    let producer = world.producer(config.with_connection_queue_bytes_max(1_000));
    for _ in 0..6 {
        world.send(producer, TOPIC);
    }
    world.run_for(Duration::from_secs(1))?;
    for broker in [BROKER_A, BROKER_B, BROKER_C] {
        world.freeze(broker);
    }
    for _ in 0..40 {
        world.send_with(producer, TOPIC, 600_000, |message| message);
    }
    world.run_for(Duration::from_secs(1))?;
    let small = world.send(producer, TOPIC);
    world.run_for(Duration::from_millis(1_050))?;
    for broker in [BROKER_A, BROKER_B, BROKER_C] {
        world.thaw(broker);
    }
    world.run_for(Duration::from_millis(900))?;
    assert!(world.answer(small).is_ok(), "there was time");
    Ok(())
}
