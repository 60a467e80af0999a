//! What a person sees: the same calls on a terminal, which util-linux's `script` plays.

use std::process::{Command, Stdio};

/// Runs the program on a terminal with keys typed; `None` where there is no `script`.
fn typed(keys: &str, arguments: &str) -> Option<(i32, String)> {
    let line = format!("stty -echo; {} {arguments}", env!("CARGO_BIN_EXE_opcall"));
    let mut command = Command::new("script");
    command.args(["-qec", &line, "/dev/null"]).env_remove("NO_COLOR").env("TERM", "dumb");
    let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let Ok(mut child) = spawned else {
        eprintln!("skipped: there is no `script` to play a terminal");
        return None;
    };
    std::io::Write::write_all(&mut child.stdin.take()?, keys.as_bytes()).ok()?;
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap().replace("\r\n", "\n");
    Some((output.status.code().unwrap(), text))
}

#[test]
fn a_dry_run_is_for_reading() {
    let Some((code, text)) = typed("", "tokens_create label=ci expires_timestamp:=null --dry-run") else {
        return;
    };
    assert_eq!(code, 0);
    insta::assert_snapshot!("terminal_dry_run", text);
}

#[test]
fn a_delete_asks_first() {
    let call = "tokens_delete ids=abc --server http://127.0.0.1:9";
    let Some((code, text)) = typed("n\n", call) else { return };
    assert_eq!(code, 10, "{text}");
    assert!(
        text.contains(
            "DELETE http://127.0.0.1:9/installation-tokens/entities/tokens/v1?ids=abc\nGo on? [y/N] "
        ),
        "{text}"
    );
    assert!(
        text.contains("was not confirmed; nothing was sent\n  hint: say `y`, or give `--yes`."),
        "{text}"
    );
    let Some((code, text)) = typed("", &format!("{call} --yes")) else { return };
    assert_eq!(code, 8, "asks nothing, and credentials are missing: {text}");
}

#[cfg(feature = "sandbox")]
#[test]
fn the_sandbox_asks_nothing() {
    let Some((code, text)) = typed("", "--sandbox tokens_delete ids=00000000000000000000000000000000") else {
        return;
    };
    assert_eq!(code, 4, "{text}");
    assert!(text.starts_with("{\n  \"meta\": {"), "indented on a terminal: {text}");
}
