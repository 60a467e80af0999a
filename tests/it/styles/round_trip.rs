//! A hundred thousand calls, written by the crate and read back by [`decoder`](super::decoder): every style, explode,
//! place and type, with strings of any characters.
//!
//! Where a style loses something (a delimiter that is not told from a character of a value), what is read must be
//! what the style's own rule makes of the value. What cannot be sent must be refused, and nothing else.

mod deep;

use std::cell::Cell;

use indexmap::IndexMap;
use opcall::{Argument, Content, PartContent, Request};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::decoder::{Coding, Deep, Reader, Shape, Tree, deep};
use super::{BASE, Loaded, load};

/// Prepared calls that are read back, at least.
const CALLS: usize = 100_000;
/// Of them those of `deepObject`.
const DEEP_CALLS: usize = 12_000;

/// One way to write a value.
#[derive(Debug, Clone, Copy)]
struct Way {
    place: &'static str,
    style: &'static str,
    explode: bool,
    shape: Shape,
    name: &'static str,
}

/// A name that has to be encoded itself.
const ODD: &str = "v[~é&=+";
/// The same without brackets, which are steps in the names of `deepObject`.
const DEEP: &str = "v~é&=+";

fn ways() -> Vec<Way> {
    let styles: [(&str, &[&str], &str); 7] = [
        ("path", &["simple", "label", "matrix"], "v"),
        ("query", &["form", "spaceDelimited", "pipeDelimited"], "v"),
        ("query", &["form", "pipeDelimited"], ODD),
        ("header", &["simple"], "X-V"),
        ("cookie", &["form", "cookie"], "v"),
        ("form", &["form", "spaceDelimited", "pipeDelimited"], ODD),
        ("parts", &["form", "spaceDelimited", "pipeDelimited"], ODD),
    ];
    let mut ways = Vec::new();
    for (place, styles, name) in styles {
        for style in styles {
            for explode in [false, true] {
                for shape in [Shape::One, Shape::List, Shape::Members] {
                    let way = Way { place, style, explode, shape, name };
                    let is_delimited = style.ends_with("Delimited");
                    let is_joined_cookie = (place, *style) == ("cookie", "form") && explode;
                    if !(is_delimited && (explode || shape == Shape::One) || is_joined_cookie) {
                        ways.push(way);
                    }
                }
            }
        }
    }
    ways
}

impl Way {
    fn schema(&self) -> Value {
        match self.shape {
            Shape::One => json!({}),
            Shape::List => json!({"type": "array", "items": {}}),
            Shape::Members => json!({"type": "object"}),
        }
    }

    /// The path key and the operation of this way.
    fn operation(&self, number: usize) -> (String, Value) {
        let id = format!("way{number}");
        let (style, explode, name) = (self.style, self.explode, self.name);
        let media_type = match self.place {
            "form" => "application/x-www-form-urlencoded",
            "parts" => "multipart/form-data",
            place => {
                let parameter = json!({"name": name, "in": place, "style": style, "explode": explode,
                    "required": place == "path", "schema": self.schema()});
                let path = if place == "path" { format!("/{id}/{{{name}}}") } else { format!("/{id}") };
                return (
                    path,
                    json!({"get": {"operationId": id, "parameters": [parameter], "responses": {}}}),
                );
            }
        };
        let schema = json!({"type": "object", "properties": {name: self.schema()}});
        let encoding = json!({name: {"style": style, "explode": explode}});
        let content = json!({media_type: {"schema": schema, "encoding": encoding}});
        (
            format!("/{id}"),
            json!({"post": {"operationId": id, "requestBody": {"content": content}, "responses": {}}}),
        )
    }

    /// What is on the wire for this way.
    fn read(&self, request: &Request, number: usize) -> Tree {
        let url = request.url().into_owned();
        let rest = url.strip_prefix(&format!("{BASE}/way{number}")).unwrap();
        let header = |name: &str| {
            let headers = request.headers().into_iter();
            headers
                .filter(|(known, _)| known.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.into_owned())
                .next()
        };
        let coding = match (self.place, self.style) {
            ("header", _) | ("cookie", "cookie") => Coding::Plain,
            ("form", _) => Coding::Form,
            _ => Coding::Percent,
        };
        let text = match self.place {
            "path" => rest.strip_prefix('/').map(str::to_owned),
            "query" => Some(rest.strip_prefix('?').unwrap_or_default().to_owned()),
            "header" => header("x-v"),
            "cookie" => header("cookie"),
            "form" => match request.content() {
                Content::Form { text, .. } => Some(text.clone()),
                other => panic!("no form: {other:?}"),
            },
            _ => return self.parts(request),
        };
        let Self { name, style, explode, shape, .. } = *self;
        Reader { name, style, explode, shape, coding }.read(text.as_deref())
    }

