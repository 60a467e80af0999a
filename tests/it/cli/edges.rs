//! The edges of the program: odd values, odd files, and what it says of them.

use serde_json::{Value, json};

use super::home::Home;
use super::{KEY, Run, opcall, opcall_reading, opcall_with, program};
use crate::support::{Reply, Server};

#[test]
fn a_value_that_begins_with_a_dash_is_a_value() {
    for (option, text) in [
        ("--timeout", "write a span of time as 500ms, 30s, 5m or 1h"),
        ("--max-time", "write a span of time as 500ms, 30s, 5m or 1h"),
        ("--retry", "write a number from 0 to 10"),
        ("--max-body", "write a size as 64MiB"),
        ("--rate-limit", "write a rate as 10/s"),
    ] {
        let run = opcall(&["tokens_query", option, "-1s", "--dry-run"]);
        assert_eq!(run.code, 2);
        assert!(run.stderr.contains("invalid value '-1s'") && run.stderr.contains(text), "{}", run.stderr);
    }
}

#[test]
fn a_dash_is_no_file_to_save_to() {
    let sink = Server::sink();
    let home = Home::new().with(KEY.0, KEY.1);
    let run = home.run(&["api_token_list", "--server", &sink.url(), "--save", "-"]);
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(
        run.stderr.starts_with("error: `-` names no file to save to\n  hint: leave --save out"),
        "{}",
        run.stderr
    );
    assert!(!home.folder.path().join("-").exists() && sink.received().is_empty());
    let server = Server::start(|_, _| Reply::json(200, "{}"));
    home.run(&["api_token_list", "--server", &server.url(), "--save", "./-"]).ok();
    assert!(home.folder.path().join("-").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn help_that_cannot_be_written_is_a_failure() {
    for line in [&["--help"][..], &["--version"], &["call", "--help"]] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = program(line).stdout(full).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.starts_with("error: writing to standard output failed\n"), "{told}");
    }
}

#[test]
fn a_curl_line_says_what_is_left_out_of_it() {
    let line = ["GET", "/x", "--api", "panther", "--server", "http://127.0.0.1:9", "--curl"];
    let run = opcall(&[&line[..], &["X-Vault-Token:CANARY"]].concat());
    assert!(run.ok().contains("x-vault-token: <redacted>"), "{}", run.stdout);
    let note = "note: <redacted> stands for a secret that was given by hand: put it in before you run this\n";
    assert_eq!(run.stderr, note);
    assert_eq!(opcall(&line).stderr, "");
}

/// What was given decides, in the call and in the line alike: the scheme's variable would be another secret.
#[test]
fn a_curl_line_has_no_variable_where_a_credential_was_given_by_hand() {
    let line = ["api_token_list", "--server", "http://127.0.0.1:9", "--curl"];
    let run = opcall(&line);
    assert!(run.ok().contains("-H \"x-api-key: $PANTHER_API_TOKEN\""), "{}", run.stdout);
    for given in [&["X-API-Key:CANARY"][..], &["--header", "x-api-key: CANARY"]] {
        for variables in [&[][..], &[("PANTHER_API_TOKEN", "key")]] {
            let run = super::opcall_with(variables, &[&line[..], given].concat());
            assert!(run.ok().contains("-H 'x-api-key: <redacted>'"), "{}", run.stdout);
            assert!(!run.stdout.contains('$') && !run.stdout.contains("CANARY"), "{}", run.stdout);
            assert!(run.stderr.starts_with("note: <redacted> stands for a secret"), "{}", run.stderr);
        }
    }
}

