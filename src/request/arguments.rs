//! Sends every argument to its place: a parameter, a property of the body, the whole body, or a problem.

mod shape;

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Deref;

pub(super) use self::shape::{EMPTY, HOLE, is_empty, is_holed};
use self::shape::{has_hole, shape, shaped_fit, xml};
use super::common::Declared;
use super::index::{FEW, Index};
use super::media::{Kind, Media};
use super::multipart::PartHeader;
use super::problems::{MISSING, Problems};
use super::{CallOptions, Common};
use crate::operation::{Location, Method, header, path};
use crate::params::{Argument, Params, Short};
use crate::schema::{Wire, folds_to, nearest, shown};
use crate::table::{GraphQl, MediaType, Operation, Parameter, Property};

/// A declared parameter and what was given for it.
pub(super) struct Slot<'a> {
    pub(super) declared: &'a Declared,
    pub(super) value: Option<Held<'a>>,
    /// The number of the argument that was given for it.
    pub(super) order: Option<usize>,
}

impl<'a> Slot<'a> {
    pub(super) fn name(&self) -> &'a str {
        &self.declared.name
    }

    pub(super) fn location(&self) -> Location {
        self.declared.location
    }
}

/// A value as it was given, or what was made of it. As large as a word: there is room for one in every slot.
pub(super) enum Held<'a> {
    Given(&'a Argument),
    Made(Box<Argument>),
}

impl Deref for Held<'_> {
    type Target = Argument;

    fn deref(&self) -> &Argument {
        match self {
            Self::Given(value) => value,
            Self::Made(value) => value,
        }
    }
}

impl<'a> From<Cow<'a, Argument>> for Held<'a> {
    fn from(value: Cow<'a, Argument>) -> Self {
        match value {
            Cow::Borrowed(value) => Self::Given(value),
            Cow::Owned(value) => Self::Made(Box::new(value)),
        }
    }
}

/// An argument that the operation does not declare, at the place the caller named.
pub(super) struct Extra<'a> {
    pub(super) order: usize,
    pub(super) location: Location,
    pub(super) name: &'a str,
    pub(super) value: &'a Argument,
}

/// A property of the body.
pub(super) struct Member<'a> {
    pub(super) order: usize,
    pub(super) name: &'a str,
    pub(super) value: Cow<'a, Argument>,
}

/// Every argument at its place.
#[derive(Default)]
pub(super) struct Routed<'a> {
    /// All declared parameters, in the document's order.
    pub(super) slots: Vec<Slot<'a>>,
    /// In the order they were given.
    pub(super) extras: Vec<Extra<'a>>,
    pub(super) members: Vec<Member<'a>>,
    /// Header fields for parts of a multipart body, in the order they were given.
    pub(super) part_headers: Vec<PartHeader<'a>>,
    /// The argument `body`, with its order.
    pub(super) body: Option<(usize, &'a Argument)>,
}

/// Routes the arguments (architecture, "Arguments") and checks those of declared parameters.
pub(super) fn route<'a>(
    (operation, common): (Operation<'a>, &'a Common),
    media: Option<&'a Media<'a>>,
    params: &'a Params,
    options: &'a CallOptions,
    problems: &mut Problems,
) -> Routed<'a> {
    let (properties, property_index) =
        media.and_then(|media| media.declared).map_or_else(Default::default, properties);
    let slots =
        common.parameters.iter().map(|declared| Slot { declared, value: None, order: None }).collect();
    let mut router = Router {
        operation,
        common,
        media,
        expected: 0,
        properties,
        property_index,
        given: None,
        allow_unknown: options.allow_unknown,
        routed: Routed { slots, ..Routed::default() },
        problems,
    };
    if let Some(fault) = &params.fault {
        let problem = format!("must be an object of names and values, got {}", shown(fault));
        router.problems.refuse(0, "arguments", problem);
    }
    for (order, (name, value)) in params.entries.iter().enumerate() {
        router.route(order, name, value);
    }
    if common.has_key {
        router.fill_key();
    }
    if common.has_required {
        router.missing();
    }
    router.routed
}

/// The properties of a body, and where their names stand, where they are many.
#[inline(never)]
fn properties(media: MediaType<'_>) -> (Vec<(&str, Property<'_>)>, Option<Index<&str>>) {
    let properties: Vec<_> = media.properties().map(|property| (property.name(), property)).collect();
    let index = Index::of(properties.iter().map(|(name, _)| *name));
    (properties, index)
}

