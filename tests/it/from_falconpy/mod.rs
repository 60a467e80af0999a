//! `docs/from-falconpy.md` is true: its shell lines run against the sandbox, its Rust forms are compiled and run.

mod forms;

use std::path::Path;
use std::process::{Command, Output};

use opcall::sandbox::Sandbox;

const PAGE: &str = include_str!("../../../docs/from-falconpy.md");
const FORMS: &str = include_str!("forms.rs");

/// The cells of one column of all tables, without heads and rulers.
fn column(number: usize) -> Vec<&'static str> {
    let rows = PAGE.lines().filter(|line| line.starts_with('|') && !line.starts_with("|---"));
    let cells = rows.map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect::<Vec<_>>());
    let cells = cells.filter(|cells| cells[0] != "FalconPy");
    cells
        .map(|cells| *cells.get(number).unwrap_or_else(|| panic!("{cells:?} has no column {number}")))
        .collect()
}

/// The pieces of code in a cell.
fn codes(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn every_row_has_three_cells() {
    assert!(column(0).len() > 30);
    assert_eq!(column(0).len(), column(2).len());
    for line in PAGE.lines().filter(|line| line.starts_with('|')) {
        assert_eq!(line.matches(" | ").count(), if line.starts_with("|---") { 0 } else { 2 }, "{line}");
    }
}

/// Without white space and without what the formatter adds when it breaks lines.
fn squeezed(code: &str) -> String {
    let text: String = code.chars().filter(|one| !one.is_whitespace()).collect();
    text.replace(",)", ")").replace(",}", "}")
}

#[test]
fn every_rust_form_is_one_that_is_run() {
    let run = squeezed(FORMS);
    for cell in column(2) {
        for code in codes(cell).filter(|code| code.contains('(')) {
            assert!(run.contains(&squeezed(code)), "tests/it/from_falconpy/forms.rs does not have: {code}");
        }
    }
}

#[tokio::test]
async fn the_rust_forms_run() {
    let sandbox = Sandbox::start().await.unwrap();
    forms::signing_in(&sandbox).await.unwrap();
    forms::calling(&sandbox.harness().unwrap()).await.unwrap();
    forms::answers(&sandbox.harness().unwrap()).await.unwrap();
    forms::files(&sandbox.harness().unwrap()).await.unwrap();
    forms::settings(&sandbox).await.unwrap();
}

/// A shell line with an account of the sandbox, in a folder with the files that the page names.
fn shell(line: &str, variables: &[(&str, String)], folder: &Path) -> Output {
    let program = Path::new(env!("CARGO_BIN_EXE_opcall")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("sh");
    command.args(["-c", line]).env_clear().env("PATH", path).env("HOME", folder).current_dir(folder);
    // A region only counts where no base URL is given.
    let is_base = |name: &str| name == "FALCON_BASE_URL" && line.contains("FALCON_CLOUD");
    command.envs(variables.iter().filter(|(name, _)| !is_base(name)).map(|(name, value)| (name, value)));
    command.stdin(std::process::Stdio::null()).output().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_shell_line_succeeds() {
    let sandbox = Sandbox::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.bin"), b"\0\x01\x02").unwrap();
    std::fs::write(folder.path().join("token.json"), r#"{"label": "ci"}"#).unwrap();
    std::fs::write(folder.path().join("secret.txt"), forms::SECRET).unwrap();
    let found = sandbox.harness().unwrap().command("tokens_query", [("limit", 1)]).await.unwrap();
    let token_id = found.value().unwrap()["resources"][0].as_str().unwrap().to_owned();
    let text = str::to_owned;
    let variables = [
        ("FALCON_BASE_URL", sandbox.url_of("falcon")),
        ("FALCON_CLIENT_ID", text(forms::ID)),
        ("FALCON_CLIENT_SECRET", text(forms::SECRET)),
        ("ID", text(forms::ID)),
        ("SECRET", text(forms::SECRET)),
        ("TOKEN", forms::access_token(&sandbox).await.unwrap()),
        ("URL", sandbox.url_of("falcon")),
        ("CID", text(forms::CHILDREN[0])),
        ("OTHER_CID", text(forms::CHILDREN[1])),
        ("TOKEN_ID", token_id),
        ("SHA256", "0".repeat(64)),
    ];
    let mut lines = 0;
    for line in column(1).into_iter().flat_map(codes).filter(|code| code.contains("opcall ")) {
        let output = shell(line, &variables, folder.path());
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{line}\n{}\n{out}{err}", output.status);
        assert!(!out.is_empty(), "{line} printed nothing");
        lines += 1;
        let is_a_call = !["--server", "opcall ops", "opcall show"].iter().any(|other| line.contains(other));
        if is_a_call {
            let line = line.replace("opcall ", "opcall --sandbox ");
            let output = shell(&line, &variables, folder.path());
            assert!(output.status.success(), "{line}\n{}", String::from_utf8_lossy(&output.stderr));
        }
    }
    assert!(lines > 25, "only {lines} lines");
}

#[test]
fn a_region_is_asked_at_its_own_address() {
    let line =
        codes(column(1).into_iter().find(|cell| cell.contains("FALCON_CLOUD=eu-1")).unwrap()).next().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let output = shell(line, &[], folder.path());
    assert!(
        String::from_utf8_lossy(&output.stdout).contains("https://api.eu-1.crowdstrike.com/"),
        "{output:?}"
    );
}
