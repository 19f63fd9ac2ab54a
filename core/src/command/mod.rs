//! Commands: what a producer asks of name servers and brokers, and what their answers say.

mod chores;
mod response_code;
mod send;
mod transaction;

pub use chores::{ClientCommand, DEFAULT_TOPIC};
pub use response_code::{ResponseCode, Verdict};
pub use send::{BadReply, Properties, SendMessage, SendReply, SendTemplate};
pub(crate) use transaction::CHECK_TRANSACTION_STATE;
pub use transaction::{
    BadCheckBack, CheckBack, EndTransaction, HalfMessage, LocalTransactionState,
};
