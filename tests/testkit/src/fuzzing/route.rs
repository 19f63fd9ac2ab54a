//! Any bytes as a name server's answer.

use std::sync::Arc;

use bytestring::ByteString;
use rocketmq_producer_core::route::{BadRoute, QUEUES_MAX, RouteData, TopicRoute};

/// Reads `data` as a route and builds the queues of a topic from it, as its own route and as the
/// default topic's.
///
/// # Panics
///
/// When standard JSON is read otherwise than a JSON parser reads it, when the queues are more than
/// the limit, or when a route with queues offers none.
pub fn route(data: &[u8]) {
    let decoded = RouteData::decode(data);
    if let Some(standard) = standard_json(data) {
        assert_eq!(decoded.as_ref(), Ok(&standard), "standard JSON means what it says");
    }
    let Ok(decoded) = decoded else { return };
    let topic = ByteString::from_static("TopicTest");
    check(&TopicRoute::build(&topic, &decoded, Arc::default()));
    check(&TopicRoute::build_from_default(&topic, decoded, 4, Arc::default()));
}

fn standard_json(data: &[u8]) -> Option<RouteData> {
    let text = std::str::from_utf8(data).ok().filter(|text| text.trim_start().starts_with('{'))?;
    serde_json::from_str(text).ok()
}

fn check(route: &Result<TopicRoute, BadRoute>) {
    let Ok(route) = route else { return };
    let queues = route.queues();
    assert!(queues.len() <= QUEUES_MAX);
    for chosen in [
        route.best_of(&mut || route.take_turn(), &mut |_, _| 0),
        route.best_of(&mut || usize::MAX, &mut |broker, _| broker.len() as u32),
        route.queue_for_key("order-1001"),
    ] {
        assert_eq!(chosen.is_some(), !queues.is_empty());
        assert!(chosen.is_none_or(|queue| queues.contains(queue)));
    }
}