    /// Parts hold what a query's pairs would, with nothing encoded.
    fn parts(&self, request: &Request) -> Tree {
        let Content::Multipart(parts) = request.content() else { panic!("no parts: {request:?}") };
        let text = |content: &PartContent| match content {
            PartContent::Text(text) => text.clone(),
            other => panic!("no text: {other:?}"),
        };
        let pairs: Vec<(String, String)> =
            parts.iter().map(|part| (part.name.clone(), text(&part.content))).collect();
        if self.explode && self.shape == Shape::Members {
            return if pairs.is_empty() { Tree::Nothing } else { Tree::Members(pairs) };
        }
        for (name, _) in &pairs {
            assert_eq!(name, self.name);
        }
        let mut values = pairs.into_iter().map(|(_, value)| value);
        match self.shape {
            _ if values.len() == 0 => Tree::Nothing,
            Shape::List if self.explode => Tree::List(values.collect()),
            Shape::One => Tree::One(values.next().unwrap()),
            shape => split(&values.next().unwrap(), self.delimiter(), shape),
        }
    }

    /// The delimiter of values that are not exploded.
    fn delimiter(&self) -> &'static str {
        match self.style {
            "spaceDelimited" => " ",
            "pipeDelimited" => "|",
            _ => ",",
        }
    }

    /// The delimiter that a value's characters are not told from, where there is one: the percent-encoded ones of
    /// the styles that have them, all where nothing is encoded, and the dot, which is unreserved.
    fn lost(&self) -> Option<&'static str> {
        match (self.place, self.style, self.explode) {
            (_, "spaceDelimited" | "pipeDelimited", _) | ("parts", _, false) => Some(self.delimiter()),
            (_, "label", true) => Some("."),
            ("header", ..) | (_, "cookie", false) => Some(","),
            _ => None,
        }
    }
}

/// A text without escapes, split as a reader must.
fn split(text: &str, delimiter: &str, shape: Shape) -> Tree {
    let words: Vec<String> = text.split(delimiter).map(str::to_owned).collect();
    if shape == Shape::List {
        return Tree::List(words);
    }
    Tree::Members(words.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect())
}

/// A value to be written.
#[derive(Debug, Clone)]
enum Given {
    One(Leaf),
    List(Vec<Leaf>),
    Members(Vec<(String, Leaf)>),
}

#[derive(Debug, Clone)]
enum Leaf {
    Null,
    Text(String),
    /// Booleans and numbers, as their JSON text.
    Json(String),
}

impl Leaf {
    fn argument(&self) -> Argument {
        match self {
            Self::Null => Argument::Null,
            Self::Text(text) => text.into(),
            Self::Json(text) => Argument::from_json_text(text).unwrap(),
        }
    }

    fn text(&self) -> Option<String> {
        match self {
            Self::Null => None,
            Self::Text(text) | Self::Json(text) => Some(text.clone()),
        }
    }
}

impl Given {
    fn shape(&self) -> Shape {
        match self {
            Self::One(_) => Shape::One,
            Self::List(_) => Shape::List,
            Self::Members(_) => Shape::Members,
        }
    }

    fn argument(&self) -> Argument {
        match self {
            Self::One(leaf) => leaf.argument(),
            Self::List(items) => Argument::Array(items.iter().map(Leaf::argument).collect()),
            Self::Members(members) => {
                let members = members.iter().map(|(name, leaf)| (name.clone(), leaf.argument()));
                Argument::Object(members.collect::<IndexMap<_, _>>())
            }
        }
    }

    /// What is said: null says nothing, an empty list or object neither.
    fn tree(&self) -> Tree {
        match self {
            Self::One(leaf) => leaf.text().map_or(Tree::Nothing, Tree::One),
            Self::List(items) => {
                let items: Vec<_> = items.iter().filter_map(Leaf::text).collect();
                if items.is_empty() { Tree::Nothing } else { Tree::List(items) }
            }
            Self::Members(members) => {
                let unique: IndexMap<_, _> = members.iter().map(|(name, leaf)| (name, leaf)).collect();
                let said = unique.into_iter().filter_map(|(name, leaf)| Some((name.clone(), leaf.text()?)));
                let members: Vec<_> = said.collect();
                if members.is_empty() { Tree::Nothing } else { Tree::Members(members) }
            }
        }
    }
}

fn words(tree: &Tree) -> Vec<String> {
    match tree {
        Tree::Nothing => Vec::new(),
        Tree::One(text) => vec![text.clone()],
        Tree::List(items) => items.clone(),
        Tree::Members(members) => {
            members.iter().flat_map(|(name, text)| [name.clone(), text.clone()]).collect()
        }
    }
}

/// What a value becomes where a style loses the delimiter; none where even names and values cannot be told apart.
fn canonical(way: &Way, tree: &Tree) -> Option<Tree> {
    let Some(lost) = way.lost() else { return Some(tree.clone()) };
    match tree {
        Tree::List(items) => Some(split(&items.join(lost), lost, Shape::List)),
        // With `=` between name and value or without, a delimiter inside shifts what follows.
        Tree::Members(members) => {
            let signs = way.explode && way.place == "header";
            let shifts = |text: &String| text.contains(lost);
            let is_lost = members
                .iter()
                .any(|(name, text)| shifts(name) || shifts(text) || signs && name.contains('='));
            (!is_lost).then(|| tree.clone())
        }
        one => Some(one.clone()),
    }
}