/// The time of a call bounds what the sandbox sends too: here it comes no faster than it is read.
#[cfg(all(feature = "sandbox", target_os = "linux"))]
#[test]
fn a_download_from_the_sandbox_ends_with_the_time_of_the_call() {
    use std::io::Read as _;
    use std::process::Stdio;

    let home = Home::new();
    let text = "x".repeat(4 << 20);
    let document = serde_json::json!({
        "openapi": "3.1.0", "info": {"title": "big", "version": "1"}, "x-service": "big",
        "servers": [{"url": "https://big.example"}],
        "paths": {"/x": {"get": {"operationId": "look", "responses": {"200": {"description": "ok",
            "content": {"application/json": {"schema": {"const": text}}}}}}}},
    });
    std::fs::write(home.folder.path().join("big.json"), document.to_string()).unwrap();
    let run = |further: &[&str]| {
        let line = ["look", "--spec", "big.json", "--sandbox", "--save", "/dev/stdout"];
        let mut command = home.command(&[&line[..], further].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(2500));
        let mut came = Vec::new();
        child.stdout.take().unwrap().read_to_end(&mut came).unwrap();
        let output = child.wait_with_output().unwrap();
        (output.status.code(), came.len(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, came, told) = run(&[]);
    assert!(code == Some(0) && came >= text.len(), "{code:?}, {came} bytes: {told}");
    let (code, came, told) = run(&["--max-time", "1500ms"]);
    assert!(code == Some(28) && came < text.len(), "{code:?}, {came} bytes: {told}");
}

/// The half of a pair that is missing is named.
#[test]
fn half_a_pair_of_credentials_says_what_is_missing() {
    for (given, told) in [
        ("FALCON_CLIENT_ID", "FALCON_CLIENT_ID is set, FALCON_CLIENT_SECRET is not"),
        ("FALCON_CLIENT_SECRET", "FALCON_CLIENT_SECRET is set, FALCON_CLIENT_ID is not"),
    ] {
        let run = opcall_with(&[(given, "CANARY")], &["tokens_query"]);
        assert_eq!(run.code, 8);
        let expected = format!("error: no credentials for falcon: {told}; nothing was sent\n");
        assert!(run.stderr.starts_with(&expected), "{}", run.stderr);
        assert!(!run.stderr.contains("CANARY"));
    }
}

/// A slip in a variable is told by the variable's name, and is nothing that the service refuses.
#[test]
fn a_credential_with_a_line_end_names_its_variable() {
    let sink = Server::sink();
    for (variable, value, fault) in [
        ("PANTHER_API_TOKEN", "CANARY\n", "holds a line end"),
        ("PANTHER_API_TOKEN", "CAN\r\nARY", "holds a line end"),
        ("PANTHER_API_TOKEN", " CANARY", "begins or ends with a blank"),
    ] {
        let run = opcall_with(&[(variable, value)], &["api_token_list", "--server", &sink.url()]);
        assert_eq!(run.code, 2, "{}", run.stderr);
        let told =
            format!("error: what {variable} gives {fault}\n  hint: give {variable} the value alone.\n");
        assert_eq!(run.stderr, told);
    }
    assert!(sink.received().is_empty());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, "canary-key\n").unwrap();
    let server = Server::start(|_, _| Reply::json(200, "{}"));
    let variable = [("PANTHER_API_TOKEN_FILE", file.to_str().unwrap())];
    opcall_with(&variable, &["api_token_list", "--server", &server.url()]).ok();
}

/// Each line may have a key of its own, by which it is repeated like the call that it is.
#[test]
fn a_line_of_a_batch_may_have_an_idempotency_key() {
    let line = |key: Value| {
        let line =
            json!({"operation": "panther:POST /x", "server": "https://a.example", "idempotency_key": key});
        let run = opcall_reading(&format!("{line}\n"), &["batch", "--dry-run"]);
        serde_json::from_str::<Value>(run.stdout.lines().next().unwrap()).unwrap()
    };
    let headers = line(json!("k-1"))["request"]["headers"].clone();
    assert!(headers.as_array().unwrap().contains(&json!(["idempotency-key", "k-1"])), "{headers}");
    let wrong = line(json!(5));
    let message = wrong["error"]["message"].as_str().unwrap();
    assert!(message.contains("`idempotency_key`"), "{message}");
}

fn signed_in(server: &str, home: &Home, line: &[&str]) -> Run {
    home.run(&[line, &["--server", server]].concat())
}

#[test]
fn signing_in_is_told_to_programs() {
    let server = Server::start(|request, _| match &*request.target {
        "/oauth2/token" => Reply::token("canary-token", 1800),
        _ => Reply::json(200, "{}"),
    });
    let home = Home::new().with("FALCON_CLIENT_ID", "id").with("FALCON_CLIENT_SECRET", "s");
    let login = signed_in(&server.url(), &home, &["auth", "login", "falcon", "-o", "json"]).json();
    assert_eq!(
        (&login["service"], &login["accepted"], &login["kept"]),
        (&json!("falcon"), &json!(true), &json!(true))
    );
    assert!(login["expires_in"].as_u64().unwrap() > 1700, "{login}");
    let logout = signed_in(&server.url(), &home, &["auth", "logout", "falcon", "-o", "json"]).json();
    assert_eq!((&logout["service"], &logout["forgotten"]), (&json!("falcon"), &json!(1)));
}

/// A token that is kept serves calls also while nobody gives new ones.
#[test]
fn a_kept_token_is_told_of_where_its_endpoint_is_dead() {
    let server = Server::start(|_, before| match before {
        0 => Reply::token("canary-token", 1800),
        _ => Reply::json(400, "{\"error\":\"invalid_client\"}"),
    });
    let home = Home::new().with("FALCON_CLIENT_ID", "id").with("FALCON_CLIENT_SECRET", "s");
    signed_in(&server.url(), &home, &["auth", "login", "falcon"]).ok();
    let run = signed_in(&server.url(), &home, &["auth", "status", "falcon", "-o", "json"]);
    let status: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(
        (run.code, &status[0]["accepted"], &status[0]["kept"]),
        (8, &json!(false), &json!(true)),
        "{status}"
    );
    assert!(status[0]["expires_in"].as_u64().unwrap() > 1700, "{status}");
    let run = signed_in(&server.url(), &home, &["auth", "status", "falcon"]);
    assert!(run.stdout.contains("  the token of before is kept and ends in 29 min "), "{}", run.stdout);
}

/// The roots of the system are not looked at where the variable names others.
#[test]
fn a_variable_for_root_certificates_that_names_none_is_told_of() {
    let server = crate::tls::Way::good().start();
    let url = format!("https://{}", server.address);
    let folder = tempfile::tempdir().unwrap();
    let (junk, other) = (folder.path().join("junk.pem"), folder.path().join("other.pem"));
    std::fs::write(&junk, "junk").unwrap();
    std::fs::write(&other, crate::tls::Authority::new("another").pem).unwrap();
    let (junk, other) = (junk.to_str().unwrap(), other.to_str().unwrap());
    for (path, told) in [("/nonexistent/roots.pem", "cannot be read ("), (junk, "holds no certificate")] {
        for (further, code) in [(&[][..], 2), (&["--cacert", other], 7)] {
            let line = [&["api_token_list", "--retry", "0", "--server", &url], further].concat();
            let run = opcall_with(&[KEY, ("SSL_CERT_FILE", path)], &line);
            assert_eq!(run.code, code, "{}", run.stderr);
            let expected = format!("hint: correct SSL_CERT_FILE: \"{path}\" {told}");
            assert!(run.stderr.contains(&expected), "{}", run.stderr);
        }
    }
}
