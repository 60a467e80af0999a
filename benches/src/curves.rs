//! Draws docs/growth.csv: a curve each, both axes logarithmic, the slope beside each series.
//!
//! A slope of 1 is a cost that grows as its cause does, 0 one that does not grow. It is the least-squares fit through the
//! logarithms of all points, and, because what is fixed hides what grows, once more of the last tenfold alone.

use std::fmt::Write as _;

/// Where the points are.
pub(crate) const CSV: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/growth.csv");

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs");

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 460.0;
const LEFT: f64 = 84.0;
const RIGHT: f64 = 736.0;
const TOP: f64 = 122.0;
const BOTTOM: f64 = 400.0;

/// Readable on light and on dark, whatever the page around it is.
const STYLE: &str = "\
text{font:13px system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;fill:#24292f}\
.title{font-size:17px;font-weight:600}.quiet{fill:#57606a}.end{text-anchor:end}.middle{text-anchor:middle}\
.ground{fill:#fff}.grid{stroke:#d8dee4}.axis{stroke:#57606a}\
.line{fill:none;stroke-width:2;stroke-linejoin:round}\
.s0{stroke:#0969da}.d0{fill:#0969da}.s1{stroke:#bc4c00}.d1{fill:#bc4c00}.s2{stroke:#1a7f37}.d2{fill:#1a7f37}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.quiet{fill:#9198a1}.ground{fill:#0d1117}.grid{stroke:#30363d}\
.axis{stroke:#9198a1}.s0{stroke:#58a6ff}.d0{fill:#58a6ff}.s1{stroke:#f0883e}.d1{fill:#f0883e}.s2{stroke:#3fb950}\
.d2{fill:#3fb950}}";

/// What is drawn of a curve of the file.
struct Curve {
    name: &'static str,
    title: &'static str,
    x: &'static str,
    is_bytes: bool,
}

const CURVES: [Curve; 4] = [
    Curve {
        name: "operations",
        title: "A call from a table of more and more operations",
        x: "operations in the table",
        is_bytes: false,
    },
    Curve {
        name: "document",
        title: "A document to its first callable operation",
        x: "size of the document",
        is_bytes: true,
    },
    Curve {
        name: "arguments",
        title: "A call with more and more arguments to its request",
        x: "arguments of the call",
        is_bytes: false,
    },
    Curve {
        name: "calls",
        title: "A call among others, on open connections",
        x: "calls in flight at once",
        is_bytes: false,
    },
];

type Series<'t> = (&'t str, Vec<(f64, f64)>);

/// Draws every curve that the file has, and tells the slopes.
pub(crate) fn draw() {
    let text = std::fs::read_to_string(CSV).expect("points; `growth` measures them");
    for curve in CURVES {
        let series = series(&text, curve.name);
        if series.is_empty() {
            continue;
        }
        for (name, points) in &series {
            println!("{} {name}: slope {:.2}, last tenfold {:.2}", curve.name, slope(points), last(points));
        }
        let path = format!("{FOLDER}/growth-{}.svg", curve.name);
        std::fs::write(path, svg(&curve, &series)).expect("a file to write to");
    }
}

fn series<'t>(text: &'t str, curve: &str) -> Vec<Series<'t>> {
    let mut found: Vec<Series<'_>> = Vec::new();
    for line in text.lines() {
        let mut parts = line.split(',');
        let (Some(of), Some(name), Some(x), Some(y)) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        if of != curve {
            continue;
        }
        let point = (x.parse().expect("a number"), y.parse().expect("a number"));
        match found.iter_mut().find(|(known, _)| *known == name) {
            Some((_, points)) => points.push(point),
            None => found.push((name, vec![point])),
        }
    }
    found
}

/// The exponent that fits best: the slope of the line through the logarithms.
fn slope(points: &[(f64, f64)]) -> f64 {
    let logs: Vec<_> = points.iter().map(|(x, y)| (x.ln(), y.ln())).collect();
    let count = logs.len() as f64;
    let mean = |pick: fn(&(f64, f64)) -> f64| logs.iter().map(pick).sum::<f64>() / count;
    let (x, y) = (mean(|it| it.0), mean(|it| it.1));
    let along: f64 = logs.iter().map(|it| (it.0 - x) * (it.1 - y)).sum();
    along / logs.iter().map(|it| (it.0 - x).powi(2)).sum::<f64>()
}

/// The slope from a tenth of the greatest on.
fn last(points: &[(f64, f64)]) -> f64 {
    let most = points.iter().map(|it| it.0).fold(0.0, f64::max);
    // Sizes that are made are a tenth of each other only nearly.
    let end: Vec<_> = points.iter().copied().filter(|it| it.0 >= most / 10.5).collect();
    slope(&end)
}

/// A logarithmic axis between two places of the drawing.
struct Axis {
    from: f64,
    to: f64,
    start: f64,
    end: f64,
}

impl Axis {
    fn place(&self, value: f64) -> f64 {
        let part = (value.log10() - self.from) / (self.to - self.from);
        self.start + part * (self.end - self.start)
    }

