//! What is sent: one message or several, made ready for the wire once.

use bytes::Bytes;
use bytestring::ByteString;

use super::{SendError, SendErrorKind};
use crate::{
    codec::VERSION_WITH_TIMERS,
    command::Properties,
    model::{
        InvalidMessage, Message, ProducerConfig, check_message, encode_properties, names,
        validate_message,
    },
    mutants::{Mutant::PreparedAtEachAttempt, is_on},
};

/// Bits 2 and 3 of the system flag: a half message.
const PREPARED: i32 = 0x4;
/// The bytes of a batch's own properties at most: `WAIT`, `false` and two separators.
pub(super) const BATCH_PROPERTIES_MAX: usize = 11;

/// A message, a batch or a half message, as it goes on the wire.
///
/// Made once: checked once, compressed once. All attempts send the same, and the message that it was
/// made of stays as it was.
#[derive(Clone, Debug)]
pub struct Parcel {
    /// The message; of a batch the first, which stands for all where queues are chosen.
    pub(super) message: Message,
    /// What is sent instead of what the message has.
    instead: Option<Box<Instead>>,
    properties_len: u32,
    pub(super) sys_flag: i32,
    pub(super) is_batch: bool,
    /// It is not answered.
    pub(super) is_oneway: bool,
    pub(super) needs: Needs,
}

/// What most parcels have nothing of.
#[derive(Clone, Debug, Default)]
struct Instead {
    /// If it is not the message's own.
    body: Option<Bytes>,
    /// If it is not simply the message's own, or takes long to write.
    properties: Option<Box<str>>,
    /// The ids of a batch's messages, where sends are traced.
    members: Vec<ByteString>,
}

/// What a broker must have said in answer to this producer's first heartbeat before it is sent such
/// a parcel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    /// Nothing.
    Nothing,
    /// That it knows the group: it asks those that it knows about half messages.
    Registration,
    /// That it is of this version or a newer one.
    Version(i32),
}

impl Parcel {
    /// One message, compressed if it is large and gets smaller.
    ///
    /// # Errors
    ///
    /// [`SendErrorKind::InvalidMessage`] names the rule broken, and the message comes back.
    pub fn new(config: &ProducerConfig, message: Message) -> Result<Self, SendError> {
        let checked = match message.has_body_crc() {
            // Its checksum is computed once.
            true => validate_message(&message, config.max_message_size)
                .map(|written| (written.len(), Some(written.into()))),
            false => check_message(&message, config.max_message_size).map(|len| (len, None)),
        };
        let (len, properties) = match checked {
            Ok(checked) => checked,
            Err(rule) => return Err(SendError::not_sent(rule.into(), message)),
        };
        let large = message.body().len() >= config.compress_msg_body_over_howmuch;
        let format = config.compress_type;
        let compressed =
            large.then(|| format.compress(message.body(), config.compress_level)).flatten();
        let timed = message.schedule().is_some_and(|schedule| schedule.needs_timers());
        let mut parcel = Self {
            message,
            instead: None,
            properties_len: len as u32,
            sys_flag: 0,
            is_batch: false,
            is_oneway: false,
            needs: if timed { Needs::Version(VERSION_WITH_TIMERS) } else { Needs::Nothing },
        };
        if let Some((body, bits)) = compressed {
            parcel.sys_flag = bits;
            parcel.instead().body = Some(body);
        }
        if properties.is_some() {
            parcel.instead().properties = properties;
        }
        Ok(parcel)
    }

    fn instead(&mut self) -> &mut Instead {
        self.instead.get_or_insert_default()
    }

    /// One message whose transaction is not decided yet: the broker keeps it back.
    ///
    /// Source: `DefaultMQProducerImpl.sendMessageInTransaction`.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new); messages with a delay or a timer are refused, for brokers lose them.
    pub fn half(config: &ProducerConfig, message: Message) -> Result<Self, SendError> {
        if message.schedule().is_some() {
            let rule = InvalidMessage::ScheduledInTransaction;
            return Err(SendError::not_sent(rule.into(), message));
        }
        let parcel = Self::new(config, message)?;
        let marks = [(names::TRAN_MSG, "true"), (names::PGROUP, &*config.producer_group)];
        let properties = parcel.message.encode_properties() + &encode_properties(marks);
        if let Err(rule) = InvalidMessage::check_properties(properties.len()) {
            return Err(SendError::not_sent(rule.into(), parcel.message));
        }
        let (sys_flag, needs) = (parcel.sys_flag | PREPARED, Needs::Registration);
        Ok(Self { sys_flag, needs, ..parcel.with_properties(properties) })
    }

