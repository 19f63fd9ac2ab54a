//! The rules of RocketMQ for names and messages: `Validators`, `TopicValidator`, checked before any
//! I/O.

use bytestring::ByteString;

use super::{Message, Schedule, properties::names, schedule::DELAY_LEVEL_MAX};

/// Longest topic, characters (all are ASCII).
pub const TOPIC_LENGTH_MAX: usize = 127;
/// Longest producer group, characters.
pub const GROUP_LENGTH_MAX: usize = 120;
/// Longest property string, bytes: brokers store its length as a signed 16-bit number.
pub const PROPERTIES_SIZE_MAX: usize = 32_767;

/// Topics that belong to brokers: `TopicValidator.NOT_ALLOWED_SEND_TOPIC_SET`.
const TOPICS_NOT_FOR_SENDING: [&str; 6] = [
    "SCHEDULE_TOPIC_XXXX",
    "RMQ_SYS_TRANS_HALF_TOPIC",
    "RMQ_SYS_TRANS_OP_HALF_TOPIC",
    "TRANS_CHECK_MAX_TIME_TOPIC",
    "SELF_TEST_TOPIC",
    "OFFSET_MOVED_EVENT",
];

/// Why a text is not the name of a topic or group.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidName {
    /// Nothing there.
    #[error("it is empty")]
    Empty,
    /// Longer than brokers accept.
    #[error("it has {length} characters, at most {max} are allowed")]
    TooLong {
        /// Its length, bytes.
        length: usize,
        /// The limit.
        max: usize,
    },
    /// Outside `[%|a-zA-Z0-9_-]`.
    #[error("it contains {character:?}; only letters, digits, '%', '|', '_' and '-' are allowed")]
    Character {
        /// The first one that is not allowed.
        character: char,
    },
    /// A topic that brokers keep to themselves.
    #[error("it is a system topic, which producers may not send to")]
    System,
}

/// Why a message cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidMessage {
    /// The topic's name.
    #[error("topic {topic:?}: {rule}")]
    Topic {
        /// As given.
        topic: String,
        /// The rule it breaks.
        rule: InvalidName,
    },
    /// It was to go to a queue of another topic.
    #[error("the queue that it is to go to is one of topic {topic:?}")]
    QueueOfAnotherTopic {
        /// The queue's.
        topic: ByteString,
    },
    /// Brokers fail on a message without a body.
    #[error("the body is empty")]
    EmptyBody,
    /// Longer than `max_message_size`.
    #[error("the body has {length} bytes, at most {max} are allowed (max_message_size)")]
    BodyTooLong {
        /// Its length, bytes.
        length: usize,
        /// The limit, bytes.
        max: usize,
    },
    /// Empty names and values vanish on the wire.
    #[error("property {name:?}: name and value must not be empty")]
    EmptyProperty {
        /// As given.
        name: String,
    },
    /// 0x01 and 0x02 separate properties on the wire, without any escape; 0x00 ends texts in some
    /// consumers.
    #[error("property {name:?}: {character:?} is not allowed in names and values")]
    PropertyCharacter {
        /// The property's name.
        name: String,
        /// The first one that is not allowed.
        character: char,
    },
    /// A name that RocketMQ has given a meaning.
    #[error("property {name:?} is reserved by RocketMQ")]
    ReservedProperty {
        /// As given.
        name: String,
    },
    /// A space would turn one key into two.
    #[error("key {key:?} contains a space, which separates keys: add them one by one")]
    KeyWithSpace {
        /// As given.
        key: String,
    },
    /// Brokers take level 0 for none and levels above 18 for 18, without a word.
    #[error("delay level {level} does not exist, there are 1 to {DELAY_LEVEL_MAX}")]
    DelayLevel {
        /// As given.
        level: u8,
    },
    /// Brokers lose half messages that are to be delivered later.
    #[error("a message with a delay or a timer cannot be part of a transaction: brokers lose it")]
    ScheduledInTransaction,
    /// One message of a batch, counted from zero; nothing of the batch was sent.
    #[error("message {index} of the batch: {rule}")]
    InBatch {
        /// Its place in the batch.
        index: usize,
        /// The rule that it breaks.
        rule: Box<InvalidMessage>,
    },
    /// A batch goes to one topic.
    #[error("its topic is {topic:?}, that of the first is {first:?}")]
    OtherTopicInBatch {
        /// Its topic.
        topic: ByteString,
        /// The batch's topic.
        first: ByteString,
    },
    /// Brokers deliver whatever is in a batch at once.
    #[error(
        "a message with a delay or a timer cannot be part of a batch: it would be delivered at once"
    )]
    ScheduledInBatch,
    /// Brokers refuse batches to topics of consumers' retries.
    #[error("messages to a retry topic cannot be part of a batch")]
    RetryTopicInBatch,
    /// All properties together, as encoded.
    #[error("the properties take {length} bytes on the wire, at most {max} are allowed")]
    PropertiesTooLong {
        /// Their length, bytes.
        length: usize,
        /// The limit, bytes.
        max: usize,
    },
}

