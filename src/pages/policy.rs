//! What follows a page: an argument, an address, or the end. Pure: it knows what came, and sends nothing.
//!
//! It ends with every service. A page is asked for only by a mark, an address or a count that was not used before,
//! pages that bring nothing are counted, and whoever asks keeps the number of pages below a limit.

use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;

use http::header::{HeaderMap, LINK};
use serde_json::value::RawValue;
use url::Url;

use super::{StopReason, link, pointer};
use crate::error::UnsafeError;
use crate::operation::{Pagination, PaginationKind};
use crate::params::{Argument, Number};

/// So many pages in a row may come without items, each with the mark of a further one.
const EMPTY_IN_A_ROW: u32 = 100;

/// A page that came.
pub(crate) struct Page<'p> {
    /// The address it was asked at.
    pub(crate) url: &'p Url,
    pub(crate) headers: &'p HeaderMap,
    /// The text of the result.
    pub(crate) result: &'p str,
}

/// What follows a page.
#[derive(Debug, PartialEq)]
pub(crate) enum Step {
    /// No further page.
    Stop(StopReason),
    /// The same call, with this argument.
    Argument(String, Argument),
    /// The same call, at this address.
    Address(Url),
}

/// Why nobody can tell what follows a page.
#[derive(Debug)]
pub(crate) enum Lost {
    /// The next page is where credentials must not go.
    Unsafe(UnsafeError),
    /// The answer is not what the description says.
    Answer(&'static str, Option<serde_json::Error>),
}

/// How the pages of one operation follow one another.
enum Turn {
    Offset {
        argument: String,
        total: Option<String>,
        next: u64,
    },
    Cursor {
        argument: String,
        next: String,
    },
    /// The address stands in the answer, or in the `Link` header.
    Address {
        next: Option<String>,
    },
    /// Nothing says so but a `Link` header that may come.
    Unsaid,
}

/// Follows the pages of one call.
pub(crate) struct Policy {
    turn: Turn,
    /// Pointer to the items; without one they are the result, where that is a list.
    items: Option<String>,
    seen: HashSet<u64>,
    hasher: RandomState,
    empty_in_a_row: u32,
    largest_total: u64,
}

impl Policy {
    /// The policy of a description; without one only a `Link` header tells the next page.
    ///
    /// # Errors
    /// The name of what the description lacks.
    pub(crate) fn new(described: Option<Pagination>) -> Result<Self, &'static str> {
        let Some(pagination) = described else { return Ok(Self::of(Turn::Unsaid, None)) };
        let Pagination { kind, offset, cursor, next, total, items, .. } = pagination;
        let turn = match kind {
            PaginationKind::Offset => Turn::Offset { argument: offset.ok_or("offset")?, total, next: 0 },
            PaginationKind::Cursor => {
                Turn::Cursor { argument: cursor.ok_or("cursor")?, next: next.ok_or("next")? }
            }
            PaginationKind::Link => Turn::Address { next },
        };
        Ok(Self::of(turn, Some(items)))
    }

    fn of(turn: Turn, items: Option<String>) -> Self {
        let (seen, hasher) = (HashSet::new(), RandomState::new());
        Self { turn, items, seen, hasher, empty_in_a_row: 0, largest_total: 0 }
    }

    /// The argument that turns the page, where one does.
    pub(crate) fn argument(&self) -> Option<&str> {
        match &self.turn {
            Turn::Offset { argument, .. } | Turn::Cursor { argument, .. } => Some(argument),
            Turn::Address { .. } | Turn::Unsaid => None,
        }
    }

    /// Whether the description says how the pages follow one another.
    pub(crate) fn is_described(&self) -> bool {
        !matches!(self.turn, Turn::Unsaid)
    }