    /// Messages for one queue in one request, none of which is checked: see
    /// [`validate_batch`](crate::delivery::validate_batch). They have their ids already. One alone
    /// travels as a single message; of none nothing is made.
    ///
    /// The header's properties stay empty but for `WAIT`, for brokers of 4.x add them to every
    /// message.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), for one alone.
    pub fn batch<'a>(
        config: &ProducerConfig,
        messages: impl IntoIterator<Item = &'a Message, IntoIter: Clone>,
    ) -> Option<Result<Self, SendError>> {
        let messages = messages.into_iter();
        let first = messages.clone().next()?;
        if messages.clone().nth(1).is_none() {
            return Some(Self::new(config, first.clone()));
        }
        let wait = (!first.wait_store_ok()).then_some((names::WAIT, "false"));
        let instead = Instead {
            members: if config.trace_message { ids(messages.clone()) } else { Vec::new() },
            body: Some(encode_batch(messages)),
            properties: None,
        };
        let parcel = Self {
            message: first.clone(),
            instead: Some(Box::new(instead)),
            properties_len: 0,
            sys_flag: 0,
            is_batch: true,
            is_oneway: false,
            needs: Needs::Nothing,
        };
        Some(Ok(parcel.with_properties(encode_properties(wait))))
    }

    fn with_properties(mut self, properties: String) -> Self {
        self.properties_len = properties.len() as u32;
        self.instead().properties = Some(properties.into());
        self
    }

    /// The same, and the broker is not to answer.
    #[must_use]
    pub fn oneway(self) -> Self {
        Self { is_oneway: true, ..self }
    }

    /// The message; of a batch the first.
    pub fn message(&self) -> &Message {
        &self.message
    }

    /// True for several messages in one request.
    pub fn is_batch(&self) -> bool {
        self.is_batch
    }

    /// True when the broker is not to answer.
    pub fn is_oneway(&self) -> bool {
        self.is_oneway
    }

    /// True for a half message.
    pub fn is_half(&self) -> bool {
        self.sys_flag & PREPARED != 0
    }

    /// The bytes that it takes, properties included.
    pub fn size(&self) -> usize {
        self.body().len() + self.properties_len as usize
    }

    /// The body as it is sent.
    pub(super) fn body(&self) -> &Bytes {
        let body = self.instead.as_ref().and_then(|instead| instead.body.as_ref());
        body.unwrap_or(self.message.body())
    }

    /// The property string as it is sent.
    pub(super) fn properties(&self) -> Properties<'_> {
        let text = self.instead.as_ref().and_then(|instead| instead.properties.as_deref());
        text.map_or(Properties::Of(&self.message), Properties::Text)
    }

    /// The ids of a batch's messages, where sends are traced.
    pub(super) fn members(&self) -> &[ByteString] {
        self.instead.as_ref().map_or(&[], |instead| &instead.members)
    }

    /// It is not to be sent, and this is why.
    #[must_use]
    pub fn refused(self, why: SendErrorKind) -> SendError {
        SendError::not_sent(why, self.message)
    }

    /// What careless clients do between two attempts.
    pub(super) fn prepare_again(&mut self, config: &ProducerConfig) {
        if is_on(PreparedAtEachAttempt)
            && let Some((body, bits)) =
                config.compress_type.compress(self.body(), config.compress_level)
        {
            self.sys_flag |= bits;
            self.instead().body = Some(body);
        }
    }
}

fn ids<'a>(messages: impl Iterator<Item = &'a Message>) -> Vec<ByteString> {
    messages.filter_map(Message::shared_uniq_key).cloned().collect()
}

