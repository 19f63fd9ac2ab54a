//! Every setting has an effect.
//!
//! Each row of the tables drives one setting, by its name, to two values, and says what is seen with
//! each: in the simulated world, on its virtual clock, or over sockets where what is to be seen is of
//! a runtime or of bytes.

mod batches;
mod bodies;
mod choosing;
mod connections;
mod identity;
mod name_servers;
mod room;
mod sending;
mod statistics;
mod table;
mod telling;
mod trace;
mod transactions;

use std::collections::BTreeSet;

use rocketmq_producer::ProducerConfig;

use table::Row;

/// Each theme's rows.
const TABLES: [fn() -> Vec<Row>; 12] = [
    identity::rows,
    sending::rows,
    choosing::rows,
    room::rows,
    bodies::rows,
    batches::rows,
    transactions::rows,
    name_servers::rows,
    connections::rows,
    statistics::rows,
    telling::rows,
    trace::rows,
];

/// Every setting there is.
fn settings() -> BTreeSet<String> {
    let mut names: BTreeSet<_> = crate::written(&ProducerConfig::default()).into_keys().collect();
    names.insert("address_translation".to_owned());
    names
}

#[test]
fn every_setting_has_a_row() {
    let mut with_row = BTreeSet::new();
    for row in TABLES.iter().flat_map(|rows| rows()) {
        assert!(with_row.insert(row.name().to_owned()), "{} has two rows", row.name());
    }
    assert_eq!(with_row, settings());
}
