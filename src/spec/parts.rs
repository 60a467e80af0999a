//! The parts of a JSON text: each is found by its pointer and made a value when it is asked for, so that a document
//! takes little more memory than its text.

use std::borrow::Cow;
use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::anchors;
use super::document::json_error;
use super::error::SpecError;
use super::limits::Budget;
use super::pass::SECTIONS;
use super::place::Components;
use super::walk::may_name;

/// Objects and lists of more bytes have a table of where their members and items stand.
const LARGE: usize = 4 << 10;
/// What going through so many bytes costs of the budget's steps.
const STEP: usize = 64;
/// The same where values are made of them, which are some fifteen bytes each.
const VALUE_STEP: usize = 16;
/// Parts of fewer bytes are made values whatever these take.
const SMALL: usize = 64 << 10;
/// How much memory the values of one part may take, beside four times the document's size.
const VALUES: usize = 24 << 20;

/// The members of an object: the hashes of their names, sorted, with the beginning of each name and the end of each
/// value.
type Table = Vec<(u64, u32, u32)>;

/// A JSON text that has no key twice.
pub(crate) struct Parts<'t> {
    text: Cow<'t, str>,
    /// Where the components stand, where that is known beforehand.
    known: Option<&'t Components>,
    /// The members of large objects by where these begin.
    tables: RefCell<HashMap<usize, Rc<Table>>>,
    /// Where the items of large lists begin, by where these do.
    lists: RefCell<HashMap<usize, Rc<[u32]>>>,
    hasher: RandomState,
    anchors: OnceCell<HashMap<String, String>>,
}

impl<'t> Parts<'t> {
    pub(crate) fn new(text: impl Into<Cow<'t, str>>, known: Option<&'t Components>) -> Self {
        let (tables, lists) = (RefCell::default(), RefCell::default());
        let (hasher, anchors) = (RandomState::new(), OnceCell::new());
        Self { text: text.into(), known, tables, lists, hasher, anchors }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Makes a value of a part.
    pub(crate) fn value(&self, part: &str) -> Result<Value, SpecError> {
        value(part, self.text.len())
    }

    /// The same by its pointer, where it can be afforded; `None` where there is no such part.
    pub(crate) fn read(&self, part: &str, budget: &Budget) -> Result<Option<Value>, String> {
        if !budget.steps(part.len() / VALUE_STEP) {
            return Ok(None);
        }
        self.value(part).map(Some).map_err(|error| error.problem)
    }

    /// Goes down a pointer as far as it leads: the part there, and the rest of the pointer.
    pub(crate) fn down<'p>(&self, pointer: &'p str, budget: &Budget) -> (&str, &'p str) {
        let (mut part, mut rest) = self.begin(pointer);
        while let Some(after) = rest.strip_prefix('/') {
            let end = after.find('/').unwrap_or(after.len());
            match self.member(part, &unescaped(&after[..end]), budget) {
                Some(member) => (part, rest) = (member, &after[end..]),
                None => break,
            }
        }
        (part, rest)
    }

