//! Tables in Markdown.

use super::{
    Pair,
    contests::{Contest, FIRST_SEND_MS_MAX, LATENCY, MEMORY_MIB_MAX},
};
use crate::report::{Report, grouped};

pub(super) fn print_contest(contest: &Contest, pairs: &[Vec<Pair>]) {
    println!("## {}\n", contest.title);
    row(["runtime", "messages/s", "× floor", "target", "CPU µs/message", "× floor", "target"]
        .into_iter()
        .chain(["p99 µs", "peak MiB", "first send ms"]));
    row(["---"; 10]);
    let floors: Vec<_> = pairs.iter().flatten().map(|pair| &pair.floor).collect();
    let of = |figure: fn(&Report) -> f64| Spread::of(floors.iter().map(|floor| figure(floor)));
    row([
        "floor".to_owned(),
        of(|floor| floor.msgs_per_s).with(0),
        "1".to_owned(),
        String::new(),
        of(|floor| floor.cpu_us_per_msg).with(2),
        "1".to_owned(),
        String::new(),
        of(|floor| floor.p99_us).text(0),
        of(memory).text(1),
        of(|floor| floor.first_send_ms).text(1),
    ]);
    for (entrant, pairs) in contest.entrants.iter().zip(pairs) {
        let of = |figure: fn(&Pair) -> f64| Spread::of(pairs.iter().map(figure));
        let throughput = of(|pair| pair.run.msgs_per_s / pair.floor.msgs_per_s);
        let cpu = of(|pair| pair.run.cpu_us_per_msg / pair.floor.cpu_us_per_msg);
        row([
            entrant.runtime.to_string(),
            of(|pair| pair.run.msgs_per_s).with(0),
            throughput.with(2),
            at_least(entrant.throughput_min, throughput.median()),
            of(|pair| pair.run.cpu_us_per_msg).with(2),
            cpu.with(2),
            at_most(entrant.cpu_max, cpu.median()),
            of(|pair| pair.run.p99_us).text(0),
            within(MEMORY_MIB_MAX, &of(|pair| memory(&pair.run))),
            within(FIRST_SEND_MS_MAX, &of(|pair| pair.run.first_send_ms)),
        ]);
    }
    println!();
}

pub(super) fn print_latency(rate: u64, pairs: &[Pair]) {
    let of = |figure: fn(&Pair) -> f64| Spread::of(pairs.iter().map(figure));
    let (rate, runtime) = (grouped(rate as f64), LATENCY.runtime);
    println!("## {rate} messages/s, half of what {runtime} takes (`--rate`)\n");
    row(["runtime", "p50 µs", "p99 µs", "× floor", "target", "p99.9 µs"]);
    row(["---"; 6]);
    row([
        "floor".to_owned(),
        of(|pair| pair.floor.p50_us).with(0),
        of(|pair| pair.floor.p99_us).with(0),
        "1".to_owned(),
        String::new(),
        of(|pair| pair.floor.p999_us).with(0),
    ]);
    let ratio = of(|pair| pair.run.p99_us / pair.floor.p99_us);
    row([
        LATENCY.runtime.to_string(),
        of(|pair| pair.run.p50_us).with(0),
        of(|pair| pair.run.p99_us).with(0),
        ratio.with(2),
        at_most(LATENCY.p99_max, ratio.median()),
        of(|pair| pair.run.p999_us).with(0),
    ]);
    println!();
}

fn row<T: AsRef<str>>(cells: impl IntoIterator<Item = T>) {
    let line: String = cells.into_iter().map(|cell| format!(" {} |", cell.as_ref())).collect();
    println!("|{line}");
}

/// Not a number where the operating system does not tell.
fn memory(report: &Report) -> f64 {
    report.rss_mb.unwrap_or(f64::NAN)
}

fn at_least(target: f64, figure: f64) -> String {
    format!("≥ {target} {}", mark(figure >= target))
}

fn at_most(target: f64, figure: f64) -> String {
    format!("≤ {target} {}", mark(figure <= target))
}

/// A figure whose target is the same everywhere.
fn within(target: f64, figures: &Spread) -> String {
    format!("{} {}", figures.text(1), mark(figures.median() <= target))
}

fn mark(met: bool) -> &'static str {
    if met { "✓" } else { "✗" }
}

/// Sorted figures of all rounds.
struct Spread(Vec<f64>);

impl Spread {
    fn of(figures: impl Iterator<Item = f64>) -> Self {
        let mut figures: Vec<_> = figures.collect();
        figures.sort_by(f64::total_cmp);
        Self(figures)
    }

    fn median(&self) -> f64 {
        let middle = |index: usize| self.0.get(index).copied().unwrap_or(f64::NAN);
        (middle(self.0.len().saturating_sub(1) / 2) + middle(self.0.len() / 2)) / 2.0
    }

    /// The median.
    fn text(&self, digits: usize) -> String {
        format!("{:.digits$}", self.median())
    }

    /// The median, and how far the figures spread.
    fn with(&self, digits: usize) -> String {
        let shown = |figure: f64| match digits {
            0 => grouped(figure),
            _ => format!("{figure:.digits$}"),
        };
        let end = |figure: Option<&f64>| shown(figure.copied().unwrap_or(f64::NAN));
        format!("{} [{} – {}]", shown(self.median()), end(self.0.first()), end(self.0.last()))
    }
}
