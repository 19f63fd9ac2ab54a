//! What brokers answer sends with: tables for tests that go through all of it.

/// The code with which servers that shut down gracefully answer everything.
pub(super) const GO_AWAY: i32 = 1500;

/// What brokers say with code 2 (SYSTEM_BUSY), which is flow control by the first word: a busy page
/// cache or a slave, a full thread pool, a page cache found busy while storing, and sends dropped
/// from the queue, because the page cache is busy or because they have waited for 200 ms.
pub const FLOW_CONTROL_REMARKS: [&str; 5] = [
    "[REJECTREQUEST]system busy, start flow control for a while",
    "[OVERLOAD]system busy, start flow control for a while",
    "[PC_SYNCHRONIZED]broker busy, start flow control for a while",
    "[PCBUSY_CLEAN_QUEUE]broker busy, start flow control for a while, period in queue: 12ms, \
     size of queue: 87",
    "[TIMEOUT_CLEAN_QUEUE]broker busy, start flow control for a while, period in queue: 205ms, \
     size of queue: 931",
];

/// Every response code that a send may be answered with, ascending. Left out are those that only
/// consumers, transactions, recalls and administrators see.
pub const RESPONSE_CODES: &[i32] = &[
    0,   // SUCCESS
    1,   // SYSTEM_ERROR
    2,   // SYSTEM_BUSY
    3,   // REQUEST_CODE_NOT_SUPPORTED
    10,  // FLUSH_DISK_TIMEOUT
    11,  // SLAVE_NOT_AVAILABLE
    12,  // FLUSH_SLAVE_TIMEOUT
    13,  // MESSAGE_ILLEGAL
    14,  // SERVICE_NOT_AVAILABLE
    15,  // VERSION_NOT_SUPPORTED
    16,  // NO_PERMISSION
    17,  // TOPIC_NOT_EXIST
    26,  // SUBSCRIPTION_GROUP_NOT_EXIST, of a `%RETRY%` topic
    29,  // INVALID_PARAMETER
    204, // NO_BUYER_ID
    205, // NOT_IN_CURRENT_UNIT
    215, // FLOW_CONTROL
    501, // NOT_LEADER_FOR_QUEUE
    GO_AWAY,
];

/// Those of [`RESPONSE_CODES`] that say that the message is stored.
pub const STORED_CODES: [i32; 4] = [0, 10, 11, 12];