    /// Starts at the page that the caller asks for.
    ///
    /// # Errors
    /// The argument counts pages and is no count.
    pub(crate) fn start(&mut self, given: &Argument) -> Result<(), &'static str> {
        match &mut self.turn {
            _ if *given == Argument::Null => {}
            Turn::Offset { next, .. } => *next = given.text().parse().map_err(|_| "is no number")?,
            Turn::Cursor { .. } => {
                self.is_new(&given.to_json_text());
            }
            Turn::Address { .. } | Turn::Unsaid => {}
        }
        Ok(())
    }

    /// How many items a page has, as far as they can be told.
    pub(crate) fn count(&self, result: &str) -> Option<u64> {
        self.list(result).and_then(|list| Some(pointer::items(list).ok()?.len() as u64))
    }

    /// The list of items: where the description says, else the result itself.
    fn list<'j>(&self, result: &'j str) -> Option<&'j RawValue> {
        let list = pointer::at(result, self.items.as_deref().unwrap_or_default()).ok().flatten();
        list.filter(|list| self.items.is_some() || pointer::is_array(list))
    }

    /// Decides what follows a page.
    ///
    /// # Errors
    /// The next page is at another origin, or the answer cannot be read as one.
    pub(crate) fn follow(&mut self, page: &Page<'_>) -> Result<Step, Lost> {
        let count = self.count(page.result);
        match &self.turn {
            Turn::Offset { .. } => self.by_count(page.result, count.unwrap_or(0)),
            Turn::Cursor { argument, next } => {
                let Some(mark) = value_at(page.result, next)? else {
                    return Ok(Step::Stop(StopReason::Complete));
                };
                let (text, argument) = (mark.to_json_text(), argument.clone());
                Ok(self.unless_ended(count, &text, Step::Argument(argument, mark)))
            }
            Turn::Address { next: Some(next) } => match value_at(page.result, next)? {
                Some(Argument::String(written)) => self.by_address(page.url, &written, count),
                Some(_) => Err(Lost::Answer("its next page is no address", None)),
                None => Ok(Step::Stop(StopReason::Complete)),
            },
            Turn::Address { next: None } | Turn::Unsaid => match link::next_of(page.headers, page.url) {
                Some(written) => self.by_address(page.url, &written, count),
                None if self.is_described() || !self.seen.is_empty() || page.headers.contains_key(LINK) => {
                    Ok(Step::Stop(StopReason::Complete))
                }
                None => Err(Lost::Answer(NOTHING_SAYS, None)),
            },
        }
    }

    fn by_count(&mut self, result: &str, count: u64) -> Result<Step, Lost> {
        let list = self.list(result).map(RawValue::get).unwrap_or_default();
        let repeated = count > 0 && !self.is_new(list);
        let Turn::Offset { argument, total, next } = &mut self.turn else {
            return Ok(Step::Stop(StopReason::Complete));
        };
        let total = match total {
            Some(total) => value_at(result, total)?.and_then(|total| total.text().parse::<u64>().ok()),
            None => None,
        };
        // A total below what one page brought is none.
        let total = total.filter(|total| *total >= count);
        self.largest_total = self.largest_total.max(total.unwrap_or(0));
        *next = next.saturating_add(count);
        Ok(Step::Stop(match total {
            _ if repeated => StopReason::Repeated,
            Some(total) if total > *next && count == 0 => StopReason::EmptyPage,
            Some(total) if total <= *next && total < self.largest_total => {
                StopReason::TotalShrank { from: self.largest_total, to: total }
            }
            Some(total) if total <= *next => StopReason::Complete,
            None if count == 0 => StopReason::Complete,
            _ => return Ok(Step::Argument(argument.clone(), Argument::Number(Number::from(*next)))),
        }))
    }

    fn by_address(&mut self, page: &Url, written: &str, count: Option<u64>) -> Result<Step, Lost> {
        self.is_new(page.as_str());
        let address = resolve(page, written)?;
        let text = address.as_str().to_owned();
        Ok(self.unless_ended(count, &text, Step::Address(address)))
    }

    /// The next page, unless it was asked for before or too many pages brought nothing.
    fn unless_ended(&mut self, count: Option<u64>, mark: &str, next: Step) -> Step {
        self.empty_in_a_row = if count == Some(0) { self.empty_in_a_row + 1 } else { 0 };
        if !self.is_new(mark) {
            Step::Stop(StopReason::Repeated)
        } else if self.empty_in_a_row >= EMPTY_IN_A_ROW {
            Step::Stop(StopReason::EmptyPage)
        } else {
            next
        }
    }

    /// Whether a mark, an address or a list was not there before.
    fn is_new(&mut self, text: &str) -> bool {
        self.seen.insert(self.hasher.hash_one(text))
    }
}

const NOTHING_SAYS: &str =
    "it names no further page (`Link`), and the description does not say how pages follow (`x-pagination`)";

/// What stands at a pointer, where it is a mark: absent, `null`, `false` and what is empty mean the end.
fn value_at(result: &str, pointer: &str) -> Result<Option<Argument>, Lost> {
    let read = |error| Lost::Answer("it is no JSON", Some(error));
    let Some(found) = pointer::at(result, pointer).map_err(read)? else { return Ok(None) };
    let value = Argument::from_json_text(found.get()).map_err(read)?;
    Ok(Some(value).filter(|value| match value {
        Argument::Null | Argument::Bool(false) => false,
        Argument::String(text) => !text.is_empty(),
        Argument::Array(items) => !items.is_empty(),
        Argument::Object(members) => !members.is_empty(),
        _ => true,
    }))
}

/// The address of the next page by RFC 3986 §5: it must have the origin of the page that names it.
fn resolve(page: &Url, written: &str) -> Result<Url, Lost> {
    let refuse = |problem: String| {
        Err(Lost::Unsafe(UnsafeError {
            problem,
            hint: Some("if it is meant, call that address yourself with a base URL of its own.".to_owned()),
            ..UnsafeError::default()
        }))
    };
    let Ok(mut address) = page.join(written.trim()) else {
        return Err(Lost::Answer("the address of its next page is no URL", None));
    };
    address.set_fragment(None);
    if address.origin() != page.origin() {
        let origin = match address.origin() {
            url::Origin::Tuple(..) => address.origin().ascii_serialization(),
            url::Origin::Opaque(_) => format!("a `{}:` address", address.scheme()),
        };
        return refuse(format!(
            "the next page would be at {origin}, and this one is at {}",
            page.origin().ascii_serialization()
        ));
    }
    if !address.username().is_empty() || address.password().is_some() {
        return refuse("the address of the next page names a user".to_owned());
    }
    Ok(address)
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
