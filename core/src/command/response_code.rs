//! Response codes and what each says about the message.

/// The codes that a producer can meet: `ResponseCode` and `RemotingSysResponseCode` of Apache
/// RocketMQ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ResponseCode(pub i32);

/// What a send's response code means for the message, and whether another attempt makes sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// Stored, by codes 0, 10, 11 and 12.
    Stored,
    /// This broker has not stored it; another may.
    RetryElsewhere,
    /// Like [`RetryElsewhere`](Self::RetryElsewhere), after a pause: the broker is shedding load.
    Busy,
    /// No broker will store it.
    Fatal,
    /// The broker failed in a way that does not tell whether the message is stored.
    Unknown,
}

impl ResponseCode {
    /// All well.
    pub const SUCCESS: Self = Self(0);
    /// An unexpected exception, and much else.
    pub const SYSTEM_ERROR: Self = Self(1);
    /// Flow control.
    pub const SYSTEM_BUSY: Self = Self(2);
    /// The peer does not know the request.
    pub const REQUEST_CODE_NOT_SUPPORTED: Self = Self(3);
    /// Stored, not flushed in time.
    pub const FLUSH_DISK_TIMEOUT: Self = Self(10);
    /// Stored, no replica there.
    pub const SLAVE_NOT_AVAILABLE: Self = Self(11);
    /// Stored, replica did not confirm in time.
    pub const FLUSH_SLAVE_TIMEOUT: Self = Self(12);
    /// Too long, malformed, not allowed in this topic.
    pub const MESSAGE_ILLEGAL: Self = Self(13);
    /// Disk full, store shut down, or a slave.
    pub const SERVICE_NOT_AVAILABLE: Self = Self(14);
    /// The peer does not speak this version.
    pub const VERSION_NOT_SUPPORTED: Self = Self(15);
    /// Not writable, or not allowed.
    pub const NO_PERMISSION: Self = Self(16);
    /// Broker: not created; name server: no route.
    pub const TOPIC_NOT_EXIST: Self = Self(17);
    /// Sending to a retry topic of a group that does not exist.
    pub const SUBSCRIPTION_GROUP_NOT_EXIST: Self = Self(26);
    /// Bad topic name or queue id (5.x).
    pub const INVALID_PARAMETER: Self = Self(29);
    /// Historical.
    pub const NO_BUYER_ID: Self = Self(204);
    /// Historical.
    pub const NOT_IN_CURRENT_UNIT: Self = Self(205);
    /// Refused by a flow-control rule.
    pub const FLOW_CONTROL: Self = Self(215);
    /// Static topic: the queue has moved to another broker.
    pub const NOT_LEADER_FOR_QUEUE: Self = Self(501);
    /// The server is shutting down.
    pub const GO_AWAY: Self = Self(1500);

    /// What this code says as the answer to a send.
    ///
    /// SYSTEM_ERROR is [`Verdict::Unknown`]: among its many meanings is "too few replicas
    /// confirmed", where the message is stored. Codes that nobody has documented are, too.
    pub const fn verdict(self) -> Verdict {
        match self {
            Self::SUCCESS
            | Self::FLUSH_DISK_TIMEOUT
            | Self::SLAVE_NOT_AVAILABLE
            | Self::FLUSH_SLAVE_TIMEOUT => Verdict::Stored,
            Self::SYSTEM_BUSY | Self::FLOW_CONTROL => Verdict::Busy,
            Self::SERVICE_NOT_AVAILABLE
            | Self::NO_PERMISSION
            | Self::TOPIC_NOT_EXIST
            | Self::INVALID_PARAMETER
            | Self::NO_BUYER_ID
            | Self::NOT_IN_CURRENT_UNIT
            | Self::NOT_LEADER_FOR_QUEUE
            | Self::GO_AWAY => Verdict::RetryElsewhere,
            Self::REQUEST_CODE_NOT_SUPPORTED
            | Self::MESSAGE_ILLEGAL
            | Self::VERSION_NOT_SUPPORTED
            | Self::SUBSCRIPTION_GROUP_NOT_EXIST => Verdict::Fatal,
            _ => Verdict::Unknown,
        }
    }

    /// RocketMQ's name for it, where it is one that producers know.
    pub const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::SUCCESS => "SUCCESS",
            Self::SYSTEM_ERROR => "SYSTEM_ERROR",
            Self::SYSTEM_BUSY => "SYSTEM_BUSY",
            Self::REQUEST_CODE_NOT_SUPPORTED => "REQUEST_CODE_NOT_SUPPORTED",
            Self::FLUSH_DISK_TIMEOUT => "FLUSH_DISK_TIMEOUT",
            Self::SLAVE_NOT_AVAILABLE => "SLAVE_NOT_AVAILABLE",
            Self::FLUSH_SLAVE_TIMEOUT => "FLUSH_SLAVE_TIMEOUT",
            Self::MESSAGE_ILLEGAL => "MESSAGE_ILLEGAL",
            Self::SERVICE_NOT_AVAILABLE => "SERVICE_NOT_AVAILABLE",
            Self::VERSION_NOT_SUPPORTED => "VERSION_NOT_SUPPORTED",
            Self::NO_PERMISSION => "NO_PERMISSION",
            Self::TOPIC_NOT_EXIST => "TOPIC_NOT_EXIST",
            Self::SUBSCRIPTION_GROUP_NOT_EXIST => "SUBSCRIPTION_GROUP_NOT_EXIST",
            Self::INVALID_PARAMETER => "INVALID_PARAMETER",
            Self::NO_BUYER_ID => "NO_BUYER_ID",
            Self::NOT_IN_CURRENT_UNIT => "NOT_IN_CURRENT_UNIT",
            Self::FLOW_CONTROL => "FLOW_CONTROL",
            Self::NOT_LEADER_FOR_QUEUE => "NOT_LEADER_FOR_QUEUE",
            Self::GO_AWAY => "GO_AWAY",
            _ => return None,
        })
    }

    /// True when the same request may succeed in a while, with nothing changed by people.
    pub const fn is_retryable(self) -> bool {
        match self {
            Self::SERVICE_NOT_AVAILABLE | Self::NOT_LEADER_FOR_QUEUE | Self::GO_AWAY => true,
            _ => matches!(self.verdict(), Verdict::Busy | Verdict::Unknown),
        }
    }
}
