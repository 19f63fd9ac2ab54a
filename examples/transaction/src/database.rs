//! The service's database: orders, what is in stock, and what has become of transactions.

use std::{
    fmt,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

/// A transaction without an order is one that was rolled back.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS stock (
        item     TEXT PRIMARY KEY,
        quantity INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS orders (
        id       TEXT PRIMARY KEY,
        item     TEXT NOT NULL REFERENCES stock (item),
        quantity INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS transactions (
        id       TEXT PRIMARY KEY,
        order_id TEXT UNIQUE REFERENCES orders (id)
    ) STRICT;
";

const ROLL_BACK: &str = "INSERT INTO transactions VALUES (?1, NULL) ON CONFLICT DO NOTHING";

/// How long one connection waits for another's write to end.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// So many of an item, for somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) id: String,
    pub(crate) item: String,
    pub(crate) quantity: u32,
}

/// What the message says.
impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} x {}", self.quantity, self.item)
    }
}

/// How a transaction has ended. That does not change any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Committed,
    RolledBack,
}

/// Why an order was not placed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotPlaced {
    #[error("there is not enough in stock")]
    OutOfStock,
    #[error("a broker has asked, and was told that the transaction is rolled back")]
    RolledBack,
    /// Whether the database has committed, only the database can tell, later.
    #[error(transparent)]
    Database(#[from] rusqlite::Error),
}

#[derive(Debug)]
pub(crate) struct Database(Mutex<Connection>);

impl Database {
    pub(crate) fn open(path: &Path) -> rusqlite::Result<Self> {
        Self::with(Connection::open(path)?)
    }

    fn with(connection: Connection) -> rusqlite::Result<Self> {
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self(Mutex::new(connection)))
    }

    /// A panic cannot leave a transaction open: dropped, it is rolled back.
    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn stock_up(&self, item: &str, quantity: u32) -> rusqlite::Result<()> {
        let add = "INSERT INTO stock VALUES (?1, ?2)
            ON CONFLICT DO UPDATE SET quantity = quantity + excluded.quantity";
        self.connection().execute(add, params![item, quantity]).map(drop)
    }

    /// Takes the goods from stock and writes down the order and its transaction: all of it, or nothing;
    /// if there are not enough, that the transaction is rolled back.
    pub(crate) fn place(&self, order: &Order, transaction_id: &str) -> Result<(), NotPlaced> {
        let Order { id, item, quantity } = order;
        let mut connection = self.connection();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if end_of(&transaction, transaction_id)? == Some(End::RolledBack) {
            return Err(NotPlaced::RolledBack);
        }
        let take = "UPDATE stock SET quantity = quantity - ?2 WHERE item = ?1 AND quantity >= ?2";
        if transaction.execute(take, params![item, quantity])? == 0 {
            transaction.execute(ROLL_BACK, [transaction_id])?;
            transaction.commit()?;
            return Err(NotPlaced::OutOfStock);
        }
        transaction
            .execute("INSERT INTO orders VALUES (?1, ?2, ?3)", params![id, item, quantity])?;
        transaction.execute("INSERT INTO transactions VALUES (?1, ?2)", [transaction_id, id])?;
        Ok(transaction.commit()?)
    }

    /// What has become of a transaction; none if it may still be under way.
    pub(crate) fn end(&self, transaction_id: &str) -> rusqlite::Result<Option<End>> {
        end_of(&self.connection(), transaction_id)
    }

    /// Ends a transaction unless it has ended, and tells how it has: from here on nobody can
    /// [`place`](Self::place) its order any more.
    pub(crate) fn roll_back(&self, transaction_id: &str) -> rusqlite::Result<Option<End>> {
        let connection = self.connection();
        connection.execute(ROLL_BACK, [transaction_id])?;
        end_of(&connection, transaction_id)
    }

    pub(crate) fn orders(&self) -> rusqlite::Result<Vec<Order>> {
        let connection = self.connection();
        let mut orders = connection.prepare("SELECT id, item, quantity FROM orders ORDER BY id")?;
        let orders = orders.query_map([], |row| {
            Ok(Order { id: row.get(0)?, item: row.get(1)?, quantity: row.get(2)? })
        })?;
        orders.collect()
    }

    pub(crate) fn in_stock(&self, item: &str) -> rusqlite::Result<u32> {
        let quantity = "SELECT quantity FROM stock WHERE item = ?1";
        let quantity =
            self.connection().query_row(quantity, [item], |row| row.get(0)).optional()?;
        Ok(quantity.unwrap_or(0))
    }
}

fn end_of(connection: &Connection, transaction_id: &str) -> rusqlite::Result<Option<End>> {
    let end = "SELECT order_id IS NOT NULL FROM transactions WHERE id = ?1";
    let committed = connection.query_row(end, [transaction_id], |row| row.get(0)).optional()?;
    Ok(committed.map(|committed| if committed { End::Committed } else { End::RolledBack }))
}
