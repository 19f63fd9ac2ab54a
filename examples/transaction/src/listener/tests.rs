use std::path::Path;

use LocalTransactionState::{CommitMessage, RollbackMessage, Unknown};

use super::*;

const GRACE: Duration = Duration::from_secs(60);

fn listener_at(path: &Path) -> OrderListener {
    OrderListener { database: Arc::new(Database::open(path).unwrap()), grace: GRACE }
}

fn listener() -> OrderListener {
    let listener = listener_at(Path::new(":memory:"));
    listener.database.stock_up("teapot", 5).unwrap();
    listener
}

fn order(id: &str, quantity: u32) -> Order {
    Order { id: id.to_owned(), item: "teapot".to_owned(), quantity }
}

fn young() -> Message {
    message("Orders", &order("1", 2), SystemTime::now())
}

fn old() -> Message {
    message("Orders", &order("1", 2), SystemTime::now() - 2 * GRACE)
}

#[test]
fn an_order_that_is_placed_is_committed_whenever_a_broker_asks() {
    let listener = listener();
    let executed = listener.execute_local_transaction(&young(), "t1", order("1", 2));
    assert_eq!(executed, CommitMessage);
    assert_eq!(listener.check_local_transaction(&young(), "t1"), CommitMessage);
    assert_eq!(listener.check_local_transaction(&old(), "t1"), CommitMessage);
    assert_eq!(listener.database.orders().unwrap(), [order("1", 2)]);
    assert_eq!(listener.database.in_stock("teapot").unwrap(), 3);
}

#[test]
fn an_order_that_cannot_be_placed_is_rolled_back_and_leaves_nothing_behind() {
    let listener = listener();
    let executed = listener.execute_local_transaction(&young(), "t1", order("1", 6));
    assert_eq!(executed, RollbackMessage);
    assert_eq!(listener.check_local_transaction(&young(), "t1"), RollbackMessage);
    assert_eq!(listener.check_local_transaction(&old(), "t1"), RollbackMessage);
    assert_eq!(listener.database.orders().unwrap(), []);
    assert_eq!(listener.database.in_stock("teapot").unwrap(), 5);
}

#[test]
fn a_failure_half_way_through_leaves_nothing_behind_either() {
    let listener = listener();
    assert_eq!(listener.execute_local_transaction(&young(), "t1", order("1", 2)), CommitMessage);
    // Its stock has been taken by the time that the database finds that there is such an order.
    assert_eq!(listener.execute_local_transaction(&young(), "t2", order("1", 1)), Unknown);
    assert_eq!(listener.database.in_stock("teapot").unwrap(), 3);
    assert_eq!(listener.check_local_transaction(&old(), "t2"), RollbackMessage);
    assert_eq!(listener.check_local_transaction(&old(), "t1"), CommitMessage);
}

#[test]
fn an_order_that_is_not_there_may_still_come_while_it_is_young() {
    let listener = listener();
    assert_eq!(listener.check_local_transaction(&young(), "t1"), Unknown);
    assert_eq!(listener.execute_local_transaction(&young(), "t1", order("1", 2)), CommitMessage);
    assert_eq!(listener.check_local_transaction(&young(), "t1"), CommitMessage);
}

#[test]
fn an_order_that_a_broker_was_told_will_not_come_does_not_come() {
    let listener = listener();
    assert_eq!(listener.check_local_transaction(&old(), "t1"), RollbackMessage);
    assert_eq!(listener.execute_local_transaction(&old(), "t1", order("1", 2)), RollbackMessage);
    assert_eq!(listener.check_local_transaction(&young(), "t1"), RollbackMessage);
    assert_eq!(listener.database.orders().unwrap(), []);
    assert_eq!(listener.database.in_stock("teapot").unwrap(), 5);
}

#[test]
fn a_message_that_does_not_tell_its_age_is_old() {
    let bare = Message::new("Orders", "2 x teapot");
    assert_eq!(listener().check_local_transaction(&bare, "t1"), RollbackMessage);
}

#[test]
fn the_next_process_finds_what_the_last_one_has_left() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("orders.db");
    let first = listener_at(&path);
    first.database.stock_up("teapot", 5).unwrap();
    assert_eq!(first.execute_local_transaction(&young(), "t1", order("1", 2)), CommitMessage);
    drop(first);
    let second = listener_at(&path);
    assert_eq!(second.check_local_transaction(&old(), "t1"), CommitMessage);
    assert_eq!(second.check_local_transaction(&old(), "t2"), RollbackMessage);
}

#[test]
fn of_a_check_and_an_order_at_the_same_time_the_database_lets_one_win() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("orders.db");
    let (service, other) = (listener_at(&path), listener_at(&path));
    service.database.stock_up("teapot", 1000).unwrap();
    for number in 0..100 {
        let (id, transaction) = (format!("{number}"), format!("t{number}"));
        let (executed, checked) = std::thread::scope(|scope| {
            let checking = scope.spawn(|| other.check_local_transaction(&old(), &transaction));
            let arg = order(&id, 1);
            (service.execute_local_transaction(&old(), &transaction, arg), checking.join().unwrap())
        });
        assert_eq!(executed, checked, "transaction {transaction}");
    }
}
