//! What an answer says of the rate limits that its request was counted in.

use std::time::{Duration, SystemTime};

use http::header::{HeaderMap, HeaderName};

use super::value::{lines, members, reset, seconds, whole};
use super::{HintSource, made_at};
use crate::operation::RateLimitHeaders;

/// What a customary field may end in and still count requests, not what they cost.
const REQUESTS: [&str; 7] = ["", "-requests", "-second", "-minute", "-hour", "-day", "-month"];

/// No limit has a longer name, in bytes.
const LONGEST_NAME: usize = 64;

/// No answer tells of more limits, nor of more policies, in the fields of the draft.
const MOST: usize = 64;

/// One rate limit, as an answer tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Quota {
    /// How much of it is left.
    pub(crate) remaining: Option<u64>,
    /// When there is more of it, from now on.
    pub(crate) reset: Option<Duration>,
    /// How much of it there is in all.
    pub(crate) limit: Option<u64>,
    /// Whether it counts requests; else it counts bytes or the like.
    pub(crate) counts_requests: bool,
    pub(crate) source: HintSource,
}

impl Quota {
    fn new(source: HintSource) -> Self {
        Self { remaining: None, reset: None, limit: None, counts_requests: true, source }
    }

    fn says_something(&self) -> bool {
        self.remaining.is_some() || self.reset.is_some()
    }

    /// What several fields say of one limit: the fewest that remain, the latest reset.
    fn add(&mut self, fact: Option<Fact>) {
        match fact {
            Some(Fact::Remaining(count)) => {
                self.remaining = Some(self.remaining.map_or(count, |known| known.min(count)));
            }
            Some(Fact::Reset(wait)) => self.reset = self.reset.max(Some(wait)),
            Some(Fact::Limit(count)) => self.limit = self.limit.max(Some(count)),
            None => {}
        }
    }
}

/// What one field says of a limit.
#[derive(Clone, Copy)]
enum Fact {
    Remaining(u64),
    Reset(Duration),
    Limit(u64),
}

/// Whether any field of an answer may tell of a limit or of a wait, by its name. Most answers say nothing of either.
pub(crate) fn may_tell(headers: &HeaderMap, limits: Option<&RateLimitHeaders>) -> bool {
    let declared = || limits.into_iter().flat_map(|limits| limits.remaining.iter().chain(&limits.reset));
    headers.keys().map(HeaderName::as_str).any(|name| {
        let bare = name.strip_prefix("x-").unwrap_or(name);
        // `ratelimit`, `rate-limit-reset`, `retry-after`, `x-ms-retry-after-ms` and their kin.
        bare.starts_with('r')
            || bare.starts_with("ms-r")
            || declared().any(|known| known.eq_ignore_ascii_case(name))
    })
}

/// The limits that an answer tells: those by `x-rate-limit`, then those of the IETF draft, then those by custom.
pub(crate) fn quotas(headers: &HeaderMap, limits: Option<&RateLimitHeaders>, now: SystemTime) -> Vec<Quota> {
    let now = made_at(headers, now);
    let mut found: Vec<_> = limits.and_then(|limits| declared(headers, limits, now)).into_iter().collect();
    found.extend(drafted(headers));
    found.extend(customary(headers, now));
    found
}

fn declared(headers: &HeaderMap, limits: &RateLimitHeaders, now: SystemTime) -> Option<Quota> {
    let mut quota = Quota::new(HintSource::RateLimitReset);
    for line in limits.remaining.iter().flat_map(|name| lines(headers, name)).flat_map(members) {
        quota.add(whole(&line).map(Fact::Remaining));
    }
    let is_span = limits.reset_unit.as_deref() == Some("seconds");
    for line in limits.reset.iter().flat_map(|name| lines(headers, name)).flat_map(members) {
        let wait = if is_span { seconds(&line) } else { reset(&line, now) };
        quota.add(wait.map(Fact::Reset));
    }
    quota.says_something().then_some(quota)
}

/// `RateLimit: "name";r=0;t=5` (draft-ietf-httpapi-ratelimit-headers-10 §4), or `limit=10, remaining=0, reset=5` as in
/// its seventh version.
fn drafted(headers: &HeaderMap) -> Vec<Quota> {
    let policies: Vec<_> = items(headers, "ratelimit-policy").collect();
    let mut found = Vec::new();
    let mut older = Quota::new(HintSource::RateLimit);
    for pieces in items(headers, "ratelimit") {
        let name = pieces.first().copied().unwrap_or_default();
        match name.split_once('=').filter(|_| !name.starts_with('"')) {
            Some((key, value)) => add_older(&mut older, key, value),
            None => found.extend(item(name, &pieces, &policies)),
        }
    }
    found.extend(Some(older).filter(Quota::says_something));
    found
}

