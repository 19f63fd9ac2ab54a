//! Configurations from environment variables.

use std::{collections::BTreeMap, ffi::OsString, time::Duration};

use rocketmq_producer::{EnvError, ProducerConfig, RoutingStrategy, Template};
use serde_json::{Value, json};

use crate::written;

/// Reads these variables, and no others.
fn read(base: ProducerConfig, vars: &[(&str, &str)]) -> Result<ProducerConfig, EnvError> {
    let vars: BTreeMap<_, _> = vars.iter().copied().collect();
    base.with_vars(|name| vars.get(name).map(OsString::from))
}

fn from(vars: &[(&str, &str)]) -> Result<ProducerConfig, EnvError> {
    read(ProducerConfig::default(), vars)
}

/// Another value for a setting, as it is written and as it is read, and one that is not of its kind
/// with what would be.
fn samples(name: &str, default: &Value) -> (String, Value, Option<(&'static str, String)>) {
    let bad = |value, expected: &str| Some((value, expected.to_owned()));
    let whole = "a whole number";
    match (name, default) {
        ("producer_group" | "client_id" | "namesrv_addr", _) => {
            ("other:1".to_owned(), json!("other:1"), None)
        }
        ("routing_strategy", _) => (
            "message_hash".to_owned(),
            json!("message_hash"),
            bad("anywhere", "one of round_robin, random, message_hash"),
        ),
        ("compress_type", _) => {
            ("lz4".to_owned(), json!("lz4"), bad("rar", "one of none, zlib, lz4, zstd"))
        }
        ("batch_split_type", _) => {
            ("by_count".to_owned(), json!("by_count"), bad("by_hand", "one of by_size, by_count"))
        }
        ("serialize_type", _) => {
            ("json".to_owned(), json!("json"), bad("xml", "one of json, binary"))
        }
        (_, Value::Bool(default)) => {
            ((!default).to_string(), json!(!default), bad("maybe", "true or false"))
        }
        (_, Value::Number(_)) => ("1234".to_owned(), json!(1234), bad("1.5s", whole)),
        _ => panic!("a sample for {name} = {default} is missing"),
    }
}

#[test]
fn every_setting_is_read_under_either_prefix_and_nothing_else_changes() {
    let defaults = written(&ProducerConfig::default());
    for (name, default) in &defaults {
        let (text, value, _) = samples(name, default);
        let mut expected = defaults.clone();
        expected.insert(name.clone(), value);
        for prefix in ["ROCKETMQ_", "PYROCKETMQ_"] {
            let variable = format!("{prefix}{}", name.to_uppercase());
            let config = from(&[(&variable, &text)]).expect(&variable);
            assert_eq!(written(&config), expected, "{variable}");
        }
    }
}

#[test]
fn every_value_that_is_not_of_its_settings_kind_is_told_with_its_variable() {
    let mut kinds = 0;
    for (name, default) in written(&ProducerConfig::default()) {
        let Some((text, expected)) = samples(&name, &default).2 else { continue };
        for prefix in ["ROCKETMQ_", "PYROCKETMQ_"] {
            let variable = format!("{prefix}{}", name.to_uppercase());
            let error = from(&[(&variable, text)]).expect_err(&variable);
            assert_eq!((&*error.variable, &*error.value), (&*variable, text));
            assert!(error.expected.starts_with(&expected), "{variable}: {error}");
        }
        kinds += 1;
    }
    assert!(kinds > 40, "all but texts, of which any will do");
}

#[test]
fn an_error_names_the_variable_its_value_and_what_was_expected() {
    for (variable, value, told) in [
        (
            "ROCKETMQ_RETRY_TIMES",
            "-1",
            r#"environment variable ROCKETMQ_RETRY_TIMES = "-1": a whole number from 0 to 4294967295 is expected"#,
        ),
        (
            "PYROCKETMQ_SEND_MSG_TIMEOUT",
            "3s",
            r#"environment variable PYROCKETMQ_SEND_MSG_TIMEOUT = "3s": a whole number of milliseconds is expected"#,
        ),
        (
            "ROCKETMQ_CONNECT_TIMEOUT",
            "0.5",
            r#"environment variable ROCKETMQ_CONNECT_TIMEOUT = "0.5": a whole number of milliseconds is expected"#,
        ),
        (
            "ROCKETMQ_AUTO_BATCH",
            "maybe",
            r#"environment variable ROCKETMQ_AUTO_BATCH = "maybe": true or false is expected"#,
        ),
        (
            "ROCKETMQ_ROUTING_STRATEGY",
            "anywhere",
            r#"environment variable ROCKETMQ_ROUTING_STRATEGY = "anywhere": one of round_robin, random, message_hash is expected"#,
        ),
    ] {
        assert_eq!(from(&[(variable, value)]).unwrap_err().to_string(), told);
    }
    let error = from(&[("ROCKETMQ_MAX_MESSAGE_SIZE", "4.5e3")]).unwrap_err();
    assert_eq!(error.expected, format!("a whole number from 0 to {}", usize::MAX));
}

#[test]
fn our_own_prefix_comes_before_the_alias() {
    let both = [("PYROCKETMQ_RETRY_TIMES", "often"), ("ROCKETMQ_RETRY_TIMES", "5")];
    assert_eq!(from(&both).unwrap().retry_times, 5);
}

#[test]
fn name_servers_come_from_namesrv_addr_where_nothing_else_names_them() {
    let last = ("NAMESRV_ADDR", "last:9876");
    let alias = ("PYROCKETMQ_NAMESRV_ADDR", "alias:9876");
    let first = ("ROCKETMQ_NAMESRV_ADDR", "first:9876");
    for (vars, expected) in [
        (&[last][..], "last:9876"),
        (&[last, alias], "alias:9876"),
        (&[last, alias, first], "first:9876"),
        (&[], "localhost:9876"),
    ] {
        assert_eq!(from(vars).unwrap().namesrv_addr, expected);
    }
}

#[test]
fn yes_and_no_have_several_names_in_any_case() {
    for (yes, no) in [("true", "false"), ("1", "0"), ("YES", "No"), ("On", " off ")] {
        let read = |value| from(&[("ROCKETMQ_STRICT_ORDER", value)]).unwrap().strict_order;
        assert_eq!((read(yes), read(no)), (true, false), "{yes}, {no}");
    }
}

#[test]
fn choices_may_be_in_any_case_and_times_may_be_floats_that_are_whole() {
    let vars = [
        ("PYROCKETMQ_ROUTING_STRATEGY", "MESSAGE_HASH"),
        ("PYROCKETMQ_SEND_MSG_TIMEOUT", " 5000.0 "),
    ];
    let config = from(&vars).unwrap();
    assert_eq!(config.routing_strategy, RoutingStrategy::MessageHash);
    assert_eq!(config.send_msg_timeout, Duration::from_secs(5));
}

#[test]
fn an_empty_variable_is_one_that_is_not_set() {
    let vars = [
        ("ROCKETMQ_RETRY_TIMES", ""),
        ("PYROCKETMQ_RETRY_TIMES", "4"),
        ("ROCKETMQ_CLIENT_ID", ""),
        ("ROCKETMQ_NAMESRV_ADDR", ""),
    ];
    assert_eq!(from(&vars).unwrap(), ProducerConfig::default().with_retry(4));
}

#[test]
fn variables_of_others_are_nobodys_business_here() {
    let vars = [("ROCKETMQ_HOME", "/opt/rocketmq"), ("ROCKETMQ_ADDRESS_TRANSLATION", "?")];
    assert_eq!(from(&vars).unwrap(), ProducerConfig::default());
}

#[test]
fn what_the_environment_does_not_say_stays_as_it_was() {
    let base = ProducerConfig::from(Template::OrderSequenced).with_timeout(Duration::from_nanos(7));
    let vars = [("ROCKETMQ_RETRY_TIMES", "2"), ("NAMESRV_ADDR", "ns:9876")];
    let expected = base.clone().with_retry(2).with_namesrv_addr("ns:9876");
    assert_eq!(read(base, &vars).unwrap(), expected);
}

#[cfg(unix)]
#[test]
fn a_value_that_is_no_text_is_told_with_its_variable() {
    use std::os::unix::ffi::OsStringExt;
    let lookup = |name: &str| {
        (name == "ROCKETMQ_PRODUCER_GROUP").then(|| OsString::from_vec(b"gr\xffup".to_vec()))
    };
    let error = ProducerConfig::default().with_vars(lookup).unwrap_err();
    assert_eq!(
        error.to_string(),
        "environment variable ROCKETMQ_PRODUCER_GROUP = \"gr\u{fffd}up\": UTF-8 is expected"
    );
}

/// The only test that reads what this process was started with: its own setting is made for a process
/// of its own.
#[test]
fn from_env_reads_the_environment_of_the_process() {
    const CHILD: &str = "SETTINGS_TEST_CHILD";
    if std::env::var_os(CHILD).is_some() {
        let config = ProducerConfig::from_env().expect("it can be read");
        assert_eq!(config, ProducerConfig::new("from-env", "ns:9876").with_retry(9));
        return;
    }
    let own = "environment::from_env_reads_the_environment_of_the_process";
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args([own, "--exact"])
        .env_clear()
        .envs([(CHILD, "1"), ("ROCKETMQ_PRODUCER_GROUP", "from-env")])
        .envs([("PYROCKETMQ_RETRY_TIMES", "9"), ("NAMESRV_ADDR", "ns:9876")])
        .output()
        .expect("this test can be started again");
    let told = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && told.contains("1 passed"), "{told}");
}