    /// Where to begin with a pointer: at the component that it leads into where all of these are known, else at the
    /// root.
    fn begin<'p>(&self, pointer: &'p str) -> (&str, &'p str) {
        let root = (self.text.trim(), pointer);
        let Some((known, (section, rest))) = self.known.zip(section(pointer)) else { return root };
        let end = rest.find('/').unwrap_or(rest.len());
        let part = known.find(&self.text, section, &unescaped(&rest[..end]));
        part.map_or(("", pointer), |part| (part, &rest[end..]))
    }

    /// The member of an object, or the item of a list.
    pub(crate) fn member<'p>(&'p self, part: &'p str, token: &str, budget: &Budget) -> Option<&'p str> {
        let cost = part.len() / STEP + 1;
        if part.starts_with('[') {
            let wanted = item_number(token)?;
            if part.len() > LARGE && u32::try_from(self.text.len()).is_ok() {
                return self.item(part, wanted, budget);
            }
            return budget.steps(cost).then(|| item(part, wanted))?;
        }
        if !part.starts_with('{') {
            return None;
        }
        if part.len() <= LARGE {
            let members = budget.steps(cost).then(|| serde_json::from_str::<Members<'_>>(part).ok())?;
            let found = members?.0.into_iter().rev().find(|(key, _)| name(key) == token);
            return found.map(|(_, value)| value.get());
        }
        let table = self.table(part, budget)?;
        let hash = self.hasher.hash_one(token);
        let first = table.partition_point(|(known, ..)| *known < hash);
        let places = table[first..].iter().take_while(|(known, ..)| *known == hash);
        let named =
            places.filter_map(|(_, start, end)| member_of(self.text.get(*start as usize..*end as usize)?));
        named.filter(|(key, _)| key == token).last().map(|(_, value)| value)
    }

    /// An item of a large list.
    fn item(&self, list: &str, wanted: usize, budget: &Budget) -> Option<&str> {
        let start = *self.list(list, budget)?.get(wanted)? as usize;
        let mut values = serde_json::Deserializer::from_str(self.text.get(start..)?).into_iter::<&RawValue>();
        let found = values.next()?.ok()?.get();
        budget.steps(found.len() / STEP + 1).then_some(found)
    }

    /// Where the items of a large list begin.
    fn list(&self, part: &str, budget: &Budget) -> Option<Rc<[u32]>> {
        let place = |part: &str| (part.as_ptr() as usize).checked_sub(self.text.as_ptr() as usize);
        let start = place(part)?;
        if let Some(list) = self.lists.borrow().get(&start) {
            return Some(Rc::clone(list));
        }
        if !budget.steps(part.len() / STEP) {
            return None;
        }
        let mut starts = Vec::new();
        let mut add = |item: &RawValue| {
            starts.extend(place(item.get()).and_then(|place| u32::try_from(place).ok()));
        };
        EachItem(&mut add).deserialize(&mut serde_json::Deserializer::from_str(part)).ok()?;
        let list: Rc<[u32]> = starts.into();
        self.lists.borrow_mut().insert(start, Rc::clone(&list));
        Some(list)
    }

    /// The table of a large object.
    fn table(&self, part: &str, budget: &Budget) -> Option<Rc<Table>> {
        let start = (part.as_ptr() as usize).checked_sub(self.text.as_ptr() as usize)?;
        if let Some(table) = self.tables.borrow().get(&start) {
            return budget.steps(1).then(|| Rc::clone(table));
        }
        if !budget.steps(part.len() / STEP) {
            return None;
        }
        let mut table = Table::new();
        let place = |at: *const u8| u32::try_from((at as usize).saturating_sub(self.text.as_ptr() as usize));
        let mut add = |key: &RawValue, value: &RawValue| {
            if let (Ok(start), Ok(end)) =
                (place(key.get().as_ptr()), place(value.get().as_bytes().as_ptr_range().end))
            {
                table.push((self.hasher.hash_one(name(key).as_ref()), start, end));
            }
        };
        EachMember(&mut add).deserialize(&mut serde_json::Deserializer::from_str(part)).ok()?;
        table.sort_unstable();
        let table = Rc::new(table);
        self.tables.borrow_mut().insert(start, Rc::clone(&table));
        Some(table)
    }

    /// The part that an anchor names, which only references from other files still do.
    pub(crate) fn anchored(&self, name: &str, budget: &Budget) -> Option<&str> {
        let gather = || if may_name(&self.text) { anchors::places(&self.text) } else { HashMap::new() };
        if self.anchors.get().is_none() && !budget.steps(self.text.len()) {
            return None;
        }
        let place = self.anchors.get_or_init(gather).get(name)?;
        let (part, rest) = self.down(place, budget);
        rest.is_empty().then_some(part)
    }
}

/// The section of components that a pointer leads into, and what follows it. Security schemes are not among those known.
fn section(pointer: &str) -> Option<(&str, &str)> {
    let below = |section| Some((section, pointer.strip_prefix(section)?.strip_prefix('/')?));
    let of_old = SECTIONS.into_iter().find_map(below);
    let new = || pointer.strip_prefix("/components/")?.split_once('/');
    of_old.or_else(|| new().filter(|(section, _)| *section != "securitySchemes"))
}

