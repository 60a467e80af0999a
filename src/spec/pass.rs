//! The one pass over a JSON text that finds where each operation and each component stands.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::error::token;
use super::extract;
use super::head;
use super::keys::Keys;
use super::openapi31;
use super::parts::{self, name};
use super::place::{Components, Place};
use super::reference::reference;

/// The members of a path item that its operations share.
pub(super) const SHARED: [&str; 4] = ["parameters", "servers", "summary", "description"];
/// Where Swagger 2.0 has what `OpenAPI` 3.0 has under `components`.
pub(crate) const SECTIONS: [&str; 3] = ["/definitions", "/parameters", "/responses"];
/// What a service calls, not what it is called by.
const WEBHOOKS: &str = "webhooks";

/// An operation as the pass leaves it; the numbers are those of its path item and of its method.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) item: u32,
    pub(super) method: u8,
    pub(super) place: Place,
    /// The value of its `operationId`.
    pub(super) id: Place,
}

/// What the pass gathers.
#[derive(Default)]
pub(super) struct Found<'t> {
    text: &'t str,
    /// The members that hold for all operations.
    pub(super) root: Map<String, Value>,
    pub(super) security_schemes: Option<Value>,
    /// The keys of the path items.
    pub(super) items: Vec<Place>,
    /// Members that operations share: the number of their path item, their own in [`SHARED`], where they stand.
    pub(super) shared: Vec<(u32, u8, Place)>,
    pub(super) operations: Vec<Seen>,
    /// The further IDs of operations, with their numbers.
    pub(super) aliases: Vec<(u32, Place)>,
    pub(super) components: Components,
    /// How many keys its `paths` has, of extensions too; `None` where it has no `paths`.
    pub(super) path_keys: Option<u32>,
    pub(super) has_webhooks: bool,
    /// Whether something was found that only the whole reading understands.
    pub(super) needs_whole: bool,
    keys: Keys,
}

/// Goes over a text; `None` where it is no JSON of the shape that a document has.
pub(super) fn go(text: &str) -> Option<Found<'_>> {
    let mut found = Found { text, ..Found::default() };
    let mut json = serde_json::Deserializer::from_str(text);
    Node(&mut found, Level::Root).deserialize(&mut json).and_then(|()| json.end()).ok()?;
    found.components.sort();
    Some(found)
}

/// What object the pass stands in.
#[derive(Clone, Copy)]
enum Level {
    Root,
    Paths,
    /// By its number.
    Item(u32),
    /// By the numbers of its path item and its method.
    Operation(u32, u8),
    Components,
    Section(u32),
}

/// What is done about a member.
enum Next {
    Into(Level),
    PassOver,
    /// Its text is looked at.
    Look,
}

impl<'t> Found<'t> {
    fn offset(&self, part: &str) -> usize {
        (part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize)
    }

    /// Where the text from one part to the end of another stands.
    fn place(&mut self, first: &str, last: &str) -> Place {
        let place = Place::new(self.offset(first), self.offset(last) + last.len());
        self.needs_whole |= place.is_none();
        place.unwrap_or_default()
    }

    fn next(&mut self, level: Level, name: &str, key: &RawValue) -> Next {
        if matches!(level, Level::Paths) {
            self.path_keys = self.path_keys.map(|keys| keys.saturating_add(1));
        }
        match (level, name) {
            (Level::Root, "paths") => {
                self.path_keys.get_or_insert_default();
                Next::Into(Level::Paths)
            }
            (Level::Root, "components") => Next::Into(Level::Components),
            (Level::Root, member) => match SECTIONS.into_iter().find(|known| &known[1..] == member) {
                Some(section) => Next::Into(Level::Section(self.components.section(section))),
                None if head::is_member(member) || member == WEBHOOKS => Next::Look,
                None => Next::PassOver,
            },
            (Level::Paths, path) if path.starts_with("x-") => Next::PassOver,
            (Level::Paths, path) => {
                self.needs_whole |= path == "$ref";
                let place = self.place(key.get(), key.get());
                self.items.push(place);
                Next::Into(Level::Item(number(self.items.len() - 1)))
            }
            (Level::Item(item), member) => match extract::method_number(member) {
                Some(method) => Next::Into(Level::Operation(item, method)),
                None => Next::Look,
            },
            (Level::Components, section) if section != "securitySchemes" => {
                self.needs_whole |= section == "$ref";
                Next::Into(Level::Section(self.components.section(&token(section))))
            }
            (Level::Components | Level::Section(_) | Level::Operation(..), _) => Next::Look,
        }
    }

