//! What a message costs when there are more of something: in flight, brokers, topics, bytes.
//!
//! One axis at a time is followed from the usual point: 1 KiB bodies, 256 in flight, one broker, one
//! topic. Every run is a process of its own with a null server of its own.

mod axes;
mod plot;

use std::{env, fs, io, process::Command};

use crate::{
    args::ScaleArgs,
    error::Error,
    report::{Report, grouped},
};

use axes::{AXES, Axis, Point};

/// What a point has cost: medians of its rounds.
struct Cost {
    at: u64,
    msgs_per_s: f64,
    cpu_us: f64,
    p99_us: f64,
    memory_mib: f64,
}

pub(crate) fn run(args: &ScaleArgs) -> Result<(), Error> {
    let mut followed = Vec::new();
    for axis in AXES {
        let mut costs = Vec::new();
        for at in axis.points {
            eprintln!("{}: {}", axis.name, axis.label(*at));
            costs.push(cost(args, *at, &(axis.point)(*at))?);
        }
        followed.push((axis, costs));
    }
    let runtime = args.runtime;
    let mut text = format!(
        "Runtime {runtime}; from 1 KiB bodies, 256 in flight, 1 broker, 1 topic, one axis at a time. \
         Medians of {} rounds.\n",
        args.rounds,
    );
    for (axis, costs) in &followed {
        text += &table(axis, costs);
    }
    print!("{text}");
    fs::write(&args.plot, plot::draw(&followed)).map_err(Error::Plot)
}

fn cost(args: &ScaleArgs, at: u64, point: &Point) -> Result<Cost, Error> {
    let reports = (0..args.rounds).map(|_| measure(args, point));
    let reports = reports.collect::<Result<Vec<_>, _>>()?;
    let median = |figure: fn(&Report) -> f64| {
        let mut figures: Vec<_> = reports.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
    };
    Ok(Cost {
        at,
        msgs_per_s: median(|report| report.msgs_per_s),
        cpu_us: median(|report| report.cpu_us_per_msg),
        p99_us: median(|report| report.p99_us),
        memory_mib: median(|report| report.rss_mb.unwrap_or(f64::NAN)),
    })
}

fn measure(args: &ScaleArgs, point: &Point) -> Result<Report, Error> {
    let failed = |why: String| Error::NoFigures { runtime: args.runtime, why };
    let run = || -> io::Result<_> {
        let mut command = Command::new(env::current_exe()?);
        command.args(["--null", "--json", "--mode", "async"]);
        command.args(["--runtime", &args.runtime.to_string()]);
        for (option, value) in point.options() {
            command.args([option, &value.to_string()]);
        }
        command.output()
    };
    let output = run().map_err(|error| failed(error.to_string()))?;
    Report::of_process(&output).map_err(failed)
}

fn table(axis: &Axis, costs: &[Cost]) -> String {
    let mut out = format!(
        "\n| {} | messages/s | CPU µs/message | p99 µs | peak MiB |\n|---|---|---|---|---|\n",
        axis.name,
    );
    for Cost { at, msgs_per_s, cpu_us, p99_us, memory_mib } in costs {
        let at = axis.label(*at);
        out += &format!(
            "| {at} | {} | {cpu_us:.2} | {} | {memory_mib:.1} |\n",
            grouped(*msgs_per_s),
            grouped(*p99_us)
        );
    }
    out
}