    /// The powers of ten on it.
    fn ticks(&self) -> impl Iterator<Item = f64> {
        let (first, last) = (self.from.ceil() as i32, self.to.floor() as i32);
        (first..=last).map(|power| 10_f64.powi(power))
    }
}

fn axes(series: &[Series<'_>]) -> (Axis, Axis) {
    let all = || series.iter().flat_map(|(_, points)| points.iter());
    let ends = |pick: fn(&(f64, f64)) -> f64| {
        let logs = all().map(pick).map(f64::log10);
        (logs.clone().fold(f64::MAX, f64::min), logs.fold(f64::MIN, f64::max))
    };
    let (low, high) = ends(|it| it.0);
    let x = Axis { from: low - 0.1, to: high + 0.1, start: LEFT, end: RIGHT };
    let (low, high) = ends(|it| it.1);
    // What hardly moves is to look so: never less than two powers of ten.
    let (low, high) = (low.floor().min(high.ceil() - 2.0), high.ceil());
    (x, Axis { from: low, to: high, start: BOTTOM, end: TOP })
}

fn svg(curve: &Curve, series: &[Series<'_>]) -> String {
    let (x, y) = axes(series);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" role=\"img\" aria-label=\"{}\">\n<style>{STYLE}</style>\n<rect class=\"ground\" width=\"100%\" height=\"100%\" rx=\"6\"/>\n<text class=\"title\" x=\"24\" y=\"34\">{}</text>\n",
        curve.title, curve.title
    );
    grid(&mut text, curve, &x, &y);
    for (number, (name, points)) in series.iter().enumerate() {
        legend(&mut text, number, name, points);
        line(&mut text, number, points, &x, &y);
    }
    text + "</svg>\n"
}

fn grid(text: &mut String, curve: &Curve, x: &Axis, y: &Axis) {
    for value in x.ticks() {
        let at = x.place(value);
        let _ = writeln!(
            text,
            "<path class=\"grid\" d=\"M{at:.1} {TOP}V{BOTTOM}\"/><text class=\"quiet middle\" x=\"{at:.1}\" y=\"{:.1}\">{}</text>",
            BOTTOM + 20.0,
            if curve.is_bytes { bytes(value) } else { count(value) }
        );
    }
    for value in y.ticks() {
        let at = y.place(value);
        let _ = writeln!(
            text,
            "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{RIGHT}\"/><text class=\"quiet end\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            LEFT - 9.0,
            at + 4.5,
            time(value)
        );
    }
    let middle = f64::midpoint(LEFT, RIGHT);
    let _ = writeln!(
        text,
        "<path class=\"axis\" fill=\"none\" d=\"M{LEFT} {TOP}V{BOTTOM}H{RIGHT}\"/>\n<text class=\"middle\" x=\"{middle}\" y=\"{:.1}\">{}</text>\n<text class=\"middle\" transform=\"translate(20 {:.1})rotate(-90)\">processor time</text>",
        BOTTOM + 44.0,
        curve.x,
        f64::midpoint(TOP, BOTTOM)
    );
}

fn legend(text: &mut String, number: usize, name: &str, points: &[(f64, f64)]) {
    let at = 58.0 + 20.0 * number as f64;
    let _ = writeln!(
        text,
        "<circle class=\"d{number}\" cx=\"31\" cy=\"{:.1}\" r=\"5\"/><text x=\"44\" y=\"{at:.1}\">{name}</text><text class=\"quiet end\" x=\"{RIGHT}\" y=\"{at:.1}\">slope {}, last tenfold {}</text>",
        at - 4.5,
        rounded(slope(points)),
        rounded(last(points))
    );
}

/// Two places, and no minus before nothing.
fn rounded(slope: f64) -> String {
    let text = format!("{slope:.2}");
    if text == "-0.00" { "0.00".to_owned() } else { text.replace('-', "\u{2212}") }
}

fn line(text: &mut String, number: usize, points: &[(f64, f64)], x: &Axis, y: &Axis) {
    let places: Vec<_> = points.iter().map(|point| (x.place(point.0), y.place(point.1))).collect();
    let path: Vec<_> = places.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
    let _ = writeln!(text, "<path class=\"line s{number}\" d=\"M{}\"/>", path.join("L"));
    for (x, y) in places {
        let _ = writeln!(text, "<circle class=\"d{number}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\"/>");
    }
}

fn count(value: f64) -> String {
    let text = format!("{value:.0}");
    let cut = text.len().saturating_sub(3);
    if cut == 0 { text } else { format!("{},{}", &text[..cut], &text[cut..]) }
}

fn bytes(value: f64) -> String {
    scaled(value, &[(1e6, "MB"), (1e3, "KB"), (1.0, "B")])
}

/// Nanoseconds, in the unit that reads best.
fn time(value: f64) -> String {
    scaled(value, &[(1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns")])
}

fn scaled(value: f64, units: &[(f64, &str)]) -> String {
    let unit = units.iter().find(|(size, _)| value >= *size * 0.999).or(units.last());
    unit.map_or_else(String::new, |(size, name)| format!("{:.0} {name}", value / size))
}