    fn look(&mut self, level: Level, name: &str, key: &'t RawValue, value: &'t RawValue) {
        match level {
            Level::Item(item) => {
                self.needs_whole |= matches!(name, "$ref" | "additionalOperations");
                if let Some(shared) = SHARED.iter().position(|shared| *shared == name) {
                    let place = self.place(value.get(), value.get());
                    self.shared.push((item, shared.to_le_bytes()[0], place));
                }
            }
            Level::Section(section) => {
                // The whole section stands elsewhere; a component of that name is no text.
                self.needs_whole |= name == "$ref" && value.get().starts_with('"');
                let place = self.place(key.get(), value.get());
                self.components.add(section, name, place);
            }
            Level::Components => {
                self.security_schemes = parts::value(value.get(), self.text.len()).ok();
                // The whole reading tells what is wrong.
                self.needs_whole |= self.security_schemes.as_ref().is_none_or(leads_away);
            }
            Level::Root if name == WEBHOOKS => self.has_webhooks = openapi31::has_members(value.get()),
            Level::Root => match parts::value(value.get(), self.text.len()) {
                Ok(value) => {
                    self.root.insert(name.to_owned(), value);
                }
                // The same.
                Err(_) => self.needs_whole = true,
            },
            Level::Paths | Level::Operation(..) => {}
        }
    }

    /// An operation's own place follows from its first key and its last value, so that it is passed over once.
    fn operation<A: MapAccess<'t>>(&mut self, item: u32, method: u8, mut map: A) -> Result<(), A::Error> {
        let mut id = Place::default();
        let mut inner: Option<(usize, usize)> = None;
        while let Some(key) = map.next_key::<&RawValue>()? {
            let member = map.next_value::<&RawValue>()?.get();
            let start = inner.map_or_else(|| self.offset(key.get()), |(start, _)| start);
            inner = Some((start, self.offset(member) + member.len()));
            match &*name(key) {
                "operationId" => id = self.place(member, member),
                "x-aliases" => {
                    let place = self.place(member, member);
                    self.aliases.push((number(self.operations.len()), place));
                }
                "$ref" | "x-graphql" => self.needs_whole = true,
                _ => {}
            }
        }
        let place = inner.and_then(|(start, end)| {
            let open = self.text[..start].rfind('{')?;
            let close = self.text[end..].find('}')?;
            Place::new(open, end + close + 1)
        });
        self.needs_whole |= inner.is_some() && place.is_none();
        self.operations.push(Seen { item, method, place: place.unwrap_or_default(), id });
        Ok(())
    }
}

/// A count of parts of a text, each of which takes more than a byte of it: texts of 4 GiB are read whole.
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

struct Node<'f, 't>(&'f mut Found<'t>, Level);

impl<'de> DeserializeSeed<'de> for Node<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Node<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self(found, level) = self;
        if let Level::Operation(item, method) = level {
            return found.operation(item, method, map);
        }
        let first = found.keys.open();
        while let Some(key) = map.next_key::<&RawValue>()? {
            let name = name(key);
            found.keys.add(&name);
            match found.next(level, &name, key) {
                Next::Into(deeper) => map.next_value_seed(Node(found, deeper))?,
                Next::PassOver => {
                    map.next_value::<IgnoredAny>()?;
                }
                Next::Look => {
                    let value = map.next_value::<&RawValue>()?;
                    found.look(level, &name, key, value);
                }
            }
        }
        // Which of two members of one name holds is for the whole reading to tell.
        found.needs_whole |= found.keys.close(first);
        Ok(())
    }
}

/// Whether one of the security schemes is a reference to something that is not one of them.
fn leads_away(schemes: &Value) -> bool {
    let mut schemes = schemes.as_object().into_iter().flat_map(Map::values).filter_map(reference);
    schemes.any(|target| !target.starts_with("#/components/securitySchemes/"))
}