crate::error::codes!(InvalidMessage {
    Self::Topic { .. } => "bad_topic",
    Self::QueueOfAnotherTopic { .. } => "queue_of_another_topic",
    Self::EmptyBody => "empty_body",
    Self::BodyTooLong { .. } => "body_too_long",
    Self::EmptyProperty { .. } => "empty_property",
    Self::PropertyCharacter { .. } => "property_character",
    Self::ReservedProperty { .. } => "reserved_property",
    Self::KeyWithSpace { .. } => "key_with_space",
    Self::DelayLevel { .. } => "delay_level",
    Self::ScheduledInTransaction => "scheduled_in_transaction",
    Self::InBatch { .. } => "in_batch",
    Self::OtherTopicInBatch { .. } => "other_topic_in_batch",
    Self::ScheduledInBatch => "scheduled_in_batch",
    Self::RetryTopicInBatch => "retry_topic_in_batch",
    Self::PropertiesTooLong { .. } => "properties_too_long",
});

impl InvalidMessage {
    /// Checks the length of a property string.
    pub(crate) fn check_properties(length: usize) -> Result<(), Self> {
        match length {
            0..=PROPERTIES_SIZE_MAX => Ok(()),
            _ => Err(Self::PropertiesTooLong { length, max: PROPERTIES_SIZE_MAX }),
        }
    }
}

/// Checks a topic's name.
///
/// # Errors
///
/// The first rule broken.
pub fn validate_topic(topic: &str) -> Result<(), InvalidName> {
    validate_name(topic, TOPIC_LENGTH_MAX)?;
    if TOPICS_NOT_FOR_SENDING.contains(&topic) {
        return Err(InvalidName::System);
    }
    Ok(())
}

/// Checks a producer group's name.
///
/// # Errors
///
/// The first rule broken.
pub fn validate_group(group: &str) -> Result<(), InvalidName> {
    validate_name(group, GROUP_LENGTH_MAX)
}

fn validate_name(name: &str, max: usize) -> Result<(), InvalidName> {
    if name.is_empty() {
        return Err(InvalidName::Empty);
    }
    if !name.bytes().all(is_name_byte) {
        let character = name.chars().find(|c| !u8::try_from(*c).is_ok_and(is_name_byte));
        return Err(InvalidName::Character { character: character.unwrap_or_default() });
    }
    if name.len() > max {
        return Err(InvalidName::TooLong { length: name.len(), max });
    }
    Ok(())
}

/// True for what names are made of. Looked up, which takes less than to compare.
fn is_name_byte(byte: u8) -> bool {
    NAME_BYTES.get(usize::from(byte)).copied().unwrap_or_default()
}

const NAME_BYTES: [bool; 256] = name_bytes();

#[expect(clippy::indexing_slicing, reason = "the loop ends where the table does")]
const fn name_bytes() -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let name_byte = byte as u8;
        table[byte] =
            name_byte.is_ascii_alphanumeric() || matches!(name_byte, b'%' | b'|' | b'_' | b'-');
        byte += 1;
    }
    table
}

/// Checks a message and returns its property string.
///
/// # Errors
///
/// The first rule broken.
pub fn validate_message(message: &Message, body_max: usize) -> Result<String, InvalidMessage> {
    check_topic(message)?;
    check_parts(message, body_max)?;
    let properties = message.encode_properties();
    InvalidMessage::check_properties(properties.len())?;
    Ok(properties)
}

/// Checks a message whose property string is written elsewhere, and returns that string's length.
///
/// # Errors
///
/// The first rule broken.
pub fn check_message(message: &Message, body_max: usize) -> Result<usize, InvalidMessage> {
    check_topic(message)?;
    check_parts(message, body_max)?;
    let length = message.properties_len();
    InvalidMessage::check_properties(length)?;
    Ok(length)
}

/// Checks all but the topic.
pub(crate) fn check_content(message: &Message, body_max: usize) -> Result<(), InvalidMessage> {
    check_parts(message, body_max)?;
    message.check_properties()
}

fn check_topic(message: &Message) -> Result<(), InvalidMessage> {
    let topic = message.topic();
    validate_topic(topic).map_err(|rule| InvalidMessage::Topic { topic: topic.to_owned(), rule })
}

