//! A message on its way to a broker.

use std::{sync::Arc, time::Duration};

use bytes::{BufMut, Bytes};
use bytestring::ByteString;

use super::{
    InvalidMessage, Schedule, body_crc,
    properties::{decode_properties, names, property_len, push_property, put_property},
};
use crate::time::UnixMillis;

/// What a message takes in the body of a batch besides its body and properties: their lengths, its
/// own, a magic number, a checksum and a flag.
const BATCH_ITEM_HEAD: usize = 22;

/// A topic, a body, and what goes with them.
///
/// Built by chaining; nothing is checked until it is sent, when
/// [`validate_message`](super::validate_message) names the rule that is broken, if any. Cloning is
/// cheap: body and texts are shared.
///
/// ```
/// use rocketmq_producer_core::model::Message;
///
/// let message = Message::new("TopicTest", "hello").with_tags("a").with_key("k1").with_key("k2");
/// assert_eq!(message.keys().collect::<Vec<_>>(), ["k1", "k2"]);
/// ```
#[derive(Clone, Debug)]
pub struct Message {
    topic: ByteString,
    body: Bytes,
    uniq_key: Option<ByteString>,
    tags: Option<ByteString>,
    keys: Vec<ByteString>,
    /// What many messages have nothing of, which is moved and cloned as one then.
    more: Option<Arc<More>>,
    flag: i32,
    wait_store_ok: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct More {
    sharding_key: Option<ByteString>,
    properties: Vec<(ByteString, ByteString)>,
    schedule: Option<Schedule>,
    with_crc: bool,
}

impl Message {
    /// A message with nothing but a topic and a body.
    pub fn new(topic: impl Into<ByteString>, body: impl Into<Bytes>) -> Self {
        Self {
            topic: topic.into(),
            body: body.into(),
            uniq_key: None,
            tags: None,
            keys: Vec::new(),
            more: None,
            flag: 0,
            wait_store_ok: true,
        }
    }

    fn with_more(mut self, change: impl FnOnce(&mut More)) -> Self {
        change(Arc::make_mut(self.more.get_or_insert_default()));
        self
    }

    /// Sets the tag that consumers filter by.
    #[must_use]
    pub fn with_tags(mut self, tags: impl Into<ByteString>) -> Self {
        self.tags = Some(tags.into());
        self
    }

    /// Adds one index key. Keys travel separated by spaces, so a key may not contain any.
    #[must_use]
    pub fn with_key(mut self, key: impl Into<ByteString>) -> Self {
        self.keys.push(key.into());
        self
    }

    /// Adds several index keys.
    #[must_use]
    pub fn with_keys<K: Into<ByteString>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.keys.extend(keys.into_iter().map(Into::into));
        self
    }

    /// Sets the order key: messages with the same one go to the same queue.
    #[must_use]
    pub fn with_sharding_key(self, key: impl Into<ByteString>) -> Self {
        self.with_more(|more| more.sharding_key = Some(key.into()))
    }

    /// Sets a user property; the same name again replaces its value.
    #[must_use]
    pub fn with_property(self, name: impl Into<ByteString>, value: impl Into<ByteString>) -> Self {
        let (name, value) = (name.into(), value.into());
        self.with_more(|More { properties, .. }| {
            match properties.iter_mut().find(|(known, _)| *known == name) {
                Some((_, old)) => *old = value,
                None => properties.push((name, value)),
            }
        })
    }

    /// Sets the user flag, which brokers store and do not interpret. Zero by default.
    #[must_use]
    pub fn with_flag(mut self, flag: i32) -> Self {
        self.flag = flag;
        self
    }

    /// Whether the broker answers only after the flush and replication it is configured for. True
    /// by default.
    #[must_use]
    pub fn with_wait_store_ok(mut self, wait: bool) -> Self {
        self.wait_store_ok = wait;
        self
    }

    /// Has the broker deliver it after the time of this level, 1 to 18: `1s 5s 10s 30s 1m 2m 3m 4m 5m
    /// 6m 7m 8m 9m 10m 20m 30m 1h 2h` unless the broker is configured otherwise.
    ///
    /// The last of this, [`with_deliver_at`](Self::with_deliver_at) and
    /// [`with_delay_for`](Self::with_delay_for) counts.
    #[must_use]
    pub fn with_delay_level(self, level: u8) -> Self {
        self.with_more(|more| more.schedule = Some(Schedule::Level(level)))
    }

    /// Has the broker deliver it at this time, by its own clock and to the second; at once when that
    /// is past, and up to three days ahead unless the broker allows more. Brokers before 5.0 cannot
    /// do that, and are not sent such a message.
    #[must_use]
    pub fn with_deliver_at(self, at: impl Into<UnixMillis>) -> Self {
        self.with_more(|more| more.schedule = Some(Schedule::At(at.into())))
    }

