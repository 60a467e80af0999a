//! Documents of many megabytes, read by the program as a process of its own: its largest resident size against the
//! size of the text.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::proof;

/// The largest resident size of a run of the program in bytes, and how long it took on the processor. The system tells
/// both of the process itself: what it tells of a child that ended begins with the size of its parent.
fn run(words: &[&str], home: &Path) -> (u64, Duration) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_opcall"))
        .args(words)
        .current_dir(home)
        .env("HOME", home)
        .env_remove("XDG_CACHE_HOME")
        .env_remove("XDG_CONFIG_HOME")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (status, stat) = (format!("/proc/{}/status", program.id()), format!("/proc/{}/stat", program.id()));
    let (mut peak, mut took) = (0, Duration::ZERO);
    let ended = loop {
        if let Some(ended) = program.try_wait().unwrap() {
            break ended;
        }
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib =
            line.and_then(|line| line.trim().strip_suffix(" kB")).and_then(|kib| kib.parse::<u64>().ok());
        peak = peak.max(kib.unwrap_or_default() << 10);
        took =
            took.max(on_processor(&std::fs::read_to_string(&stat).unwrap_or_default()).unwrap_or_default());
        std::thread::sleep(Duration::from_millis(2));
    };
    assert!(ended.code().is_some(), "{words:?} ended by a signal");
    (peak, took)
}

/// What a process has taken of the processor, for itself and in the system, in hundredths of a second
/// (`proc_pid_stat(5)`, fields 14 and 15).
fn on_processor(stat: &str) -> Option<Duration> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system) = (fields.next()?.parse::<u64>().ok()?, fields.next()?.parse::<u64>().ok()?);
    Some(Duration::from_millis((user + system) * 10))
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

/// A document of the operations that are called.
const SMALLEST: &str = "{\"openapi\": \"3.0.3\", \"paths\": {\"/last\": {\"get\": {\"operationId\": \"last\"}, \"post\": {\"operationId\": \"a\"}}}}";

/// How many bytes a document may take beside a multiple of its size and what the program takes for the smallest one.
const BASE: u64 = 40 << 20;

/// What the program takes for a document of one operation: the largest of some runs, since one that ends after
/// milliseconds is not always seen at its largest.
fn smallest(words: &[&str], home: &Path) -> u64 {
    (0..5).map(|_| run(words, home).0).max().unwrap()
}

/// Checks a document, and calls its operation `last`; either may take so many times its size.
fn measure(name: &str, text: &str, times: u64) {
    let call = ["--spec", name, "--no-cache", "last", "--dry-run", "--server", "https://h.example"];
    measure_words(name, text, times, &[], &[("checked", &["check", name]), ("called", &call)]);
}

/// Does what words say with a document in the current folder, beside other files; each may take so many times its size.
fn measure_words(name: &str, text: &str, times: u64, files: &[(&str, &str)], all: &[(&str, &[&str])]) {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join(name);
    let size = text.len() as u64;
    for (file, text) in files {
        std::fs::write(folder.path().join(file), text).unwrap();
    }
    for (what, words) in all {
        std::fs::write(&place, SMALLEST).unwrap();
        let empty = smallest(words, folder.path());
        std::fs::write(&place, text).unwrap();
        let (peak, took) = run(words, folder.path());
        let peak = peak.saturating_sub(empty);
        eprintln!(
            "promise 10: {name} {what}: {} MB take {} MB, {:.1} times as much, {took:?}",
            size >> 20,
            peak >> 20,
            ratio(peak, size)
        );
        assert!(peak <= BASE + times * size, "{name} {what}: {peak} bytes for {size}");
    }
}

#[test]
fn a_large_document_takes_a_small_multiple_of_its_size() {
    let text = format!(
        "{{\"openapi\": \"3.0.3\", \"paths\": {{}}, \"x\": \"{}\"}}",
        "x".repeat(proof(5, 100) << 20)
    );
    let ordinary = ordinary(proof(2, 60) << 20);
    let dense = format!("[1{}]", ",1".repeat(proof(100_000, 4_900_000)));
    let deep = format!("[1{}]", ",{\"a\":{\"a\":{\"a\":{}}}}".repeat(proof(25_000, 1_000_000)));
    for (name, text) in [
        ("text.json", text.clone()),
        ("text.yaml", text),
        ("listing.json", listing(proof(50_000, 1_000_000))),
        ("listing.yaml", as_yaml(&listing(proof(50_000, 1_000_000)))),
        ("ordinary.yaml", as_yaml(&ordinary)),
        ("ordinary.json", ordinary),
        ("dense.json", within("\"x\": ", &dense)),
        ("deep.json", within("\"x\": ", &deep)),
        ("dense schema.json", within(SCHEMA, &dense)),
        ("deep schema.json", within(SCHEMA, &deep)),
        ("dense title.json", within("\"info\": ", &dense)),
    ] {
        measure(name, &text, 8);
    }
}

