//! Templates: what they are called, and in what they differ from the defaults.

use std::collections::BTreeMap;

use rocketmq_producer::{ProducerConfig, Template};
use serde_json::{Value, json};

use crate::written;

const ALL: [Template; 6] = [
    Template::Default,
    Template::Development,
    Template::Production,
    Template::OrderSequenced,
    Template::HighPerformance,
    Template::Testing,
];

/// The settings in which a template is not the default.
fn differences(template: Template) -> BTreeMap<String, Value> {
    let defaults = written(&ProducerConfig::default());
    let mut settings = written(&template.into());
    settings.retain(|name, value| defaults[name] != *value);
    settings
}

#[test]
fn each_template_differs_from_the_defaults_as_its_table_says_and_in_nothing_else() {
    for (template, expected) in [
        (Template::Default, json!({})),
        (
            Template::Development,
            json!({
                "send_msg_timeout": 5000, "retry_times": 1, "batch_size": 16,
                "trace_message": true, "debug_enabled": true,
            }),
        ),
        (
            Template::Production,
            json!({
                "retry_times": 3, "retry_another_broker_when_not_store_ok": true,
                "send_latency_enable": true,
            }),
        ),
        (
            Template::OrderSequenced,
            json!({
                "send_msg_timeout": 5000, "retry_times": 5,
                "retry_another_broker_when_not_store_ok": true, "batch_size": 1,
                "send_latency_enable": true, "routing_strategy": "message_hash",
                "strict_order": true, "trace_message": true,
            }),
        ),
        (
            Template::HighPerformance,
            json!({
                "send_msg_timeout": 1000, "retry_times": 1,
                "compress_msg_body_over_howmuch": 1024 * 1024,
                "max_message_size": 2 * 1024 * 1024, "batch_size": 64,
                "async_send_semaphore": 50000, "send_latency_enable": true,
                "routing_strategy": "random",
            }),
        ),
        (
            Template::Testing,
            json!({
                "producer_group": "TEST_PRODUCER", "send_msg_timeout": 10000, "retry_times": 0,
                "batch_size": 8, "trace_message": true, "debug_enabled": true,
            }),
        ),
    ] {
        let differences = Value::Object(differences(template).into_iter().collect());
        assert_eq!(differences, expected, "{template}");
    }
}

#[test]
fn no_template_has_a_translation_of_addresses() {
    for template in ALL {
        assert_eq!(ProducerConfig::from(template).address_translation, None, "{template}");
    }
}

#[test]
fn every_template_can_be_used_as_it_is() {
    for template in ALL {
        let config = ProducerConfig::from(template);
        assert!(config.validate().is_ok(), "{template}: {:?}", config.validate());
    }
}

#[test]
fn templates_are_found_by_long_and_short_names_in_any_case() {
    for (name, template) in [
        ("default", Template::Default),
        ("development", Template::Development),
        ("dev", Template::Development),
        ("production", Template::Production),
        ("prod", Template::Production),
        ("order_sequenced", Template::OrderSequenced),
        ("high_performance", Template::HighPerformance),
        ("high-perf", Template::HighPerformance),
        ("testing", Template::Testing),
        ("test", Template::Testing),
    ] {
        for name in [name.to_owned(), name.to_uppercase()] {
            assert_eq!(name.parse(), Ok(template), "{name}");
        }
    }
    assert_eq!("Order_Sequenced".parse(), Ok(Template::OrderSequenced));
}

#[test]
fn a_template_is_shown_by_a_name_that_it_is_found_by() {
    for template in ALL {
        assert_eq!(template.to_string().parse(), Ok(template));
    }
}

#[test]
fn a_name_that_no_template_has_is_told_with_those_that_there_are() {
    for name in ["", "staging", "prod ", "high_perf"] {
        let error = name.parse::<Template>().expect_err(name);
        assert_eq!(error.name, name);
        assert_eq!(
            error.to_string(),
            format!(
                "there is no template {name:?}: there are default, development, dev, production, \
                 prod, order_sequenced, high_performance, high-perf, testing, test"
            )
        );
    }
}
