//! The table of all fields in the documentation.

use std::collections::BTreeMap;

use rocketmq_producer::ProducerConfig;
use serde_json::Value;

use crate::written;

const TABLE: &str = include_str!("../../core/src/model/config/fields.md");

/// A row's name, unit and default.
fn rows() -> BTreeMap<&'static str, (&'static str, &'static str)> {
    let lines = TABLE.lines().filter(|line| line.starts_with("| `"));
    let row = |line: &'static str| {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let ["", name, unit, default, effect, ""] = cells[..] else { panic!("a row: {line}") };
        assert!(!effect.is_empty(), "{line}");
        (name.trim_matches('`'), (unit, default))
    };
    lines.map(row).collect()
}

/// A default as the table shows it.
fn shown(value: &Value, unit: &str) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => format!("`{text}`"),
        // Where that is shorter.
        Value::Number(number) => match (unit, number.as_u64()) {
            ("bytes", Some(bytes)) if bytes >= 1 << 20 => format!("{} MiB", bytes >> 20),
            ("bytes", Some(bytes)) if bytes >= 1 << 15 => format!("{} KiB", bytes >> 10),
            _ => number.to_string(),
        },
        other => other.to_string(),
    }
}

#[test]
fn the_table_of_fields_has_every_field_and_its_default() {
    let mut rows = rows();
    for (name, value) in written(&ProducerConfig::default()) {
        let (unit, default) = rows.remove(&*name).unwrap_or_else(|| panic!("{name} has no row"));
        assert_eq!(default, shown(&value, unit), "{name}");
    }
    assert_eq!(rows.remove("address_translation"), Some(("", "none")));
    assert!(rows.is_empty(), "there are no such fields: {rows:?}");
}
