//! Nothing but the seed decides.

use std::time::Duration;

use rocketmq_producer_testkit::sim::run;

const TIME: Duration = Duration::from_secs(300);

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in 1..=20 {
        let (once, again) = (run(seed, TIME).unwrap(), run(seed, TIME).unwrap());
        assert_eq!(once.hash, again.hash, "seed {seed}");
        assert_eq!(once.counts, again.counts, "seed {seed}");
    }
}

#[test]
fn other_seeds_are_other_runs() {
    let hashes: std::collections::BTreeSet<_> =
        (1..=20).map(|seed| run(seed, TIME).unwrap().hash).collect();
    assert_eq!(hashes.len(), 20);
}
