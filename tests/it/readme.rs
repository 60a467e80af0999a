//! README is true: its commands run in an empty environment, and what its `console` blocks show is what they print.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const README: &str = include_str!("../../README.md");

/// The blocks of a language, without the fences.
fn blocks(language: &str) -> Vec<&'static str> {
    let pieces = README.split("```").skip(1).step_by(2);
    pieces.filter_map(|block| block.strip_prefix(language)?.strip_prefix('\n')).collect()
}

/// Runs a line in the folder of the repository; `home` is the user's folder.
fn run(line: &str, home: &Path) -> Output {
    let line = line.replacen("cargo run -- ", "opcall ", 1);
    let program = Path::new(env!("CARGO_BIN_EXE_opcall")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("bash");
    command.args(["-c", &line]).env_clear().env("PATH", path).env("HOME", home);
    command.current_dir(env!("CARGO_MANIFEST_DIR")).stdin(Stdio::null()).output().unwrap()
}

/// One after the other, as a reader would try them: one may need what one before it has left.
#[test]
fn every_command_succeeds() {
    let home = tempfile::tempdir().unwrap();
    let is_ours = |line: &&str| line.starts_with("opcall ") || line.starts_with("cargo run -- ");
    let lines: Vec<_> = blocks("sh").into_iter().flat_map(str::lines).filter(is_ours).collect();
    for line in &lines {
        let output = run(line, home.path());
        assert!(output.status.success(), "{line}\n{}", String::from_utf8_lossy(&output.stderr));
    }
    assert!(lines.len() > 12, "only {} commands", lines.len());
}

/// On a terminal JSON has line breaks, here it has none: JSON is compared by value.
#[test]
fn what_is_shown_is_what_is_printed() {
    let home = tempfile::tempdir().unwrap();
    let shown = blocks("console");
    assert!(shown.len() > 2, "only {} blocks", shown.len());
    for block in shown {
        let (command, wanted) = block.strip_prefix("$ ").unwrap().split_once('\n').unwrap();
        let output = run(command, home.path());
        let printed = [output.stdout, output.stderr].concat();
        let printed = String::from_utf8(printed).unwrap();
        match (serde_json::from_str::<Value>(wanted), serde_json::from_str::<Value>(&printed)) {
            (Ok(wanted), Ok(printed)) => assert_eq!(wanted, printed, "{command}"),
            _ => assert_eq!(wanted.trim_end(), printed.trim_end(), "{command}"),
        }
    }
}
