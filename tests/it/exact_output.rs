//! Output is exact: a pipe gets the bytes as they came, a terminal the same JSON token for token, with nothing in it
//! that could steer the terminal. The real program, a scripted server, and util-linux's `script` for the terminal.

use std::fmt::Write as _;
use std::fs;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use crate::support::{Reply, Server, proof};

const DOCUMENT: &str = r#"{"openapi": "3.0.3", "info": {"title": "e", "version": "1"}, "x-service": "exact",
  "servers": [{"url": "SERVER"}], "paths": {"/one/{number}": {"get": {"operationId": "one", "parameters": [
    {"name": "number", "in": "path", "required": true, "schema": {"type": "integer"}}], "responses": {}}}}}"#;

/// Valid documents in the spirit of `JSONTestSuite` (`y_*`): what parsers are known to change or to refuse.
const KNOWN: &[&str] = &[
    "null",
    "true",
    "false",
    "0",
    "-0",
    "-1",
    "1",
    "\"\"",
    "\" \"",
    "[]",
    "{}",
    "[[]]",
    "[{}]",
    "{\"a\":[]}",
    "[ ]",
    "{ }",
    " [1] ",
    "\n[1]\n",
    "\t{\"a\"\t:\r\n1}\n",
    "[1 ]",
    "[1\n,1]",
    "[null]",
    "[null,1,null]",
    "[true,false]",
    "0.1",
    "-0.0",
    "1.0",
    "1e1",
    "1E1",
    "1e+1",
    "1E-1",
    "123e45",
    "0e1",
    "0e+1",
    "1e400",
    "-1e-400",
    "1.5E+9999",
    "123456789012345678901234567890",
    "-9223372036854775809",
    "18446744073709551616",
    "9007199254740993",
    "0.1000000000000000055511151231257827021181583404541015625",
    "1.00000000000000000000",
    "100e-2",
    "-0.000000000000000000000000000000000000000000000000000000000000000000000000000001",
    "[20e1]",
    "[1.10]",
    "{\"a\":1,\"a\":2}",
    "{\"a\":1,\"a\":1}",
    "{\"b\":1,\"a\":2,\"b\":3}",
    "{\"\":0}",
    "{\"a\":{\"a\":{\"a\":1}}}",
    "{\"z\":1,\"y\":2,\"x\":3,\"10\":4,\"9\":5}",
    "{\"a\\u0062\":1,\"ab\":2}",
    "{\"title\":\"\\u041f\\u043e\"}",
    "\"\\u0060\\u012a\\u12AB\"",
    "\"\\uD801\\udc37\"",
    "\"\\ud83d\\ude39\\ud83d\\udc8d\"",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
    "\"\\\\u0000\"",
    "\"\\\"\"",
    "\"a/*b*/c/*d//e\"",
    "\"\\\\a\"",
    "\"\\\\n\"",
    "\"\\u0012\"",
    "\"\\uFFFF\"",
    "\"asd\"",
    "\"\\uDBFF\\uDFFF\"",
    "\"new\\u00A0line\"",
    "\"\u{10ffff}\"",
    "\"\u{ffff}\"",
    "\"\\u0000\"",
    "\"\\u002c\"",
    "\"\u{3c0}\"",
    "\"\u{1bfff}\"",
    "\"asd \"",
    "\"\\u0821\"",
    "\"\\u0123\"",
    "\"\u{2028}\"",
    "\"\u{2029}\"",
    "\"\\u0061\\u30af\\u30EA\\u30b9\"",
    "\"new\\u000Aline\"",
    "\"\u{7f}\"",
    "\"\u{80}\u{9b}31m\u{9f}\"",
    "\"\\uA66D\"",
    "\"\\u005C\"",
    "\"\u{2342}\u{3234}\u{2342}\"",
    "\"\\u200B\"",
    "\"\\u2064\"",
    "\"\\uFDD0\"",
    "\"\\uFFFE\"",
    "\"\\u0022\"",
    "\"\u{20ac}\u{1d11e}\"",
    "\"a\u{7f}a\"",
    "[\"\u{202e}evil\u{202c}\"]",
    "{\"\u{9b}2J\":1}",
    "{\"a\u{7f}\":\"\u{85}\"}",
    "[\"a\",\"b\",{\"c\":[1,2,{\"d\":null}]}]",
    "[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]",
    "[1,[2,[3,[4,[5]]]],{}]",
    "\"[]{},:\"",
    "{\"[\":\"]\",\"{\":\"}\",\",\":\":\"}",
    "\"  spaces   inside  \"",
    "{\"a b\" : \"c  d\"}",
    "\"e\u{301}\"",
    "[\"\\\\\",\"\\\\\\\\\",\"\\\\\\\"\"]",
    "{\"lone\":\"\\uD834\\uDD1E\"}",
    "[0.0,-0.0,0e0,-0e-0,0E+00]",
];