/// The items of a field, each a name and its parameters.
fn items<'h>(headers: &'h HeaderMap, field: &str) -> impl Iterator<Item = Vec<&'h str>> {
    let members = lines(headers, field).flat_map(|line| split(line, ','));
    members.filter(|member| !member.is_empty()).take(MOST).map(|member| split(member, ';').collect())
}

/// One item of the field; without the number of what remains it is malformed, and ignored.
fn item(name: &str, pieces: &[&str], policies: &[Vec<&str>]) -> Option<Quota> {
    let mut quota = Quota::new(HintSource::RateLimit);
    quota.add(Some(Fact::Remaining(whole(parameter(pieces, "r")?)?)));
    quota.add(parameter(pieces, "t").and_then(seconds).map(Fact::Reset));
    if let Some(policy) = policies.iter().find(|policy| policy.first() == Some(&name)) {
        quota.limit = parameter(policy, "q").and_then(whole);
        quota.counts_requests = parameter(policy, "qu").is_none_or(|unit| unit == "\"requests\"");
    }
    Some(quota)
}

fn add_older(quota: &mut Quota, key: &str, value: &str) {
    let count = || whole(value.trim());
    let fact = match key.trim() {
        "remaining" => count().map(Fact::Remaining),
        "limit" => count().map(Fact::Limit),
        "reset" => seconds(value.trim()).map(Fact::Reset),
        _ => None,
    };
    quota.add(fact);
}

/// A parameter of an item (RFC 9651 §3.1.2); the last of several counts.
fn parameter<'p>(pieces: &[&'p str], name: &str) -> Option<&'p str> {
    let pairs = pieces.iter().skip(1).rev().filter_map(|piece| piece.split_once('='));
    pairs.filter(|(key, _)| *key == name).map(|(_, value)| value).next()
}

/// Splits at a sign where it stands outside of quotes.
fn split(text: &str, sign: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |letter| {
        let splits = letter == sign && !quoted;
        quoted ^= letter == '"' && !escaped;
        escaped = letter == '\\' && quoted && !escaped;
        splits
    })
    .map(str::trim)
}

/// `RateLimit-Remaining`, `X-RateLimit-Reset`, `x-ratelimit-reset-requests`: what ends alike belongs together.
fn customary(headers: &HeaderMap, now: SystemTime) -> Vec<Quota> {
    let mut found: Vec<(&str, Quota)> = Vec::new();
    for (name, value) in headers {
        let (Some((word, ending)), Ok(line)) = (customary_name(name.as_str()), value.to_str()) else {
            continue;
        };
        let known = found.iter().position(|(known, _)| *known == ending).unwrap_or_else(|| {
            let quota = Quota::new(HintSource::RateLimitReset);
            found.push((ending, Quota { counts_requests: REQUESTS.contains(&ending), ..quota }));
            found.len() - 1
        });
        for member in members(line) {
            // The limit may name its window: `100;w=60`.
            let number = member.split(';').next().unwrap_or_default().trim();
            let fact = match word {
                "remaining" => whole(number).map(Fact::Remaining),
                "limit" => whole(number).map(Fact::Limit),
                _ => reset(&member, now).map(Fact::Reset),
            };
            found[known].1.add(fact);
        }
    }
    found.into_iter().map(|(_, quota)| quota).filter(Quota::says_something).collect()
}

/// What a customary field tells, and the rest of its name.
fn customary_name(name: &str) -> Option<(&'static str, &str)> {
    let name = name.strip_prefix("x-").unwrap_or(name);
    let rest = name.strip_prefix("ratelimit-").or_else(|| name.strip_prefix("rate-limit-"))?;
    ["remaining", "reset-after", "reset", "retryafter", "retry-after", "limit"].into_iter().find_map(|word| {
        let ending = rest.strip_prefix(word)?;
        (ending.is_empty() || ending.starts_with('-')).then_some((word, ending))
    })
}

/// The name of the limit that an answer was counted in, where a service has several.
pub(crate) fn resource(headers: &HeaderMap) -> Option<&str> {
    let named = ["x-ratelimit-resource", "x-ratelimit-bucket"].into_iter();
    named.flat_map(|name| lines(headers, name)).find(|name| !name.is_empty() && name.len() <= LONGEST_NAME)
}