/// Body, schedule and properties, each for itself.
fn check_parts(message: &Message, body_max: usize) -> Result<(), InvalidMessage> {
    let length = message.body().len();
    if length == 0 {
        return Err(InvalidMessage::EmptyBody);
    }
    if length > body_max {
        return Err(InvalidMessage::BodyTooLong { length, max: body_max });
    }
    if let Some(Schedule::Level(level)) = message.schedule()
        && !(1..=DELAY_LEVEL_MAX).contains(&level)
    {
        return Err(InvalidMessage::DelayLevel { level });
    }
    validate_own_properties(message)?;
    for (name, value) in message.properties() {
        validate_property(name, value)?;
        if names::RESERVED.contains(&name) {
            return Err(InvalidMessage::ReservedProperty { name: name.to_owned() });
        }
    }
    Ok(())
}

/// Tags, keys and sharding key: properties with setters of their own.
fn validate_own_properties(message: &Message) -> Result<(), InvalidMessage> {
    for key in message.keys() {
        validate_value(names::KEYS, key)?;
        if key.contains(names::KEY_SEPARATOR) {
            return Err(InvalidMessage::KeyWithSpace { key: key.to_owned() });
        }
    }
    let own = [
        (names::TAGS, message.tags()),
        (names::SHARDING_KEY, message.sharding_key()),
        (names::UNIQ_KEY, message.uniq_key()),
    ];
    own.into_iter().try_for_each(|(name, value)| value.map_or(Ok(()), |v| validate_value(name, v)))
}

fn validate_property(name: &str, value: &str) -> Result<(), InvalidMessage> {
    if name.is_empty() {
        return Err(InvalidMessage::EmptyProperty { name: name.to_owned() });
    }
    if has_control(name) {
        return Err(control_in(name, name));
    }
    validate_value(name, value)
}

fn validate_value(name: &str, value: &str) -> Result<(), InvalidMessage> {
    if value.is_empty() {
        return Err(InvalidMessage::EmptyProperty { name: name.to_owned() });
    }
    if has_control(value) {
        return Err(control_in(name, value));
    }
    Ok(())
}

#[cold]
fn control_in(name: &str, text: &str) -> InvalidMessage {
    let character = text.chars().find(|c| is_control(*c as u32));
    let (name, character) = (name.to_owned(), character.unwrap_or_default());
    InvalidMessage::PropertyCharacter { name, character }
}

/// Separates properties, or ends texts.
const fn is_control(code: u32) -> bool {
    code <= 2
}

/// Looks at all bytes, which takes less than to stop early. None of a longer character is so low.
fn has_control(text: &str) -> bool {
    text.bytes().fold(false, |found, byte| found | is_control(u32::from(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> Message {
        Message::new("TopicTest", "body")
    }

    fn broken(message: &Message) -> String {
        validate_message(message, 10).expect_err("a rule is broken").to_string()
    }

    #[test]
    fn a_good_message_passes_with_its_properties_encoded() {
        let message = message().with_tags("TagA").with_key("k1").with_property("p", "v");
        let properties = validate_message(&message, 10).unwrap();
        assert_eq!(properties, "KEYS\u{1}k1\u{2}WAIT\u{1}true\u{2}TAGS\u{1}TagA\u{2}p\u{1}v\u{2}");
    }

    #[test]
    fn every_broken_rule_is_named() {
        let topic = |topic: &str| Message::new(topic, "body");
        for (message, rule) in [
            (topic(""), "it is empty"),
            (topic("a b"), "contains ' '"),
            (topic("größe"), "contains 'ö'"),
            (topic(&"t".repeat(128)), "128 characters"),
            (topic("SCHEDULE_TOPIC_XXXX"), "system topic"),
            (Message::new("t", ""), "body is empty"),
            (Message::new("t", "12345678901"), "11 bytes, at most 10"),
            (message().with_property("", "v"), "must not be empty"),
            (message().with_property("p", ""), "must not be empty"),
            (message().with_property("p", "a\u{1}b"), "'\\u{1}' is not allowed"),
            (message().with_property("p\u{2}", "v"), "'\\u{2}' is not allowed"),
            (message().with_property("p", "\0"), "'\\0' is not allowed"),
            (message().with_property("UNIQ_KEY", "x"), "reserved"),
            (message().with_delay_level(0), "delay level 0 does not exist"),
            (message().with_delay_level(19), "delay level 19 does not exist"),
            (message().with_property("DELAY", "1"), "reserved"),
            (message().with_key(""), "must not be empty"),
            (message().with_key("a b"), "contains a space"),
            (message().with_tags("a\u{2}"), "is not allowed"),
            (message().with_sharding_key("\u{1}"), "is not allowed"),
            (message().with_property("p", "v".repeat(32_767)), "at most 32767"),
        ] {
            let text = broken(&message);
            assert!(text.contains(rule), "{text:?} does not say {rule:?}");
        }
    }

    #[test]
    fn groups_may_have_120_characters() {
        assert_eq!(validate_group(&"g".repeat(120)), Ok(()));
        let too_long = InvalidName::TooLong { length: 121, max: 120 };
        assert_eq!(validate_group(&"g".repeat(121)), Err(too_long));
    }
}
