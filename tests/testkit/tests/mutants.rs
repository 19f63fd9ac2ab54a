//! What the simulation is worth: known bugs, put back one by one, are found.

use std::{sync::atomic::AtomicBool, time::Duration};

use rocketmq_producer_core::{
    delivery::{Attempt, AttemptFailure},
    model::SendReceipt,
    mutants::{Mutant, switch_on},
};
use rocketmq_producer_testkit::{
    model::Fault,
    sim::{self, BROKER_A, BROKER_B, BROKER_C, TOPIC, Violation, Work, World},
};

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
/// is still in time when they read again. Nobody is silent for so long that a probe would wake what
/// sleeps.
fn whole_queue_expires(seed: u64) -> Result<(), Violation> {
    let mut world = World::new(seed);
    let config = world.config().with_timeout(Duration::from_millis(480)).with_retry(0);
    let producer = world.producer(config.with_connection_queue_bytes_max(1_000));
    world.run_for(Duration::from_secs(1))?;
    for _ in 0..6 {
        assert!(world.deliver(producer, TOPIC).is_ok());
    }
    for broker in [BROKER_A, BROKER_B, BROKER_C] {
        world.freeze(broker);
    }
    for _ in 0..40 {
        world.send_with(producer, TOPIC, 600_000, |message| message);
    }
    world.run_for(Duration::from_millis(240))?;
    let small = world.send(producer, TOPIC);
    world.run_for(Duration::from_millis(242))?;
    for broker in [BROKER_A, BROKER_B, BROKER_C] {
        world.thaw(broker);
    }
    world.run_for(Duration::from_millis(230))?;
    assert!(world.answer(small).is_ok(), "there was time");
    Ok(())
}

#[test]
fn an_answer_that_comes_after_its_send_is_over_and_is_taken_for_another_is_found() {
    let found = |seed| very_late_answers(seed).err();
    assert_eq!((1..=10).find_map(found), None, "nothing is wrong without the bug");
    switch_on(Some(Mutant::AnswersByPlace));
    let found = (1..=10).find_map(|seed| Some((seed, found(seed)?)));
    switch_on(None);
    let (seed, violation) = found.expect("somebody notices");
    println!("AnswersByPlace: found by seed {seed} of its scenario: {}", violation.rule);
}

/// Brokers that stand still for longer than sends wait, and then answer all at once.
fn very_late_answers(seed: u64) -> Result<(), Violation> {
    let mut world = World::new(seed);
    let config = world.config().with_timeout(Duration::from_millis(300)).with_retry(0);
    let producer = world.producer(config);
    world.run_for(Duration::from_secs(1))?;
    for _ in 0..6 {
        world.send(producer, TOPIC);
    }
    world.run_for(Duration::from_secs(1))?;
    for broker in [BROKER_A, BROKER_B, BROKER_C] {
        world.freeze(broker);
    }
    for _ in 0..3 {
        for _ in 0..90 {
            world.send(producer, TOPIC);
        }
        world.run_for(Duration::from_millis(310))?;
    }
    for _ in 0..80 {
        world.send(producer, TOPIC);
    }
    for broker in [BROKER_A, BROKER_B, BROKER_C] {
        world.thaw(broker);
    }
    world.run_for(Duration::from_secs(5))
}

#[test]
fn row_13_a_commit_that_is_forgotten_and_delivered_twice_is_noticed() {
    assert_eq!(deliveries_beyond_the_first(), 0, "without the bug, each comes once");
    switch_on(Some(Mutant::FinalStatesAreForgotten));
    let again = deliveries_beyond_the_first();
    switch_on(None);
    assert!(again > 20, "{again}");
}

/// How often brokers that ask about what is settled, because they have not marked it yet, get to
/// deliver it again.
fn deliveries_beyond_the_first() -> u64 {
    let mut world = World::new(1);
    world.let_brokers_check(Duration::from_secs(1), Duration::from_secs(1));
    let producer = world.transaction_producer(world.transaction_config());
    for _ in 0..200 {
        world.transact(producer, TOPIC, Work::COMMIT);
        world.run_for(Duration::from_millis(50)).expect("no rule is broken");
    }
    world.run_for(Duration::from_secs(10)).expect("no rule is broken");
    assert_eq!(world.counts().committed, 200);
    world.counts().redelivered
}

#[test]
fn row_35_a_broker_that_is_never_tried_again_is_noticed() {
    assert!(share_after_an_illness() > 0.28, "without the bug it gets its share back");
    switch_on(Some(Mutant::UnhealthyForEver));
    let share = share_after_an_illness();
    switch_on(None);
    assert!(share < 0.1, "{share}");
}

/// What part of the sends goes to a broker that hung for a while and has been well for long.
fn share_after_an_illness() -> f64 {
    let mut world = World::new(1);
    let config = world.config();
    let producer = world.producer(config);
    let load = |world: &mut World, sends: usize| {
        let sends: Vec<_> = (0..sends)
            .map(|_| {
                world.run_for(Duration::from_millis(5)).expect("no rule is broken");
                world.send(producer, TOPIC)
            })
            .collect();
        sends.into_iter().filter_map(|send| world.answer(send).ok()).collect::<Vec<_>>()
    };
    load(&mut world, 100);
    world.misbehave(BROKER_C, Fault::Hang);
    load(&mut world, 1_000);
    world.behave(BROKER_C);
    load(&mut world, 4_000);
    let receipts = load(&mut world, 1_000);
    let there = |receipt: &&SendReceipt| receipt.message_queue.broker_name == "broker-c";
    receipts.iter().filter(there).count() as f64 / receipts.len() as f64
}

#[test]
fn row_25_a_busy_cluster_that_is_stormed_is_noticed() {
    assert!(refusals_of_a_busy_cluster() <= 550, "without the bug, a tenth more than sends");
    switch_on(Some(Mutant::WindowNeverShrinks));
    let refusals = refusals_of_a_busy_cluster();
    switch_on(None);
    assert!(refusals > 1_000, "{refusals}");
}

/// How often 500 sends are refused by a cluster that takes nothing.
fn refusals_of_a_busy_cluster() -> usize {
    let mut world = World::new(1);
    let config = world.config();
    let producer = world.producer(config);
    world.run_for(Duration::from_secs(1)).expect("no rule is broken");
    for broker in [BROKER_A, BROKER_B, BROKER_C] {
        world.misbehave(broker, Fault::Answer { code: 2, remark: String::new(), times: u32::MAX });
    }
    let sends: Vec<_> = (0..500)
        .map(|_| {
            world.run_for(Duration::from_millis(5)).expect("no rule is broken");
            world.send(producer, TOPIC)
        })
        .collect();
    let errors = sends.into_iter().filter_map(|send| world.answer(send).err());
    let refused = |attempt: &&Attempt| matches!(attempt.failure, AttemptFailure::Refused { .. });
    errors.map(|error| error.attempts().iter().filter(refused).count()).sum()
}
