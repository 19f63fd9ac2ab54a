//! What ties messages to the database.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rocketmq_producer::{LocalTransactionState, Message, TransactionListener};

use crate::database::{Database, End, NotPlaced, Order};

const BEGUN_AT: &str = "begun-at";

/// Places orders, and finds in the database what has become of them.
#[derive(Debug)]
pub(crate) struct OrderListener {
    pub(crate) database: Arc<Database>,
    /// How long the service may take to place an order before a broker that asks about it puts an end
    /// to it.
    pub(crate) grace: Duration,
}

impl TransactionListener for OrderListener {
    type Arg = Order;

    fn execute_local_transaction(
        &self,
        _: &Message,
        transaction_id: &str,
        order: Order,
    ) -> LocalTransactionState {
        match self.database.place(&order, transaction_id) {
            Ok(()) => LocalTransactionState::CommitMessage,
            Err(NotPlaced::Database(error)) => {
                // Perhaps the database has committed all the same: it will be asked again.
                eprintln!("  order {}: {error}", order.id);
                LocalTransactionState::Unknown
            }
            Err(why) => {
                println!("  order {} is not placed: {why}", order.id);
                LocalTransactionState::RollbackMessage
            }
        }
    }

    fn check_local_transaction(
        &self,
        message: &Message,
        transaction_id: &str,
    ) -> LocalTransactionState {
        let end = match self.database.end(transaction_id) {
            // Its order is not there yet; after a while it must not come any more.
            Ok(None) if age(message) >= self.grace => self.database.roll_back(transaction_id),
            end => end,
        };
        let state = match end {
            Ok(Some(End::Committed)) => LocalTransactionState::CommitMessage,
            Ok(Some(End::RolledBack)) => LocalTransactionState::RollbackMessage,
            // Brokers ask again.
            Ok(None) | Err(_) => LocalTransactionState::Unknown,
        };
        let order = message.keys().next().unwrap_or("?");
        println!("  the broker asks about order {order}, the database says {state:?}");
        state
    }
}

/// The message that tells of an order.
pub(crate) fn message(topic: &str, order: &Order, begun_at: SystemTime) -> Message {
    let begun_at = begun_at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    Message::new(topic.to_owned(), order.to_string())
        .with_key(order.id.clone())
        .with_property(BEGUN_AT, begun_at.to_string())
}

/// How long ago an order's message was written; very long, if it does not say.
fn age(message: &Message) -> Duration {
    let begun_at = message.property(BEGUN_AT).and_then(|millis| millis.parse().ok());
    let begun_at = UNIX_EPOCH.checked_add(Duration::from_millis(begun_at.unwrap_or(0)));
    begun_at.and_then(|begun_at| begun_at.elapsed().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
