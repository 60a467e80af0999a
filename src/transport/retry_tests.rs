//! The rules of docs/reliability.md, row by row, and many calls by chance.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a failed test may panic, a proof tells its figures"
)]

use super::*;
use crate::attempt::HintSource;
use crate::error::{Phase, TlsProblem};
use crate::transport::budget::Bucket;

const LONG: Duration = Duration::from_secs(300);

fn terms(idempotent: bool) -> Terms {
    Terms { idempotent, replayable: true, repeats: None }
}

fn moment(repeats: u32, backoff: f64, spread: f64) -> Moment {
    Moment { repeats, left: LONG, apart: Duration::ZERO, chance: Chance { backoff, spread } }
}

fn status(status: u16) -> Seen {
    Seen { outcome: Outcome::Status(status), hint: None }
}

fn lost(phase: Phase) -> Seen {
    Seen { outcome: Outcome::Failed(phase), hint: None }
}

fn hinted(code: u16, seconds: u64, source: HintSource) -> Seen {
    Seen { hint: Some(Hint { wait: Duration::from_secs(seconds), source }), ..status(code) }
}

fn decided(terms: &Terms, seen: &Seen) -> Result<Repeat, Option<NoRepeat>> {
    RetryPolicy::new().decide(terms, seen, &moment(0, 0.5, 0.5))
}

#[test]
fn what_tells_of_a_moment_is_repeated_and_nothing_else() {
    for code in 100..600 {
        let expected = matches!(code, 408 | 425 | 429 | 500 | 502 | 503 | 504);
        assert_eq!(decided(&terms(true), &status(code)).is_ok(), expected, "{code}");
    }
    for phase in
        [Phase::Connect, Phase::ConnectTimeout, Phase::Unprocessed, Phase::AnswerTimeout, Phase::Broken]
    {
        assert!(decided(&terms(true), &lost(phase)).is_ok(), "{phase:?}");
    }
    assert_eq!(decided(&terms(true), &lost(Phase::Tls(TlsProblem::Expired))), Err(None));
    let local = Seen { outcome: Outcome::Local, hint: None };
    assert_eq!(decided(&terms(true), &local), Err(None));
}

#[test]
fn what_may_act_twice_is_repeated_only_where_it_was_not_looked_at() {
    let once = terms(false);
    for code in [408, 425, 429, 500, 502, 503, 504] {
        assert_eq!(decided(&once, &status(code)), Err(Some(NoRepeat::MayActTwice)), "{code}");
        let was_turned_away = matches!(code, 429 | 503);
        let seen = hinted(code, 1, HintSource::RetryAfter);
        assert_eq!(decided(&once, &seen).is_ok(), was_turned_away, "{code} with Retry-After");
    }
    assert!(decided(&once, &hinted(429, 1, HintSource::RateLimitReset)).is_ok());
    assert_eq!(decided(&once, &hinted(503, 1, HintSource::RateLimit)), Err(Some(NoRepeat::MayActTwice)));
    for (phase, expected) in [
        (Phase::Connect, true),
        (Phase::ConnectTimeout, true),
        (Phase::Unprocessed, true),
        (Phase::AnswerTimeout, false),
        (Phase::Broken, false),
    ] {
        assert_eq!(decided(&once, &lost(phase)).is_ok(), expected, "{phase:?}");
    }
}

#[test]
fn a_body_that_is_gone_is_never_sent_again() {
    let gone = Terms { replayable: false, ..terms(true) };
    for seen in [lost(Phase::Connect), status(500), hinted(429, 1, HintSource::RetryAfter)] {
        assert_eq!(decided(&gone, &seen), Err(Some(NoRepeat::BodyIsGone)));
    }
}

#[test]
fn the_number_of_repeats_is_the_policys_or_the_calls() {
    let limit = |policy: RetryPolicy, own: Option<u32>| {
        let terms = Terms { repeats: own, ..terms(true) };
        (0..20)
            .take_while(|made| policy.decide(&terms, &status(500), &moment(*made, 0.0, 0.0)).is_ok())
            .count()
    };
    assert_eq!(limit(RetryPolicy::new(), None), 2);
    assert_eq!(limit(RetryPolicy::never(), None), 0);
    assert_eq!(limit(RetryPolicy::new().repeats(10), None), 10);
    assert_eq!(limit(RetryPolicy::never(), Some(7)), 7);
    assert_eq!(limit(RetryPolicy::new(), Some(0)), 0);
    assert!(RetryPolicy::new().repeats(10).check().is_ok());
    let error = RetryPolicy::new().repeats(11).check().unwrap_err();
    assert_eq!(error.to_string(), "a call is not repeated 11 times");
}

