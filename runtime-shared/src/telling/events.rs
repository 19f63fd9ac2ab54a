//! Changes of state as `tracing` events.

use rocketmq_producer_core::event::{Event, Severity};

/// One event, as severe as it is. Every one names its producer.
macro_rules! say {
    ($client_id:expr, $event:expr, $target:literal $(, $field:ident = $value:expr)*) => {
        match $event.severity() {
            Severity::Warn => tracing::warn!(
                target: $target, event = $event.name(), client_id = $client_id, $($field = $value,)*
                "{}", $event
            ),
            Severity::Info => tracing::info!(
                target: $target, event = $event.name(), client_id = $client_id, $($field = $value,)*
                "{}", $event
            ),
            _ => tracing::debug!(
                target: $target, event = $event.name(), client_id = $client_id, $($field = $value,)*
                "{}", $event
            ),
        }
    };
}

/// Tells the subscriber of this thread, if there is one.
pub(crate) fn tell(client_id: &str, event: &Event) {
    match event {
        Event::Started { .. }
        | Event::ShutdownBegun { .. }
        | Event::ShutdownEnded { .. }
        | Event::DriverGone { .. } => tell_of_life(client_id, event),
        Event::Connected { .. }
        | Event::DialFailed { .. }
        | Event::Disconnected { .. }
        | Event::GoAway { .. }
        | Event::HeartbeatRefused { .. }
        | Event::HeartbeatAccepted { .. } => tell_of_connection(client_id, event),
        Event::BrokerStateChanged { broker, from, to, changes } => say!(
            client_id,
            event,
            "rocketmq_producer::broker",
            broker = &**broker,
            from = debug(from),
            to = debug(to),
            changes = changes
        ),
        Event::TransactionsTimedOut { count } | Event::ChecksOverlooked { count } => {
            say!(client_id, event, "rocketmq_producer::transaction", count = count);
        }
        _ => tell_of_route(client_id, event),
    }
}

fn tell_of_life(client_id: &str, event: &Event) {
    match event {
        Event::Started { group, .. } => {
            say!(client_id, event, "rocketmq_producer::lifecycle", group = &**group);
        }
        Event::ShutdownEnded { unfinished } | Event::DriverGone { unfinished } => {
            say!(client_id, event, "rocketmq_producer::lifecycle", unfinished = unfinished);
        }
        _ => say!(client_id, event, "rocketmq_producer::lifecycle"),
    }
}

fn tell_of_connection(client_id: &str, event: &Event) {
    match event {
        Event::Connected { peer, address, failures } => say!(
            client_id,
            event,
            "rocketmq_producer::connection",
            peer = display(peer),
            address = display(address),
            failures = failures
        ),
        Event::DialFailed { peer, address, cause }
        | Event::Disconnected { peer, address, cause } => say!(
            client_id,
            event,
            "rocketmq_producer::connection",
            peer = display(peer),
            address = display(address),
            cause = display(cause)
        ),
        Event::GoAway { peer, address } => say!(
            client_id,
            event,
            "rocketmq_producer::connection",
            peer = display(peer),
            address = display(address)
        ),
        Event::HeartbeatRefused { address, code, remark } => say!(
            client_id,
            event,
            "rocketmq_producer::connection",
            address = display(address),
            code = code,
            remark = &**remark
        ),
        Event::HeartbeatAccepted { address } => {
            say!(client_id, event, "rocketmq_producer::connection", address = display(address));
        }
        _ => {}
    }
}

fn tell_of_route(client_id: &str, event: &Event) {
    match event {
        Event::NameServersReachable { name_server } => {
            say!(client_id, event, "rocketmq_producer::route", name_server = display(name_server))
        }
        Event::RouteFound { topic, name_server, queues, brokers, .. }
        | Event::RouteChanged { topic, name_server, queues, brokers, .. } => say!(
            client_id,
            event,
            "rocketmq_producer::route",
            topic = &**topic,
            name_server = display(name_server),
            queues = queues,
            brokers = brokers
        ),
        Event::RouteLost { topic, error } | Event::RouteFailed { topic, error } => say!(
            client_id,
            event,
            "rocketmq_producer::route",
            topic = &**topic,
            error = display(error)
        ),
        Event::TopicForgotten { topic } => {
            say!(client_id, event, "rocketmq_producer::route", topic = &**topic);
        }
        // Whatever comes later is told in words until it has fields.
        _ => say!(client_id, event, "rocketmq_producer::route"),
    }
}
