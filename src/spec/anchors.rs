//! Names that a document gives its parts (`$id`, `$anchor`, `$dynamicAnchor` of JSON Schema 2020-12, `$self` of
//! OpenAPI 3.2): references by name are rewritten as references by place, once, before the document is read.
//!
//! The text is gone through three times, for its keywords, for the names, and for the references, as a value of the
//! whole takes far more memory than a text that gives names is worth.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::document::is_since_3_1;
use super::limits::Budget;
use super::parts::{Parts, name};
use super::reference::percent_decoded;
use super::uri::joined;
use super::walk::{Base, Visit, Word, may_name, walk};

/// How long a URI may be that names a part; a longer one names nothing.
const MAX_URI: usize = 4 << 10;
/// How much text the places of names may take, where they are kept and where references name them, beside four times
/// the document's own.
const MAX_PLACES: usize = 16 << 20;
/// How many parts may have names; those after them have none.
const MAX_NAMES: usize = 200_000;

/// The text of a document with its references by place; parts have names since `OpenAPI` 3.1.
pub(crate) fn placed_document(text: Cow<'_, str>) -> Cow<'_, str> {
    #[derive(Deserialize)]
    struct Root<'t> {
        #[serde(borrow)]
        openapi: Option<&'t RawValue>,
    }
    let version = || {
        let root: Root<'_> = serde_json::from_str(&text).ok()?;
        let version = root.openapi.filter(|version| !version.get().starts_with(['[', '{']))?;
        serde_json::from_str::<Value>(version.get()).ok()
    };
    if may_name(&text) && is_since_3_1(version().as_ref()) { placed(text) } else { text }
}

/// A text with its references by place.
pub(crate) fn placed(text: Cow<'_, str>) -> Cow<'_, str> {
    let placed = if may_name(&text) { by_place(&text) } else { None };
    placed.map_or(text, Cow::Owned)
}

/// The text with its references by place; `None` where it names nothing.
fn by_place(text: &str) -> Option<String> {
    let keywords = Keywords::of(text)?;
    let itself = keywords.text(0, Word::Itself).filter(|uri| uri.len() <= MAX_URI);
    let uri = itself.map(|uri| joined("", uri.trim_end_matches('#'))).unwrap_or_default();
    let base = Base { uri: uri.as_str().into(), pointer: "".into() };
    let mut names = Names::new(&keywords);
    names.resources.insert(base.uri.clone(), "".into());
    walk(text, &base, &mut names).ok()?;
    if !names.found && uri.is_empty() {
        return None;
    }
    let budget = Budget::of(text.len());
    let (parts, out) = (Parts::new(text, None), String::with_capacity(text.len()));
    let mut rewritten = Rewritten { names: &names, parts, budget, out, done: 0 };
    walk(text, &base, &mut rewritten).ok()?;
    let Rewritten { mut out, done, .. } = rewritten;
    out.push_str(&text[done..]);
    Some(out)
}

/// The places of anchors, for references from other files.
pub(crate) fn places(text: &str) -> HashMap<String, String> {
    let Some(keywords) = Keywords::of(text) else { return HashMap::new() };
    let mut names = Names::new(&keywords);
    let base = Base { uri: "".into(), pointer: "".into() };
    if walk(text, &base, &mut names).is_err() {
        return HashMap::new();
    }
    names.anchors.into_iter().map(|((_, name), anchor)| (name.into(), anchor.place.into())).collect()
}

/// The text that begins at a place, with its quotes.
fn quoted(text: &str, start: usize) -> Option<&RawValue> {
    let rest = text.get(start..).filter(|rest| rest.starts_with('"'))?;
    serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>().next()?.ok()
}

/// The keywords of a text: the number of their object, and where their values begin. Of references only those are
/// kept that have a dynamic one beside them.
struct Keywords<'t> {
    text: &'t str,
    found: Vec<(u32, Word, usize)>,
}