#[test]
fn waits_double_up_to_the_cap() {
    let policy = RetryPolicy::new().repeats(10);
    let bound = |seen: &Seen, made: u32| {
        let repeat = policy.decide(&terms(true), seen, &moment(made, 1.0, 0.0)).unwrap();
        assert_eq!(repeat.wait.reason, WaitReason::Backoff);
        u64::try_from(repeat.wait.length.as_millis()).unwrap()
    };
    for seen in [status(500), status(502), status(408), lost(Phase::Broken)] {
        let bounds: Vec<_> = (0..10).map(|made| bound(&seen, made)).collect();
        assert_eq!(bounds, [50, 100, 200, 400, 800, 1600, 3200, 6400, 12800, 20000]);
    }
    for seen in [status(429), status(503)] {
        let bounds: Vec<_> = (0..6).map(|made| bound(&seen, made)).collect();
        assert_eq!(bounds, [1000, 2000, 4000, 8000, 16000, 20000]);
    }
}

#[test]
fn a_hint_is_waited_for_and_a_little_longer() {
    let wait = |seconds: u64, spread: f64| {
        let seen = hinted(429, seconds, HintSource::RetryAfter);
        RetryPolicy::new().decide(&terms(false), &seen, &moment(0, 0.5, spread)).map(|repeat| repeat.wait)
    };
    assert_eq!(wait(2, 0.0).unwrap().length, Duration::from_secs(2));
    assert_eq!(wait(2, 1.0).unwrap().length, Duration::from_millis(2200));
    assert_eq!(wait(2, 0.0).unwrap().reason, WaitReason::Hint(HintSource::RetryAfter));
    assert_eq!(wait(0, 0.0).unwrap().length, Duration::from_millis(500), "the backoff is longer");
    assert_eq!(wait(60, 1.0).unwrap().length, Duration::from_secs(60), "no wait is longer");
    assert_eq!(wait(61, 0.0), Err(Some(NoRepeat::HintTooLong)));
    assert_eq!(wait(u64::MAX, 1.0), Err(Some(NoRepeat::HintTooLong)));
}

#[test]
fn the_fields_of_a_rate_limit_count_where_it_was_hit() {
    let reset = |code| hinted(code, 3000, HintSource::RateLimitReset);
    assert_eq!(decided(&terms(true), &reset(429)), Err(Some(NoRepeat::HintTooLong)));
    assert_eq!(decided(&terms(true), &reset(500)).unwrap().wait.reason, WaitReason::Backoff);
    assert_eq!(decided(&terms(true), &reset(503)).unwrap().wait.reason, WaitReason::Backoff);
}

#[test]
fn nobody_sleeps_past_the_end_of_the_call() {
    let left = |left: u64| {
        let seen = hinted(429, 5, HintSource::RetryAfter);
        let moment = Moment { left: Duration::from_secs(left), ..moment(0, 0.0, 0.0) };
        RetryPolicy::new().decide(&terms(true), &seen, &moment)
    };
    assert_eq!(left(5), Err(Some(NoRepeat::NoTime)));
    assert!(left(6).is_ok());
    let gone = Moment { left: Duration::ZERO, ..moment(0, 0.0, 0.0) };
    assert_eq!(RetryPolicy::new().decide(&terms(true), &status(500), &gone), Err(Some(NoRepeat::NoTime)));
}

#[test]
fn requests_that_must_stay_apart_wait_for_that_and_say_so() {
    let second = Duration::from_secs(1);
    let decide = |seen: &Seen, left| {
        let moment = Moment { apart: second, left, ..moment(0, 0.5, 0.0) };
        RetryPolicy::new().decide(&terms(true), seen, &moment).map(|repeat| repeat.wait)
    };
    let apart = Wait { length: second, reason: WaitReason::Apart };
    assert_eq!(decide(&status(500), LONG), Ok(apart));
    assert_eq!(decide(&status(500), second), Err(Some(NoRepeat::NoTime)), "it fails at once");
    let longer = decide(&hinted(429, 3, HintSource::RetryAfter), LONG).unwrap();
    assert_eq!(longer.reason, WaitReason::Hint(HintSource::RetryAfter));
}

#[test]
fn throttling_costs_less_than_an_outage() {
    let cost = |seen: &Seen| decided(&terms(true), seen).unwrap().cost;
    assert_eq!(cost(&status(429)), 5);
    assert_eq!(cost(&hinted(503, 1, HintSource::RetryAfter)), 5);
    for seen in [status(503), status(500), status(408), lost(Phase::Connect), lost(Phase::Broken)] {
        assert_eq!(cost(&seen), 14);
    }
}

