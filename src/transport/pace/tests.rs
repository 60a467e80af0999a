//! What a request does next, with time and chance given.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use bytes::Bytes;
use http::HeaderMap;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn origin() -> Url {
    Url::parse("https://a.example").unwrap()
}

fn pace() -> Pace {
    Pace::new(true, None)
}

fn caller(key: &str) -> Caller {
    Caller::new(key.into(), None)
}

/// A call that has 300 s, and waits for 60 s at most.
fn asking<'a>(caller: &'a Caller, origin: &'a Url, now: Instant) -> Asking<'a> {
    Asking { caller, operation: "o", url: origin, deadline: now + 300 * SECOND, max_wait: 60 * SECOND }
}

fn step(pace: &Pace, asking: &Asking<'_>, now: Instant, chance: f64) -> Result<Option<Wait>, Held> {
    Ok(pace.step(asking, &mut pace.begin(asking), now, chance)?.err())
}

#[test]
fn a_cooldown_is_waited_for_and_a_little_more() {
    let (pace, origin, now) = (pace(), origin(), Instant::now());
    pace.cooldowns.stop("a", 10 * SECOND, now);
    let wait = |chance| step(&pace, &asking(&caller("a"), &origin, now), now, chance).unwrap().unwrap();
    assert_eq!(wait(0.0), Wait { length: 10 * SECOND, reason: WaitReason::Cooldown });
    assert_eq!(wait(0.5).length, Duration::from_millis(10_500));
    let late = now + Duration::from_millis(9_900);
    let wait = step(&pace, &asking(&caller("a"), &origin, now), late, 1.0).unwrap().unwrap();
    assert_eq!(wait.length, Duration::from_millis(150), "the last ones are spread too");
    assert_eq!(step(&pace, &asking(&caller("b"), &origin, now), now, 0.5), Ok(None));
    assert_eq!(step(&pace, &asking(&caller("a"), &origin, now), now + 10 * SECOND, 0.5), Ok(None));
}

#[test]
fn a_cooldown_that_is_too_long_fails_at_once() {
    let (pace, origin, now) = (pace(), origin(), Instant::now());
    pace.cooldowns.stop("a", 61 * SECOND, now);
    let caller = caller("a");
    let asking = asking(&caller, &origin, now);
    let held = Held { wait: 61 * SECOND, reason: WaitReason::Cooldown };
    assert_eq!(step(&pace, &asking, now, 0.0), Err(held));
    let hurried = Asking { deadline: now + 31 * SECOND, ..asking };
    let held = Held { wait: 31 * SECOND, reason: WaitReason::Cooldown };
    assert_eq!(step(&pace, &hurried, now + 30 * SECOND, 0.0), Err(held));
    assert!(step(&pace, &asking, now + SECOND, 0.0).unwrap().is_some());
}

#[test]
fn what_is_only_learned_makes_nothing_fail() {
    let (pace, origin, now) = (pace(), origin(), Instant::now());
    let caller = caller("a");
    let nothing_left = |reset: u64| {
        let headers = [("ratelimit-remaining", 0), ("ratelimit-reset", reset)]
            .map(|(name, value)| (http::HeaderName::from_static(name), value.to_string().parse().unwrap()));
        let mut waited = Waited { ticket: None, guessed: 59 * SECOND };
        let asking = Asking { max_wait: 86_400 * SECOND, ..asking(&caller, &origin, now) };
        let turn = pace.step(&asking, &mut waited, now, 0.0).unwrap().unwrap();
        let (headers, body) = (HeaderMap::from_iter(headers), Bytes::new());
        let answer = Answer::new(200, headers, body);
        turn.answered("o", &answer, &hint::quotas(&answer.headers, None, SystemTime::now()), now);
    };
    nothing_left(30);
    let asking = asking(&caller, &origin, now);
    let wait = step(&pace, &asking, now, 0.0).unwrap().unwrap();
    assert!(wait.length >= 30 * SECOND && wait.length < 31 * SECOND, "{wait:?}");
    assert_eq!(wait.reason, WaitReason::LearnedLimit);
    let mut waited = Waited { ticket: None, guessed: 40 * SECOND };
    assert!(pace.step(&asking, &mut waited, now, 0.0).unwrap().is_ok(), "it waited long enough");
    let hurried = Asking { deadline: now + 10 * SECOND, ..asking };
    assert_eq!(step(&pace, &hurried, now, 0.0), Ok(None), "the server decides");
    let deaf = Pace::new(false, None);
    let turn = deaf.step(&asking, &mut deaf.begin(&asking), now, 0.0).unwrap().unwrap();
    assert!(turn.0.is_none());
}

