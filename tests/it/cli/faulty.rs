//! Documents of faulty operations: looking for the place of a fault waits for nobody and costs little.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{opcall, opcall_reading};

#[test]
fn of_many_faults_in_a_large_document_the_first_have_a_line() {
    let many = 24;
    let item = |number: usize| {
        let broken = json!({"$ref": format!("#/components/parameters/gone{number}")});
        (format!("/p{number}"), json!({"get": {"operationId": format!("o{number}"), "parameters": [broken]}}))
    };
    let paths: serde_json::Map<_, _> = (0..many).map(item).collect();
    let document = json!({
        "openapi": "3.1.0",
        "info": {"title": "t", "version": "1", "description": "d".repeat(4 << 20)},
        "servers": [{"url": "https://a.test"}],
        "paths": paths,
    });
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("d.json");
    std::fs::write(&file, serde_json::to_string_pretty(&document).unwrap()).unwrap();
    let mut input = String::new();
    for number in (0..many).flat_map(|number| [number, number]) {
        writeln!(input, "{}", json!({"operation": format!("o{number}")})).unwrap();
    }
    let run = opcall_reading(&input, &["batch", "--dry-run", "--no-cache", "--spec", file.to_str().unwrap()]);
    let told: Vec<String> = run
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["error"]["message"].to_string())
        .collect();
    assert_eq!(told.len(), 2 * many, "{}", run.stderr);
    for (number, told) in told.iter().enumerate() {
        let number = number / 2;
        let wanted = format!("#/paths/~1p{number}/get/parameters/0: the reference");
        assert!(told.contains(&wanted), "{told}");
        let has_line = told.contains(&format!("d.json:{}:", 18 + number * 10));
        assert_eq!(has_line, number < 8, "{number}: {told}");
    }
}

#[cfg(unix)]
#[test]
fn the_fault_of_a_pipe_is_told_without_reading_it_again() {
    let home = tempfile::tempdir().unwrap();
    let pipe = home.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let document = r##"{"openapi": "3.1.0", "servers": [{"url": "https://a.test"}],
        "paths": {"/a": {"get": {"operationId": "a", "parameters": [{"$ref": "#/gone"}]}}}}"##;
    let writing = {
        let pipe = pipe.clone();
        std::thread::spawn(move || std::fs::write(pipe, document))
    };
    let began = Instant::now();
    let run = opcall(&["--spec", pipe.to_str().unwrap(), "a", "--dry-run"]);
    assert!(began.elapsed() < Duration::from_secs(20));
    writing.join().unwrap().unwrap();
    let wanted = format!("error: {}#/paths/~1a/get/parameters/0: the reference", pipe.display());
    assert!(run.stderr.starts_with(&wanted), "{}", run.stderr);
}