/// A pointer's token as the name that it means (RFC 6901 §4).
fn unescaped(token: &str) -> Cow<'_, str> {
    if token.contains('~') {
        Cow::Owned(token.replace("~1", "/").replace("~0", "~"))
    } else {
        Cow::Borrowed(token)
    }
}

/// Makes a value of a part of a document of so many bytes, unless that would take too much memory.
pub(crate) fn value(part: &str, document: usize) -> Result<Value, SpecError> {
    if part.len() > SMALL && weight(part) > document.saturating_mul(4).saturating_add(VALUES) {
        let problem = "a single operation, component or other part has too many values to be read";
        return Err(SpecError::new(problem).hint("Divide the part, or leave out what a call does not need."));
    }
    serde_json::from_str(part).map_err(|error| json_error(&error))
}

/// About how many bytes the values of a part take.
pub(crate) fn weight(part: &str) -> usize {
    const OBJECT: usize = 400;
    const LIST: usize = 300;
    const ITEM: usize = 72;
    let (mut weight, mut is_text, mut is_escaped) = (0, false, false);
    let mut before = b' ';
    for byte in part.bytes() {
        if is_text {
            weight += 1;
            is_text = byte != b'"' || is_escaped;
            is_escaped = byte == b'\\' && !is_escaped;
            continue;
        }
        match (before, byte) {
            // What is empty takes nothing beside its own place.
            (b'{', b'}') => weight -= OBJECT,
            (b'[', b']') => weight -= LIST,
            (_, b'{') => weight += OBJECT,
            (_, b'[') => weight += LIST,
            (_, b',') => weight += ITEM,
            // The least that the allocator gives for a text.
            (_, b'"') => {
                is_text = true;
                weight += 24;
            }
            _ => {}
        }
        if !byte.is_ascii_whitespace() {
            before = byte;
        }
    }
    weight
}

/// The number that a token means in a list (RFC 6901 §4).
fn item_number(token: &str) -> Option<usize> {
    let is_number = token == "0" || !token.starts_with(['0', '+']);
    token.parse().ok().filter(|_| is_number)
}

/// An item of a list.
fn item<'p>(list: &'p str, wanted: usize) -> Option<&'p str> {
    let mut found = None;
    let mut at = 0;
    let mut look = |item: &'p RawValue| {
        if at == wanted {
            found = Some(item.get());
        }
        at += 1;
    };
    EachItem(&mut look).deserialize(&mut serde_json::Deserializer::from_str(list)).ok()?;
    found
}

/// The key and the value of the member that a text is.
pub(super) fn member_of(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    let key = values.next()?.ok()?;
    let value = text[values.byte_offset()..].trim_start().strip_prefix(':')?;
    Some((name(key), value.trim_start()))
}

/// A key without its quotes and escapes.
pub(crate) fn name(key: &RawValue) -> Cow<'_, str> {
    unquoted(key.get())
}

/// A text without its quotes and escapes.
pub(crate) fn unquoted(quoted: &str) -> Cow<'_, str> {
    match quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(plain) if !plain.contains('\\') => Cow::Borrowed(plain),
        _ => Cow::Owned(serde_json::from_str(quoted).unwrap_or_default()),
    }
}

/// The members of a JSON object as they stand in the text.
pub(crate) struct Members<'t>(pub(crate) Vec<(&'t RawValue, &'t RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut members = Vec::new();
        EachMember(&mut |key, value| members.push((key, value))).deserialize(deserializer)?;
        Ok(Self(members))
    }
}

/// Shows the members of an object one after the other.
pub(crate) struct EachMember<'f, 't>(pub(crate) &'f mut dyn FnMut(&'t RawValue, &'t RawValue));

impl<'de> DeserializeSeed<'de> for EachMember<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for EachMember<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some((key, value)) = map.next_entry()? {
            (self.0)(key, value);
        }
        Ok(())
    }
}

/// Shows the items of a list one after the other.
pub(crate) struct EachItem<'f, 't>(pub(crate) &'f mut dyn FnMut(&'t RawValue));

impl<'de> DeserializeSeed<'de> for EachItem<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for EachItem<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(item) = seq.next_element()? {
            (self.0)(item);
        }
        Ok(())
    }
}
