//! The queue, with time given.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn origin(text: &str) -> Origin {
    url::Url::parse(text).unwrap().origin()
}

/// How long the request has to wait, where it does not go.
fn ask(ticket: &Ticket<'_>, now: Instant) -> Option<Duration> {
    ticket.pass(now, || Ok(())).err().map(|wait| wait.length)
}

/// Many workers that wait as they are told to, or longer, and at times give up.
#[test]
fn no_span_holds_more_than_its_number() {
    for (count, seed) in [(1, 1), (3, 2), (7, 3)] {
        let own = Own::new(Rate { count, per: SECOND });
        let (origin, start) = (origin("https://a.example"), Instant::now());
        let mut random = fastrand::Rng::with_seed(seed);
        let mut sent = Vec::new();
        let mut waiting: Vec<_> = (0..20).map(|_| (start, own.ticket(origin.clone()))).collect();
        while sent.len() < 1000 {
            let next = (0..waiting.len()).min_by_key(|index| waiting[*index].0).unwrap();
            let (now, ticket) = waiting.swap_remove(next);
            let soon = now + Duration::from_millis(random.u64(0..400));
            match ask(&ticket, now) {
                None => {
                    sent.push(now);
                    waiting.push((soon, own.ticket(origin.clone())));
                }
                Some(_) if random.u8(0..20) == 0 => waiting.push((soon, own.ticket(origin.clone()))),
                Some(wait) => {
                    waiting.push((now + wait + random.choice([Duration::ZERO, SECOND / 9]).unwrap(), ticket));
                }
            }
        }
        let count = count as usize;
        assert!(sent.is_sorted() && sent.windows(count + 1).all(|some| some[count] - some[0] >= SECOND));
        let spans = u32::try_from(1000 / count).unwrap();
        assert!(sent[999] - start < SECOND * spans * 3 / 2, "{:?} for {spans} spans", sent[999] - start);
    }
}

#[test]
fn turns_come_in_order_and_each_knows_when() {
    let own = Own::new(Rate { count: 2, per: 10 * SECOND });
    let (one, other, now) = (origin("https://a.example"), origin("https://b.example"), Instant::now());
    let tickets: Vec<_> = (0..5).map(|_| own.ticket(one.clone())).collect();
    let waits: Vec<_> = tickets.iter().map(|ticket| ask(ticket, now)).collect();
    assert_eq!(waits, [None, None, Some(10 * SECOND), Some(10 * SECOND), Some(20 * SECOND)]);
    assert_eq!(ask(&own.ticket(other.clone()), now), None);
    let later = now + 4 * SECOND;
    assert_eq!(ask(&tickets[4], later), Some(16 * SECOND));
    assert_eq!(ask(&tickets[2], now + 10 * SECOND), None);
}

#[test]
fn who_goes_away_leaves_the_place_to_others() {
    let own = Own::new(Rate { count: 1, per: 10 * SECOND });
    let (origin, now) = (origin("https://a.example"), Instant::now());
    assert_eq!(ask(&own.ticket(origin.clone()), now), None);
    let given_up: Vec<_> = (0..30).map(|_| own.ticket(origin.clone())).collect();
    assert_eq!(given_up.iter().filter_map(|ticket| ask(ticket, now)).max(), Some(300 * SECOND));
    let last = own.ticket(origin.clone());
    assert_eq!(ask(&last, now), Some(310 * SECOND));
    drop(given_up);
    assert_eq!(ask(&last, now), Some(10 * SECOND));
    assert!(own.queues()[&origin].waiting.len() == 1);
}

#[test]
fn what_is_held_back_by_something_else_is_not_counted_and_keeps_its_place() {
    let own = Own::new(Rate { count: 1, per: 10 * SECOND });
    let (origin, now) = (origin("https://a.example"), Instant::now());
    let held = Wait { length: SECOND, reason: WaitReason::LearnedLimit };
    let (first, second) = (own.ticket(origin.clone()), own.ticket(origin.clone()));
    assert_eq!(first.pass(now, || Err::<(), _>(held)), Err(held));
    assert_eq!(ask(&second, now), None, "it does not stand in the way");
    let (third, later) = (own.ticket(origin.clone()), now + SECOND);
    assert_eq!(ask(&third, later), Some(9 * SECOND));
    assert_eq!(ask(&first, later), Some(9 * SECOND));
    assert_eq!(ask(&third, later), Some(19 * SECOND), "it came later");
}

#[test]
fn no_span_is_too_long() {
    let own = Own::new(Rate { count: 1, per: Duration::MAX });
    let (origin, now) = (origin("https://a.example"), Instant::now());
    let tickets: Vec<_> = (0..3).map(|_| own.ticket(origin.clone())).collect();
    let waits: Vec<_> = tickets.iter().map(|ticket| ask(ticket, now)).collect();
    assert_eq!(waits, [None, Some(Duration::MAX), Some(Duration::MAX)]);
}

#[test]
fn a_rate_is_some_requests_in_some_time() {
    let check = |count, per| Rate { count, per }.check().is_ok();
    assert!(check(1, SECOND) && check(MOST, SECOND));
    assert!(!check(0, SECOND) && !check(1, Duration::ZERO) && !check(MOST + 1, SECOND));
}

#[test]
fn origins_that_are_called_no_more_do_not_pile_up() {
    let own = Own::new(Rate { count: 1, per: 10 * SECOND });
    let (busy, start) = (origin("https://busy.example"), Instant::now());
    let waiting = own.ticket(busy.clone());
    assert_eq!(ask(&own.ticket(busy.clone()), start), None);
    assert_eq!(ask(&waiting, start), Some(10 * SECOND));
    for number in 0..20_000 {
        let now = start + SECOND / 50 * number;
        assert_eq!(ask(&own.ticket(origin(&format!("https://host-{number}.example"))), now), None);
        assert!(own.queues().len() <= 1024);
    }
    assert_eq!(ask(&own.ticket(busy), start), Some(20 * SECOND), "one that has a queue keeps it");
}