/// The body of a batch, in a buffer that it need not leave: `MessageDecoder.encodeMessages`.
fn encode_batch<'a>(messages: impl Iterator<Item = &'a Message> + Clone) -> Bytes {
    let mut out = Vec::with_capacity(messages.clone().map(Message::encoded_len_max).sum());
    messages.for_each(|message| message.put_in_batch(&mut out));
    out.into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn config() -> ProducerConfig {
        ProducerConfig::new("PG_TEST", "ns:9876")
    }

    fn vectors() -> serde_json::Value {
        serde_json::from_str(include_str!("../../tests/vectors.json")).unwrap()
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn properties(parcel: &Parcel) -> String {
        let text = parcel.properties().to_string();
        assert_eq!(text.len(), parcel.size() - parcel.body().len());
        text
    }

    fn batch(messages: &[Message]) -> Parcel {
        Parcel::batch(&config(), messages).unwrap().unwrap()
    }

    #[test]
    fn row_39_batches_are_encoded_as_java_does() {
        let expected = vectors()["batch_body_two_messages"]["hex"].as_str().unwrap().to_owned();
        let id = |last: &str| format!("7F0000011234014AE5A55EB85A9B000{last}");
        let first = Message::new("TopicTest", "hello").with_tags("TagA").with_uniq_key(id("0"));
        let second = Message::new("TopicTest", "world!").with_flag(7).with_uniq_key(id("1"));
        let parcel = batch(&[first, second]);
        assert_eq!(hex(parcel.body()), expected);
        assert_eq!(properties(&parcel), "", "4.x would add them to each message");
    }

    #[test]
    fn row_39_a_batch_of_one_travels_as_a_single_message() {
        let alone = batch(&[Message::new("T", "hello").with_tags("a")]);
        assert!(!alone.is_batch);
        assert_eq!(alone.body(), "hello");
        assert_eq!(properties(&alone), "WAIT\u{1}true\u{2}TAGS\u{1}a\u{2}");
        assert!(Parcel::batch(&config(), []).is_none());
    }

    #[test]
    fn a_batch_says_once_that_nobody_waits_for_it_to_be_flushed() {
        let message = Message::new("T", "x").with_wait_store_ok(false);
        assert_eq!(properties(&batch(&[message.clone(), message])), "WAIT\u{1}false\u{2}");
    }

    #[cfg(feature = "compression-zlib")]
    #[test]
    fn row_44_only_large_bodies_that_get_smaller_are_compressed() {
        let parcel = |body: Vec<u8>| Parcel::new(&config(), Message::new("T", body)).unwrap();
        assert_eq!(parcel(vec![b'a'; 4_095]).sys_flag, 0);
        assert_eq!(parcel(vec![b'a'; 4_096]).sys_flag, 0x301);
        let mut random = fastrand::Rng::with_seed(1);
        let noise: Vec<u8> = (0..5_000).map(|_| random.u8(..)).collect();
        let parcel = parcel(noise.clone());
        assert_eq!((parcel.sys_flag, &parcel.body()[..]), (0, &noise[..]));
    }

    #[test]
    fn half_messages_say_whose_they_are() {
        let half = Parcel::half(&config(), Message::new("T", "x")).unwrap();
        assert_eq!(half.sys_flag, 4);
        let marks = "WAIT\u{1}true\u{2}TRAN_MSG\u{1}true\u{2}PGROUP\u{1}PG_TEST\u{2}";
        assert_eq!(properties(&half), marks);
        let later = Message::new("T", "x").with_delay_level(1);
        let refused = Parcel::half(&config(), later).unwrap_err();
        let rule = InvalidMessage::ScheduledInTransaction;
        assert_eq!(*refused.kind(), SendErrorKind::InvalidMessage(rule));
    }

    #[test]
    fn a_half_message_whose_marks_do_not_fit_any_more_is_refused() {
        let full = Message::new("T", "x").with_property("p", "v".repeat(32_750));
        assert!(Parcel::new(&config(), full.clone()).is_ok());
        assert!(Parcel::half(&config(), full).is_err());
    }

    proptest! {
        #[test]
        fn row_39_encoded_len_is_what_is_encoded(
            items in prop::collection::vec(
                (
                    (".{1,60}", any::<i32>(), any::<bool>(), any::<bool>()),
                    prop::option::of("[a-zA-Z0-9é中]{1,20}"),
                    prop::option::of("[a-zA-Z0-9é中]{1,20}"),
                    prop::collection::vec("[a-zA-Z0-9é中]{1,20}", 0..4),
                    prop::collection::btree_map("p[a-z0-9é中]{1,9}", "[a-z0-9é中\u{1F600}]{1,20}", 0..30),
                ),
                2..20,
            ),
        ) {
            type Item = (
                (String, i32, bool, bool),
                Option<String>,
                Option<String>,
                Vec<String>,
                std::collections::BTreeMap<String, String>,
            );
            let message = |((body, flag, wait, crc), tags, key, keys, properties): Item| {
                let message = Message::new("T", body).with_flag(flag).with_wait_store_ok(wait);
                let message = message.with_body_crc(crc).with_keys(keys);
                let message = tags.into_iter().fold(message, Message::with_tags);
                let message = key.into_iter().fold(message, |m, key| {
                    m.with_sharding_key(key.clone()).with_uniq_key(key)
                });
                let with = |m: Message, (name, value)| m.with_property(name, value);
                properties.into_iter().fold(message, with)
            };
            let messages: Vec<_> = items.into_iter().map(message).collect();
            let total: usize = messages.iter().map(Message::encoded_len).sum();
            prop_assert_eq!(batch(&messages).body().len(), total);
        }
    }
}
