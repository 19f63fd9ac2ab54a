//! Clusters in trouble that a seed decides. The command `simulate` runs more of them.

use std::{sync::atomic::AtomicBool, time::Duration};

use rocketmq_producer_testkit::sim::sweep;

#[test]
fn no_rule_is_broken_in_two_hundred_clusters_in_trouble() {
    let summary = sweep((1, 200), Duration::from_secs(600), 2, &AtomicBool::new(false), |_| {});
    let summary = summary.unwrap_or_else(|failure| {
        let (seed, violation) = (failure.seed, &failure.violation);
        panic!(
            "{}\nseed {seed}: {violation}\nagain: cargo run -p rocketmq-producer-testkit --release \
             --bin simulate -- --seed {seed} --timeline",
            failure.timeline
        )
    });
    let counts = summary.counts;
    for kind_of_end in [counts.not_sent, counts.rejected, counts.unknown, counts.duplicates] {
        assert!(kind_of_end > 0, "some kind of failure was never met: {counts:?}");
    }
    assert!(counts.acknowledged > counts.sends / 2, "{counts:?}");
}