#[test]
fn a_document_of_many_names_takes_a_small_multiple_of_its_size() {
    let count = proof(20_000, 600_000);
    let each = |one: &dyn Fn(usize) -> String| {
        let all: Vec<_> = (0..count).map(one).collect();
        within(NAMED, &format!("[{}]", all.join(","))).replace("3.0.3", "3.1.0")
    };
    for (name, text) in [
        ("identifiers.json", each(&|number| format!("{{\"$id\":\"i{number}\"}}"))),
        ("one identifier.json", each(&|_| "{\"$id\":\"i\"}".to_owned())),
        ("anchors.json", each(&|number| format!("{{\"$anchor\":\"i{number}\"}}"))),
        ("references.json", each(&|_| "{\"$ref\":\"#a\"}".to_owned())),
        ("dynamic references.json", each(&|_| "{\"$dynamicRef\":\"#a\"}".to_owned())),
    ] {
        measure(name, &text, 8);
    }
}

#[test]
fn an_operation_of_many_parts_takes_a_small_multiple_of_its_document() {
    for (name, document, _) in super::crafted::crowds::parts(proof(2_000, 40_000)) {
        let name = format!("{name}.json");
        let call = ["--spec", &name, "--no-cache", "a", "--dry-run", "--server", "https://h.example"];
        measure_words(
            &name,
            &document.to_string(),
            8,
            &[],
            &[("checked", &["check", &name]), ("called", &call)],
        );
    }
}

#[test]
fn yaml_of_many_values_is_read_in_pieces_or_refused() {
    let head = "openapi: 3.0.3\npaths: {/last: {get: {operationId: last}}}\nx:";
    let count = proof(300_000, 4_900_000);
    measure("dense.yaml", &format!("{head}\n{}", "- 1\n".repeat(count)), 8);
    // What cannot be cut is kept whole by the parser, up to a bound: beyond it nothing is kept.
    measure("bad end.yaml", &format!("{head}\n{}}}\n", "- 1\n".repeat(count)), 8);
    let flow = |item: &str, count: usize| format!("{head} [{}1]\n", format!("{item},").repeat(count));
    measure("flow.yaml", &flow("1", count), 8);
    measure("kept flow.yaml", &flow("1", proof(20_000, 270_000)), 8);
    measure("kept texts.yaml", &flow("'text'", proof(20_000, 3_000_000)), 24);
}

/// As many operations as a document may have, each of twenty bytes.
fn many_operations() -> String {
    let paths: Vec<_> =
        (0..proof(20_000, 199_999)).map(|number| format!("\"/p{number}\":{{\"get\":{{}}}},")).collect();
    let last = "\"/last\":{\"get\":{\"operationId\":\"last\"}}";
    format!("{{\"openapi\":\"3.0.3\",\"paths\":{{{}{last}}}}}", paths.concat())
}

#[test]
fn a_document_of_many_small_operations_takes_a_small_multiple_of_its_size() {
    measure("operations.json", &many_operations(), 8);
}

#[test]
fn a_document_of_many_small_operations_is_kept_in_some_hundred_bytes_for_each() {
    let call = ["--spec", "operations.json", "last", "--dry-run", "--server", "https://h.example"];
    // Directories lead from every name of every operation to its table.
    measure_words("operations.json", &many_operations(), 8, &[], &[("kept", &call)]);
}

#[test]
fn an_overlay_takes_memory_for_what_it_touches() {
    let overlay = |target: &str| {
        format!(
            "{{\"overlay\": \"1.1.0\", \"info\": {{\"title\": \"t\", \"version\": \"1\"}}, \"actions\": [{{\"target\": \"{target}\", \"update\": {{\"x-a\": 1}}}}]}}"
        )
    };
    let files = [
        ("parts.json", &*overlay("$.paths['/last'].get")),
        ("patch.json", "{\"info\": {\"title\": \"other\"}, \"paths\": {\"/things1/{id}\": null}}"),
        ("whole.json", &*overlay("$.paths.*.get")),
    ];
    let text = ordinary(proof(2, 60) << 20);
    let words = |overlay| {
        [
            "--spec",
            "ordinary.json",
            "--overlay",
            overlay,
            "--no-cache",
            "last",
            "--dry-run",
            "--server",
            "https://h.example",
        ]
    };
    let (parts, patch, whole) = (words("parts.json"), words("patch.json"), words("whole.json"));
    let by_parts: [(&str, &[&str]); 2] = [("repaired by its parts", &parts), ("patched", &patch)];
    measure_words("ordinary.json", &text, 4, &files, &by_parts);
    // Whoever asks for every path has them all as values.
    measure_words("ordinary.json", &text, 24, &files, &[("repaired everywhere", &whole)]);
}

/// The way to a list of schemas that have names, in one that has one too.
const NAMED: &str =
    "\"components\": {\"schemas\": {\"E\": {\"$anchor\": \"a\", \"$dynamicAnchor\": \"a\", \"allOf\": ";

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
