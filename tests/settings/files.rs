//! Configurations from files.

use std::{sync::Arc, time::Duration};

use rocketmq_producer::{
    Address, BatchSplitType, CompressionType, ProducerConfig, RoutingStrategy, SerializeType,
};
use serde_json::json;

/// A setting of each kind that is not the default.
fn changed() -> ProducerConfig {
    ProducerConfig::new("orders", "10.0.0.1:9876;10.0.0.2:9876")
        .with_client_id("orders-1")
        .with_timeout(Duration::from_millis(1_500))
        .with_retry(7)
        .with_strict_order(true)
        .with_max_message_size(1_000)
        .with_compress_type(CompressionType::None)
        .with_compress_level(9)
        .with_routing_strategy(RoutingStrategy::MessageHash)
        .with_batch_split_type(BatchSplitType::ByCount)
        .with_serialize_type(SerializeType::Json)
}

#[test]
fn what_is_written_as_json_or_toml_is_read_again() {
    for config in [ProducerConfig::default(), changed()] {
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<ProducerConfig>(&text).unwrap(), config, "{text}");
        let text = toml::to_string(&config).unwrap();
        assert_eq!(toml::from_str::<ProducerConfig>(&text).unwrap(), config, "{text}");
    }
}

#[test]
fn json_has_snake_case_names_milliseconds_and_choices_by_name() {
    let text = json!({
        "producer_group": "orders",
        "namesrv_addr": "10.0.0.1:9876;10.0.0.2:9876",
        "client_id": "orders-1",
        "send_msg_timeout": 1500,
        "retry_times": 7,
        "strict_order": true,
        "max_message_size": 1000,
        "compress_type": "none",
        "compress_level": 9,
        "routing_strategy": "message_hash",
        "batch_split_type": "by_count",
        "serialize_type": "json",
    })
    .to_string();
    assert_eq!(serde_json::from_str::<ProducerConfig>(&text).unwrap(), changed());
}

#[test]
fn toml_has_the_same_names() {
    let text = r#"
        producer_group = "orders"
        namesrv_addr = "10.0.0.1:9876;10.0.0.2:9876"
        client_id = "orders-1"
        send_msg_timeout = 1500
        retry_times = 7
        strict_order = true
        max_message_size = 1000
        compress_type = "none"
        compress_level = 9
        routing_strategy = "message_hash"
        batch_split_type = "by_count"
        serialize_type = "json"
    "#;
    assert_eq!(toml::from_str::<ProducerConfig>(text).unwrap(), changed());
}

#[test]
fn every_choice_is_called_what_the_table_calls_it() {
    for (field, names) in [
        ("serialize_type", &["binary", "json"][..]),
        ("compress_type", &["none", "zlib", "lz4", "zstd"]),
        ("batch_split_type", &["by_size", "by_count"]),
        ("routing_strategy", &["round_robin", "random", "message_hash"]),
    ] {
        for name in names {
            let text = json!({ field: name }).to_string();
            let config: ProducerConfig = serde_json::from_str(&text).expect(name);
            assert_eq!(crate::written(&config)[field], *name);
        }
        let text = json!({ field: "nonesuch" }).to_string();
        let error = serde_json::from_str::<ProducerConfig>(&text).unwrap_err().to_string();
        assert!(names.iter().all(|name| error.contains(name)), "{error}");
    }
}

#[test]
fn what_a_file_leaves_out_is_the_default() {
    let config = ProducerConfig::default();
    assert_eq!(serde_json::from_str::<ProducerConfig>("{}").unwrap(), config);
    assert_eq!(toml::from_str::<ProducerConfig>("").unwrap(), config);
    let config = config.with_retry(1);
    assert_eq!(toml::from_str::<ProducerConfig>("retry_times = 1").unwrap(), config);
}

#[test]
fn a_name_that_no_setting_has_is_refused_with_those_that_there_are() {
    let json = serde_json::from_str::<ProducerConfig>(r#"{"retries": 3}"#);
    let toml = toml::from_str::<ProducerConfig>("retries = 3");
    for error in [json.unwrap_err().to_string(), toml.unwrap_err().to_string()] {
        assert!(error.contains("unknown field `retries`"), "{error}");
        assert!(error.contains("`retry_times`"), "{error}");
    }
}

#[test]
fn times_that_are_not_whole_milliseconds_are_refused() {
    for text in ["-1", "1.5", "1e30", "\"3s\"", "true", "null", "[1]"] {
        let text = format!(r#"{{"send_msg_timeout": {text}}}"#);
        let error = serde_json::from_str::<ProducerConfig>(&text).unwrap_err().to_string();
        assert!(error.contains("a whole number of milliseconds"), "{error}");
    }
    let error = toml::from_str::<ProducerConfig>("send_msg_timeout = -1").unwrap_err().to_string();
    assert!(error.contains("a whole number of milliseconds"), "{error}");
    // Files made for the Python client, where it is a float.
    let config = ProducerConfig::default().with_timeout(Duration::from_secs(5));
    assert_eq!(toml::from_str::<ProducerConfig>("send_msg_timeout = 5000.0").unwrap(), config);
}

#[test]
fn a_time_that_would_be_read_as_another_is_not_written() {
    for time in [Duration::from_micros(1_500), Duration::from_nanos(1), Duration::MAX] {
        let config = ProducerConfig::default().with_timeout(time);
        let error = serde_json::to_string(&config).unwrap_err().to_string();
        let expected = format!("{time:?} cannot be written as whole milliseconds");
        assert!(error.contains(&expected), "{error}");
    }
}

#[test]
fn a_translation_of_addresses_is_code_and_stays_out_of_files() {
    let translation = |_: &str, advertised: &Address| advertised.clone();
    let config = ProducerConfig::default().with_address_translation(Arc::new(translation));
    assert!(!crate::written(&config).contains_key("address_translation"));
    let error = serde_json::from_str::<ProducerConfig>(r#"{"address_translation": null}"#);
    assert!(error.unwrap_err().to_string().contains("unknown field `address_translation`"));
}
