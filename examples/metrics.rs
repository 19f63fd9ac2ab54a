//! Statistics on a page for Prometheus: whatever exporter of the crate `metrics` an application has
//! installed shows them.
//!
//! ```text
//! cargo run --example metrics --features metrics
//! cargo run --example metrics --features metrics -- --serve
//! ```
//!
//! The exporter writes the page; that it is fetched over HTTP here takes a few lines, and in a service
//! is what its web server is for.

#[path = "common/cluster.rs"]
mod cluster;

use std::{
    error::Error,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    process::ExitCode,
    thread,
};

use clap::Parser;
use cluster::Cluster;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use rocketmq_producer::{Message, blocking::Producer};

/// Where RocketMQ's own clients cut their latencies, milliseconds.
const COST_BUCKETS_MS: [f64; 7] = [1.0, 5.0, 10.0, 20.0, 50.0, 200.0, 500.0];

/// Sends messages, and shows what Prometheus would see of that.
#[derive(Parser)]
struct Args {
    /// How many messages to send.
    #[arg(long, default_value_t = 1_000)]
    count: u32,
    /// The topic; brokers create it unless told otherwise.
    #[arg(long, default_value = "MetricsExample")]
    topic: String,
    /// Go on serving the page, until Ctrl-C.
    #[arg(long)]
    serve: bool,
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
    // Before any producer starts: what it counts goes to the recorder that there is then.
    let page = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full("rocketmq_send_cost_time".into()), &COST_BUCKETS_MS)?
        .install_recorder()?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let server = thread::spawn(move || serve(&listener, &page));

    let cluster = Cluster::given_or_embedded();
    eprintln!("sending {} messages to {} at {cluster}", args.count, args.topic);
    let producer = Producer::new(cluster.config("metrics-example"))?;
    producer.start()?;
    for number in 0..args.count {
        let _ = producer.send(Message::new(args.topic.clone(), format!("message {number}")))?;
    }
    producer.oneway(Message::new(args.topic.clone(), "nobody answers"))?;
    // Refused at once, and counted.
    let _ = producer.send(Message::new("not a topic", "x")).err();

    println!("{}", fetch(address)?);
    if args.serve {
        eprintln!("serving http://{address}/metrics until Ctrl-C");
        let _ = server.join();
    }
    producer.shutdown()?;
    Ok(())
}

/// Answers every request with the page.
fn serve(listener: &TcpListener, page: &PrometheusHandle) {
    for socket in listener.incoming() {
        // Whoever has gone away meanwhile misses nothing.
        let _ = socket.and_then(|socket| answer(socket, page));
    }
}

fn answer(mut socket: TcpStream, page: &PrometheusHandle) -> io::Result<()> {
    let mut lines = BufReader::new(socket.try_clone()?).lines();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    page.run_upkeep();
    let body = page.render();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nConnection: close";
    write!(socket, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// What Prometheus does every few seconds.
fn fetch(address: SocketAddr) -> Result<String, Box<dyn Error>> {
    let mut socket = TcpStream::connect(address)?;
    write!(socket, "GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer)?;
    let (_, body) = answer.split_once("\r\n\r\n").ok_or("there is no page in the answer")?;
    Ok(body.to_owned())
}
