//! What a route makes of a name server's answer, and whose turn it is.

use super::*;

fn route(json: &str) -> TopicRoute {
    let data = RouteData::decode(json.as_bytes()).unwrap();
    TopicRoute::build(&"T".into(), &data, Arc::default()).unwrap()
}

fn shown(queues: &[MessageQueue]) -> Vec<String> {
    queues.iter().map(|queue| format!("{}{}", queue.broker_name, queue.queue_id)).collect()
}

const TWO_BROKERS: &str = r#"{"brokerDatas":[
    {"brokerName":"b","brokerAddrs":{"0":"h:2"}},{"brokerName":"a","brokerAddrs":{"0":"h:1"}},
    {"brokerName":"slave","brokerAddrs":{"1":"h:3"}},{"brokerName":"closed","brokerAddrs":{"0":"h:4"}}],
    "queueDatas":[
    {"brokerName":"b","perm":6,"writeQueueNums":2},{"brokerName":"a","perm":2,"writeQueueNums":2},
    {"brokerName":"slave","perm":6,"writeQueueNums":2},{"brokerName":"closed","perm":4,"writeQueueNums":2},
    {"brokerName":"unknown","perm":6,"writeQueueNums":2}]}"#;

#[test]
fn only_writable_queues_with_a_master_count_and_their_order_is_fixed() {
    assert_eq!(shown(route(TWO_BROKERS).queues()), ["a0", "a1", "b0", "b1"]);
}

#[test]
fn the_rotation_alternates_between_brokers_and_skips_what_is_avoided() {
    let route = route(TWO_BROKERS);
    let next = |badness: &dyn Fn(&str) -> u32| {
        let best = route.best_of(&mut || route.take_turn(), &mut |broker, _| badness(broker));
        let queue = best.unwrap();
        format!("{}{}", queue.broker_name, queue.queue_id)
    };
    let all_good = || next(&|_| 0);
    assert_eq!([(); 4].map(|()| all_good()), ["a0", "b0", "a1", "b1"]);
    let not_a = || next(&|broker| u32::from(broker == "a"));
    assert_eq!([(); 4].map(|()| not_a()), ["b0", "b1", "b0", "b1"]);
    let a_is_worse = || next(&|broker| if broker == "a" { 9 } else { 3 });
    assert_eq!([(); 2].map(|()| a_is_worse()), ["b0", "b1"], "the least bad one is used");
}

#[test]
fn an_order_configuration_keeps_its_order() {
    let conf = r#"{"orderTopicConf":"z:1;a:2;","queueDatas":[],"brokerDatas":[]}"#;
    assert_eq!(shown(route(conf).queues()), ["z0", "a0", "a1"]);
    let bad = RouteData { order_topic_conf: Some("z".to_owned()), ..RouteData::default() };
    assert!(TopicRoute::build(&"T".into(), &bad, Arc::default()).is_err());
}

#[test]
fn keys_reach_the_queue_that_java_would_choose() {
    let route = route(TWO_BROKERS);
    let vectors: serde_json::Value =
        serde_json::from_str(include_str!("../../../tests/vectors.json")).unwrap();
    for case in vectors["java_string_hash"]["cases"].as_array().unwrap() {
        let (text, hash) = (case["s"].as_str().unwrap(), case["hash"].as_i64().unwrap());
        assert_eq!(i64::from(java_string_hash(text)), hash, "{text:?}");
        let index = case["index_of_4"].as_u64().unwrap() as usize;
        assert_eq!(route.queue_for_key(text), route.queues().get(index), "{text:?}");
    }
}

#[test]
fn a_broker_whose_address_cannot_be_used_does_not_cost_the_others() {
    let json = TWO_BROKERS.replace("h:1", "nowhere");
    assert_eq!(shown(route(&json).queues()), ["b0", "b1"]);
}

#[test]
fn row_26_a_translated_route_leads_elsewhere_and_knows_what_was_advertised() {
    let b_is_elsewhere = |broker: &str, advertised: &Address| match broker {
        "b" => Address { host: "localhost".into(), port: advertised.port + 1 },
        _ => advertised.clone(),
    };
    let route = route(TWO_BROKERS).translated(&b_is_elsewhere);
    assert_eq!(route.master("b").unwrap().to_string(), "localhost:3");
    assert_eq!(route.advertised("b").unwrap().to_string(), "h:2");
    assert_eq!(route.master("a").unwrap().to_string(), "h:1");
    assert_eq!(route.advertised("a"), None);
}

#[test]
fn impossible_routes_are_refused_before_memory_is_taken() {
    let data = |json: &str| RouteData::decode(json.as_bytes()).unwrap();
    for json in [
        r#"{"orderTopicConf":"a:4000000000"}"#,
        r#"{"brokerDatas":[{"brokerName":"a","brokerAddrs":{"0":"nowhere"}}],
            "queueDatas":[{"brokerName":"a","perm":6,"writeQueueNums":4}]}"#,
    ] {
        assert!(TopicRoute::build(&"T".into(), &data(json), Arc::default()).is_err(), "{json}");
    }
}

#[test]
fn a_topic_that_does_not_exist_gets_the_default_topics_brokers_and_few_queues() {
    let json = r#"{"brokerDatas":[{"brokerName":"a","brokerAddrs":{"0":"h:1"}}],
        "queueDatas":[{"brokerName":"a","perm":7,"readQueueNums":8,"writeQueueNums":8}]}"#;
    let data = RouteData::decode(json.as_bytes()).unwrap();
    let route = TopicRoute::build_from_default(&"New".into(), data, 4, Arc::default()).unwrap();
    assert_eq!(shown(route.queues()), ["a0", "a1", "a2", "a3"]);
    assert!(route.is_fallback());
}
