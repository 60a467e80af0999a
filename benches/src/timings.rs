//! What the built-in tables cost a build: `build` builds the program from scratch in a folder of its own, and looks what
//! of the time went into them. Then it shows that nothing is compiled again where the descriptions did not change.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::Value;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// With the timings of a build that was made before, tells them alone.
pub(crate) fn run(made: Option<&str>) {
    if let Some(path) = made {
        tell(Path::new(path));
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    cargo(folder.path(), &["--timings"]);
    tell(&folder.path().join("cargo-timings/cargo-timing.html"));
    again(folder.path(), "nothing", None);
    again(folder.path(), "README.md", Some("README.md"));
    again(folder.path(), "the program's source", Some("src/bin/opcall/main.rs"));
    again(folder.path(), "the library's source", Some("src/lib.rs"));
    again(folder.path(), "a description", Some("specs/falcon/service.yaml"));
}

/// Builds once more after a file was touched, and tells whether the tables were made anew.
fn again(folder: &Path, what: &str, touched: Option<&str>) {
    if let Some(path) = touched {
        let file = std::fs::File::options().append(true).open(Path::new(ROOT).join(path)).expect("a file");
        file.set_modified(std::time::SystemTime::now()).expect("a time");
    }
    let before = Instant::now();
    let told = cargo(folder, &["-v"]);
    let is_made = told.lines().any(|line| line.contains("Running") && line.ends_with("/build-script-build`"));
    let verdict = if is_made { "the tables were made anew" } else { "the tables stayed" };
    println!("{what} changed: {:.1} s, {verdict}", before.elapsed().as_secs_f64());
}

fn cargo(folder: &Path, more: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(["build", "--release", "--bin", "opcall", "--manifest-path"])
        .arg(Path::new(ROOT).join("Cargo.toml"))
        .arg("--target-dir")
        .arg(folder)
        .args(more)
        .stdin(Stdio::null())
        .output()
        .expect("cargo");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    told
}

/// A thing that cargo did: what, of which crate, in how many seconds.
struct Unit {
    name: String,
    what: String,
    seconds: f64,
}

fn tell(path: &Path) {
    let units = units(&std::fs::read_to_string(path).expect("cargo's timings"));
    let all: f64 = units.iter().map(|unit| unit.seconds).sum();
    let own = |what: &str| -> f64 {
        units.iter().filter(|it| it.name == "opcall" && it.what.ends_with(what)).map(|it| it.seconds).sum()
    };
    let (script, tables) = (own("build-script"), own("(run)"));
    let readers = twice(&units);
    println!(
        "the whole build: {all:.1} s of all jobs together; compiling the build script {script:.1} s, its own copies of crates {readers:.1} s, making the tables {tables:.1} s: {:.1} %",
        (script + readers + tables) / all * 100.0
    );
}

fn units(page: &str) -> Vec<Unit> {
    let start = page.find("const UNIT_DATA = ").expect("its units") + "const UNIT_DATA = ".len();
    let mut values = serde_json::Deserializer::from_str(&page[start..]).into_iter::<Vec<Value>>();
    let units = values.next().expect("a list").expect("JSON");
    let text = |unit: &Value, key: &str| unit[key].as_str().unwrap_or_default().to_owned();
    let one = |unit: &Value| Unit {
        name: text(unit, "name"),
        what: format!("{} {}", text(unit, "mode"), text(unit, "target")),
        seconds: unit["duration"].as_f64().unwrap_or_default(),
    };
    units.iter().map(one).collect()
}

/// What was compiled for the build script and once more for the program: the script's is not optimised, so the shorter.
fn twice(units: &[Unit]) -> f64 {
    let mut seconds = 0.0;
    let mut seen: Vec<(&str, &str)> = Vec::new();
    for unit in units.iter().filter(|unit| unit.name != "opcall") {
        let key = (unit.name.as_str(), unit.what.as_str());
        if seen.contains(&key) {
            continue;
        }
        seen.push(key);
        let same: Vec<_> = units
            .iter()
            .filter(|it| (it.name.as_str(), it.what.as_str()) == key)
            .map(|it| it.seconds)
            .collect();
        if same.len() > 1 {
            seconds += same.into_iter().fold(f64::MAX, f64::min);
        }
    }
    seconds
}
