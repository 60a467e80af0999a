//! A server that counts, simulated: nothing is ever refused that is held back by what its answers tell.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]
#![allow(clippy::print_stderr, reason = "a proof tells its figures")]

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::*;
use crate::transport::hint::HintSource;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(60);

fn quota(remaining: u64, reset: Option<Duration>, limit: Option<u64>) -> Quota {
    let source = HintSource::RateLimit;
    Quota { remaining: Some(remaining), reset, limit, counts_requests: true, source }
}

fn lane(remaining: u64, reset: Option<Duration>, limit: Option<u64>, now: Instant) -> Lane {
    let mut lane = Lane::default();
    lane.learn(&quota(remaining, reset, limit), now);
    lane
}

#[test]
fn pauses_grow_as_less_remains() {
    let limit = Some(6000);
    for (remaining, limit, left, expected) in [
        (11, limit, None, Duration::ZERO),
        (10, limit, None, 200 * MS),
        (6, None, None, 200 * MS),
        (5, None, None, 500 * MS),
        (1, limit, None, 500 * MS),
        (0, limit, None, SECOND),
        (11, limit, Some(SECOND), Duration::ZERO),
        (10, limit, Some(SECOND), 100 * MS),
        (1, limit, Some(SECOND), SECOND),
        (3, Some(20), Some(SECOND), Duration::ZERO),
        (2, Some(20), Some(SECOND), 500 * MS),
        (2, Some(5), Some(SECOND), Duration::ZERO),
    ] {
        assert_eq!(pause(remaining, limit, left), expected, "{remaining} of {limit:?} in {left:?}");
    }
}

#[test]
fn nothing_left_waits_for_the_next_window() {
    let now = Instant::now();
    let mut lane = lane(0, Some(2 * SECOND), Some(5), now);
    assert_eq!(lane.ask(now, PATIENCE), Err(2 * SECOND + SLACK));
    for _ in 0..5 {
        assert_eq!(lane.ask(now + 2 * SECOND, PATIENCE), Ok(()));
    }
    assert_eq!(lane.ask(now + 2 * SECOND, PATIENCE), Err(2 * SECOND + SLACK), "a window of the same length");
}

#[test]
fn a_window_too_far_away_only_slows_down() {
    let now = Instant::now();
    let mut lane = lane(0, Some(2 * PATIENCE), None, now);
    assert_eq!(lane.ask(now, PATIENCE), Ok(()));
    assert_eq!(lane.ask(now, PATIENCE), Err(PROBE));
    assert_eq!(lane.ask(now + PROBE, PATIENCE), Ok(()));
}

#[test]
fn what_is_under_way_is_not_counted_yet() {
    let now = Instant::now();
    let mut lane = lane(9, Some(SECOND), Some(10), now);
    for _ in 0..4 {
        lane.ask(now, PATIENCE).unwrap();
    }
    lane.done();
    lane.learn(&quota(8, Some(SECOND), Some(10)), now);
    assert_eq!(lane.remaining, Some(5), "three may not be counted in the eight");
    lane.done();
    lane.learn(&quota(9, Some(SECOND), Some(10)), now);
    assert_eq!(lane.remaining, Some(5), "an older answer that came later");
    lane.learn(&quota(9, Some(3 * SECOND), Some(10)), now);
    assert_eq!(lane.remaining, Some(7), "another window");
}

#[test]
fn what_is_under_way_may_count_in_the_next_window() {
    let now = Instant::now();
    let mut lane = lane(3, Some(SECOND), Some(30), now);
    for _ in 0..2 {
        lane.take(now, PATIENCE);
    }
    lane.ask(now + SECOND, PATIENCE).unwrap();
    assert_eq!(lane.remaining, Some(27));
}

