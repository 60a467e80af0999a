//! Sliding one-minute windows of calls.

use std::collections::{HashMap, VecDeque};

const MINUTE: i64 = 60_000;

/// The calls of the last minute by caller.
#[derive(Debug, Clone, Default)]
pub(crate) struct Windows(HashMap<String, VecDeque<i64>>);

/// What a window says of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room {
    pub(crate) limit: u32,
    pub(crate) remaining: u32,
    /// When the next call is welcome, in milliseconds since the epoch, where this one is one too many.
    pub(crate) refused_until: Option<i64>,
}

impl Windows {
    /// Counts a call unless the last minute is full.
    pub(crate) fn take(&mut self, caller: &str, limit: u32, now: i64) -> Room {
        let calls = self.0.entry(caller.to_owned()).or_default();
        while calls.front().is_some_and(|first| *first + MINUTE <= now) {
            calls.pop_front();
        }
        let used = u32::try_from(calls.len()).unwrap_or(u32::MAX);
        if used >= limit {
            let free = calls.front().map_or(now, |first| *first) + MINUTE;
            return Room { limit, remaining: 0, refused_until: Some(free) };
        }
        calls.push_back(now);
        Room { limit, remaining: limit - used - 1, refused_until: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_slides() {
        let mut windows = Windows::default();
        assert_eq!(windows.take("a", 2, 1000).remaining, 1);
        assert_eq!(windows.take("a", 2, 2000).remaining, 0);
        assert_eq!(windows.take("a", 2, 3000).refused_until, Some(61_000));
        assert_eq!(windows.take("b", 2, 3000).refused_until, None);
        assert_eq!(windows.take("a", 2, 61_000).refused_until, None);
    }
}
