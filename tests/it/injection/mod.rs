//! No text of a caller leaves its place: every byte, texts made to break out, and random ones are sent at every place
//! over a real socket, and the raw bytes are read back by another parser. Either exactly one request came, with the
//! path of the template and the text where it belongs, or the call was refused and nothing came.

mod credentials;
mod parts;
mod places;
mod wire;
mod words;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use opcall::{Error, FilePart, Harness};

use self::places::{DOCUMENT, FIVE, MORE, Place};
use self::wire::Wire;
use self::words::Dice;
use crate::support::{builder, proof};

/// A server with a harness that calls it; calls are made one after the other.
struct Lane {
    wire: Wire,
    harness: Harness,
    runtime: tokio::runtime::Runtime,
}

impl Lane {
    fn start() -> Self {
        let wire = Wire::start();
        let file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
        std::fs::write(file.path(), DOCUMENT.replace("SERVER", &wire.url())).unwrap();
        let harness = builder().spec(file.path()).build().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { wire, harness, runtime }
    }

    /// Whether the text was sent and read back; else it was refused, and nothing came.
    fn judge(&self, place: Place, text: &str) -> Result<bool, String> {
        if place.is_name() && text.is_empty() {
            // It cannot be said: `query.` is an argument's name of its own.
            return Ok(false);
        }
        let outcome = self.runtime.block_on(place.command(&self.harness, text).send());
        let is_sent = match outcome {
            Ok(_) => {
                place.check(&self.wire.only()?, text)?;
                true
            }
            Err(Error::Arguments(_) | Error::Unsafe(_)) => {
                self.wire.none()?;
                false
            }
            Err(error) => return Err(format!("another error: {error:?}")),
        };
        match place.refuses(text) {
            Some(true) if is_sent => Err("it should have been refused".to_owned()),
            Some(false) if !is_sent => Err("it should have been sent".to_owned()),
            _ => Ok(is_sent),
        }
    }
}

/// Judges so many cases on two lanes, and tells how many were sent.
fn judge_all<'t>(count: usize, case: impl Fn(usize) -> (Place, std::borrow::Cow<'t, str>) + Sync) -> usize {
    const LANES: usize = 2;
    let (sent, faults) = (AtomicUsize::new(0), std::sync::Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for lane_number in 0..LANES {
            let (sent, faults, case) = (&sent, &faults, &case);
            scope.spawn(move || {
                let lane = Lane::start();
                for number in (lane_number..count).step_by(LANES) {
                    let (place, text) = case(number);
                    match lane.judge(place, &text) {
                        Ok(is_sent) => drop(sent.fetch_add(usize::from(is_sent), Ordering::Relaxed)),
                        Err(fault) => {
                            let shown = wire::shown(text.as_bytes());
                            faults
                                .lock()
                                .unwrap()
                                .push(format!("{number}: {place:?} of \"{shown}\": {fault}"));
                        }
                    }
                }
                lane.wire.settled().unwrap();
            });
        }
    });
    let faults = faults.into_inner().unwrap();
    let first: Vec<_> = faults.iter().take(40).map(String::as_str).collect();
    assert!(faults.is_empty(), "{} of {count} cases:\n{}", faults.len(), first.join("\n"));
    sent.into_inner()
}

/// Every text at every place.
fn judge_each(what: &str, texts: &[String], places: &[Place]) {
    let count = texts.len() * places.len();
    let sent = judge_all(count, |number| {
        (places[number % places.len()], texts[number / places.len()].as_str().into())
    });
    assert!(sent > count / 3, "only {sent} of {count} were sent");
    eprintln!(
        "promise 8: {what}: {} texts x {} places = {count} calls, {sent} read back, {} refused, 0 otherwise",
        texts.len(),
        places.len(),
        count - sent
    );
}

#[test]
fn every_byte_stays_in_its_place() {
    judge_each("every byte", &words::of_bytes(), &FIVE);
    judge_each("every byte elsewhere", &words::of_bytes(), &MORE);
}

