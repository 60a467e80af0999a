//! Documents of many megabytes, read by the program as a process of its own: its largest resident size against the
//! size of the text.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::proof;

/// The largest resident size of a run of `opcall check` in bytes, and how long it took.
fn checked(file: &Path) -> (u64, Duration) {
    let begun = Instant::now();
    let mut program = Command::new(env!("CARGO_BIN_EXE_opcall"))
        .arg("check")
        .arg(file)
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
    let documents = [
        ("text.json", text.clone()),
        ("text.yaml", text),
        ("listing.json", listing(proof(50_000, 1_000_000))),
        ("listing.yaml", as_yaml(&listing(proof(50_000, 1_000_000)))),
        ("ordinary.yaml", as_yaml(small)),
        ("ordinary.json", ordinary.clone()),
        (
            "dense.json",
            format!(
                "{{\"openapi\": \"3.0.3\", \"paths\": {{}}, \"x\": [1{}]}}",
                ",1".repeat(proof(100_000, 4_900_000))
            ),
        ),
        (
            "deep.json",
            format!(
                "{{\"openapi\": \"3.0.3\", \"paths\": {{}}, \"x\": [1{}]}}",
                ",{\"a\":{\"a\":{\"a\":{}}}}".repeat(proof(25_000, 1_000_000))
            ),
        ),
    ];
    for (name, text) in documents {
        let file = folder.path().join(name);
        std::fs::write(&file, &text).unwrap();
        let (peak, took) = checked(&file);
        let size = text.len() as u64;
        eprintln!(
            "promise 10: {name}: {} MB take {} MB, {:.1} times as much, {took:?}",
            size >> 20,
            peak >> 20,
            ratio(peak, size)
        );
        // A value takes up to a hundred bytes, however short its text; the program itself has some twenty megabytes.
        let times = if name.starts_with("text") { 8 } else { 70 };
        assert!(peak > size && peak <= (40 << 20) + times * size, "{name}: {peak} bytes for {size}");
        std::fs::remove_file(file).unwrap();
    }
}

#[allow(clippy::cast_precision_loss, reason = "one digit of it is shown")]
fn ratio(peak: u64, size: u64) -> f64 {
    peak as f64 / size as f64
}
