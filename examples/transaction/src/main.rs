//! An order service whose orders, in SQLite, and messages, in RocketMQ, never part: where there is an
//! order there is a message, though the service may die between the two.
//!
//! The listener writes the order and its transaction's id in one transaction of the database; when a
//! broker asks, it looks there. Four orders are tried: one that is placed, one that cannot be, and one
//! on either side of a crash. Then orders and messages are printed side by side, and the program fails
//! if they differ.
//!
//! ```text
//! cargo run                                     # against a cluster that it brings along
//! NAMESRV_ADDR=127.0.0.1:9876 cargo run         # brokers ask after a minute or so
//! ```

#[path = "../../common/cluster.rs"]
mod cluster;
mod database;
mod listener;

use std::{
    collections::BTreeMap,
    error::Error,
    path::Path,
    process::ExitCode,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use clap::Parser;
use cluster::{Cluster, wait_until};
use database::{Database, Order};
use listener::{OrderListener, message};
use rocketmq_producer::blocking::TransactionProducer;
use rocketmq_producer_testkit::{ReadError, StoredMessage};

const GRACE: Duration = Duration::from_secs(2);
/// Brokers that were not configured otherwise ask every 30 or 60 s.
const PATIENCE: Duration = Duration::from_secs(180);

/// Takes orders, and tells of them by RocketMQ.
#[derive(Parser)]
struct Args {
    /// The topic; brokers create it unless told otherwise.
    #[arg(long, default_value = "Orders")]
    topic: String,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let cluster = Cluster::given_or_embedded();
    if let Some(embedded) = cluster.embedded() {
        let (after, every) = (Duration::from_secs(1), Duration::from_millis(500));
        embedded.model(|model| model.broker("broker-a").set_transaction_checks(after, every, 15));
    }
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("orders.db");
    Database::open(&path)?.stock_up("teapot", 5)?;

    println!("taking orders, telling {} at {cluster}", args.topic);
    let orders = orders();
    let crashed = live_and_die(&Service::start(&cluster, &path)?, &args.topic, &orders)?;

    println!("the service has died; another takes its place, and waits for the broker to ask");
    if cluster.embedded().is_none() {
        println!("(after a minute or so, unless the broker is configured otherwise)");
    }
    let service = Service::start(&cluster, &path)?;
    // Brokers ask who is connected to them, some also about ends that they were told a moment ago.
    service.producer.producer().prepare(&[&args.topic])?;
    let settled = wait_until(PATIENCE, || -> Result<bool, Box<dyn Error>> {
        for transaction_id in &crashed {
            if service.database.end(transaction_id)?.is_none() {
                return Ok(false);
            }
        }
        Ok(in_database(&service.database)? == in_topic(&cluster, args, &orders)?.0)
    })?;
    service.producer.shutdown()?;

    let database = in_database(&service.database)?;
    let (topic, again) = in_topic(&cluster, args, &orders)?;
    println!("{:<12} {:<16} topic", "order", "database");
    for Order { id, .. } in &orders {
        let text = |place: &BTreeMap<String, String>| place.get(id).cloned().unwrap_or("-".into());
        println!("{id:<12} {:<16} {}", text(&database), text(&topic));
    }
    println!(
        "messages that are there again, under the same id, for consumers to overlook: {again}"
    );
    println!("teapots left: {}", service.database.in_stock("teapot")?);
    match settled {
        true => Ok(()),
        false if database != topic => Err("the database and the topic differ".into()),
        false => Err("no broker has asked what became of an order".into()),
    }
}

/// Everything that ends with the process.
struct Service {
    database: Arc<Database>,
    producer: TransactionProducer<OrderListener>,
}

impl Service {
    fn start(cluster: &Cluster, path: &Path) -> Result<Self, Box<dyn Error>> {
        let database = Arc::new(Database::open(path)?);
        let listener = OrderListener { database: Arc::clone(&database), grace: GRACE };
        let producer = TransactionProducer::new(cluster.config("order-service"), listener)?;
        producer.start()?;
        Ok(Self { database, producer })
    }
}

/// Two orders as they should be; then two whose ends the producer does not tell, one on either side of
/// the database's commit. The ids of these transactions are returned.
fn live_and_die(
    Service { database, producer }: &Service,
    topic: &str,
    [placed, too_many, crash_after, crash_before]: &[Order; 4],
) -> Result<[String; 2], Box<dyn Error>> {
    for order in [placed, too_many] {
        let sent = producer
            .send_message_in_transaction(message(topic, order, SystemTime::now()), order.clone())?;
        println!(
            "  order {}: {:?}, confirmed: {:?}",
            order.id, sent.local_state, sent.confirmation
        );
    }

    let transaction = producer.begin(message(topic, crash_after, SystemTime::now()))?;
    database.place(crash_after, transaction.transaction_id())?;
    println!("  order {}: placed, and nobody is told", crash_after.id);
    let after = transaction.transaction_id().to_owned();
    drop(transaction);

    let transaction = producer.begin(message(topic, crash_before, SystemTime::now()))?;
    println!("  order {}: not placed yet, and never will be", crash_before.id);
    let before = transaction.transaction_id().to_owned();
    drop(transaction);

    producer.shutdown()?;
    Ok([after, before])
}

/// The orders to try; no other run has any of the same id.
fn orders() -> [Order; 4] {
    let run = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let order = |number, quantity| Order {
        id: format!("{:x}-{number}", run & 0xFFFF_FFFF),
        item: "teapot".to_owned(),
        quantity,
    };
    [order(1, 2), order(2, 100), order(3, 1), order(4, 1)]
}

/// Orders by their ids.
fn in_database(database: &Database) -> rusqlite::Result<BTreeMap<String, String>> {
    let orders = database.orders()?;
    Ok(orders.into_iter().map(|order| (order.id.clone(), order.to_string())).collect())
}

/// The messages of these orders, by the orders' ids; and how many are there again, for delivery is at
/// least once.
fn in_topic(
    cluster: &Cluster,
    args: &Args,
    orders: &[Order],
) -> Result<(BTreeMap<String, String>, usize), ReadError> {
    let of_ours = |message: StoredMessage| {
        let id = message.properties.get("KEYS")?.clone();
        let ours = orders.iter().any(|order| order.id == id);
        ours.then(|| (id, String::from_utf8_lossy(&message.body).into_owned()))
    };
    let messages: Vec<_> = cluster.stored(&args.topic)?.into_iter().filter_map(of_ours).collect();
    let count = messages.len();
    let by_order: BTreeMap<_, _> = messages.into_iter().collect();
    let again = count - by_order.len();
    Ok((by_order, again))
}
