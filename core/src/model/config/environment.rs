//! Settings from environment variables.

use std::{ffi::OsString, fmt::Display};

use serde::{
    Deserialize, Deserializer,
    de::{Error, Expected, Unexpected, Visitor, value::MapDeserializer},
    forward_to_deserialize_any,
};

use super::{
    ProducerConfig,
    text::{Text, in_words},
};

/// Ours, and that of the Python client; the first that is set counts.
const PREFIXES: [&str; 2] = ["ROCKETMQ_", "PYROCKETMQ_"];
/// What all of RocketMQ's clients look at; here it comes last.
const NAME_SERVERS: &str = "NAMESRV_ADDR";

impl ProducerConfig {
    /// The defaults, changed by the environment: see [`with_env`](Self::with_env).
    ///
    /// # Errors
    ///
    /// [`EnvError`] names the first variable whose value is not of its field's kind.
    pub fn from_env() -> Result<Self, EnvError> {
        Self::default().with_env()
    }

    /// Changed by this process's environment: see [`with_vars`](Self::with_vars).
    ///
    /// ```
    /// use rocketmq_producer_core::model::{ProducerConfig, Template};
    ///
    /// let config = ProducerConfig::from(Template::Production).with_env()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`EnvError`] names the first variable whose value is not of its field's kind.
    #[expect(
        clippy::disallowed_methods,
        reason = "what users ask for by name; no machine reads the environment"
    )]
    pub fn with_env(self) -> Result<Self, EnvError> {
        self.with_vars(|name| std::env::var_os(name))
    }

    /// Changed by variables that `lookup` knows, each named after its field: `retry_times` is set by
    /// `ROCKETMQ_RETRY_TIMES`, or else by `PYROCKETMQ_RETRY_TIMES`, which environments made for the
    /// Python client have. `namesrv_addr` may come from `NAMESRV_ADDR`, too, if neither is there.
    ///
    /// Values are written as in files: times in milliseconds, choices by their names; for yes and no
    /// `true`, `1`, `yes`, `on` and `false`, `0`, `no`, `off`. Case does not matter. An empty variable
    /// is one that is not set. Variables that are named after no field belong to others. Fields that
    /// no variable speaks of keep their values, as does `address_translation`, which no text can hold.
    ///
    /// A value that breaks its field's rule is found by [`validate`](Self::validate), which all
    /// producers begin with.
    ///
    /// ```
    /// use rocketmq_producer_core::model::ProducerConfig;
    ///
    /// let lookup = |name: &str| (name == "ROCKETMQ_RETRY_TIMES").then(|| "5".into());
    /// assert_eq!(ProducerConfig::default().with_vars(lookup)?.retry_times, 5);
    ///
    /// let lookup = |name: &str| (name == "ROCKETMQ_RETRY_TIMES").then(|| "often".into());
    /// let error = ProducerConfig::default().with_vars(lookup).unwrap_err();
    /// assert_eq!(error.variable, "ROCKETMQ_RETRY_TIMES");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`EnvError`] names the first variable whose value is not of its field's kind.
    pub fn with_vars(
        mut self,
        lookup: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, EnvError> {
        let mut fields = Vec::new();
        let read = Self::deserialize(Variables { lookup, fields: &mut fields })?;
        self.take(read, &fields);
        Ok(self)
    }

    /// Takes these fields over from `other`.
    fn take(&mut self, other: Self, fields: &[&str]) {
        macro_rules! take {
            ($($field:ident)*) => {
                // A field that is missing below does not compile here.
                let Self { $($field,)* address_translation: _ } = other;
                $(if fields.contains(&stringify!($field)) {
                    self.$field = $field;
                })*
            };
        }
        take! {
            producer_group client_id namesrv_addr
            send_msg_timeout retry_times retry_unknown attempt_timeout_min
            retry_another_broker_when_not_store_ok
            routing_strategy strict_order send_latency_enable trace_message
            trace_queue_max trace_batch_size trace_linger debug_enabled
            async_send_semaphore in_flight_bytes_max
            max_message_size compress_msg_body_over_howmuch compress_type compress_level
            batch_split_type batch_size auto_batch batch_linger batch_bytes_max
            transaction_timeout max_check_times check_concurrency listener_threads check_queue_max
            final_states_max final_states_kept
            auto_create_topic default_topic_queue_nums serialize_type
            update_topic_route_info_interval route_timeout
            poll_name_server_interval poll_name_server_interval_short name_server_timeout
            heartbeat_broker_interval probe_idle heartbeat_timeout
            connect_timeout reconnect_backoff_max stats_reset_interval shutdown_timeout
            connection_in_flight_max connection_queue_bytes_max
        }
    }
}

/// Variables as a map of fields. It asks serde what the fields are called, so that no second list of
/// names can be wrong.
struct Variables<'a, F> {
    lookup: F,
    /// Those that were found.
    fields: &'a mut Vec<&'static str>,
}

impl<F: Fn(&str) -> Option<OsString>> Variables<'_, F> {
    /// The first of a field's variables that is set.
    fn find(&self, field: &str) -> Result<Option<Text>, EnvError> {
        let ours = PREFIXES.map(|prefix| prefix.to_owned() + &field.to_ascii_uppercase());
        let last = (field == "namesrv_addr").then(|| NAME_SERVERS.to_owned());
        for variable in ours.into_iter().chain(last) {
            match (self.lookup)(&variable).map(OsString::into_string) {
                Some(Ok(value)) if !value.is_empty() => return Ok(Some(Text { variable, value })),
                Some(Ok(_)) | None => {}
                Some(Err(value)) => {
                    let value = value.to_string_lossy().into_owned();
                    return Err(EnvError { variable, value, expected: "UTF-8".to_owned() });
                }
            }
        }
        Ok(None)
    }
}

impl<'de, F: Fn(&str) -> Option<OsString>> Deserializer<'de> for Variables<'_, F> {
    type Error = EnvError;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, EnvError> {
        let mut found = Vec::new();
        for field in fields {
            if let Some(text) = self.find(field)? {
                self.fields.push(field);
                found.push((*field, text));
            }
        }
        visitor.visit_map(MapDeserializer::new(found.into_iter()))
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, EnvError> {
        Err(Error::invalid_type(Unexpected::Map, &visitor))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// An environment variable whose value is not of its field's kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("environment variable {variable} = {value:?}: {expected} is expected")]
#[non_exhaustive]
pub struct EnvError {
    /// The variable's name.
    pub variable: String,
    /// Its value; what is not UTF-8 in it is shown as U+FFFD.
    pub value: String,
    /// What its field takes.
    pub expected: String,
}

/// Whoever reads a value does not know its variable, which is added later.
impl Error for EnvError {
    fn custom<T: Display>(expected: T) -> Self {
        Self { variable: String::new(), value: String::new(), expected: expected.to_string() }
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(in_words(expected))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(in_words(expected))
    }

    fn unknown_variant(_: &str, choices: &'static [&'static str]) -> Self {
        Self::custom(format_args!("one of {}", choices.join(", ")))
    }
}
