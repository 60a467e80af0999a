//! What is said of a line that goes wrong: the cause as its writer knows it, and what to do.

use std::io::Read as _;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use super::{Run, opcall, opcall_with};

/// A document of two operations, of which `a` has this parameter on line 9.
fn document(parameter: &str) -> String {
    format!(
        r#"{{
  "openapi": "3.1.0",
  "info": {{"title": "t", "version": "1"}},
  "servers": [{{"url": "https://a.test"}}],
  "paths": {{
    "/a": {{"get": {{
      "operationId": "a",
      "parameters": [
        {parameter}
      ]
    }}}},
    "/b": {{"get": {{"operationId": "b:c"}}}}
  }}
}}"#
    )
}

fn hint(run: &Run) -> &str {
    run.stderr.split_once("hint: ").map_or("", |(_, hint)| hint.trim_end())
}

#[test]
fn a_service_that_is_none_is_told_before_its_operations() {
    let choice = "choose one of falcon, logscale, panther, or load its document.";
    for line in [
        &["--api", "nosuch", "tokens_query"][..],
        &["nosuch:tokens_query"],
        &["nosuch:tokn_qery", "--dry-run"],
        &["show", "nosuch:tokens_query"],
        &["show", "--api", "nosuch", "tokens_query"],
        &["--api", "nosuch", "GET /x"],
        &["nosuch:GET /x"],
    ] {
        let run = opcall(line);
        assert!(
            run.stderr.starts_with("error: no service is called \"nosuch\"\n"),
            "{line:?}: {}",
            run.stderr
        );
        assert_eq!(hint(&run), choice, "{line:?}");
    }
    for (line, name) in
        [(&["falcon:tokn_qery"][..], "falcon:tokn_qery"), (&["--api", "falcon", "x:y"], "x:y")]
    {
        let run = opcall(line);
        assert!(
            run.stderr.starts_with(&format!("error: no operation is called \"{name}\"")),
            "{}",
            run.stderr
        );
    }
}

#[test]
fn a_colon_of_an_id_names_no_service() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("d.json");
    std::fs::write(&file, document(r#"{"name": "x", "in": "query"}"#)).unwrap();
    let run = opcall(&["--spec", file.to_str().unwrap(), "b:d"]);
    assert!(run.stderr.starts_with("error: no operation is called \"b:d\""), "{}", run.stderr);
}

#[test]
fn the_fault_of_an_operation_that_is_called_has_its_line_and_what_to_do() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("d.json");
    let shown = file.to_str().unwrap();
    let at = "#/paths/~1a/get/parameters/0";
    let places = "`query`, `querystring`, `header`, `path`, `cookie`";
    let faults = [
        (r#"{"name": "x", "in": "pth"}"#, format!(":9:23{at}/in: `in` must be one of {places}, got \"pth\"")),
        (r#"{"name": "x"}"#, format!(":9:9{at}: `in` is missing: it must be one of {places}")),
        (r#"{"in": "query"}"#, format!(":9:9{at}: `name` is missing: it must be a string")),
        (
            r#"{"name": "x", "in": "query", "required": "yes"}"#,
            format!(":9:38{at}/required: `required` must be true or false, got \"yes\""),
        ),
        (r##"{"$ref": "#/nowhere"}"##, format!(":9:9{at}: the reference `#/nowhere` leads nowhere")),
    ];
    for (parameter, wanted) in &faults {
        std::fs::write(&file, document(parameter)).unwrap();
        for line in [&["--spec", shown, "a"][..], &["show", "--spec", shown, "a"]] {
            let run = opcall(line);
            let told = run.stderr.lines().find(|line| line.starts_with("error: ")).unwrap_or_default();
            assert_eq!(told, format!("error: {shown}{wanted}"), "{line:?}");
            let check =
                format!("correct the document; `opcall check {shown}` shows all that is wrong with it.");
            assert_eq!(hint(&run), check);
        }
    }
}

#[test]
fn an_option_before_the_operation_is_told_as_one_behind_it() {
    for line in [&["--tmeout", "5", "tokens_query"][..], &["--tmeout=5", "tokens_query"]] {
        let run = opcall(line);
        assert_eq!(run.code, 2);
        assert!(run.stderr.starts_with("error: `--tmeout` is no option of opcall\n"), "{}", run.stderr);
        assert_eq!(hint(&run), "did you mean `--timeout`?");
    }
    let run = opcall(&["--limit", "5", "tokens_query"]);
    let wanted = "`opcall call --help` lists the options of a call; its arguments stand after the operation.";
    assert_eq!(hint(&run), wanted);
    assert!(opcall(&["--version"]).stdout.starts_with("opcall "));
}

#[test]
fn a_file_that_cannot_be_begun_says_that_nothing_was_sent() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("none");
    let file = folder.join("x");
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", server.local_addr().unwrap());
    let line = ["tokens_query", "--server", &base, "--save", file.to_str().unwrap()];
    let run = opcall_with(&[("FALCON_ACCESS_TOKEN", "t")], &line);
    let wanted =
        format!("nothing was sent: make the folder \"{}\" first, or save it elsewhere.", folder.display());
    assert_eq!((run.code, hint(&run)), (1, wanted.as_str()), "{}", run.stderr);
    server.set_nonblocking(true).unwrap();
    assert!(server.accept().is_err(), "nobody came");
}

#[test]
fn fetching_a_document_ends_when_the_call_would() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/d.json", server.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut taken = Vec::new();
        for mut stream in server.incoming().flatten() {
            let _ = stream.read(&mut [0; 1024]);
            taken.push(stream);
        }
    });
    for option in ["--timeout", "--max-time"] {
        let begun = Instant::now();
        let run = opcall(&["--spec", &url, "a", option, "300ms"]);
        assert!(run.stderr.contains("the document was not fetched"), "{option}: {}", run.stderr);
        assert!(begun.elapsed() < Duration::from_secs(20), "{option}: {:?}", begun.elapsed());
    }
}
