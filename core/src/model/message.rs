//! A message on its way to a broker.

use bytes::Bytes;
use bytestring::ByteString;

use super::properties::{encode_properties, names};

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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    topic: ByteString,
    body: Bytes,
    flag: i32,
    wait_store_ok: bool,
    tags: Option<ByteString>,
    keys: Vec<ByteString>,
    sharding_key: Option<ByteString>,
    properties: Vec<(ByteString, ByteString)>,
    uniq_key: Option<ByteString>,
}

impl Message {
    /// A message with nothing but a topic and a body.
    pub fn new(topic: impl Into<ByteString>, body: impl Into<Bytes>) -> Self {
        Self {
            topic: topic.into(),
            body: body.into(),
            flag: 0,
            wait_store_ok: true,
            tags: None,
            keys: Vec::new(),
            sharding_key: None,
            properties: Vec::new(),
            uniq_key: None,
        }
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
    pub fn with_sharding_key(mut self, key: impl Into<ByteString>) -> Self {
        self.sharding_key = Some(key.into());
        self
    }

    /// Sets a user property; the same name again replaces its value.
    #[must_use]
    pub fn with_property(
        mut self,
        name: impl Into<ByteString>,
        value: impl Into<ByteString>,
    ) -> Self {
        let (name, value) = (name.into(), value.into());
        match self.properties.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.properties.push((name, value)),
        }
        self
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

    /// Gives the message its id, which it keeps through every retry. The producer does this when
    /// a message without one is sent; a message that comes back in an error keeps it, so that
    /// sending it again can be recognised as the same message.
    #[must_use]
    pub fn with_uniq_key(mut self, key: impl Into<ByteString>) -> Self {
        self.uniq_key = Some(key.into());
        self
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
        self.sharding_key.as_deref().or_else(|| self.property(names::SHARDING_KEY_ALIAS))
    }

    /// A user property.
    pub fn property(&self, name: &str) -> Option<&str> {
        self.properties.iter().find(|(known, _)| *known == name).map(|(_, value)| &**value)
    }

    /// All user properties, in the order they were set.
    pub fn properties(&self) -> impl Iterator<Item = (&str, &str)> {
        self.properties.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The user flag.
    pub fn flag(&self) -> i32 {
        self.flag
    }

    /// See [`with_wait_store_ok`](Self::with_wait_store_ok).
    pub fn wait_store_ok(&self) -> bool {
        self.wait_store_ok
    }

    /// The message id, once it has one.
    pub fn uniq_key(&self) -> Option<&str> {
        self.uniq_key.as_deref()
    }

    /// The property string as it goes on the wire: what the message says of itself, then the
    /// user's properties.
    pub fn encode_properties(&self) -> String {
        let keys = (!self.keys.is_empty()).then(|| self.joined_keys());
        let own = [
            (names::KEYS, keys.as_deref()),
            (names::UNIQ_KEY, self.uniq_key()),
            (names::WAIT, Some(if self.wait_store_ok { "true" } else { "false" })),
            (names::TAGS, self.tags()),
            (names::SHARDING_KEY, self.sharding_key()),
        ];
        let own = own.into_iter().filter_map(|(name, value)| Some((name, value?)));
        encode_properties(own.chain(self.properties()))
    }

    fn joined_keys(&self) -> String {
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
