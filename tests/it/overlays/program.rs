//! `--overlay` and `show --explain` on the command line.

use serde_json::Value;

use super::{Files, OVERLAY};
use crate::cli::opcall;

/// The program's output with the folder's name cut out.
fn bare(text: &str, files: &Files) -> String {
    text.replace(&files.path("").display().to_string(), "")
}

#[test]
fn calls_and_lists_take_overlays() {
    let files = Files::new();
    let (spec, overlay) = (files.path("vendor.yaml"), files.path("repair.overlay.yaml"));
    let (spec, overlay) = (spec.to_str().unwrap(), overlay.to_str().unwrap());
    let listed = |more: &[&str]| {
        let run = opcall(&[&["ops", "--spec", spec, "--api", "vendor", "-o", "names"], more].concat());
        run.ok().to_owned()
    };
    assert_eq!(listed(&[]), "vendor:deletePet\n");
    assert_eq!(listed(&["--overlay", overlay]), "vendor:getPet\nvendor:deletePet\n");
    let call = ["--spec", spec, "--overlay", overlay, "getPet", "id=7", "verbose=true", "--dry-run"];
    let run = opcall(&call);
    assert_eq!(run.json()["url"], "https://vendor.example/v1/pets/7?verbose=true");
    assert_eq!(run.stderr, "");
    let late = opcall(&["getPet", "--spec", spec, "id=7", "--overlay", overlay, "--dry-run"]);
    assert_eq!(late.json()["url"], "https://vendor.example/v1/pets/7");
    // Without it the operation is broken.
    let broken = opcall(&["--spec", spec, "getPet", "id=7", "--dry-run"]);
    assert_eq!(broken.code, 2, "{}", broken.stderr);
    let sandboxed = opcall(&["--sandbox", "--spec", spec, "--overlay", overlay, "getPet", "id=7"]);
    assert_eq!(sandboxed.code, 0, "{}", sandboxed.stderr);
}

#[test]
fn check_tells_what_an_overlay_repairs() {
    let files = Files::new();
    let (spec, overlay) = (files.path("vendor.yaml"), files.path("repair.overlay.yaml"));
    let (spec, overlay) = (spec.to_str().unwrap(), overlay.to_str().unwrap());
    let skipped = |arguments: &[&str]| -> (i32, Value) {
        let run = opcall(&[&["check", spec, "-o", "ndjson"], arguments].concat());
        (run.code, serde_json::from_str::<Value>(&run.stdout).unwrap()["skipped"].clone())
    };
    assert_eq!(skipped(&["--strict"]), (1, 1.into()));
    assert_eq!(skipped(&["--strict", "--overlay", overlay]), (0, 0.into()));
    let stale = files.write("stale.yaml", &OVERLAY.replace("'verbose'", "'gone'"));
    let run = opcall(&["check", spec, "--overlay", stale.to_str().unwrap()]);
    let told = "stale.yaml#/actions/0/target: the target `$.paths['/pets/{id}'].get.parameters[?@.name == 'gone']` is \
                nowhere in the document (nothing is changed)";
    assert!(run.ok().contains(told), "{}", run.stdout);
    let wrong = files.write("wrong.yaml", "overlay: 3.0.0\n");
    let run = opcall(&["check", spec, "--overlay", wrong.to_str().unwrap()]);
    assert_eq!(run.code, 2, "{}", run.stdout);
    assert!(run.stderr.contains("wrong.yaml:1:1#/overlay: not supported: Overlay `3.0.0`"), "{}", run.stderr);
}

#[test]
fn an_overlay_alone_says_what_to_do() {
    let files = Files::new();
    let run = opcall(&[
        "tokens_query",
        "--overlay",
        files.path("repair.overlay.yaml").to_str().unwrap(),
        "--dry-run",
    ]);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
    insta::assert_snapshot!("overlay_alone", bare(&run.stderr, &files));
}

#[test]
fn show_explains_who_said_what() {
    let files = Files::new();
    let (spec, overlay) = (files.path("vendor.yaml"), files.path("repair.overlay.yaml"));
    let arguments = [
        "show",
        "getPet",
        "--explain",
        "--spec",
        spec.to_str().unwrap(),
        "--overlay",
        overlay.to_str().unwrap(),
    ];
    insta::assert_snapshot!("explain_text", bare(opcall(&arguments).ok(), &files));
    let object = opcall(&[&arguments[..], &["-o", "json"]].concat()).json();
    let text = serde_json::to_string_pretty(&object["explain"]).unwrap();
    insta::assert_snapshot!("explain_json", bare(&text, &files));
    let plain = opcall(&[
        "show",
        "getPet",
        "--spec",
        spec.to_str().unwrap(),
        "--overlay",
        overlay.to_str().unwrap(),
        "-o",
        "json",
    ]);
    assert_eq!(plain.json().get("explain"), None);
    insta::assert_snapshot!("explain_built_in", opcall(&["show", "tokens_query", "--explain"]).ok());
}
