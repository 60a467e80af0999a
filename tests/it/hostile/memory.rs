//! Documents of many megabytes, read by the program as a process of its own: its largest resident size against the
//! size of the text.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::proof;

/// The largest resident size of a run of the program in bytes, and how long it took. The system tells it of the
/// process itself: what it tells of a child that ended begins with the size of its parent.
fn run(words: &[&str], home: &Path) -> (u64, Duration) {
    let begun = Instant::now();
    let mut program = Command::new(env!("CARGO_BIN_EXE_opcall"))
        .args(words)
        .env("HOME", home)
        .env_remove("XDG_CACHE_HOME")
        .env_remove("XDG_CONFIG_HOME")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", program.id());
    let mut peak = 0;
    while program.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib =
            line.and_then(|line| line.trim().strip_suffix(" kB")).and_then(|kib| kib.parse::<u64>().ok());
        peak = peak.max(kib.unwrap_or_default() << 10);
        std::thread::sleep(Duration::from_millis(2));
    }
    (peak, begun.elapsed())
}

/// A document like those of large services: so many bytes of operations, parameters and schemas with descriptions.
fn ordinary(bytes: usize) -> String {
    let mut text =
        "{\"openapi\": \"3.0.3\", \"info\": {\"title\": \"Large\", \"version\": \"1\"}, \"paths\": {\n"
            .to_owned();
    let mut number = 0;
    while text.len() < bytes {
        number += 1;
        write!(
            text,
            "\"/things{number}/{{id}}\": {{\"get\": {{\"operationId\": \"getThing{number}\", \"summary\": \"Gets thing number {number}, with all of its parts\",\n\
             \"description\": \"Answers with the thing that has this identifier, or with an error where there is none.\",\n\
             \"parameters\": [{{\"name\": \"id\", \"in\": \"path\", \"required\": true, \"schema\": {{\"type\": \"string\", \"maxLength\": 36}}}},\n\
             {{\"name\": \"expand\", \"in\": \"query\", \"description\": \"What is told of its parts.\", \"schema\": {{\"type\": \"array\", \"items\": {{\"type\": \"string\", \"enum\": [\"owner\", \"tags\"]}}}}}}],\n\
             \"responses\": {{\"200\": {{\"description\": \"The thing.\", \"content\": {{\"application/json\": {{\"schema\": {{\"$ref\": \"#/components/schemas/Thing\"}}}}}}}}}}}}}},\n"
        )
        .unwrap();
    }
    text.push_str("\"/last\": {\"get\": {\"operationId\": \"last\", \"responses\": {}}}}, \"components\": {\"schemas\": {\"Thing\": {\"type\": \"object\"}}}}");
    text
}

/// A document of one schema that lists so many values.
fn listing(count: usize) -> String {
    let values: Vec<String> = (0..count).map(|number| format!("\"value {number}\"")).collect();
    format!(
        "{{\"openapi\": \"3.0.3\", \"paths\": {{}}, \"components\": {{\"schemas\": {{\"E\": {{\"enum\": [{}]}}}}}}}}",
        values.join(", ")
    )
}

/// The same as YAML, in blocks.
fn as_yaml(json: &str) -> String {
    fn write_value(value: &serde_json::Value, indent: usize, out: &mut String) {
        match value {
            serde_json::Value::Object(map) if !map.is_empty() => {
                for (key, member) in map {
                    write!(out, "\n{:indent$}{}:", "", serde_json::Value::from(key.as_str())).unwrap();
                    write_value(member, indent + 2, out);
                }
            }
            serde_json::Value::Array(items) if !items.is_empty() => {
                for item in items {
                    write!(out, "\n{:indent$}-", "").unwrap();
                    write_value(item, indent + 2, out);
                }
            }
            other => write!(out, " {other}").unwrap(),
        }
    }
    let mut out = String::new();
    write_value(&serde_json::from_str(json).unwrap(), 0, &mut out);
    out.trim_start().to_owned()
}

#[test]
fn a_large_document_takes_a_small_multiple_of_its_size() {
    let folder = tempfile::tempdir().unwrap();
    let size = proof(2, 60) << 20;
    let text = format!(
        "{{\"openapi\": \"3.0.3\", \"paths\": {{}}, \"x\": \"{}\"}}",
        "x".repeat(proof(5, 100) << 20)
    );
    let ordinary = ordinary(size);
    let small = &ordinary[..];
    let dense = format!("[1{}]", ",1".repeat(proof(100_000, 4_900_000)));
    let deep = format!("[1{}]", ",{\"a\":{\"a\":{\"a\":{}}}}".repeat(proof(25_000, 1_000_000)));
    let documents = [
        ("text.json", text.clone()),
        ("text.yaml", text),
        ("listing.json", listing(proof(50_000, 1_000_000))),
        ("listing.yaml", as_yaml(&listing(proof(50_000, 1_000_000)))),
        ("ordinary.yaml", as_yaml(small)),
        ("ordinary.json", ordinary.clone()),
        ("dense.json", within("\"x\": ", &dense)),
        ("deep.json", within("\"x\": ", &deep)),
        ("dense schema.json", within(SCHEMA, &dense)),
        ("deep schema.json", within(SCHEMA, &deep)),
        ("dense title.json", within("\"info\": ", &dense)),
    ];
    let (empty, _) = run(&["--version"], folder.path());
    for (name, text) in documents {
        let file = folder.path().join(name);
        std::fs::write(&file, &text).unwrap();
        let file = file.to_str().unwrap();
        let size = text.len() as u64;
        let call = ["--spec", file, "--no-cache", "last", "--dry-run", "--server", "https://h.example"];
        for (what, words) in [("checked", &["check", file][..]), ("called", &call)] {
            let (peak, took) = run(words, folder.path());
            let peak = peak.saturating_sub(empty);
            eprintln!(
                "promise 10: {name} {what}: {} MB take {} MB, {:.1} times as much, {took:?}",
                size >> 20,
                peak >> 20,
                ratio(peak, size)
            );
            // The parser of YAML keeps some hundred and thirty bytes for every scalar of a text.
            let is_yaml = Path::new(name).extension().is_some_and(|ending| ending == "yaml");
            let times = if is_yaml { 14 } else { 8 };
            assert!(peak <= (40 << 20) + times * size, "{name} {what}: {peak} bytes for {size}");
        }
        std::fs::remove_file(file).unwrap();
    }
}

/// The way to the values of a schema that the operation `last` reaches.
const SCHEMA: &str = "\"components\": {\"schemas\": {\"E\": {\"enum\": ";

/// A document of one operation with some member.
fn within(member: &str, value: &str) -> String {
    let close = "}".repeat(member.matches('{').count());
    let parameter =
        "{\"name\": \"q\", \"in\": \"query\", \"schema\": {\"$ref\": \"#/components/schemas/E\"}}";
    format!(
        "{{\"openapi\": \"3.0.3\", \"paths\": {{\"/last\": {{\"get\": {{\"operationId\": \"last\", \"parameters\": [{parameter}]}}}}}}, {member}{value}{close}}}"
    )
}

#[allow(clippy::cast_precision_loss, reason = "one digit of it is shown")]
fn ratio(peak: u64, size: u64) -> f64 {
    peak as f64 / size as f64
}