impl<'t> Keywords<'t> {
    /// `None` where the text gives no names.
    fn of(text: &'t str) -> Option<Self> {
        let mut keywords = Self { text, found: Vec::new() };
        walk(text, &Base { uri: "".into(), pointer: "".into() }, &mut keywords).ok()?;
        let Self { found, .. } = &mut keywords;
        found.sort_unstable();
        // Sorted by word, a dynamic reference stands right before the reference of its object.
        let mut before = None;
        found.retain(|(number, word, _)| {
            let is_kept = *word != Word::Reference || before == Some((*number, Word::DynamicReference));
            before = Some((*number, *word));
            is_kept
        });
        found.shrink_to_fit();
        (!found.is_empty()).then_some(keywords)
    }

    /// Whether an object has any.
    fn has_any(&self, number: u32) -> bool {
        let first = self.found.partition_point(|(known, ..)| *known < number);
        self.found.get(first).is_some_and(|(known, ..)| *known == number)
    }

    fn place(&self, number: u32, word: Word) -> Option<usize> {
        let first = self.found.partition_point(|(known, one, _)| (*known, *one) < (number, word));
        self.found.get(first).filter(|(known, one, _)| (*known, *one) == (number, word)).map(|found| found.2)
    }

    /// What an object's keyword says, where that is a text.
    fn text(&self, number: u32, word: Word) -> Option<Cow<'t, str>> {
        quoted(self.text, self.place(number, word)?).map(name)
    }

    /// The resource of a schema, which may begin one of its own.
    fn base(&self, number: u32, base: &Base, pointer: &str) -> Base {
        let id = self.text(number, Word::Id);
        let id = id.as_deref().map(|id| id.trim_end_matches('#'));
        let own = id.filter(|id| !id.is_empty() && id.len() <= MAX_URI).map(|id| joined(&base.uri, id));
        match own.filter(|uri| uri.len() <= MAX_URI) {
            Some(uri) => Base { uri: uri.into(), pointer: pointer.into() },
            None => base.clone(),
        }
    }
}

impl Visit for Keywords<'_> {
    fn enter(&mut self, _number: u32, base: &Base, _pointer: &str) -> Base {
        base.clone()
    }

    fn word(&mut self, number: u32, word: Word, (_, value): (usize, usize), _base: &Base) {
        self.found.push((number, word, value));
    }
}

/// A part of a resource that has a name of its own.
struct Anchor {
    place: Box<str>,
    is_dynamic: bool,
}

struct Names<'k> {
    keywords: &'k Keywords<'k>,
    /// Where each URI's resource begins.
    resources: HashMap<Rc<str>, Box<str>>,
    /// The anchors of each resource.
    anchors: HashMap<(Rc<str>, Box<str>), Anchor>,
    /// How many places have a dynamic anchor, and the first.
    dynamic: HashMap<Box<str>, (usize, Box<str>)>,
    found: bool,
    /// How many more parts may have names.
    left: usize,
    /// How much text places may still take.
    left_text: Cell<usize>,
}

impl<'k> Names<'k> {
    fn new(keywords: &'k Keywords<'k>) -> Self {
        let (resources, anchors, dynamic) = (HashMap::new(), HashMap::new(), HashMap::new());
        let left_text = Cell::new(keywords.text.len().saturating_mul(4).saturating_add(MAX_PLACES));
        Self { keywords, resources, anchors, dynamic, found: false, left: MAX_NAMES, left_text }
    }

    /// Takes the text of a place; `false` where there is not so much left.
    fn spend(&self, place: &str) -> bool {
        let left = self.left_text.get().checked_sub(place.len());
        self.left_text.set(left.unwrap_or_default());
        left.is_some()
    }

