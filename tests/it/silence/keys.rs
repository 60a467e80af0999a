//! The private key of a client certificate: what of it must not be printed, and every way to give it wrongly.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use opcall::{Document, HarnessBuilder, Network, Profile};

use super::library::{at, show};
use super::search::{Printed, spellings, spellings_of_bytes};
use crate::tls::{Identity, authority};

/// The client certificate of all tests of this room; the same key throughout, so that it can be searched for.
pub(super) fn client() -> &'static Identity {
    static CLIENT: OnceLock<Identity> = OnceLock::new();
    CLIENT.get_or_init(|| authority().sign("a client", 3000))
}

/// A key in its encoding (PKCS #8, RFC 5958).
fn der(pem: &str) -> Vec<u8> {
    let lines: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    BASE64.decode(lines).unwrap()
}

/// Where the secret number of a key on P-256 stands in its encoding (RFC 5915 §3); the rest of a key is public.
fn place(der: &[u8]) -> usize {
    const BEFORE: [u8; 5] = [2, 1, 1, 4, 32];
    der.windows(BEFORE.len()).position(|window| window == BEFORE).unwrap() + BEFORE.len()
}

/// The same key as older programs write it (RFC 5915).
fn older(pem: &str) -> String {
    let der = der(pem);
    let inner = &der[place(&der) - 7..];
    let text = BASE64.encode(inner);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN EC PRIVATE KEY-----\n{}\n-----END EC PRIVATE KEY-----\n", lines.join("\n"))
}

/// The secret number, and what stands of it on the lines of its PEM text, each in every spelling.
pub(super) fn secrets() -> Vec<String> {
    let pem = &client().key;
    let der = der(pem);
    let start = place(&der);
    let number = &der[start..start + 32];
    let mut all: Vec<String> = number.chunks(16).flat_map(spellings_of_bytes).collect();
    for text in [pem, &older(pem)] {
        // Of each group of four letters all three bytes are secret.
        let start = place(&self::der(text));
        let letters = start.div_ceil(3) * 4..(start + 32) / 3 * 4;
        let mut at = 0;
        for line in text.lines().filter(|line| !line.starts_with('-')) {
            let of_line = letters.start.max(at)..letters.end.min(at + line.len());
            if of_line.len() >= 12 {
                all.extend(spellings(&line[of_line.start - at..of_line.end - at]));
            }
            at += line.len();
        }
    }
    all.sort();
    all.dedup();
    all
}

/// Chains and keys that do not fit, each with the key somewhere in it.
fn wrong() -> Vec<(String, Vec<u8>)> {
    let Identity { chain, key } = client();
    let other = authority().sign("another", 3000).chain;
    let (middle, line) = (key.len() / 2, key.lines().nth(1).unwrap());
    let torn = [
        key[..middle].to_owned(),
        key[middle..].to_owned(),
        key.replacen(line, &format!("{line}!"), 1),
        key.replacen(line, &format!("{line}AAAA"), 1),
        key.replacen('\n', " ", 1),
        key.replace("-----END PRIVATE KEY-----", "-----END CERTIFICATE-----"),
        key.replace("-----BEGIN PRIVATE KEY-----", &format!("-----BEGIN {line}")),
        key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"),
        key.replace("PRIVATE KEY", "RSA PRIVATE KEY"),
        key.replace("PRIVATE KEY", "EC PRIVATE KEY"),
        key.replace("PRIVATE KEY", line),
        older(key).replace("EC PRIVATE KEY", "PRIVATE KEY"),
        key.replace('\n', ""),
        line.to_owned(),
    ];
    let mut all: Vec<(String, Vec<u8>)> =
        torn.into_iter().map(|torn| (chain.clone(), torn.into_bytes())).collect();
    all.extend([
        (chain.clone(), der(key)),
        (other, key.clone().into_bytes()),
        (key.clone(), chain.clone().into_bytes()),
        (key.clone(), key.clone().into_bytes()),
        (line.to_owned(), key.clone().into_bytes()),
    ]);
    all
}

/// Gives the key rightly and wrongly, to harnesses, profiles, settings and fetches, and prints them and their errors.
pub(super) async fn give(printed: &Printed, url: &str) {
    let Identity { chain, key } = client();
    for (chain, key) in [(chain.clone(), key.clone().into_bytes()), (chain.clone(), older(key).into_bytes())]
    {
        assert_eq!(built(printed, at(url).client_certificate(&chain, &key)), "good");
    }
    for (chain, key) in wrong() {
        assert_eq!(built(printed, at(url).client_certificate(&chain, &key)), "config");
        built(printed, at(url).root_certificates(&key));
        let profile = Profile::new().client_certificate(&chain, &key);
        printed.add(format!("{profile:?}\n{profile:#?}\n"));
        assert_eq!(built(printed, at(url).profile("silent", profile)), "config");
        let network = Network::new().client_certificate(&chain, &key).root_certificates(&key);
        printed.add(format!("{network:?}\n{network:#?}\n"));
        let fetch = Document::fetch(format!("{url}/doc.json")).network(network);
        printed.add(format!("{fetch:?}\n{fetch:#?}\n"));
        show(printed, &fetch.await.unwrap_err());
    }
}

fn built(printed: &Printed, builder: HarnessBuilder) -> &'static str {
    printed.add(format!("{builder:?}\n{builder:#?}\n"));
    match builder.build() {
        Ok(harness) => {
            printed.add(format!("{harness:?}\n{harness:#?}\n"));
            "good"
        }
        Err(error) => {
            show(printed, &error);
            error.kind()
        }
    }
}

#[test]
fn a_private_key_is_found_in_every_spelling() {
    let key = &client().key;
    let der = der(key);
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    for text in [
        key.clone(),
        older(key),
        format!("{key:?}"),
        key.replace('\n', ""),
        format!("{:?}", key.as_bytes()),
        BASE64.encode(key),
        hex(&der),
        hex(key.as_bytes()),
        format!("{der:?}"),
        BASE64.encode(&der[1..]),
        BASE64.encode(&der[2..]),
        key.lines().nth(1).unwrap().to_owned(),
        key.lines().nth(2).unwrap()[..30].to_owned(),
    ] {
        let printed = Printed::with(&secrets());
        printed.add(&text);
        assert!(!printed.hits().is_empty(), "{text}");
    }
    let printed = Printed::with(&secrets());
    printed.add(&client().chain);
    printed.add(format!("{:?}", self::der(&client().chain)));
    assert!(printed.hits().is_empty(), "the public key is no secret");
}