/// JSON text with whitespace and number forms that a parser would not keep.
fn json_text() -> impl Strategy<Value = String> {
    let number = "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,4})?";
    let string = prop_oneof![
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
        "\"(\\\\u[0-9a-cA-C][0-9a-fA-F]{3}|\\\\[\"\\\\/bfnrt]|[ !#-\\[\\]-~]|[\u{7f}-\u{a1}])*\"",
    ];
    let word = prop_oneof![Just("true".to_owned()), Just("false".to_owned()), Just("null".to_owned())];
    let leaf = prop_oneof![number, string.clone(), word];
    let space = "[ \n\r\t]{0,3}";
    let name = prop_oneof![3 => string, 1 => Just("\"same\"".to_owned())];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        let member = (name.clone(), space, space, inner.clone())
            .prop_map(|(name, one, two, value)| format!("{name}{one}:{two}{value}"));
        prop_oneof![
            (prop::collection::vec(inner, 0..6), space).prop_map(|(all, space)| format!(
                "[{space}{}{space}]",
                all.join(&format!("{space},{space}"))
            )),
            (prop::collection::vec(member, 0..6), space).prop_map(|(all, space)| format!(
                "{{{space}{}{space}}}",
                all.join(&format!("{space},{space}"))
            )),
        ]
    })
}

fn documents(count: usize) -> Vec<String> {
    let mut all: Vec<String> = KNOWN.iter().map(|text| (*text).to_owned()).collect();
    all.push(format!("{}{}", "[".repeat(2000), "]".repeat(2000)));
    all.push(format!("{{\"long\":\"{}\"}}", "a\\u00e9\u{9b} ".repeat(20_000)));
    all.push(format!("[{}]", vec!["1.10e+05"; 20_000].join(" ,\n")));
    let (strategy, mut runner) = (json_text(), TestRunner::deterministic());
    while all.len() < count {
        all.push(strategy.new_tree(&mut runner).unwrap().current());
    }
    all.truncate(count);
    all
}

/// Drops whitespace outside strings, and writes what could steer a terminal as an escape: what is left must be the same.
fn tokens(json: &str) -> String {
    let (mut inside, mut escaped, mut left) = (false, false, String::with_capacity(json.len()));
    for one in json.chars() {
        let was_inside = inside;
        if one == '"' && !escaped {
            inside = !inside;
        }
        escaped = was_inside && one == '\\' && !escaped;
        match one {
            ' ' | '\n' | '\r' | '\t' if !was_inside => {}
            '\u{7f}'..='\u{9f}' => write!(left, "\\u{:04x}", u32::from(one)).unwrap(),
            one => left.push(one),
        }
    }
    left
}

/// A server of numbered answers, and a folder with its description.
struct Place {
    server: Server,
    folder: tempfile::TempDir,
}