    /// Takes the names that a schema gives itself.
    fn name(&mut self, number: u32, own: &Base, pointer: &str) {
        self.found |= self.keywords.place(number, Word::DynamicReference).is_some();
        let anchors = [Word::Anchor, Word::DynamicAnchor].map(|word| self.keywords.text(number, word));
        let is_known_root = || pointer.is_empty() && self.resources.contains_key(&own.uri);
        let is_resource = *own.pointer == *pointer && !is_known_root();
        let has_name = is_resource || anchors.iter().any(Option::is_some);
        if !has_name || self.left == 0 || !self.spend(pointer) {
            return;
        }
        self.left -= 1;
        if is_resource {
            self.resources.entry(own.uri.clone()).or_insert_with(|| pointer.into());
            self.found = true;
        }
        let [plain, dynamic] = anchors;
        if let Some(anchor) = &dynamic {
            self.dynamic.entry((&**anchor).into()).or_insert_with(|| (0, pointer.into())).0 += 1;
        }
        // Where a part has both of one name, it is dynamic.
        for (anchor, is_dynamic) in [(dynamic, true), (plain, false)] {
            let Some(anchor) = anchor else { continue };
            let key = (own.uri.clone(), (&*anchor).into());
            self.anchors.entry(key).or_insert_with(|| Anchor { place: pointer.into(), is_dynamic });
            self.found = true;
        }
    }

    /// A reference as one by place; `None` where it is one already, however it is written, or leads out of the document.
    /// `is_there` tells whether the document has some place.
    fn place(&self, reference: &str, own: &Base, is_there: &dyn Fn(&str) -> bool) -> Option<String> {
        let (uri, fragment) = meant(reference, own)?;
        let begin = self.resources.get(&uri)?;
        if fragment.is_empty() || fragment.starts_with('/') {
            let place = format!("{begin}{fragment}");
            // Many set `$id` and mean the document's root by `#/` all the same.
            let is_of_root = place != fragment && !is_there(&place) && is_there(&fragment);
            let is_own = reference.starts_with('#') && (is_of_root || begin.is_empty());
            let place = if is_of_root { fragment } else { place };
            return (!is_own).then(|| fragment_of(&place));
        }
        self.anchors.get(&(uri, fragment.into())).map(|anchor| fragment_of(&anchor.place))
    }

    /// Where a dynamic reference leads (JSON Schema 2020-12 §8.2.3.2).
    fn dynamic_place(&self, reference: &str, own: &Base) -> Dynamic<'_> {
        let Some((uri, name)) = meant(reference, own) else { return Dynamic::Other };
        let begun = self.anchors.get(&(uri, name.as_str().into()));
        match (begun, self.dynamic.get(name.as_str())) {
            // Only what begins at a dynamic anchor turns on the way that led here.
            (Some(Anchor { place, is_dynamic: false }), _) | (Some(_), Some((1, place))) => {
                Dynamic::Place(place)
            }
            (Some(_), _) => Dynamic::Several,
            // Some mean an anchor of another resource by its name alone.
            (None, Some((1, place))) if reference.starts_with('#') => Dynamic::Place(place),
            (None, Some(_)) if reference.starts_with('#') => Dynamic::Several,
            (None, _) => Dynamic::Other,
        }
    }
}

/// Where a dynamic reference leads.
enum Dynamic<'n> {
    Place(&'n str),
    /// To one of several places.
    Several,
    /// Where a reference of the other kind would.
    Other,
}

/// A place as the fragment of a reference, which is decoded where it is followed (RFC 6901 §6).
fn fragment_of(place: &str) -> String {
    format!("#{}", place.replace('%', "%25"))
}

/// The URI that a reference means, and its fragment without encoding.
fn meant(reference: &str, own: &Base) -> Option<(Rc<str>, String)> {
    let (uri, fragment) = reference.split_once('#').unwrap_or((reference, ""));
    let uri = if uri.is_empty() { own.uri.clone() } else { joined(&own.uri, uri).into() };
    Some((uri, percent_decoded(fragment)?))
}

impl Visit for Names<'_> {
    fn enter(&mut self, number: u32, base: &Base, pointer: &str) -> Base {
        if !self.keywords.has_any(number) {
            return base.clone();
        }
        let own = self.keywords.base(number, base, pointer);
        self.name(number, &own, pointer);
        own
    }

    fn word(&mut self, _number: u32, _word: Word, _places: (usize, usize), _base: &Base) {}
}

/// The text on its way to one with its references by place.
struct Rewritten<'n> {
    names: &'n Names<'n>,
    parts: Parts<'n>,
    budget: Budget,
    out: String,
    /// How much of the text was taken over.
    done: usize,
}

