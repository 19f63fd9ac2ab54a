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
mod table;
mod telling;
mod trace;
mod transactions;

use std::collections::BTreeSet;

use rocketmq_producer::ProducerConfig;

use table::Row;

/// Settings whose effect is still to come; each is to be taken out with it, and gets a row.
const OWED: [&str; 0] = [];

/// Each theme's rows.
const TABLES: [fn() -> Vec<Row>; 11] = [
    identity::rows,
    sending::rows,
    choosing::rows,
    room::rows,
    bodies::rows,
    batches::rows,
    transactions::rows,
    name_servers::rows,
    connections::rows,
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
    for name in OWED {
        println!("{name} has no effect yet");
        assert!(with_row.insert(name.to_owned()), "{name} is owed no more");
    }
    assert_eq!(with_row, settings());
}