#[test]
fn who_does_not_tell_any_more_is_not_held_to_it() {
    let now = Instant::now();
    let followed = Arc::new(Followed::default());
    let ask = |now| followed.ask("o", now, PATIENCE, false);
    ask(now).unwrap().learn("o", &[quota(0, Some(SECOND), None)], None, true, now);
    assert!(ask(now).is_err());
    let urgent = || followed.ask("o", now, PATIENCE, true).unwrap();
    urgent().learn("o", &[], None, false, now);
    assert!(ask(now).is_err(), "a failure need not tell");
    urgent().learn("o", &[], None, true, now);
    assert!(ask(now).is_ok());
}

#[test]
fn limits_with_names_are_told_apart_and_so_are_callers() {
    let now = Instant::now();
    let learned = Learned::default();
    let ask = |caller: &str, operation| learned.of(&caller.into(), now).ask(operation, now, PATIENCE, false);
    let search = ask("c", "search").unwrap();
    search.learn("search", &[quota(0, Some(SECOND), None)], Some("search"), true, now);
    ask("c", "get").unwrap().learn("get", &[quota(99, Some(SECOND), None)], Some("core"), true, now);
    assert!(ask("c", "search").is_err());
    assert!(ask("c", "get").is_ok() && ask("c", "other").is_ok() && ask("d", "search").is_ok());
}

#[test]
fn a_service_with_very_many_limits_is_not_followed_in_all_of_them() {
    let now = Instant::now();
    let followed = Arc::new(Followed::default());
    let ask = |operation: &str| followed.ask(operation, now, PATIENCE, true).unwrap();
    for number in 0..2 * MOST_LANES {
        let name = number.to_string();
        ask(&name).learn(&name, &[quota(9, Some(SECOND), None)], Some(&name), true, now);
    }
    assert_eq!(followed.lanes().named.len(), MOST_LANES);
    ask("0").learn("0", &[quota(0, Some(SECOND), None)], Some("0"), true, now);
    assert!(followed.ask("0", now, PATIENCE, false).is_err(), "a limit that is known stays so");
    assert!(followed.ask("new", now, PATIENCE, false).is_ok(), "nothing is learned for all others");
}

#[test]
fn very_many_operations_are_not_all_remembered() {
    let now = Instant::now();
    let followed = Arc::new(Followed::default());
    for number in 0..3 * MOST_OPERATIONS {
        let operation = format!("GET /things/{number}");
        let place = followed.ask(&operation, now, PATIENCE, true).unwrap();
        place.learn(&operation, &[quota(9, Some(SECOND), None)], Some("core"), true, now);
        assert_eq!(followed.lanes().name(&operation), "core");
    }
    assert!(followed.lanes().of.len() <= MOST_OPERATIONS);
}

#[test]
fn a_request_that_is_dropped_is_under_way_no_more() {
    let now = Instant::now();
    let followed = Arc::new(Followed::default());
    for _ in 0..100 {
        drop(followed.ask("o", now, PATIENCE, false));
    }
    assert_eq!(followed.lanes().only.under_way, 0);
}

/// A limit of so many requests in windows of a fixed length, each of which starts with its first request, or with the
/// end of the one before.
struct Server {
    limit: u64,
    span: Duration,
    aligned: bool,
    /// In what steps it tells the time until the next window, rounded up.
    step: Duration,
    tells_limit: bool,
    started: Instant,
    used: u64,
    refused: u32,
}

impl Server {
    fn ask(&mut self, now: Instant) -> Quota {
        while now >= self.started + self.span {
            self.started = if self.aligned { self.started + self.span } else { now };
            self.used = 0;
        }
        if self.used == self.limit {
            self.refused += 1;
        }
        self.used = self.limit.min(self.used + 1);
        let left = (self.started + self.span - now).as_nanos().div_ceil(self.step.as_nanos());
        let left = self.step * u32::try_from(left).unwrap();
        quota(self.limit - self.used, Some(left), self.tells_limit.then_some(self.limit))
    }
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Wants,
    Arrives,
    Answered(u64, Option<Duration>, Option<u64>),
}

