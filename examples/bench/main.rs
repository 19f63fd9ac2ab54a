//! Load generator: what a cluster takes, and what sending costs this process.
//!
//! ```text
//! cargo run --release --all-features --example bench -- --runtime smol --count 500000
//! cargo run --release --all-features --example bench -- --namesrv 10.0.0.1:9876 --rate 5000
//! ```
//!
//! Without a name server it starts the embedded cluster, in a separate process; with `--null` a *null
//! server*, which stores nothing and answers at once: what is left is the client. `--runtime floor`
//! sends ready-made frames over raw sockets, which no client can beat; figures are best read as ratios
//! to it.
//!
//! | module | what it is |
//! |---|---|
//! | [`args`] | the command line, and the plan made of it |
//! | [`on_tokio`], [`on_smol`], [`on_blocking`], [`floor`] | one runner each |
//! | [`load`], [`recorder`], [`measure`] | what every runner does: when to send, what to note, what counts |
//! | [`null_server`], [`answers`], [`frames`], [`child`] | the null server; the processes of servers |
//! | [`report`], [`histogram`], [`progress`] | what is shown |
//! | [`compare`] | runs all runners against one null server, alternating with the floor |
//! | [`scale`] | runs one runner with more and more of something |

mod answers;
mod args;
mod child;
mod compare;
mod error;
mod floor;
mod frames;
mod histogram;
mod load;
mod measure;
mod null_server;
mod on_blocking;
mod on_smol;
mod on_tokio;
mod progress;
mod recorder;
mod report;
mod scale;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command, Plan, Runtime};
use child::{Kind, Server};
use error::Error;
use report::Report;

fn main() -> ExitCode {
    let args = Args::parse();
    let result = match &args.command {
        Some(Command::NullServer(args)) => null_server::run(args).map_err(Error::Server),
        Some(Command::Cluster) => child::serve_cluster().map_err(Error::Server),
        Some(Command::Compare(args)) => compare::run(args),
        Some(Command::Scale(args)) => scale::run(args),
        None => bench(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn bench(args: &Args) -> Result<(), Error> {
    // What is started here ends with this function, however that ends.
    let (name, _server, address) = match (args.name_servers(), args.server()) {
        (Some(address), _) => ("cluster", None, address),
        (None, kind) => {
            let server = Server::start(kind)?;
            let address = server.address().to_owned();
            let name = if let Kind::Null(_) = kind { "null server" } else { "embedded cluster" };
            (name, Some(server), address)
        }
    };
    let plan = Plan::new(args, address)?;
    let outcome = match plan.runtime {
        Runtime::Tokio | Runtime::TokioCurrent => on_tokio::run(&plan),
        Runtime::Smol => on_smol::run(&plan),
        Runtime::Blocking | Runtime::Mio => on_blocking::run(&plan),
        Runtime::Floor => floor::run(&plan),
    }?;
    let report = Report::new(&plan, &outcome);
    if plan.json {
        println!("{}", report.to_json());
    } else {
        println!("{name} at {}\n", plan.namesrv);
        print!("{report}\n{}", histogram::draw(&outcome.latencies));
        if let Some(error) = &outcome.first_failure {
            println!("\nfirst failure: {error}");
        }
    }
    Ok(())
}