impl Place {
    fn of(answer: impl Fn(usize) -> Reply + Send + Sync + 'static) -> Self {
        let server = Server::start(move |request, _| {
            let number = request.target.rsplit('/').next().and_then(|number| number.parse().ok());
            answer(number.unwrap())
        });
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("exact.json"), DOCUMENT.replace("SERVER", &server.url())).unwrap();
        Self { server, folder }
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().current_dir(self.folder.path()).stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("TERM", "dumb");
        command.env("OPCALL_RETRY", "0").env("OPCALL_CACHE_DIR", self.folder.path().join("cache"));
        command
    }

    fn piped(&self, number: usize, options: &[&str]) -> Vec<u8> {
        let mut command = self.command(env!("CARGO_BIN_EXE_opcall"));
        command.args(["--spec", "exact.json", "one", &format!("number={number}")]).args(options);
        command.output().unwrap().stdout
    }

    /// What a terminal shows of each of these command lines, byte for byte; `None` where there is no `script`.
    fn on_terminal(&self, lines: &[String]) -> Option<Vec<String>> {
        const END: &str = "-- the end of one --";
        let mut script = String::from("stty -opost -echo\n");
        for line in lines {
            writeln!(script, "{} {line}; printf '%s' '{END}'", env!("CARGO_BIN_EXE_opcall")).unwrap();
        }
        fs::write(self.folder.path().join("run.sh"), script).unwrap();
        let output = self.command("script").args(["-qec", "sh run.sh", "/dev/null"]).output();
        let Ok(output) = output else {
            eprintln!("skipped: there is no `script` to play a terminal");
            return None;
        };
        let text = String::from_utf8(output.stdout).unwrap();
        let mut shown: Vec<_> = text.split(END).map(str::to_owned).collect();
        shown.pop();
        assert_eq!(shown.len(), lines.len(), "{text}");
        Some(shown)
    }
}

#[test]
fn a_pipe_gets_the_bytes_and_a_terminal_every_token() {
    let documents = documents(proof(140, 1000));
    let answers = documents.clone();
    let place = Place::of(move |number| Reply::json(200, &answers[number]));
    // Two at once: the program is waited for most of the time.
    std::thread::scope(|scope| {
        for first in 0..2 {
            let (place, documents) = (&place, &documents);
            scope.spawn(move || {
                for (number, text) in documents.iter().enumerate().skip(first).step_by(2) {
                    let piped = place.piped(number, &[]);
                    assert_eq!(String::from_utf8(piped).unwrap(), *text, "document {number}");
                }
            });
        }
    });
    for (number, text) in documents.iter().enumerate().step_by(7) {
        let colored = String::from_utf8(place.piped(number, &["--color", "always"])).unwrap();
        let mut plain = String::new();
        // A colour's end is the first `m` after its beginning.
        for (nth, piece) in colored.split('\u{1b}').enumerate() {
            plain += if nth == 0 { piece } else { piece.split_once('m').unwrap().1 };
        }
        assert_eq!(tokens(&plain), tokens(text), "document {number} in colour");
    }
    let mut shown = Vec::new();
    for part in (0..documents.len()).collect::<Vec<_>>().chunks(100) {
        let lines: Vec<_> =
            part.iter().map(|number| format!("--spec exact.json one number={number}")).collect();
        let Some(some) = place.on_terminal(&lines) else { break };
        shown.extend(some);
    }
    for (number, (shown, text)) in shown.iter().zip(&documents).enumerate() {
        assert_eq!(tokens(shown), tokens(text), "document {number} on a terminal");
        assert!(shown.ends_with('\n') && !shown.contains(is_harmful), "document {number}: {shown:?}");
    }
    let is_indented = |one: &&String| one.contains("\n  ");
    assert!(shown.is_empty() || shown.iter().filter(is_indented).count() > shown.len() / 5);
    assert_eq!(place.server.received().len(), documents.len() + documents.len().div_ceil(7) + shown.len());
    eprintln!(
        "promise 16: {} documents through a pipe byte for byte, {} on a terminal token for token, 0 changed",
        documents.len(),
        shown.len()
    );
}

/// Whether a terminal does more with it than show it or go to the next line or column.
fn is_harmful(one: char) -> bool {
    one.is_control() && !matches!(one, '\n' | '\t')
}