/// Whether a call must be refused, by what its place can hold.
fn must_be_refused(way: &Way, tree: &Tree) -> bool {
    let words = words(tree);
    match (way.place, way.style) {
        ("path", "matrix") => *tree == Tree::Nothing,
        ("path", style) => {
            let dot = style == "label";
            let joiner = if dot && way.explode { "." } else { "," };
            let is_named = matches!(tree, Tree::Members(_)) && way.explode;
            let text = format!("{}{}", if dot { "." } else { "" }, words.join(joiner));
            *tree == Tree::Nothing || !is_named && ["", ".", ".."].contains(&text.as_str())
        }
        ("header", _) | ("cookie", "cookie") => {
            let is_odd = |letter: char| !letter.is_ascii() || letter.is_ascii_control() && letter != '\t';
            let blank = [' ', '\t'];
            let edges = match tree {
                // Servers cut spaces off around the name and the value of each pair.
                _ if way.place == "cookie" => {
                    let joined = [words.join(",")];
                    let pieces = if way.explode { &words[..] } else { &joined };
                    pieces.iter().any(|piece| piece.trim_matches(blank) != piece)
                }
                Tree::Members(_) | Tree::List(_) | Tree::One(_) => {
                    let first = words.first().is_some_and(|first| first.starts_with(blank));
                    first || words.last().is_some_and(|last| last.ends_with(blank))
                }
                Tree::Nothing => false,
            };
            let named = way.place == "cookie" && way.explode && matches!(tree, Tree::Members(_));
            let cookie = way.place == "cookie"
                && (words.iter().any(|word| word.contains(';'))
                    || named && words.iter().step_by(2).any(|name| name.contains('=')));
            words.iter().any(|word| word.contains(is_odd)) || edges || cookie
        }
        _ => false,
    }
}

fn letters() -> impl Strategy<Value = char> {
    let special = proptest::sample::select(
        " ,;|&=+%./?#[]'\"\\~*-_:@!$()\t\n\r\u{0}é€😀\u{feff}".chars().collect::<Vec<_>>(),
    );
    prop_oneof![3 => special, 3 => proptest::char::range('0', 'z'), 2 => any::<char>()]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => proptest::collection::vec(letters(), 0..6).prop_map(String::from_iter),
        2 => proptest::sample::select(vec!["", ".", "..", "%2e", "%2E%2e", "null", "0", "a b", "a"]).prop_map(str::to_owned),
    ]
}

fn leaf() -> impl Strategy<Value = Leaf> {
    let numbers = vec!["0", "-0", "1.0", "1e400", "18446744073709551616", "-2.5E-3", "true", "false"];
    prop_oneof![
        12 => text().prop_map(Leaf::Text),
        3 => proptest::sample::select(numbers).prop_map(|text| Leaf::Json(text.to_owned())),
        1 => any::<i64>().prop_map(|number| Leaf::Json(number.to_string())),
        1 => Just(Leaf::Null),
    ]
}

fn given() -> impl Strategy<Value = Given> {
    prop_oneof![
        2 => leaf().prop_map(Given::One),
        3 => proptest::collection::vec(leaf(), 0..5).prop_map(Given::List),
        3 => proptest::collection::vec((text(), leaf()), 0..4).prop_map(Given::Members),
    ]
}

fn one_call(loaded: &Loaded, number: usize, way: &Way, given: &Given) -> Result<(), TestCaseError> {
    let tree = given.tree();
    let id = format!("way{number}");
    let request = loaded.harness.command(&id, [(way.name, given.argument())]).prepare();
    if must_be_refused(way, &tree) {
        prop_assert!(request.is_err(), "{way:?} sent {given:?} as {:?}", request);
        return Ok(());
    }
    let request =
        request.map_err(|error| TestCaseError::fail(format!("{way:?} refused {given:?}: {error}")))?;
    if let Some(wanted) = canonical(way, &tree) {
        prop_assert_eq!(way.read(&request, number), wanted, "{:?} {:?} {}", way, given, request);
    }
    // What is shown is what an URL parser finds nothing to change in.
    let url = request.url().into_owned();
    let parsed = url::Url::parse(&url).unwrap();
    prop_assert_eq!(parsed.as_str(), url.as_str());
    Ok(())
}

fn runner(cases: usize) -> TestRunner {
    let cases = u32::try_from(cases).unwrap();
    TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() })
}

#[test]
fn values_come_back_from_every_style_and_place() {
    let ways = ways();
    let paths = ways.iter().enumerate().map(|(number, way)| way.operation(number));
    let loaded = load("3.1.2", &Value::Object(paths.collect()), &json!({}));
    assert_eq!(loaded.told(), [""; 0]);
    let calls = Cell::new(0_usize);
    while calls.get() < CALLS - DEEP_CALLS {
        let ran = runner(500).run(&given(), |given| {
            for (number, way) in ways.iter().enumerate().filter(|(_, way)| way.shape == given.shape()) {
                one_call(&loaded, number, way, &given)?;
                calls.set(calls.get() + 1);
            }
            Ok(())
        });
        ran.unwrap_or_else(|error| panic!("{error}"));
    }
}
