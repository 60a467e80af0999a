//! Every form of a hint as data, and many that no server should ever send.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]
#![allow(clippy::print_stderr, reason = "a proof tells its figures")]

use std::time::{Instant, SystemTime};

use http::{HeaderName, HeaderValue};
use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    id: String,
    #[serde(default = "too_many")]
    status: u16,
    lines: Vec<String>,
    #[serde(default)]
    unit: Option<String>,
    /// In milliseconds.
    #[serde(default)]
    wait: u128,
    source: String,
}

fn too_many() -> u16 {
    429
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn own(unit: Option<&str>) -> RateLimitHeaders {
    RateLimitHeaders {
        remaining: Some("X-Own-Remaining".to_owned()),
        reset: Some("X-Own-Reset".to_owned()),
        reset_unit: unit.map(str::to_owned),
    }
}

fn head(lines: &[String]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(':').unwrap();
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, HeaderValue::from_bytes(value.trim_start().as_bytes()).unwrap());
    }
    headers
}

fn cases() -> Vec<Case> {
    yaml_serde::from_str(include_str!("../../../tests/data/hints.yaml")).unwrap()
}

#[test]
fn every_form_has_its_answer() {
    let cases = cases();
    for case in &cases {
        let limits = own(case.unit.as_deref());
        let hint = read(case.status, &head(&case.lines), Some(&limits), now());
        let found = hint.map_or_else(|| "none".to_owned(), |hint| hint.source.to_string());
        assert_eq!(found, case.source, "{}", case.id);
        assert_eq!(hint.map_or(0, |hint| hint.wait.as_millis()), case.wait, "{}", case.id);
    }
    assert!(cases.len() >= 60);
    eprintln!("promise 3: {} literal heads read as they should", cases.len());
}

#[test]
fn without_a_description_the_custom_still_counts() {
    let head = head(&["X-RateLimit-RetryAfter: 1800000005".to_owned()]);
    let hint = Hint { wait: Duration::from_secs(5), source: HintSource::RateLimitReset };
    assert_eq!(read(429, &head, None, now()), Some(hint));
}

#[test]
fn quotas_tell_what_remains_of_what() {
    let lines = [
        "RateLimit-Policy: \"minute\";q=50;w=60, \"bytes\";q=9000;qu=\"content-bytes\";w=60",
        "RateLimit: \"minute\";r=7;t=30, \"bytes\";r=10",
        "X-RateLimit-Limit: 100, 100;w=60",
        "X-RateLimit-Remaining: 99",
        "X-RateLimit-Remaining-Tokens: 5",
    ];
    let quota = |remaining, reset: Option<u64>, limit, counts_requests, source| Quota {
        remaining: Some(remaining),
        reset: reset.map(Duration::from_secs),
        limit,
        counts_requests,
        source,
    };
    assert_eq!(
        quotas(&head(&lines.map(str::to_owned)), None, now()),
        [
            quota(7, Some(30), Some(50), true, HintSource::RateLimit),
            quota(10, None, Some(9000), false, HintSource::RateLimit),
            quota(99, None, Some(100), true, HintSource::RateLimitReset),
            quota(5, None, None, false, HintSource::RateLimitReset),
        ]
    );
}

/// Texts to be taken apart and put together again.
const PIECES: [&str; 24] = [
    "Fri, 15 Jan 2027 08:00:30 GMT",
    "Friday, 15-Jan-27 08:00:30 GMT",
    "Fri Jan 15 08:00:30 2027",
    "Wed, 31 Dec 9999 23:59:59 GMT",
    "\"default\";r=0;t=30",
    "limit=1, remaining=0, reset=5",
    "1800000005",
    "1800000005000",
    "18446744073709551616",
    "0.000000001",
    "1h2m3s4ms",
    "9999999999999h",
    "-",
    "+",
    "e",
    ".",
    ",",
    ";",
    "\"",
    "\\",
    ":",
    "0",
    "é",
    "\u{80}",
];

#[test]
fn a_head_full_of_limits_is_read_in_no_time() {
    let lines = [
        format!("ratelimit: {}", r#""";r=9,"#.repeat(1500)),
        format!("ratelimit-policy: {}", r#""b";q=5,,,,,"#.repeat(2000)),
    ];
    let head = head(&lines);
    let started = Instant::now();
    assert_eq!(read(429, &head, None, now()), None);
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    assert_eq!(quotas(&head, None, now()).len(), 64);
    let lines = [
        r#"ratelimit: ,, "a";r=1;t=5 ,"b";r=7"#.to_owned(),
        r#"ratelimit-policy: ,"b";q=9;qu="requests",, "a";q=3;qu="content-bytes""#.to_owned(),
    ];
    let found = quotas(&self::head(&lines), None, now());
    let found: Vec<_> = found.iter().map(|one| (one.remaining, one.limit, one.counts_requests)).collect();
    assert_eq!(found, [(Some(1), Some(3), false), (Some(7), Some(9), true)]);
}

const NAMES: [&str; 14] = [
    "retry-after",
    "retry-after-ms",
    "x-ms-retry-after-ms",
    "date",
    "x-own-reset",
    "x-own-remaining",
    "ratelimit",
    "ratelimit-policy",
    "ratelimit-reset",
    "ratelimit-remaining",
    "x-ratelimit-limit",
    "x-ratelimit-reset-requests",
    "x-ratelimit-retryafter",
    "x-rate-limit-reset-after",
];

fn random_value(random: &mut fastrand::Rng) -> Vec<u8> {
    let mut text = Vec::new();
    for _ in 0..random.usize(1..6).saturating_sub(3).max(1) {
        match random.u8(0..8) {
            0 => text.extend((0..random.usize(0..30)).map(|_| random.u8(b'0'..=b'9'))),
            1 => text.extend((0..random.usize(0..9)).map(|_| random.u8(b' '..=b'~'))),
            _ => text.extend(random.choice(PIECES).unwrap().bytes()),
        }
    }
    for _ in 0..random.usize(0..8).saturating_sub(5) {
        if !text.is_empty() {
            let place = random.usize(0..text.len());
            text[place] = random.u8(32..);
        }
    }
    text
}

#[test]
fn nothing_that_a_server_sends_does_harm() {
    let full = std::env::var_os("OPCALL_PROOF").is_some_and(|wish| wish == "full");
    let count = if full { 100_000 } else { 10_000 };
    let mut random = fastrand::Rng::with_seed(3);
    let mut hints = 0;
    for round in 0..count {
        let mut headers = HeaderMap::new();
        for _ in 0..random.usize(1..6) {
            let name = HeaderName::from_static(random.choice(NAMES).unwrap());
            headers
                .extend(HeaderValue::from_bytes(&random_value(&mut random)).ok().map(|value| (name, value)));
        }
        let status = *random.choice(&[200, 429, 500, 503]).unwrap();
        let unit = *random.choice(&[None, Some("epoch"), Some("seconds")]).unwrap();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(random.u64(0..5_000_000_000));
        let Some(hint) = read(status, &headers, Some(&own(unit)), now) else { continue };
        hints += 1;
        assert!(hint.wait <= LONGEST, "round {round}: {headers:?}");
        assert!(Instant::now().checked_add(hint.wait).is_some(), "round {round}: {headers:?}");
    }
    assert!(hints * 10 > count, "too few of them say anything: {hints}");
    eprintln!("promise 3: {count} random heads, {hints} of them hints, 0 panics, no wait over {LONGEST:?}");
}