    /// As [`with_deliver_at`](Self::with_deliver_at), so long after the broker has got it: the clocks
    /// of producer and broker need not agree.
    #[must_use]
    pub fn with_delay_for(self, delay: Duration) -> Self {
        self.with_more(|more| more.schedule = Some(Schedule::After(delay)))
    }

    /// Whether the body's checksum goes with it, as property `BODY_CRC`, for consumers that want to
    /// know that nothing between the two ends has changed it. False by default.
    ///
    /// See [`body_crc`]. Brokers compute one of their own, over what they are sent.
    #[must_use]
    pub fn with_body_crc(self, with: bool) -> Self {
        match with == self.has_body_crc() {
            true => self,
            false => self.with_more(|more| more.with_crc = with),
        }
    }

    /// Gives the message its id, which it keeps through every retry. The producer does this when
    /// a message without one is sent; a message that comes back in an error keeps it, so that
    /// sending it again can be recognised as the same message.
    #[must_use]
    pub fn with_uniq_key(mut self, key: impl Into<ByteString>) -> Self {
        self.uniq_key = Some(key.into());
        self
    }

    /// Gives the message the id that this makes, unless it has one.
    pub(crate) fn ensure_uniq_key(&mut self, key: impl FnOnce() -> ByteString) {
        self.uniq_key.get_or_insert_with(key);
    }

    /// The same without an id: what is sent of it now is another message.
    #[must_use]
    pub(crate) fn without_uniq_key(self) -> Self {
        Self { uniq_key: None, ..self }
    }

    /// The topic.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// The topic, shared.
    pub fn shared_topic(&self) -> ByteString {
        self.topic.clone()
    }

    /// The body.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The tag.
    pub fn tags(&self) -> Option<&str> {
        self.tags.as_deref()
    }

