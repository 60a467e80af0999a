//! One item, from its text: pure, so that what people type can be tried at random.

use std::path::PathBuf;

/// A word of a call that is no option of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Word {
    /// An item as written.
    Item(String),
    /// `--name value` or `--name=value`.
    Named {
        /// The name after the dashes.
        name: String,
        /// The value.
        value: String,
    },
}

/// The words that name a place before a name.
pub(crate) const PLACES: [&str; 5] = ["path.", "query.", "header.", "cookie.", "body."];

/// One item, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item {
    /// An argument.
    Argument {
        /// Its name, with its place where one is named: `query.limit`.
        name: String,
        /// The way into its value: `a[b][]` has two steps.
        steps: Vec<Step>,
        /// Its value.
        value: Value,
    },
    /// `name:value`, or `name;` with an empty value.
    Header {
        /// The header's name.
        name: String,
        /// Its value.
        value: String,
    },
    /// `name:`, a header of ours that is not to be sent.
    NoHeader(String),
    /// `@FILE`: the whole body.
    Body(Source),
}

/// A step into a nested value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// `[name]`
    Key(String),
    /// `[0]`
    Index(usize),
    /// `[]`
    Append,
}

/// The value of an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// Text, made the declared type later.
    Text(String),
    /// JSON text.
    Json(String),
    /// The text of a file.
    TextFrom(Source),
    /// The JSON text of a file.
    JsonFrom(Source),
    /// A file as a file.
    File {
        /// Where its bytes are.
        source: Source,
        /// `;type=`
        media_type: Option<String>,
        /// `;filename=`
        filename: Option<String>,
    },
}

/// Where bytes come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// Standard input, written `-`.
    Stdin,
    /// A file.
    File(PathBuf),
}

impl Source {
    /// What stands after an `@`, or after `--input`.
    pub(crate) fn of(text: &str) -> Self {
        if text == "-" { Self::Stdin } else { Self::File(text.into()) }
    }
}

/// What stands between a name and a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Text,
    Json,
    TextFile,
    JsonFile,
    Query,
    Header,
    EmptyHeader,
    File,
}

impl Operator {
    /// The operator at the start of a text, the longest that fits, and its length.
    fn at(text: &str) -> Option<(Self, usize)> {
        const OPERATORS: [(&str, Operator); 7] = [
            (":=@", Operator::JsonFile),
            (":=", Operator::Json),
            ("=@", Operator::TextFile),
            ("==", Operator::Query),
            ("=", Operator::Text),
            (":", Operator::Header),
            ("@", Operator::File),
        ];
        if text == ";" {
            return Some((Self::EmptyHeader, 1));
        }
        OPERATORS
            .into_iter()
            .find(|(written, _)| text.starts_with(written))
            .map(|(written, it)| (it, written.len()))
    }
}

/// Reads a word of a call. Declared names are found first, the longest of them, so that a name may hold operators.
///
/// # Errors
/// Says what is wrong with the word.
pub(crate) fn read<'n>(word: &Word, declared: impl Iterator<Item = &'n str>) -> Result<Item, String> {
    match word {
        Word::Named { name, value } => named(name, value, declared),
        Word::Item(text) => item(text, declared),
    }
}

fn named<'n>(name: &str, value: &str, mut declared: impl Iterator<Item = &'n str>) -> Result<Item, String> {
    let (place, bare) = place_of(name);
    let name = if declared.any(|one| one == bare || one == name) {
        Name::whole(name)
    } else {
        Name::read(place, bare)?
    };
    let value = match value.strip_prefix('@') {
        Some(path) => Value::TextFrom(Source::of(path)),
        None => Value::Text(literal(value)),
    };
    Ok(Item::Argument { name: name.text, steps: name.steps, value })
}

