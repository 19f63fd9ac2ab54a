//! The same as a picture: a column for each axis; CPU above, memory below; all scales logarithmic.

use std::fmt::Write as _;

use super::{Cost, axes::Axis};

const PANEL: (f64, f64) = (260.0, 200.0);
/// Around each panel, for what is written there.
const MARGIN: (f64, f64) = (60.0, 50.0);

/// A figure of each point.
struct Row {
    title: &'static str,
    colour: &'static str,
    figure: fn(&Cost) -> f64,
}

const ROWS: [Row; 2] = [
    Row { title: "CPU µs/message", colour: "#1f6feb", figure: |cost| cost.cpu_us },
    Row { title: "peak MiB", colour: "#bc4c00", figure: |cost| cost.memory_mib },
];

pub(super) fn draw(followed: &[(&Axis, Vec<Cost>)]) -> String {
    let step = (PANEL.0 + MARGIN.0, PANEL.1 + MARGIN.1 * 2.0);
    let width = step.0 * followed.len() as f64 + MARGIN.0;
    let height = step.1 * ROWS.len() as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n"
    );
    for (number, row) in ROWS.iter().enumerate() {
        // One scale for all panels of a row, so that they can be compared.
        let figures = || followed.iter().flat_map(|(_, costs)| costs).map(row.figure);
        let scale = Scale::around(figures(), PANEL.1);
        for (column, (axis, costs)) in followed.iter().enumerate() {
            let (x, y) = (MARGIN.0 + step.0 * column as f64, MARGIN.1 + step.1 * number as f64);
            let _ = writeln!(svg, "<g transform=\"translate({x} {y})\">");
            panel(&mut svg, row, &scale, axis, costs);
            svg += "</g>\n";
        }
    }
    svg + "</svg>\n"
}

/// Writing to a `String` does not fail.
fn panel(svg: &mut String, row: &Row, scale: &Scale, axis: &Axis, costs: &[Cost]) {
    let (width, height) = PANEL;
    let across = Scale::around(costs.iter().map(|cost| cost.at as f64), width);
    let _ = writeln!(
        svg,
        "<text y=\"-12\" font-weight=\"bold\">{}, by {}</text>",
        row.title, axis.name
    );
    for line in scale.lines() {
        let y = height - scale.place(line);
        let _ = writeln!(
            svg,
            "<path d=\"M0 {y:.1}H{width}\" stroke=\"#ddd\"/>\
             <text x=\"-6\" y=\"{:.1}\" text-anchor=\"end\">{line}</text>",
            y + 4.0,
        );
    }
    let mut points = String::new();
    for cost in costs {
        let (x, y) = (across.place(cost.at as f64), height - scale.place((row.figure)(cost)));
        let _ = write!(points, "{x:.1},{y:.1} ");
        let _ = writeln!(
            svg,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{}\"/>\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            row.colour,
            height + 18.0,
            axis.label(cost.at),
        );
    }
    let _ = writeln!(
        svg,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.5\"/>",
        points.trim_end(),
        row.colour,
    );
}

/// Logarithms to places.
struct Scale {
    least: f64,
    most: f64,
    length: f64,
}

impl Scale {
    /// From the power of ten below all figures to the one above.
    fn around(figures: impl Iterator<Item = f64>, length: f64) -> Self {
        let (least, most) = figures
            .filter(|figure| figure.is_finite() && *figure > 0.0)
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), figure| {
                (least.min(figure.log10()), most.max(figure.log10()))
            });
        let least = least.floor();
        Self { least, most: most.ceil().max(least + 1.0), length }
    }

    fn place(&self, figure: f64) -> f64 {
        (figure.log10() - self.least) / (self.most - self.least) * self.length
    }

    /// The powers of ten.
    fn lines(&self) -> impl Iterator<Item = f64> {
        (self.least as i32..=self.most as i32).map(|power| 10_f64.powi(power))
    }
}
