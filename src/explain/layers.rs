//! The files of one document on top of each other, and which of them put a node where it is.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use serde_json::{Map, Value};

use super::walk::{At, Thing};
use super::{Place, Said};
use crate::jsonpath::Step;
use crate::overlay::{Edit, Overlays, pointer};
use crate::spec::{self, Limits, Source, joined, percent_decoded};

/// References that lead to each other end here.
const LONGEST_CHAIN: usize = 32;

/// A file: how it is called, its text and what it says.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) value: Value,
}

/// A document with everything that is laid under and over it.
pub(crate) struct Layers {
    /// The document as its file has it.
    pub(crate) own: File,
    /// `service.yaml`, laid under it.
    pub(crate) base: Option<File>,
    /// What came of it all, which is read.
    pub(crate) whole: Rc<Value>,
    pub(crate) overlays: Overlays,
    /// What the overlays changed, in order.
    pub(crate) edits: Vec<Edit>,
    /// The folder that the names of other files begin with.
    pub(crate) folder: String,
    /// The files that references lead to, each read when it is first named.
    pub(crate) source: Box<dyn Source>,
    pub(crate) others: RefCell<HashMap<String, Option<Rc<File>>>>,
}

/// A node: the file (`None` is the document itself) and the tokens of its JSON pointer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) file: Option<String>,
    pub(super) tokens: Vec<String>,
}

impl Spot {
    /// A node of the document.
    pub(super) fn of(tokens: &[&str]) -> Self {
        Self { file: None, tokens: tokens.iter().map(|token| (*token).to_owned()).collect() }
    }

    /// The node below it.
    pub(super) fn join(&self, token: &str) -> Self {
        let mut below = self.clone();
        below.tokens.push(token.to_owned());
        below
    }

    /// The element of the array that the node is.
    pub(super) fn element(&self, number: usize) -> Self {
        self.join(&number.to_string())
    }
}

/// A part of a node that an overlay changed: where from the node, by which edit.
type Part<'l> = (Vec<String>, &'l Edit);

impl Layers {
    /// What the node is.
    pub(super) fn with<T>(&self, spot: &Spot, look: impl FnOnce(&Value) -> T) -> Option<T> {
        match &spot.file {
            None => find(&self.whole, &spot.tokens).map(look),
            Some(path) => self.other(path).and_then(|file| find(&file.value, &spot.tokens).map(look)),
        }
    }

    pub(super) fn has(&self, spot: &Spot) -> bool {
        self.with(spot, |value| !value.is_null()).unwrap_or_default()
    }

    pub(super) fn text(&self, spot: &Spot) -> Option<String> {
        self.with(spot, |value| value.as_str().map(str::to_owned)).flatten()
    }

    /// A file that a reference leads to.
    pub(super) fn other(&self, path: &str) -> Option<Rc<File>> {
        if let Some(known) = self.others.borrow().get(path) {
            return known.clone();
        }
        let name = if self.folder.is_empty() { path.to_owned() } else { format!("{}/{path}", self.folder) };
        let limits = self.source.limits();
        let read =
            self.source.read(path).ok().and_then(|bytes| File::read(name, &bytes, limits)).map(Rc::new);
        self.others.borrow_mut().insert(path.to_owned(), read.clone());
        read
    }

    /// Where a node's reference leads; `None` where it is none.
    pub(super) fn target(&self, spot: &Spot) -> Option<Spot> {
        let reference = self.text(&spot.join("$ref"))?;
        let (path, fragment) = reference.split_once('#').unwrap_or((&reference, ""));
        let file = if path.is_empty() {
            spot.file.clone()
        } else {
            let folder =
                spot.file.as_deref().and_then(|file| file.rsplit_once('/')).map_or("", |(folder, _)| folder);
            Some(joined(folder, path)?)
        };
        let plain = Spot { file: file.clone(), tokens: tokens(fragment) };
        if self.with(&plain, |_| ()).is_some() {
            return Some(plain);
        }
        Some(Spot { file, tokens: tokens(&percent_decoded(fragment)?) })
    }

    /// The node that a node stands for, and the references on the way.
    pub(super) fn follow(&self, mut spot: Spot, through: &mut Vec<Spot>) -> Spot {
        for _ in 0..LONGEST_CHAIN {
            let Some(target) = self.target(&spot) else { break };
            through.push(std::mem::replace(&mut spot, target));
        }
        spot
    }

    /// Who said the things, and who changed parts of them.
    pub(super) fn said(&self, things: Vec<Thing>) -> Vec<Said> {
        let spots: Vec<Spot> = things.iter().filter_map(|thing| thing.spot().cloned()).collect();
        let mut said = Vec::new();
        for thing in things {
            let Thing { what, name, at, through } = thing;
            let through: Vec<Place> = through.iter().map(|spot| self.place(spot).0).collect();
            let spot = match at {
                At::Place(place) => {
                    said.push(Said { what, name, part: None, place, through });
                    continue;
                }
                At::Spot(spot) => spot,
            };
            let (place, parts) = self.place(&spot);
            let all = through.clone();
            said.push(Said { what: what.clone(), name: name.clone(), part: None, place, through });
            for (below, edit) in parts {
                let changed = Spot { file: None, tokens: [&spot.tokens[..], &below].concat() };
                // A thing inside, or all that holds it, is told of by itself.
                let is_others = spots.iter().any(|other| {
                    *other != spot && (changed.is_in(other) && other.is_in(&spot) || other.is_in(&changed))
                });
                if !is_others {
                    let part = Some(pointer(below.iter().map(String::as_str)).replacen('#', "", 1));
                    let place = self.overlay_place(edit, &[]);
                    said.push(Said {
                        what: what.clone(),
                        name: name.clone(),
                        part,
                        place,
                        through: all.clone(),
                    });
                }
            }
        }
        said
    }

