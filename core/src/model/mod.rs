//! The vocabulary: messages, queues, receipts, addresses, configuration, and their rules.

mod address;
mod checksum;
mod compression;
mod config;
mod hash;
mod identity;
mod message;
mod properties;
mod receipt;
mod schedule;
mod strategy;
mod translation;
mod uniq_key;
mod validate;

pub use address::{Address, AddressError};
pub use checksum::body_crc;
pub use compression::{BadCompression, CompressionType};
pub use config::{
    BatchSplitType, ConfigError, EnvError, ProducerConfig, Template, UnknownTemplate,
};
pub use hash::{java_string_hash, name_hash};
pub use identity::Identity;
pub use message::Message;
pub use properties::{decode_properties, encode_properties, names};
pub use receipt::{MessageQueue, SendReceipt, SendStatus};
pub use schedule::Schedule;
pub use strategy::RoutingStrategy;
pub use translation::{AddressTranslation, SharedTranslation};
pub use uniq_key::UniqKeys;
pub(crate) use validate::check_content;
pub use validate::{
    GROUP_LENGTH_MAX, InvalidMessage, InvalidName, PROPERTIES_SIZE_MAX, TOPIC_LENGTH_MAX,
    check_message, validate_group, validate_message, validate_topic,
};