/// Promise 2: many calls by chance, each held against the rules written down once more.
#[test]
fn every_wait_is_within_its_bounds() {
    let full = std::env::var_os("OPCALL_PROOF").is_some_and(|wish| wish == "full");
    let rounds = if full { 100_000 } else { 10_000 };
    let mut dice = fastrand::Rng::with_seed(20_260_101);
    let (mut waits, mut longest) = (0_u32, Duration::ZERO);
    for _ in 0..rounds {
        let policy = RetryPolicy::new()
            .repeats(dice.u32(0..=10))
            .base(Duration::from_micros(dice.u64(0..2_000_000)))
            .throttled_base(Duration::from_micros(dice.u64(0..10_000_000)))
            .cap(Duration::from_micros(dice.u64(0..30_000_000)))
            .max_wait(Duration::from_micros(dice.u64(0..90_000_000)));
        let code = [408, 425, 429, 500, 502, 503, 504][dice.usize(0..7)];
        let wait = Duration::from_millis(dice.u64(0..120_000));
        let source =
            [HintSource::RetryAfter, HintSource::RateLimitReset, HintSource::RateLimit][dice.usize(0..3)];
        let hint = dice.bool().then_some(Hint { wait, source });
        let seen = Seen { outcome: Outcome::Status(code), hint };
        let left = Duration::from_millis(dice.u64(0..300_000));
        let chance = Chance { backoff: dice.f64(), spread: dice.f64() };
        let moment = Moment { repeats: dice.u32(0..12), left, apart: Duration::ZERO, chance };
        let Ok(repeat) = policy.decide(&terms(true), &seen, &moment) else { continue };
        waits += 1;
        longest = longest.max(repeat.wait.length);
        hold(&policy, code, hint, &moment, repeat.wait);
    }
    eprintln!("promise 2: {rounds} calls, {waits} waits, the longest {longest:?}, all within their bounds");
    assert!(waits > rounds / 10, "{waits}");
}

/// The contract's own words: without a hint `U(0, min(cap, base * 2^n))`, with one `max(t_i, hint) + U(0, 10 %)`.
fn hold(policy: &RetryPolicy, code: u16, hint: Option<Hint>, moment: &Moment, wait: Wait) {
    assert!(moment.repeats < policy.repeats);
    assert!(wait.length < moment.left && wait.length <= policy.max_wait, "{wait:?}");
    let base = if matches!(code, 429 | 503) { policy.throttled_base } else { policy.base };
    let nanos = (base.as_nanos() << moment.repeats).min(policy.cap.as_nanos());
    let bound = Duration::from_nanos(u64::try_from(nanos).unwrap()).min(policy.max_wait);
    let counts = |hint: &Hint| code == 429 || hint.source == HintSource::RetryAfter;
    match hint.filter(counts) {
        None => assert!(wait.length <= bound && wait.reason == WaitReason::Backoff, "{wait:?} {bound:?}"),
        Some(hint) => {
            let highest = bound.max(hint.wait).mul_f64(1.1) + Duration::from_nanos(10);
            assert!(hint.wait <= wait.length && wait.length <= highest, "{wait:?} {hint:?} {bound:?}");
            assert_eq!(wait.reason, WaitReason::Hint(hint.source));
        }
    }
}

/// Promise 2: an outage of many calls, each of which may be repeated twice.
#[test]
fn an_outage_is_not_answered_with_a_storm() {
    let policy = RetryPolicy::new();
    for (seen, most) in [
        (status(500), 500 / 14),
        (status(503), 500 / 14),
        (lost(Phase::Connect), 500 / 14),
        (status(429), 500 / 5),
    ] {
        let mut bucket = Bucket::default();
        let mut sent = 0;
        for _ in 0..10_000 {
            sent += 1;
            let mut repeats = 0;
            while let Ok(repeat) = policy.decide(&terms(true), &seen, &moment(repeats, 0.5, 0.5)) {
                if !bucket.take(repeat.cost) {
                    break;
                }
                repeats += 1;
                sent += 1;
            }
        }
        eprintln!("promise 2: 10000 calls in an outage ({:?}), {sent} requests", seen.outcome);
        assert_eq!(sent, 10_000 + most);
    }
}

#[test]
fn every_setting_stands_and_leaves_the_others() {
    let time = Duration::from_millis;
    let made =
        RetryPolicy { repeats: 1, base: time(2), throttled_base: time(3), cap: time(4), max_wait: time(5) };
    let policy = RetryPolicy::new().repeats(1).base(time(2)).throttled_base(time(3)).cap(time(4));
    assert_eq!(policy.max_wait(time(5)), made);
    let policy = RetryPolicy::new().max_wait(time(5)).cap(time(4)).throttled_base(time(3)).base(time(2));
    assert_eq!(policy.repeats(1), made);
    assert_eq!(made.longest_wait(), time(5));
}

#[test]
fn a_wait_that_is_as_long_as_it_has_to_be_has_its_own_reason() {
    let wait = |apart| {
        let moment = Moment { apart, ..moment(0, 0.5, 0.0) };
        RetryPolicy::new().decide(&terms(true), &status(500), &moment).unwrap().wait
    };
    let backoff = wait(Duration::ZERO);
    assert_eq!(backoff.reason, WaitReason::Backoff);
    assert_eq!(wait(backoff.length), backoff);
    let longer = backoff.length + Duration::from_nanos(1);
    assert_eq!(wait(longer), Wait { length: longer, reason: WaitReason::Apart });
}