impl Rewritten<'_> {
    fn place(&self, reference: &str, own: &Base) -> Option<String> {
        let is_there = |place: &str| self.parts.down(place, &self.budget).1.is_empty();
        self.names.place(reference, own, &is_there)
    }

    /// Puts something in the place of a part of the text.
    fn replace(&mut self, start: usize, end: usize, by: &str) {
        self.out.push_str(self.names.keywords.text.get(self.done..start).unwrap_or_default());
        self.out.push_str(by);
        self.done = end;
    }

    /// Leaves out a member, with one of the commas beside it.
    fn leave_out(&mut self, start: usize, end: usize) {
        let text = self.names.keywords.text;
        let before = text[..start].trim_end();
        let after = text[end..].trim_start();
        if before.ends_with(',') && before.len() > self.done {
            self.replace(before.len() - 1, end, "");
        } else if after.starts_with(',') {
            self.replace(start, text.len() - after.len() + 1, "");
        } else {
            self.replace(start, end, "");
        }
    }

    fn dynamic(&mut self, number: u32, (start, end): (usize, usize), dynamic: &str, own: &Base) {
        let names = self.names;
        let place = match names.dynamic_place(dynamic, own) {
            Dynamic::Place(place) => Some(fragment_of(place)),
            // Nothing is checked by it then.
            Dynamic::Several => None,
            Dynamic::Other => self.place(dynamic, own).or_else(|| Some(dynamic.to_owned())),
        };
        let has_other = names.keywords.place(number, Word::Reference).is_some();
        match place.filter(|place| names.spend(place) && !has_other) {
            Some(place) => self.replace(start, end, &format!("\"$ref\":{}", Value::from(place))),
            None => self.leave_out(start, end),
        }
    }
}