/// So many requests by so many workers, each of which sends one after the other. Returns how long it took.
fn simulate(server: &mut Server, workers: u32, requests: u32, seed: u64) -> Duration {
    let mut random = fastrand::Rng::with_seed(seed);
    let (start, mut lane, mut sent, mut over) = (server.started, Lane::default(), 0, 0);
    let mut events = BinaryHeap::new();
    // One request first: of a limit that nobody has told of nothing can be known.
    events.push(Reverse((start, 0, Event::Wants)));
    let mut last = start;
    while let Some(Reverse((now, worker, event))) = events.pop() {
        last = now;
        let soon = now + Duration::from_micros(random.u64(500..40_000));
        match event {
            Event::Wants if sent == requests => {}
            Event::Wants => match lane.ask(now, PATIENCE) {
                Ok(()) => {
                    sent += 1;
                    events.push(Reverse((soon, worker, Event::Arrives)));
                }
                Err(wait) => events.push(Reverse((now + wait, worker, Event::Wants))),
            },
            Event::Arrives => {
                let Quota { remaining, reset, limit, .. } = server.ask(now);
                events.push(Reverse((soon, worker, Event::Answered(remaining.unwrap(), reset, limit))));
            }
            Event::Answered(remaining, reset, limit) => {
                over += 1;
                lane.done();
                lane.learn(&quota(remaining, reset, limit), now);
                events.push(Reverse((now, worker, Event::Wants)));
                if over == 1 {
                    events.extend((1..workers).map(|worker| Reverse((now, worker, Event::Wants))));
                }
            }
        }
    }
    assert_eq!((sent, over), (requests, requests));
    last - start
}

#[test]
fn a_server_that_counts_never_has_to_refuse() {
    let mut runs = 0;
    for (seed, workers) in (0..40).zip([1, 2, 5, 20].into_iter().cycle()) {
        for (aligned, step) in [(true, MS), (false, MS), (true, SECOND), (false, SECOND)] {
            for (limit, tells_limit) in [(20, true), (20, false), (100, true), (7, false)] {
                let started = Instant::now();
                let span = 2 * SECOND;
                let mut server =
                    Server { limit, span, aligned, step, tells_limit, started, used: 0, refused: 0 };
                let took = simulate(&mut server, workers, 200, seed);
                let what = format!("{limit} {tells_limit}, {workers} workers, {aligned} {step:?}, {seed}");
                assert_eq!(server.refused, 0, "{what}");
                let windows = u32::try_from(200 / limit).unwrap();
                assert!(took < span * (3 * windows + 2), "{took:?} for {windows} windows: {what}");
                runs += 1;
            }
        }
    }
    eprintln!("learned limits: {runs} simulated runs of 200 requests, 0 refused");
}

#[test]
fn callers_who_are_gone_do_not_pile_up() {
    let (learned, start) = (Learned::default(), Instant::now());
    let tell = |caller: &str, reset, now| {
        let followed = learned.of(&caller.into(), now);
        let place = followed.ask("o", now, PATIENCE, true).unwrap();
        place.learn("o", &[quota(3, reset, None)], None, true, now);
        followed
    };
    let kept = tell("kept", None, start);
    tell("open", Some(3000 * SECOND), start);
    for number in 0..20_000 {
        // Half of them never tell when there are more.
        let reset = (number % 2 == 0).then_some(30 * SECOND);
        tell(&number.to_string(), reset, start + number * 100 * MS);
        assert!(learned.0.lock().unwrap().len() <= 1024);
    }
    let (now, mut lanes) = (start + 2000 * SECOND, kept.lanes());
    assert_eq!(lanes.only.remaining.take(), Some(3), "whom somebody calls for");
    drop(lanes);
    assert_eq!(learned.of(&"open".into(), now).lanes().only.remaining, Some(3));
    assert!(Arc::ptr_eq(&learned.of(&"kept".into(), now), &kept));
}