fn item<'n>(text: &str, declared: impl Iterator<Item = &'n str>) -> Result<Item, String> {
    if let Some(path) = text.strip_prefix('@') {
        return Ok(Item::Body(Source::of(path)));
    }
    let (place, bare) = place_of(text);
    let longest = declared
        .flat_map(|name| [(text, name), (bare, name)])
        .filter(|(from, name)| from.strip_prefix(name).is_some_and(|rest| Operator::at(rest).is_some()))
        .map(|(from, name)| text.len() - from.len() + name.len())
        .max();
    let end = longest.or_else(|| operator_place(text)).ok_or_else(|| no_item(text))?;
    let (written, rest) = text.split_at(end);
    let (operator, length) = Operator::at(rest).ok_or_else(|| no_item(text))?;
    let value = rest.get(length..).unwrap_or_default();
    if written.is_empty() {
        return Err(format!("`{text}` has no name before its operator"));
    }
    if let Some(item) = header(operator, written, value) {
        return Ok(item);
    }
    if operator == Operator::Query {
        let name = unescape(written);
        let name = if place.is_empty() { format!("query.{name}") } else { name };
        return Ok(Item::Argument { name, steps: Vec::new(), value: Value::Text(value.to_owned()) });
    }
    let name = match longest {
        Some(_) => Name::whole(written),
        None => Name::read(place, written.get(place.len()..).unwrap_or_default())?,
    };
    Ok(Item::Argument { name: name.text, steps: name.steps, value: value_of(operator, value)? })
}

fn no_item(text: &str) -> String {
    format!("`{text}` is no item: it has none of the operators = := == : @")
}

fn header(operator: Operator, name: &str, value: &str) -> Option<Item> {
    let name = unescape(name);
    match operator {
        Operator::Header if value.is_empty() => Some(Item::NoHeader(name)),
        Operator::Header => Some(Item::Header { name, value: value.trim_start().to_owned() }),
        Operator::EmptyHeader => Some(Item::Header { name, value: String::new() }),
        _ => None,
    }
}

fn value_of(operator: Operator, text: &str) -> Result<Value, String> {
    Ok(match operator {
        Operator::TextFile => Value::TextFrom(Source::of(text)),
        Operator::JsonFile => Value::JsonFrom(Source::of(text)),
        Operator::Json => Value::Json(text.to_owned()),
        Operator::File => file(text)?,
        _ => Value::Text(literal(text)),
    })
}

/// `FILE;type=T;filename=F`; other semicolons belong to the file's name.
fn file(text: &str) -> Result<Value, String> {
    let (mut path, mut media_type, mut filename) = (text, None, None);
    while let Some((before, last)) = path.rsplit_once(';') {
        match last.split_once('=') {
            Some(("type", value)) => media_type = Some(value.to_owned()),
            Some(("filename", value)) => filename = Some(value.to_owned()),
            _ => break,
        }
        path = before;
    }
    if path.is_empty() {
        return Err("no file is named after `@`".into());
    }
    Ok(Value::File { source: Source::of(path), media_type, filename })
}

/// The value without the backslash that keeps a leading `@` from naming a file.
fn literal(text: &str) -> String {
    let bare = text.trim_start_matches('\\');
    let is_escaped = bare.starts_with('@') && bare.len() < text.len();
    text.get(usize::from(is_escaped)..).unwrap_or_default().to_owned()
}

/// Splits off the word that names a place.
fn place_of(text: &str) -> (&'static str, &str) {
    let place = PLACES.into_iter().find(|place| text.starts_with(place)).unwrap_or_default();
    (place, text.get(place.len()..).unwrap_or_default())
}

/// The first operator that no backslash takes its meaning.
fn operator_place(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    text.char_indices().find_map(|(at, one)| {
        let was_escaped = std::mem::take(&mut is_escaped);
        is_escaped = one == '\\' && !was_escaped;
        let is_free = !was_escaped && !is_escaped;
        (is_free && Operator::at(text.get(at..).unwrap_or_default()).is_some()).then_some(at)
    })
}

