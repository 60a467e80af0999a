//! Secrets and user names are texts too: what they hold stays in their place.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use opcall::{Credentials, Error, OperationTable, Profile};

use super::wire::{Sent, Wire, decoded, pairs, shown, split};
use super::words;
use crate::support::{builder, proof};

const DOCUMENT: &str = r#"{
  "openapi": "3.1.0", "info": {"title": "k", "version": "1"}, "x-service": "keys", "servers": [{"url": "SERVER"}],
  "components": {"securitySchemes": {
    "header": {"type": "apiKey", "in": "header", "name": "X-Key"},
    "query": {"type": "apiKey", "in": "query", "name": "key"},
    "cookie": {"type": "apiKey", "in": "cookie", "name": "key"},
    "bearer": {"type": "http", "scheme": "bearer"},
    "basic": {"type": "http", "scheme": "basic"},
    "client": {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "/token", "scopes": {}}}}}},
  "paths": {
    "/header": {"get": {"operationId": "header", "security": [{"header": []}]}},
    "/query": {"get": {"operationId": "query", "security": [{"query": []}]}},
    "/cookie": {"get": {"operationId": "cookie", "security": [{"cookie": []}]}},
    "/bearer": {"get": {"operationId": "bearer", "security": [{"bearer": []}]}},
    "/basic": {"get": {"operationId": "basic", "security": [{"basic": []}]}},
    "/client": {"get": {"operationId": "client", "security": [{"client": []}]}}}
}"#;

/// Puts a text into credentials.
type Put = fn(&str) -> Credentials;

/// Where a text is put, as operation and what of the credentials it is.
const SLOTS: [(&str, Put); 8] = [
    ("header", |text| Credentials::new().api_key(text)),
    ("query", |text| Credentials::new().api_key(text)),
    ("cookie", |text| Credentials::new().api_key(text)),
    ("bearer", |text| Credentials::new().access_token(text)),
    ("basic", |text| Credentials::new().basic("user", text)),
    ("basic user", |text| Credentials::new().basic(text, "password")),
    ("client", |text| Credentials::new().client("id", text)),
    ("client id", |text| Credentials::new().client(text, "secret")),
];

/// Holds what came against the text, by the slot it was put into.
fn check(slot: &str, text: &str, sent: &Sent) -> Result<(), String> {
    let header = |name: &str| {
        let mut found = sent.headers.iter().filter(|(known, _)| known == name);
        match (found.next(), found.next()) {
            (Some((_, value)), None) => Ok(value.clone()),
            other => Err(format!("{name}: {other:?}")),
        }
    };
    let target = split(&sent.target, b"")?;
    let is_there = |got: &[u8]| {
        if got == text.as_bytes() { Ok(()) } else { Err(format!("{} instead", shown(got))) }
    };
    let counted = |more: usize| {
        let is_all = sent.headers.len() == 4 + more;
        if is_all { Ok(()) } else { Err(format!("headers: {:?}", sent.headers)) }
    };
    match slot {
        "header" => counted(1).and_then(|()| is_there(&header("x-key")?)),
        "query" => {
            counted(0)?;
            match &pairs(target.query.unwrap_or_default(), false)?[..] {
                [(name, value)] if name == b"key" => is_there(value),
                other => Err(format!("{other:?}")),
            }
        }
        "cookie" => {
            counted(1)?;
            let cookie = String::from_utf8(header("cookie")?).map_err(|error| error.to_string())?;
            let value =
                cookie.strip_prefix("key=").filter(|value| !value.contains(';')).ok_or(cookie.clone())?;
            is_there(value.as_bytes()).or_else(|_| is_there(&decoded(value)?))
        }
        "bearer" => {
            counted(1)?;
            let value = header("authorization")?;
            is_there(&value).or_else(|_| is_there(value.strip_prefix(b"Bearer ").unwrap_or_default()))
        }
        "basic" | "basic user" => {
            counted(1)?;
            let value = header("authorization")?;
            let plain = value.strip_prefix(b"Basic ").and_then(|value| STANDARD.decode(value).ok());
            let plain = plain.ok_or("no base64")?;
            let colon = plain.iter().position(|byte| *byte == b':').ok_or("no colon")?;
            is_there(if slot == "basic" { &plain[colon + 1..] } else { &plain[..colon] })
        }
        _ => {
            counted(2)?;
            let wanted: &[u8] = if slot == "client" { b"client_secret" } else { b"client_id" };
            let form = pairs(std::str::from_utf8(&sent.body).map_err(|error| error.to_string())?, true)?;
            let values: Vec<_> = form.iter().filter(|(name, _)| name == wanted).collect();
            match values[..] {
                [(_, value)] if form.len() == 3 => is_there(value),
                _ => Err(format!("{form:?}")),
            }
        }
    }
}

#[test]
fn no_secret_breaks_out_of_its_place() {
    let wire = Wire::start();
    let file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    std::fs::write(file.path(), DOCUMENT.replace("SERVER", &wire.url())).unwrap();
    let (table, _) = OperationTable::read(file.path()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let texts: Vec<String> = words::of_bytes().into_iter().chain(words::hostile()).collect();
    let (mut sent, mut faults) = (0, Vec::new());
    // Each case has a harness of its own, which takes its time.
    let texts: Vec<_> = texts.iter().filter(|text| !text.is_empty()).step_by(proof(3, 1)).collect();
    for text in &texts {
        for (slot, credentials) in SLOTS {
            let profile = Profile::new().credentials(credentials(text.as_str()));
            let harness = builder().table(table.clone()).profile("keys", profile).build();
            let operation = slot.split(' ').next().unwrap();
            let outcome = harness.and_then(|harness| runtime.block_on(harness.command(operation, ()).send()));
            let judged = match outcome {
                // The token endpoint answers without a token: its request came, and is what counts.
                Err(Error::Auth(_)) if operation != "client" => wire.none(),
                Ok(_) | Err(Error::Auth(_)) => {
                    sent += 1;
                    wire.only().and_then(|one| check(slot, text, &one))
                }
                Err(Error::Unsafe(_) | Error::Config(_)) => wire.none(),
                Err(error) => Err(format!("{error:?}")),
            };
            faults.extend(
                judged.err().map(|fault| format!("{slot} of \"{}\": {fault}", shown(text.as_bytes()))),
            );
        }
    }
    wire.settled().unwrap();
    let count = texts.len() * SLOTS.len();
    let first: Vec<_> = faults.iter().take(40).map(String::as_str).collect();
    assert!(faults.is_empty(), "{} of {count} cases:\n{}", faults.len(), first.join("\n"));
    assert!(sent > count / 2, "only {sent} of {count} were sent");
    eprintln!(
        "promise 8: {count} secrets and user names, {sent} read back, {} refused, 0 otherwise",
        count - sent
    );
}