/// The header that takes an idempotency key (draft-ietf-httpapi-idempotency-key-header), in lower case.
pub(crate) const KEY: &str = "idempotency-key";

/// In place of an idempotency key that is made when the call is sent.
pub(crate) const KEY_STAND_IN: &str = "<made for each call>";

pub(super) fn is_key(name: &str, location: Location) -> bool {
    location == Location::Header && name.eq_ignore_ascii_case(KEY)
}

/// The name of the parameter that takes an idempotency key, where the operation declares one.
pub(crate) fn key_name(operation: Operation<'_>) -> Option<&str> {
    operation.parameters().find(|one| is_key(one.name(), one.location())).map(Parameter::name)
}

/// `query.limit` as its place and the name there.
pub(super) fn explicit(name: &str) -> Option<(Option<Location>, &str)> {
    let (place, name) = name.split_once('.').filter(|(_, name)| !name.is_empty())?;
    let place = match place {
        "query" => Some(Location::Query),
        "path" => Some(Location::Path),
        "header" => Some(Location::Header),
        "cookie" => Some(Location::Cookie),
        "body" => None,
        _ => return None,
    };
    Some((place, name))
}

/// Before the field and the header of a part's header field: `part.FIELD.HEADER`.
pub(super) const PART: &str = "part.";

struct Router<'a, 'p> {
    operation: Operation<'a>,
    common: &'a Common,
    media: Option<&'a Media<'a>>,
    properties: Vec<(&'a str, Property<'a>)>,
    property_index: Option<Index<&'a str>>,
    /// The slot behind the one that was filled last: most callers have the document's order.
    expected: usize,
    /// The members that are given, where they are many.
    given: Option<HashSet<&'a str>>,
    allow_unknown: bool,
    routed: Routed<'a>,
    problems: &'p mut Problems,
}