/// Whether a backslash before it takes its meaning.
fn has_meaning(one: char) -> bool {
    matches!(one, '=' | ':' | ';' | '@' | '[' | ']' | '\\')
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(one) = rest.next() {
        match rest.peek() {
            Some(&next) if one == '\\' && has_meaning(next) => {
                out.push(next);
                rest.next();
            }
            _ => out.push(one),
        }
    }
    out
}

/// A name with the steps into its value.
struct Name {
    text: String,
    steps: Vec<Step>,
}

impl Name {
    fn whole(text: &str) -> Self {
        Self { text: text.to_owned(), steps: Vec::new() }
    }

    /// Reads `a[b][0][]`.
    fn read(place: &str, written: &str) -> Result<Self, String> {
        let brackets = free(written, '[').unwrap_or(written.len());
        let (root, mut rest) = written.split_at(brackets);
        let text = format!("{place}{}", unescape(root));
        if root.is_empty() {
            return Err(format!("`{place}{written}` has no name before its brackets"));
        }
        let mut steps = Vec::new();
        while let Some(inner) = rest.strip_prefix('[') {
            let close = free(inner, ']')
                .ok_or_else(|| format!("`{written}` lacks a `]`; write `\\[` where none is meant"))?;
            let (key, after) = inner.split_at(close);
            steps.push(step(key));
            rest = after.get(1..).unwrap_or_default();
        }
        if rest.is_empty() {
            Ok(Self { text, steps })
        } else {
            Err(format!("`{rest}` stands after the `]` of `{written}`"))
        }
    }
}

fn step(key: &str) -> Step {
    match key.parse() {
        Ok(index) if key.bytes().all(|byte| byte.is_ascii_digit()) => Step::Index(index),
        _ if key.is_empty() => Step::Append,
        _ => Step::Key(unescape(
            key.strip_prefix('\\').filter(|rest| rest.parse::<usize>().is_ok()).unwrap_or(key),
        )),
    }
}

/// The place of a character that no backslash takes its meaning.
fn free(text: &str, wanted: char) -> Option<usize> {
    let mut is_escaped = false;
    text.char_indices().find_map(|(at, one)| {
        let was_escaped = std::mem::take(&mut is_escaped);
        is_escaped = one == '\\' && !was_escaped;
        (one == wanted && !was_escaped).then_some(at)
    })
}

/// Reads the lines of a text as words of a call: the first one names what is declared, by spaces. For tests of random
/// texts, which call it whatever the bytes.
#[cfg(any(test, fuzzing))]
#[allow(clippy::panic, reason = "a property that does not hold")]
pub(crate) fn fuzz(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (declared, words) = text.split_once('\n').unwrap_or(("", &text));
    let declared: Vec<&str> = declared.split_whitespace().collect();
    for line in words.lines() {
        let word = match line.strip_prefix("--").and_then(|rest| rest.split_once('=')) {
            Some((name, value)) => Word::Named { name: name.to_owned(), value: value.to_owned() },
            None => Word::Item(line.to_owned()),
        };
        match read(&word, declared.iter().copied()) {
            Ok(Item::Argument { name, value, .. }) => {
                assert!(!name.is_empty() || matches!(word, Word::Named { .. }), "{line:?} has no name");
                if let (Value::Json(text), Word::Item(_)) = (&value, &word) {
                    assert!(line.ends_with(text.as_str()), "{line:?}");
                }
            }
            Ok(_) => {}
            Err(problem) => assert!(!problem.is_empty() && problem.len() <= 2 * line.len() + 200, "{line:?}"),
        }
        // A name written with every operator escaped is itself.
        let escaped: String =
            line.chars().flat_map(|one| has_meaning(one).then_some('\\').into_iter().chain([one])).collect();
        if !escaped.is_empty() && place_of(&escaped).0.is_empty() && !escaped.starts_with("--") {
            let found = read(&Word::Item(format!("{escaped}=v")), std::iter::empty());
            let Ok(Item::Argument { name, steps, value }) = found else { panic!("{escaped:?}: {found:?}") };
            assert_eq!((name.as_str(), steps.len(), value), (line, 0, Value::Text("v".to_owned())));
        }
    }
}
