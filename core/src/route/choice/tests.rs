//! Who decides about a message's queue.

use super::*;
use crate::route::{RouteData, TopicEntry};

const A_AND_B: &str = r#"{"queueDatas":[
    {"brokerName":"a","perm":6,"writeQueueNums":2},{"brokerName":"b","perm":6,"writeQueueNums":2}],
    "brokerDatas":[{"brokerName":"a","brokerAddrs":{"0":"a:10911"}},
    {"brokerName":"b","brokerAddrs":{"0":"b:10911"}}]}"#;

fn routes(json: &str) -> Routes {
    let data = RouteData::decode(json.as_bytes()).unwrap();
    let route = TopicRoute::build(&"T".into(), &data, Arc::default()).unwrap();
    let mut routes = Routes::default();
    let entry = TopicEntry { route: Some(Arc::new(route)), ..TopicEntry::default() };
    routes.topics.set(&"T".into(), Some(entry));
    routes
}

fn ask(routes: &Routes, message: &Message, choice: &Choice) -> RoutingResult {
    let mut random = fastrand::Rng::with_seed(1);
    routes.route_message(Instant::default(), "T", message, choice, &mut random).unwrap()
}

#[test]
fn a_given_queue_goes_before_a_selector_and_that_before_a_key_and_that_before_a_strategy() {
    let routes = routes(A_AND_B);
    let message = || Message::new("T", "x");
    let keyed = message().with_sharding_key("order-1");
    let queue = MessageQueue { topic: "T".into(), broker_name: "elsewhere".into(), queue_id: 7 };
    let given = ask(&routes, &keyed, &Choice::Queue(queue.clone()));
    assert_eq!((given.message_queue, given.decided_by), (queue, Decider::Queue));
    assert_eq!(given.broker_address, None, "the route does not know it");

    let last =
        Choice::Selector(Arc::new(|_: &Message, queues: &[MessageQueue]| Some(queues.len() - 1)));
    let selected = ask(&routes, &keyed, &last);
    assert_eq!(selected.decided_by, Decider::Selector);
    assert_eq!((&*selected.message_queue.broker_name, selected.message_queue.queue_id), ("b", 1));
    assert_eq!(selected.broker_address, Some("b:10911".parse().unwrap()));

    let random = Choice::Strategy(RoutingStrategy::Random);
    let by_key = ask(&routes, &keyed, &random);
    assert!(by_key.is_fixed() && by_key.decided_by == Decider::ShardingKey);
    let free = ask(&routes, &message(), &random);
    assert_eq!(free.decided_by, Decider::Strategy(RoutingStrategy::Random));
    assert!(!free.is_fixed());
}

#[test]
fn row_15_a_key_has_its_queue_however_name_servers_list_the_brokers() {
    let queues = |name: &str| format!(r#"{{"brokerName":"{name}","perm":6,"writeQueueNums":2}}"#);
    let broker =
        |name: &str| format!(r#"{{"brokerName":"{name}","brokerAddrs":{{"0":"{name}:10911"}}}}"#);
    let listed = |[first, second]: [&str; 2]| {
        routes(&format!(
            r#"{{"queueDatas":[{},{}],"brokerDatas":[{},{}]}}"#,
            queues(first),
            queues(second),
            broker(second),
            broker(first)
        ))
    };
    let (one, other) = (listed(["a", "b"]), listed(["b", "a"]));
    for number in 0..100 {
        let keyed = Message::new("T", "x").with_sharding_key(format!("order-{number}"));
        let choice = Choice::default();
        assert_eq!(
            ask(&one, &keyed, &choice).message_queue,
            ask(&other, &keyed, &choice).message_queue
        );
    }
}

#[test]
fn message_hash_goes_by_the_first_key_and_avoids_brokers_that_are_ill() {
    let mut routes = routes(A_AND_B);
    let choice = Choice::Strategy(RoutingStrategy::MessageHash);
    let message = Message::new("T", "x").with_keys(["k1", "k2"]);
    let hashed = ask(&routes, &message, &choice).message_queue;
    for _ in 0..20 {
        assert_eq!(ask(&routes, &message, &choice).message_queue, hashed);
    }
    let route = routes.topics.entry("T").route.clone().unwrap();
    route.broker(&hashed.broker_name).unwrap().health.suspend();
    assert_ne!(ask(&routes, &message, &choice).message_queue.broker_name, hashed.broker_name);
}

#[test]
fn what_cannot_be_routed_says_why() {
    let mut random = fastrand::Rng::with_seed(1);
    let mut ask = |topic, choice: &Choice| {
        let message = Message::new("T", "x");
        routes(A_AND_B).route_message(Instant::default(), topic, &message, choice, &mut random)
    };
    assert_eq!(ask("unknown", &Choice::default()), Err(RoutingError::NoRoute(None)));
    let nowhere = Choice::Selector(Arc::new(|_: &Message, _: &[MessageQueue]| Some(4)));
    let error = ask("T", &nowhere).unwrap_err();
    assert_eq!(error.to_string(), "the selector chose number 4 of 4 queues");
}