impl Visit for Rewritten<'_> {
    fn enter(&mut self, number: u32, base: &Base, pointer: &str) -> Base {
        self.names.keywords.base(number, base, pointer)
    }

    fn word(&mut self, number: u32, word: Word, (start, value): (usize, usize), base: &Base) {
        if !matches!(word, Word::Reference | Word::DynamicReference) {
            return;
        }
        let Some(quoted) = quoted(self.names.keywords.text, value) else { return };
        let (said, end) = (name(quoted), value + quoted.get().len());
        if word == Word::DynamicReference {
            self.dynamic(number, (start, end), &said, base);
        } else if let Some(place) = self.place(&said, base).filter(|place| self.names.spend(place)) {
            self.replace(value, end, &Value::from(place).to_string());
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use serde_json::json;

    use super::*;

    fn placed_value(document: &Value) -> Option<Value> {
        by_place(&document.to_string()).map(|text| serde_json::from_str(&text).unwrap())
    }

    #[test]
    fn a_uri_is_the_same_however_its_path_is_spelled() {
        let document = json!({"$self": "https://x.example/a/./b/../api/", "a": {}, "l": [
            {"$ref": "./#/a"}, {"$ref": "https://x.example/a/api/#/a"}, {"$ref": "/a/../a/api/#/a"}, {"$ref": "../api#/a"}]});
        let wanted = json!([{"$ref": "#/a"}, {"$ref": "#/a"}, {"$ref": "#/a"}, {"$ref": "../api#/a"}]);
        assert_eq!(placed_value(&document).unwrap()["l"], wanted);
    }

    #[test]
    fn what_names_nothing_stays_as_it_is() {
        let plain = json!({"components": {"schemas": {"$id": {"type": "string"}, "a": {"properties": {"$anchor": {}}}}}});
        assert_eq!(placed_value(&plain), None);
        assert!(!may_name(r##"{"$ref": "#/a", "$identity": 1}"##));
        assert!(may_name(r#"{"$id": "a"}"#) && may_name(r#"{"$dynamicRef":"a"}"#));
        assert!(may_name(r#"{"$\u0061nchor": "a"}"#) && may_name(r#"{"$i\u0064" : "a"}"#));
        assert!(!may_name(r#"{"$\u0072ef": "a", "b": ["$id\n", "$id\"", "$\\u0061nchor", "$"]}"#));
    }

    #[test]
    fn long_names_and_places_cost_little() {
        let zeros = vec![0; 200_000];
        let long = format!("https://x.example/{}", "a".repeat(1 << 20));
        let document = json!({"$self": long, "a": {"$anchor": "a", "b": zeros}, "c": {"$ref": "#a"}});
        assert_eq!(placed_value(&document).unwrap()["c"], json!({"$ref": "#/a"}));
        let key = "k".repeat(1 << 20);
        let anchors: Vec<Value> = (0..1_000).map(|number| json!({"$anchor": format!("a{number}")})).collect();
        let references: Vec<Value> = (0..1_000).map(|_| json!({"$ref": "#a0"})).collect();
        let placed = placed_value(&json!({(&key): anchors, "references": references})).unwrap();
        assert_eq!(
            placed["references"][0],
            json!({"$ref": "#a0"}),
            "its place is beyond what names may take"
        );
        assert!(placed.to_string().len() < 3 << 20);
    }

    #[test]
    fn a_dynamic_reference_to_one_of_several_checks_nothing() {
        let one = json!({"a": {"$dynamicAnchor": "n"}, "b": {"$dynamicRef": "#n"}});
        assert_eq!(placed_value(&one).unwrap()["b"], json!({"$ref": "#/a"}));
        let two =
            json!({"a": {"$dynamicAnchor": "n"}, "b": {"$dynamicRef": "#n"}, "c": {"$dynamicAnchor": "n"}});
        assert_eq!(placed_value(&two).unwrap()["b"], json!({}));
    }

    #[test]
    fn a_member_is_left_out_with_its_comma() {
        let names = r#""p": {"$dynamicAnchor": "n"}, "q": {"$dynamicAnchor": "n", "$anchor": "m"}"#;
        for (written, wanted) in [
            (r##"{"$dynamicRef": "#n"}"##, "{}"),
            (r##"{"$dynamicRef" : "#n" , "a": 1}"##, r#"{"a":1}"#),
            (r##"{"a": [1], "$dynamicRef": "#n"}"##, r#"{"a":[1]}"#),
            (r##"{"a": 1 , "$dynamicRef": "#n" , "b": {}}"##, r#"{"a":1,"b":{}}"#),
            (r##"{"$ref": "#m", "$dynamicRef": "#n"}"##, r##"{"$ref":"#/q"}"##),
            (r##"{"\u0024dynamicRef": "#\u006d"}"##, r##"{"$ref":"#/q"}"##),
            (r##"{"$dynamicRef": 5, "$ref": ["#m"]}"##, r##"{"$dynamicRef":5,"$ref":["#m"]}"##),
            (
                r##"{"default": {"$ref": "#m"}, "properties": {"$ref": {"$ref": "#m"}, "$id": 1}}"##,
                r##"{"default":{"$ref":"#m"},"properties":{"$ref":{"$ref":"#/q"},"$id":1}}"##,
            ),
        ] {
            let text = format!("{{{names}, \"x\": {written}}}");
            let placed: Value = serde_json::from_str(&by_place(&text).unwrap()).unwrap();
            assert_eq!(placed["x"].to_string(), wanted, "{written}");
        }
    }

    #[test]
    fn names_are_no_keywords_outside_of_schemas_either() {
        let document = json!({"$self": "https://x.example/api", "components": {
            "responses": {"default": {"$ref": "https://x.example/api#/components/responses/a"}},
            "requestBodies": {"example": {"content": {"enum": {"schema": {"$ref": "api#/c"}}}}},
            "examples": {"a": {"value": {"$ref": "api#/c"}}},
            "schemas": {"$ref": "api#/definitions"},
        }});
        let placed = placed_value(&document).unwrap();
        let at = |pointer: &str| placed.pointer(pointer).unwrap().clone();
        assert_eq!(at("/components/responses/default/$ref"), "#/components/responses/a");
        assert_eq!(at("/components/requestBodies/example/content/enum/schema/$ref"), "#/c");
        assert_eq!(at("/components/examples/a/value/$ref"), "api#/c");
        assert_eq!(at("/components/schemas/$ref"), "#/definitions");
    }

    #[test]
    fn what_has_a_name_of_its_own_may_be_called_as_data_is() {
        let maps = [
            "schemas",
            "responses",
            "parameters",
            "requestBodies",
            "headers",
            "securitySchemes",
            "links",
            "callbacks",
            "pathItems",
            "mediaTypes",
        ];
        for name in ["default", "example", "examples", "enum", "const"] {
            let part = json!({"$ref": "https://x.example/api#/a"});
            let named = json!({name: part});
            let components: serde_json::Map<String, Value> =
                maps.iter().map(|map| ((*map).to_owned(), named.clone())).collect();
            let schema = json!({"properties": named, "patternProperties": named, "$defs": named,
                "dependentSchemas": named, "definitions": named});
            let document = json!({"$self": "https://x.example/api", "components": components, "paths": named,
                "webhooks": named, "s": schema, "i": {"additionalOperations": named}});
            let placed = placed_value(&document).unwrap().to_string();
            let wanted = document.to_string().replace("https://x.example/api#/a", "#/a");
            assert_eq!(placed, wanted, "{name}");
        }
    }

    #[test]
    fn a_dynamic_reference_is_a_plain_one_to_the_plain_anchor_of_its_resource() {
        let document = json!({
            "a": {"$id": "https://x.example/a", "v": {"$dynamicRef": "#n"}, "w": {"$dynamicRef": "d#n"},
                "n": {"$anchor": "n"}},
            "d": {"$id": "https://x.example/d", "$dynamicAnchor": "n"},
        });
        let placed = placed_value(&document).unwrap();
        assert_eq!(placed["a"]["v"], json!({"$ref": "#/a/n"}));
        assert_eq!(placed["a"]["w"], json!({"$ref": "#/d"}));
        let mut twice = document.clone();
        twice["e"] = json!({"$id": "https://x.example/e", "$dynamicAnchor": "n"});
        let placed = placed_value(&twice).unwrap();
        assert_eq!(placed["a"]["v"], json!({"$ref": "#/a/n"}));
        assert_eq!(placed["a"]["w"], json!({}), "which of the two is meant, the way here tells");
    }

    #[test]
    fn a_place_is_written_as_a_fragment_is() {
        let document = json!({"$self": "https://x.example/api", "p%41": {"$anchor": "n"}, "p%2541": {}, "pA": {},
            "l": [{"$ref": "#/p%2541"}, {"$ref": "#n"}, {"$ref": "api#/p%252541"}, {"$ref": "#/p%41"}]});
        let references = ["#/p%2541", "#/p%2541", "#/p%252541", "#/p%41"];
        let wanted = references.map(|reference| json!({"$ref": reference}));
        assert_eq!(placed_value(&document).unwrap()["l"], json!(wanted));
    }

    #[test]
    fn a_file_may_name_itself() {
        let document = json!({"$id": "https://x.example/s/pet.json", "a": {"$ref": "pet.json#/$defs/n"}});
        assert_eq!(placed_value(&document).unwrap()["a"], json!({"$ref": "#/$defs/n"}));
        assert!(may_name(r#"{"\u0024anchor": "a"}"#));
    }

    #[test]
    fn a_root_pointer_in_a_named_schema_means_the_document() {
        let named = json!({"defs": {"a": {"$id": "https://x.example/a", "$defs": {"own": {}},
            "allOf": [{"$ref": "#/$defs/own"}, {"$ref": "#/defs/b"}, {"$ref": "b"}]}, "b": {"$id": "https://x.example/b"}}});
        let placed = placed_value(&named).unwrap();
        let wanted = json!([{"$ref": "#/defs/a/$defs/own"}, {"$ref": "#/defs/b"}, {"$ref": "#/defs/b"}]);
        assert_eq!(placed["defs"]["a"]["allOf"], wanted);
    }
}
