//! What is counted.

use super::table::{Row, SECOND, Setting, pass, row};

pub(super) fn rows() -> Vec<Row> {
    vec![row("stats_reset_interval", sent_a_minute_ago, [("0", 6), ("30000", 0)])]
}

/// How many messages are counted of the six that warm up.
fn sent_a_minute_ago(setting: Setting) -> u64 {
    let (mut world, producer) = setting.in_world();
    pass(&mut world, 60 * SECOND);
    world.stats(producer).total_sent
}

#[test]
fn statistics_have_an_effect() {
    super::table::show(rows());
}
