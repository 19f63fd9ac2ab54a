//! Topics in which messages are kept back, and where those belong.

use crate::StoredMessage;

pub(super) const HALF_TOPIC: &str = "RMQ_SYS_TRANS_HALF_TOPIC";
pub(super) const SCHEDULE_TOPIC: &str = "SCHEDULE_TOPIC_XXXX";
pub(super) const TIMER_TOPIC: &str = "rmq_sys_wheel_timer";
/// Clients may not send to these.
pub(super) const FORBIDDEN_TOPICS: [&str; 6] = [
    HALF_TOPIC,
    SCHEDULE_TOPIC,
    "RMQ_SYS_TRANS_OP_HALF_TOPIC",
    "TRANS_CHECK_MAX_TIME_TOPIC",
    "SELF_TEST_TOPIC",
    "OFFSET_MOVED_EVENT",
];
const REAL_TOPIC: &str = "REAL_TOPIC";
const REAL_QID: &str = "REAL_QID";

/// Puts a message under another topic, and notes in its properties where it belongs.
pub(super) fn detain(message: &mut StoredMessage, topic: &str, queue_id: i32) {
    let real = std::mem::replace(&mut message.topic, topic.to_owned());
    message.properties.insert(REAL_TOPIC.to_owned(), real);
    message.properties.insert(REAL_QID.to_owned(), message.queue_id.to_string());
    message.queue_id = queue_id;
}

/// The topic and queue where a message that is kept back belongs.
pub(super) fn real_place(message: &StoredMessage) -> (String, i32) {
    let topic = message.properties.get(REAL_TOPIC).cloned().unwrap_or_default();
    let queue = message.properties.get(REAL_QID).and_then(|queue| queue.parse().ok());
    (topic, queue.unwrap_or(0))
}