    /// The index keys.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|key| &**key)
    }

    /// The order key; a user property `SHARDING_KEY` counts as one too.
    pub fn sharding_key(&self) -> Option<&str> {
        let key = self.more.as_ref()?.sharding_key.as_deref();
        key.or_else(|| self.property(names::SHARDING_KEY_ALIAS))
    }

    /// A user property.
    pub fn property(&self, name: &str) -> Option<&str> {
        self.properties().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// All user properties, in the order they were set.
    pub fn properties(&self) -> impl Iterator<Item = (&str, &str)> {
        let properties = self.more.iter().flat_map(|more| &more.properties);
        properties.map(|(name, value)| (&**name, &**value))
    }

    /// The user flag.
    pub fn flag(&self) -> i32 {
        self.flag
    }

    /// See [`with_wait_store_ok`](Self::with_wait_store_ok).
    pub fn wait_store_ok(&self) -> bool {
        self.wait_store_ok
    }

    /// When it is to be delivered, if not at once.
    pub fn schedule(&self) -> Option<Schedule> {
        self.more.as_ref()?.schedule
    }

    /// See [`with_body_crc`](Self::with_body_crc).
    pub fn has_body_crc(&self) -> bool {
        self.more.as_ref().is_some_and(|more| more.with_crc)
    }

    /// The message id, once it has one.
    pub fn uniq_key(&self) -> Option<&str> {
        self.uniq_key.as_deref()
    }

    /// The message id, shared.
    pub(crate) fn shared_uniq_key(&self) -> Option<&ByteString> {
        self.uniq_key.as_ref()
    }

    /// The index keys, shared.
    pub(crate) fn shared_keys(&self) -> &[ByteString] {
        &self.keys
    }

    /// The property string as it goes on the wire: what the message says of itself, then the
    /// user's properties.
    pub fn encode_properties(&self) -> String {
        let mut out = String::with_capacity(128);
        self.for_each_property(|name, value| push_property(&mut out, name, value));
        out
    }

    /// The bytes that the message takes in the body of a batch.
    ///
    /// Source: `MessageDecoder.encodeMessage`.
    pub fn encoded_len(&self) -> usize {
        BATCH_ITEM_HEAD + self.body.len() + self.properties_len()
    }

    /// The same at most, told without computing the body's checksum.
    pub(crate) fn encoded_len_max(&self) -> usize {
        BATCH_ITEM_HEAD + self.body.len() + self.properties_len_max()
    }

    /// Writes the same as [`encode_properties`](Self::encode_properties) where it is to be.
    #[inline]
    pub(crate) fn put_properties(&self, out: &mut impl BufMut) {
        self.for_each_property(|name, value| put_property(out, name, value));
    }

    /// The bytes of the property string.
    pub(crate) fn properties_len(&self) -> usize {
        self.properties_len_with(body_crc)
    }

    fn properties_len_max(&self) -> usize {
        self.properties_len_with(|_| i32::MAX)
    }

    fn properties_len_with(&self, crc: impl FnOnce(&[u8]) -> i32) -> usize {
        let mut len = 0;
        self.for_each_property_with(crc, |name, value| len += property_len(name, value));
        len
    }

    /// Checks the length of the property string.
    pub(crate) fn check_properties(&self) -> Result<(), InvalidMessage> {
        InvalidMessage::check_properties(self.properties_len_max())
            .or_else(|_| InvalidMessage::check_properties(self.properties_len()))
    }

    /// Writes the message as it goes in the body of a batch. Brokers compute checksums themselves.
    ///
    /// Source: `MessageDecoder.encodeMessage`.
    pub(crate) fn put_in_batch(&self, out: &mut Vec<u8>) {
        let start = out.len();
        let (size, magic, checksum) = ([0; 4], [0; 4], [0; 4]);
        let body_len = (self.body.len() as u32).to_be_bytes();
        let head = [size, magic, checksum, self.flag.to_be_bytes(), body_len];
        out.extend_from_slice(head.as_flattened());
        out.extend_from_slice(&self.body);
        out.extend_from_slice(&[0; 2]);
        let properties = out.len();
        self.put_properties(out);
        let (size, properties_len) = (out.len() - start, out.len() - properties);
        patch(out, start, (size as u32).to_be_bytes());
        patch(out, properties - 2, (properties_len as u16).to_be_bytes());
    }

    /// A message as a broker has stored it: what RocketMQ and brokers have added is left out.
    pub(crate) fn from_stored(topic: &str, body: Bytes, flag: i32, properties: &str) -> Self {
        let mut message = Self::new(topic, body).with_flag(flag);
        for (name, value) in decode_properties(properties) {
            message = match name {
                names::KEYS => {
                    let keys = value.split(names::KEY_SEPARATOR);
                    message.with_keys(keys.filter(|key| !key.is_empty()))
                }
                names::TAGS => message.with_tags(value),
                names::WAIT => message.with_wait_store_ok(value != "false"),
                names::UNIQ_KEY => message.with_uniq_key(value),
                names::SHARDING_KEY => message.with_sharding_key(value),
                names::BODY_CRC => message.with_body_crc(true),
                _ if names::RESERVED.contains(&name) => message,
                _ => message.with_property(name, value),
            };
        }
        message
    }

    /// What goes on the wire, in its order.
    #[inline]
    fn for_each_property(&self, each: impl FnMut(&str, &str)) {
        self.for_each_property_with(body_crc, each);
    }

    #[inline]
    fn for_each_property_with(
        &self,
        crc: impl FnOnce(&[u8]) -> i32,
        mut each: impl FnMut(&str, &str),
    ) {
        if !self.keys.is_empty() {
            each(names::KEYS, &self.joined_keys());
        }
        if let Some(id) = self.uniq_key() {
            each(names::UNIQ_KEY, id);
        }
        each(names::WAIT, if self.wait_store_ok { "true" } else { "false" });
        if let Some(tags) = self.tags() {
            each(names::TAGS, tags);
        }
        if self.more.is_some() {
            self.for_each_more(crc, each);
        }
    }

    fn for_each_more(&self, crc: impl FnOnce(&[u8]) -> i32, mut each: impl FnMut(&str, &str)) {
        if let Some(key) = self.sharding_key() {
            each(names::SHARDING_KEY, key);
        }
        if self.has_body_crc() {
            each(names::BODY_CRC, &crc(&self.body).to_string());
        }
        if let Some(schedule) = self.schedule() {
            let (name, value) = schedule.property();
            each(name, &value);
        }
        self.properties().for_each(|(name, value)| each(name, value));
    }

    /// The index keys as they travel.
    pub(crate) fn joined_keys(&self) -> String {
        let mut joined = String::new();
        for key in &self.keys {
            if !joined.is_empty() {
                joined.push(names::KEY_SEPARATOR);
            }
            joined.push_str(key);
        }
        joined
    }
}

/// Two messages are the same when the same is sent of them.
impl PartialEq for Message {
    fn eq(&self, other: &Self) -> bool {
        let Self { topic, body, uniq_key, tags, keys, more, flag, wait_store_ok } = self;
        let nothing = More::default();
        let more = more.as_deref().unwrap_or(&nothing);
        (topic, body, uniq_key, tags) == (&other.topic, &other.body, &other.uniq_key, &other.tags)
            && (keys, flag, wait_store_ok) == (&other.keys, &other.flag, &other.wait_store_ok)
            && more == other.more.as_deref().unwrap_or(&nothing)
    }
}

impl Eq for Message {}

/// Writes what was not known into the place that was kept for it.
fn patch<const N: usize>(out: &mut [u8], at: usize, bytes: [u8; N]) {
    if let Some(place) = out.get_mut(at..at + N) {
        place.copy_from_slice(&bytes);
    }
}
