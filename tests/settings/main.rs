//! Everything that a producer can be told: by what names, from where, and to what effect.

mod environment;
mod fields;
mod files;
mod templates;

/// Every setting has a row in a table, and every row shows a difference. Some of the rows need a
/// runtime.
#[cfg(all(feature = "blocking", feature = "smol", feature = "tracing"))]
mod effects;

use std::collections::BTreeMap;

use rocketmq_producer::ProducerConfig;
use serde_json::Value;

/// Every setting that can be written down, by name.
fn written(config: &ProducerConfig) -> BTreeMap<String, Value> {
    match serde_json::to_value(config) {
        Ok(Value::Object(fields)) => fields.into_iter().collect(),
        other => panic!("a configuration is an object: {other:?}"),
    }
}