    /// The file and place that put a node where it is, and what overlays changed inside since.
    fn place(&self, spot: &Spot) -> (Place, Vec<Part<'_>>) {
        if let Some(path) = &spot.file {
            let file = self.other(path);
            return (place_in(file.as_deref(), path, &spot.tokens), Vec::new());
        }
        let mut at = spot.tokens.clone();
        let mut later: Vec<(Vec<String>, bool)> = Vec::new();
        let mut parts = Vec::new();
        for edit in self.edits.iter().rev() {
            let place: Vec<String> = edit.place.iter().map(Step::token).collect();
            if edit.is_removal {
                if let Some(index) = shifted(&at, &place, edit) {
                    at[place.len() - 1] = (index + 1).to_string();
                    continue;
                }
            } else if at.starts_with(&place) {
                return (self.overlay_place(edit, &at[place.len()..]), parts);
            }
            if place.len() > at.len() && place.starts_with(&at) {
                let below = place[at.len()..].to_vec();
                if !edit.is_removal
                    && let Some(now) = survives(below.clone(), &later)
                {
                    parts.push((now, edit));
                }
                later.push((below, edit.is_removal));
            }
        }
        parts.reverse();
        let base = self
            .base
            .as_ref()
            .filter(|base| find(&self.own.value, &at).is_none() && find(&base.value, &at).is_some());
        let file = base.unwrap_or(&self.own);
        (place_in(Some(file), &file.name, &at), parts)
    }

    /// The place in an overlay that said what an edit put there, or a part of it.
    fn overlay_place(&self, edit: &Edit, below: &[String]) -> Place {
        let mut tokens = edit.said.clone();
        if !edit.is_copy {
            tokens.extend_from_slice(below);
        }
        let name = self.overlays.file(edit.overlay);
        let is_patch = self.overlays.is_merge_patch(edit.overlay);
        let action = tokens.get(1).filter(|_| !is_patch).and_then(|number| number.parse().ok());
        let text = std::fs::read_to_string(name).ok();
        let line = text.and_then(|text| line(text.trim_start_matches('\u{feff}'), tokens.clone()));
        let pointer = Some(pointer(tokens.iter().map(String::as_str)));
        Place { file: name.to_owned(), pointer, line, action }
    }
}

impl Spot {
    /// Whether it is the other one or stands in it.
    fn is_in(&self, other: &Self) -> bool {
        self.file == other.file && self.tokens.starts_with(&other.tokens)
    }
}

impl File {
    /// A file's text, read; `None` where it cannot be.
    pub(crate) fn read(name: String, bytes: &[u8], limits: Limits) -> Option<Self> {
        let text = spec::text(&name, bytes, limits).ok()?.to_owned();
        // What is no JSON or YAML (GraphQL) is text alone.
        let value = spec::parse(&name, bytes, limits).map_or(Value::Null, |parsed| parsed.value);
        Some(Self { name, text, value })
    }

    /// What is laid under the documents of a folder: all of it but its operations.
    pub(crate) fn as_base(&self) -> Map<String, Value> {
        let mut map = self.value.as_object().cloned().unwrap_or_default();
        map.shift_remove("paths");
        map
    }
}

/// The line of a part of a text, counted from 1.
fn line(text: &str, tokens: Vec<String>) -> Option<usize> {
    spec::nearest(text, tokens).map(|at| at.line)
}

fn place_in(file: Option<&File>, name: &str, tokens: &[String]) -> Place {
    let line = file.and_then(|file| line(&file.text, tokens.to_vec()));
    let name = file.map_or(name, |file| &file.name).to_owned();
    Place { file: name, pointer: Some(pointer(tokens.iter().map(String::as_str))), line, action: None }
}

/// The index that a node's place has after an element at or before it was removed from the array that holds it.
fn shifted(at: &[String], removed: &[String], edit: &Edit) -> Option<usize> {
    let (Some(Step::Index(index)), Some((_, holder))) = (edit.place.last(), removed.split_last()) else {
        return None;
    };
    let now: usize = at.starts_with(holder).then(|| at.get(holder.len())?.parse().ok()).flatten()?;
    (now >= *index).then_some(now)
}

/// Where what was put at a place is after later edits (the last one first), if it still is.
fn survives(mut place: Vec<String>, later: &[(Vec<String>, bool)]) -> Option<Vec<String>> {
    for (other, is_removal) in later.iter().rev() {
        if place.starts_with(other) {
            return None;
        }
        let Some((last, holder)) = other.split_last().filter(|_| *is_removal) else { continue };
        if !place.starts_with(holder) {
            continue;
        }
        let indexes = (last.parse::<usize>(), place.get(holder.len()).map(|token| token.parse::<usize>()));
        if let (Ok(removed), Some(Ok(now))) = indexes
            && now > removed
        {
            place[holder.len()] = (now - 1).to_string();
        }
    }
    Some(place)
}

/// The node at a pointer's tokens.
fn find<'v>(root: &'v Value, tokens: &[String]) -> Option<&'v Value> {
    tokens.iter().try_fold(root, |value, token| match value {
        Value::Object(members) => members.get(token),
        Value::Array(items) => items.get(token.parse::<usize>().ok()?),
        _ => None,
    })
}

/// The tokens of a reference's fragment (RFC 6901).
fn tokens(fragment: &str) -> Vec<String> {
    fragment.split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~")).collect()
}