#[test]
fn hostile_texts_stay_in_their_place() {
    let texts = words::hostile();
    assert!(texts.len() >= 400, "{}", texts.len());
    judge_each("hostile texts", &texts, &FIVE);
    judge_each("hostile texts elsewhere", &texts, &MORE);
}

#[test]
fn random_texts_stay_in_their_place() {
    let hostile = words::hostile();
    let short: Vec<_> = hostile.into_iter().filter(|text| text.len() < 100).collect();
    let count = proof(4000, 200_000);
    let seed = std::env::var("OPCALL_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(20_260_601_u64);
    let places: Vec<Place> = FIVE.into_iter().chain(MORE).collect();
    let sent = judge_all(count, |number| {
        let mut dice = Dice(seed.wrapping_add(number as u64).wrapping_mul(0x2545_f491_4f6c_dd1d));
        // The five places are drawn as often as all others.
        let place = if dice.below(2) == 0 { FIVE[dice.below(5)] } else { places[dice.below(places.len())] };
        (place, dice.text(&short).into())
    });
    assert!(sent > count / 3, "only {sent} of {count} were sent");
    eprintln!(
        "promise 8: random texts (seed {seed}): {count} calls, {sent} read back, {} refused, 0 otherwise",
        count - sent
    );
}

#[test]
fn bytes_that_are_no_text_go_out_as_a_body() {
    let lane = Lane::start();
    let mut bodies: Vec<Vec<u8>> = (0..=255).map(|byte: u8| vec![byte]).collect();
    bodies.push((0..=255).collect());
    bodies.push(b"\xc0\xae\xc0\xae\xc0\xaf\xed\xa0\x80\xff\xfe\r\n\r\nGET /evil HTTP/1.1\r\n\r\n".to_vec());
    for bytes in &bodies {
        let call = lane.harness.command("bytes", ()).body(FilePart::bytes(bytes.clone()));
        lane.runtime.block_on(call.send()).unwrap();
        let sent = lane.wire.only().unwrap();
        assert_eq!((sent.method.as_str(), sent.target.as_str(), &sent.body), ("POST", "/bytes", bytes));
    }
    lane.wire.settled().unwrap();
    eprintln!("promise 8: {} bodies of any bytes read back", bodies.len());
}

#[test]
fn the_parser_sees_what_breaks_out() {
    let request = |target: &str, more: &str| {
        format!(
            "GET {target} HTTP/1.1\r\nhost: h\r\naccept: a\r\naccept-encoding: b\r\nuser-agent: c\r\n{more}\r\n"
        )
    };
    let check = |place: Place, text: &str, bytes: &str| {
        let (sent, length) = wire::whole(bytes.as_bytes()).expect("a whole request")?;
        if length < bytes.len() {
            return Err("more than one".to_owned());
        }
        place.check(&sent, text)
    };
    assert_eq!(check(Place::Path, "a", &request("/at/a/end", "")), Ok(()));
    for (place, text, bytes) in [
        (Place::Path, "a/b", request("/at/a/b/end", "")),
        (Place::Path, "..", request("/at/../end", "")),
        (Place::Path, "..", request("/at/%2E%2e/end", "")),
        (Place::Path, "a?b", request("/at/a?b/end", "")),
        (Place::Path, "é", request("/at/é/end", "")),
        (Place::Query, "a&b=c", request("/query?value=a&b=c", "")),
        (Place::Query, "a%41", request("/query?value=a%41", "")),
        (Place::Header, "a", request("/header", "x-value: a\r\nx-evil: 1\r\n")),
        (Place::Header, "a ", request("/header", "x-value: a \r\n")),
        (Place::Cookie, "a; b=c", request("/cookie", "cookie: value=a; b=c\r\n")),
        (Place::Query, "a", request("/query?value=a", "") + &request("/evil", "")),
        (Place::HeaderName, "a", request("/get", "a: v\r\na: v\r\n")),
    ] {
        assert!(check(place, text, &bytes).is_err(), "{bytes}");
    }
}