/// Every control character that can steer a terminal, and some sequences that do.
fn steering() -> String {
    let mut text: String =
        (0..=0x1f_u8).chain(0x7f..=0x9f).map(char::from).filter(|one| is_harmful(*one)).collect();
    text.retain(|one| one != '\0');
    text + "\u{1b}[2J\u{1b}]0;title\u{7}\u{1b}]52;c;aGk=\u{7}\u{9b}2J\u{90}q\u{9c}\u{1b}[6n\rover\u{8}\u{8}"
}

#[test]
fn no_server_steers_a_terminal() {
    let steering = steering();
    let in_json = |text: &str| serde_json::to_string(text).unwrap();
    let text = in_json(&steering);
    let headers = "x-odd: a\u{9b}2J\u{85}b\u{90}";
    let mut answers: Vec<(u16, &str, String)> = vec![
        (200, "application/json", format!("{{{text}:[{text}],\"a\u{7f}\u{9b}2J\":\"\u{9d}0;t\u{9c}\"}}")),
        (200, "text/plain", steering.clone()),
        (200, "text/html", format!("<p>{steering}")),
        (200, "application/json", format!("{{\"broken\": {steering}")),
    ];
    for status in [302, 400, 403, 404, 429, 500] {
        let message = format!("{{\"message\":{text},\"errors\":[{{\"message\":{text},\"code\":{text}}}]}}");
        answers.push((status, "application/json", message));
        answers.push((status, "text/plain", steering.clone()));
    }
    let count = answers.len();
    let place = Place::of(move |number| {
        let (status, media_type, body) = &answers[number];
        let location = "location: /\u{9b}2J";
        Reply::whole(*status, &[&format!("content-type: {media_type}"), headers, location], body)
    });
    let mut batch = String::new();
    for number in 0..count {
        writeln!(batch, "{{\"operation\":\"one\",\"params\":{{\"number\":{number}}}}}").unwrap();
    }
    fs::write(place.folder.path().join("calls.ndjson"), batch).unwrap();
    // A document may come from a server as well.
    let spoiled = DOCUMENT.replace(
        "\"operationId\"",
        &format!("\"summary\": {text}, \"description\": {text}, \"operationId\""),
    );
    fs::write(place.folder.path().join("spoiled.json"), spoiled.replace("exact", "spoiled")).unwrap();

    let mut lines = Vec::new();
    for number in 0..count {
        for options in ["", "-i -v", "-o raw", "-o json", "-o ndjson", "--error-format json"] {
            lines.push(format!("--spec exact.json one number={number} {options}"));
        }
    }
    lines.push("batch calls.ndjson --spec exact.json".to_owned());
    for options in ["", "-o json"] {
        lines.push(format!("ops --spec spoiled.json --api spoiled {options}"));
        lines.push(format!("show --spec spoiled.json --api spoiled one {options}"));
    }
    lines.push("check spoiled.json".to_owned());
    lines.push("check spoiled.json -o ndjson".to_owned());
    lines.push("--spec spoiled.json one --error-format json".to_owned());
    let Some(shown) = place.on_terminal(&lines) else { return };
    let mut faults = Vec::new();
    for (line, shown) in lines.iter().zip(&shown) {
        if let Some(at) = shown.find(is_harmful) {
            let around: String =
                shown[..at].chars().rev().take(60).collect::<Vec<_>>().into_iter().rev().collect();
            faults.push(format!("{line}: {:?} after {around:?}", shown[at..].chars().next()));
        }
        assert!(
            !shown.is_empty() || line.contains("-o ndjson") || line.starts_with("check"),
            "{line} shows nothing"
        );
    }
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), lines.len(), faults.join("\n"));
    let bytes: usize = shown.iter().map(String::len).sum();
    assert!(bytes > 20_000, "{bytes}");
    eprintln!("promise 16: {} runs on a terminal, {bytes} bytes shown, none of them steers it", lines.len());
}