impl<'a> Router<'a, '_> {
    fn route(&mut self, order: usize, name: &'a Short, value: &'a Argument) {
        if let Some(slot) = self.next(name) {
            self.expected = slot + 1;
            return self.fill(order, slot, value);
        }
        self.find(order, name.as_str(), value);
    }

    /// Routes an argument that is not the one that stands next.
    #[inline(never)]
    fn find(&mut self, order: usize, name: &'a str, value: &'a Argument) {
        if let Some(slot) = self.slot(None, name) {
            self.expected = slot + 1;
            return self.fill(order, slot, value);
        }
        if let Some(property) = self.property(name) {
            return self.member(order, property, value);
        }
        match explicit(name) {
            Some((Some(location), name)) => return self.at_place(order, location, name, value),
            Some((None, name)) => {
                return self.member(
                    order,
                    self.property(name).or_else(|| self.like(name)?.1).unwrap_or(name),
                    value,
                );
            }
            None => {}
        }
        match self.like(name) {
            Some((Some(slot), _)) => self.fill(order, slot, value),
            Some((None, Some(property))) => self.member(order, property, value),
            _ if name == "body" => self.routed.body = Some((order, value)),
            _ if name == "parameters" => self.bag(order, value),
            _ => self.undeclared(order, name, value),
        }
    }

    /// The slot of a name, where each has one of its own: the one behind the one that was filled last, or any of few.
    fn next(&self, name: &Short) -> Option<usize> {
        let slots = &self.routed.slots;
        if self.common.has_twins {
            return None;
        }
        let is_it = |slot: &Slot<'_>| slot.name().as_bytes() == name.as_bytes();
        if slots.get(self.expected).is_some_and(is_it) {
            return Some(self.expected);
        }
        // Many have an index.
        if self.common.index.is_none() { slots.iter().position(is_it) } else { None }
    }

    /// The slot of a name; of several the first of path, query, header, cookie.
    fn slot(&self, location: Option<Location>, name: &str) -> Option<usize> {
        let is_there = |place: usize| location.is_none_or(|one| one == self.routed.slots[place].location());
        match self.common.index.as_ref().map(|index| index.place(name)) {
            Some(None) => return None,
            Some(Some(Some(place))) => return Some(place).filter(|place| is_there(*place)),
            // Several have the name, or there are few.
            Some(Some(None)) | None => {}
        }
        let slots = self.routed.slots.iter().enumerate();
        let named = slots
            .filter(|(_, slot)| slot.name() == name && location.is_none_or(|one| one == slot.location()));
        named.min_by_key(|(_, slot)| slot.location() as u8).map(|(index, _)| index)
    }

    /// The property of a name, or the GraphQL variable whose fields are the properties.
    fn property(&self, name: &str) -> Option<&'a str> {
        if let Some((known, _)) = self.declared(name) {
            return Some(known);
        }
        self.operation.graphql().and_then(GraphQl::input).filter(|known| *known == name)
    }

    fn declared(&self, name: &str) -> Option<(&'a str, Property<'a>)> {
        match self.property_index.as_ref().map(|index| index.place(name)) {
            Some(None) => None,
            Some(Some(Some(place))) => self.properties.get(place).copied(),
            Some(Some(None)) | None => self.properties.iter().find(|(known, _)| *known == name).copied(),
        }
    }

    /// Whether a member of the body is given already; from now on it is.
    fn is_given(&mut self, name: &'a str) -> bool {
        let members = &self.routed.members;
        if members.len() < FEW {
            return members.iter().any(|member| member.name == name);
        }
        let given = || members.iter().map(|member| member.name).collect();
        !self.given.get_or_insert_with(given).insert(name)
    }

    /// Whether the path has a variable of a name.
    fn is_variable(&self, name: &str) -> bool {
        let is_declared = |name: &str| self.slot(Some(Location::Path), name).is_some();
        let (template, _) = path::split(self.operation.path());
        path::variables(template, is_declared).any(|one| one == name)
    }

    /// The one parameter or property whose name differs in case, `-` and `_` alone.
    fn like(&self, name: &str) -> Option<(Option<usize>, Option<&'a str>)> {
        let slots = self.routed.slots.iter().enumerate().map(|(index, slot)| (slot.name(), Some(index)));
        let all = slots.chain(self.properties.iter().map(|(known, _)| (*known, None)));
        let mut like = all.filter(|(known, _)| folds_to(known, name));
        let (known, slot) = like.next()?;
        like.all(|(other, _)| other == known).then_some((slot, slot.is_none().then_some(known)))
    }

    fn at_place(&mut self, order: usize, location: Location, name: &'a str, value: &'a Argument) {
        let like = || {
            let slots = self.routed.slots.iter();
            slots.clone().position(|slot| slot.location() == location && folds_to(slot.name(), name))
        };
        if let Some(slot) = self.slot(Some(location), name).or_else(like) {
            return self.fill(order, slot, value);
        }
        if location == Location::Path && !self.is_variable(name) {
            let known = self.routed.slots.iter().filter(|slot| slot.location() == Location::Path);
            let near = nearest(name, known.map(Slot::name));
            return self.problems.unknown(order, format!("path.{name}"), near);
        }
        self.routed.extras.push(Extra { order, location, name, value });
    }

    /// Checks a parameter's value and puts it in its slot.
    fn fill(&mut self, order: usize, index: usize, value: &'a Argument) {
        let (operation, slot) = (self.operation, &mut self.routed.slots[index]);
        let declared = slot.declared;
        let path = || format!("{}.{}", place(declared.location), declared.name);
        if slot.order.is_some() {
            return self.problems.refuse(order, path(), "is given twice");
        }
        slot.order = Some(order);
        if let (Argument::String(_), true) = (value, declared.takes_text) {
            slot.value = Some(Held::Given(value));
            return;
        }
        let (schema, comma_lists) = (operation.schema_at(declared.schema), self.common.comma_lists);
        let is_json = declared.is_json();
        let is_empty = !is_json && is_empty(value);
        let only_reads = matches!(self.common.method, Method::Get | Method::Head);
        if is_empty && !only_reads {
            self.problems.refuse(order, path(), EMPTY);
            slot.value = Some(Held::Given(value));
        } else if !is_json && !only_reads && has_hole(schema, value, comma_lists) {
            self.problems.refuse(order, path(), HOLE);
            slot.value = Some(Held::Given(value));
        } else if !is_empty && !matches!(value, Argument::Null) {
            let mut found = Vec::new();
            let wire = if is_json { Wire::Json } else { Wire::Text };
            let fitted = shaped_fit((operation, comma_lists), schema, value, wire, &mut found);
            let fitted = if declared.kind() == Some(Kind::Xml) {
                xml(operation, schema, fitted, &mut found)
            } else {
                fitted
            };
            slot.value =
                Some(if is_same_text(declared, value, &fitted) { Held::Given(value) } else { fitted.into() });
            if !found.is_empty() {
                self.problems.findings(order, &path(), found);
            }
        }
    }

    fn member(&mut self, order: usize, name: &'a str, value: &'a Argument) {
        if self.is_given(name) {
            return self.problems.refuse(order, format!("body.{name}"), "is given twice");
        }
        let declared = self.declared(name);
        let comma_lists = self.common.comma_lists;
        let value = declared
            .map_or(Cow::Borrowed(value), |(_, property)| shape(property.schema(), value, comma_lists));
        self.routed.members.push(Member { order, name, value });
    }

    /// `parameters`: an object of parameters, as other clients take it.
    fn bag(&mut self, order: usize, value: &'a Argument) {
        let members = match value {
            Argument::Object(members) => members,
            Argument::Null => return,
            other => {
                let problem = format!("must be an object of query parameters, got {}", shown(other));
                return self.problems.refuse(order, "parameters", problem);
            }
        };
        for (name, value) in members {
            let like = || self.like(name).and_then(|(slot, _)| slot);
            let slot = self.slot(Some(Location::Query), name).or_else(|| self.slot(None, name)).or_else(like);
            if let Some(slot) = slot {
                self.fill(order, slot, value);
            } else if self.allow_unknown {
                self.routed.extras.push(Extra { order, location: Location::Query, name, value });
            } else {
                let near = nearest(name, self.routed.slots.iter().map(Slot::name));
                self.problems.unknown(order, format!("parameters.{name}"), near);
            }
        }
    }

    /// A name that is neither declared nor a place: it goes into an open body, or it is a problem.
    fn undeclared(&mut self, order: usize, name: &'a str, value: &'a Argument) {
        let is_multipart = self.media.is_some_and(|media| media.kind == Kind::Multipart);
        if let Some(path) = name.strip_prefix(PART).filter(|_| is_multipart) {
            return self.routed.part_headers.push(PartHeader { order, path, value });
        }
        let is_header = |parameter: Parameter<'_>| parameter.location() == Location::Header;
        let mut declared = self.operation.parameters();
        if header::is_said_elsewhere(name)
            && declared.any(|one| is_header(one) && one.name().eq_ignore_ascii_case(name))
        {
            return self.routed.extras.push(Extra { order, location: Location::Header, name, value });
        }
        if self.is_variable(name) {
            return self.routed.extras.push(Extra { order, location: Location::Path, name, value });
        }
        let slots = self.routed.slots.iter().map(Slot::name);
        let near = nearest(name, slots.chain(self.properties.iter().map(|(known, _)| *known)));
        let is_open = self.media.is_some_and(Media::is_open);
        if is_open && (self.properties.is_empty() || near.is_none()) {
            self.member(order, name, value);
        } else if self.allow_unknown {
            self.routed.extras.push(Extra { order, location: Location::Query, name, value });
        } else {
            self.problems.unknown(order, name, near);
        }
    }

    /// Where no argument is given for the operation's idempotency key, one is made when the call is sent.
    fn fill_key(&mut self) {
        let is_open = |slot: &&mut Slot<'_>| slot.order.is_none() && is_key(slot.name(), slot.location());
        if let Some(slot) = self.routed.slots.iter_mut().find(is_open) {
            slot.value = Some(Held::Made(Box::new(KEY_STAND_IN.into())));
        }
    }

    fn missing(&mut self) {
        for slot in self.routed.slots.iter().filter(|slot| slot.value.is_none() && slot.declared.required) {
            let path = format!("{}.{}", place(slot.location()), slot.name());
            match slot.location() {
                Location::Path => self.problems.refuse(MISSING, path, "is required"),
                _ => self.problems.misfit(MISSING, path, "is required"),
            }
        }
    }
}

/// The word before the name in a problem's path.
fn place(location: Location) -> &'static str {
    match location {
        Location::Querystring => "query",
        other => other.as_str(),
    }
}

/// Whether a parameter is written alike by the value that was given and by the one that it was found to mean: a text is
/// read as the number that is wanted. What stands in the path may become a member of a JSON body, where they differ.
fn is_same_text(declared: &Declared, given: &Argument, fitted: &Argument) -> bool {
    !declared.is_json()
        && declared.location != Location::Path
        && given.scalar_text().is_some_and(|text| fitted.scalar_text() == Some(text))
}