#[test]
fn the_users_own_limit_holds_and_takes_one_place_a_request() {
    let (origin, now) = (origin(), Instant::now());
    let pace = Pace::new(true, Some(Rate { count: 1, per: 10 * SECOND }));
    let caller = caller("a");
    let asking = asking(&caller, &origin, now);
    assert_eq!(step(&pace, &asking, now, 0.0), Ok(None));
    let mut waited = pace.begin(&asking);
    let wait = pace.step(&asking, &mut waited, now, 0.0).unwrap().unwrap_err();
    assert_eq!(wait, Wait { length: 10 * SECOND, reason: WaitReason::OwnLimit });
    let hurried = Asking { deadline: now + 19 * SECOND, ..asking };
    let held = Held { wait: 20 * SECOND, reason: WaitReason::OwnLimit };
    assert_eq!(step(&pace, &hurried, now, 0.0), Err(held));
    assert!(pace.step(&asking, &mut waited, now + 10 * SECOND, 0.0).unwrap().is_ok());
}

#[test]
fn the_users_own_limit_counts_what_goes_out_after_all_other_waits() {
    let (origin, now) = (origin(), Instant::now());
    let pace = Pace::new(true, Some(Rate { count: 1, per: 10 * SECOND }));
    let (refused, other) = (caller("a"), caller("b"));
    let (refused, other) = (asking(&refused, &origin, now), asking(&other, &origin, now));
    pace.cooldowns.stop("a", 15 * SECOND, now);
    let mut waited: Vec<_> = (0..3).map(|_| pace.begin(&refused)).collect();
    let mut ask = |index: usize, seconds| {
        pace.step(&refused, &mut waited[index], now + seconds * SECOND, 0.0).unwrap().err()
    };
    for index in 0..3 {
        assert_eq!(ask(index, 0).unwrap().reason, WaitReason::Cooldown);
    }
    assert_eq!(step(&pace, &other, now, 0.0), Ok(None), "those who wait for another reason are passed by");
    assert_eq!(ask(1, 15), None);
    for (index, wait) in [(0, 10), (2, 20)] {
        let wait = Wait { length: wait * SECOND, reason: WaitReason::OwnLimit };
        assert_eq!(ask(index, 15), Some(wait));
    }
    assert_eq!((ask(0, 25), ask(2, 35)), (None, None));
}

#[tokio::test]
async fn only_a_word_of_the_server_stops_others() {
    let pace = pace();
    let hint = |seconds, source| Some(Hint { wait: seconds * SECOND, source });
    let (word, limit) = (hint::HintSource::RetryAfter, hint::HintSource::RateLimitReset);
    for (key, status, hint) in
        [("a", 500, hint(9, word)), ("a", 429, None), ("a", 503, hint(9, limit)), ("b", 503, hint(7, word))]
    {
        if let Some(word) = hint.filter(|hint| is_word(status, hint)) {
            pace.stop(&caller(key), word).await;
        }
    }
    assert_eq!(pace.cooldown(&caller("a"), Instant::now()), None);
    assert!(pace.cooldown(&caller("b"), Instant::now()).unwrap() > 6 * SECOND);
}

#[tokio::test]
async fn another_process_hears_of_it() {
    let home = tempfile::tempdir().unwrap();
    let (one, other) = (pace(), pace());
    let caller = |letter: &str| Caller::new(letter.repeat(64).into(), Some(home.path().to_owned()));
    one.stop(&caller("0"), Hint { wait: 9 * SECOND, source: hint::HintSource::RetryAfter }).await;
    let left = other.cooldown(&caller("0"), Instant::now()).unwrap();
    assert!(left > 8 * SECOND && left <= 9 * SECOND, "{left:?}");
    assert_eq!(other.cooldown(&caller("1"), Instant::now()), None);
}
