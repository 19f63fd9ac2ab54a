//! Transactions under faults.

use std::time::Duration;

use rocketmq_producer_testkit::sim::{BROKER_A, BROKER_B, BROKER_C, TOPIC, Work, World};

/// A local transaction that has ended, and whose producer does not hear of it.
const SILENT: Work = Work { is_silent: true, ..Work::COMMIT };

#[test]
fn row_13_brokers_ask_about_what_nobody_has_ended() {
    for seed in 0..20 {
        let mut world = World::new(seed);
        let producer = world.transaction_producer(world.transaction_config());
        for _ in 0..10 {
            world.transact(producer, TOPIC, SILENT);
        }
        world.run_for(Duration::from_secs(60)).unwrap();
        world.expect_transactions_settled().unwrap();
        let stats = world.transaction_stats(producer);
        assert_eq!((stats.committed_transactions, stats.open), (10, 0), "seed {seed}");
        world.end_well(&[producer]).unwrap();
    }
}
