//! The shape of a query, as far as its cost turns on it: the library that runs queries does not show it.
//!
//! Only texts that the library has read come here, so nothing is checked a second time.

use super::i_regexp::{self, Fault};
use super::size::{Size, Texts};

/// A query: where it begins, and its segments (RFC 9535 §2.1).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Plan {
    /// It begins at the root (`$`), else at the node that a filter looks at (`@`).
    pub(super) is_absolute: bool,
    pub(super) segments: Vec<Segment>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Segment {
    /// It selects among all descendants (`..`), not among the children alone.
    pub(super) descends: bool,
    pub(super) selectors: Vec<Selector>,
}

impl Segment {
    /// The one name that it selects among the children, where that stands as it is.
    fn plain_name(&self) -> Option<&str> {
        match &self.selectors[..] {
            [Selector::Name(name)] if !self.descends && !name.contains('\\') => Some(name),
            _ => None,
        }
    }

    /// Whether a filter, or one in it, begins a query at the root.
    fn looks_at_the_root(&self) -> bool {
        let begins = |query: &Plan| query.is_absolute || query.segments.iter().any(Self::looks_at_the_root);
        self.selectors.iter().any(|selector| match selector {
            Selector::Filter(filter) => filter.queries.iter().any(begins),
            _ => false,
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Selector {
    /// A member by its name.
    Name(String),
    /// An element by its index.
    Index,
    /// All children, or a slice of them.
    Many,
    /// The children that a filter lets pass.
    Filter(Filter),
}

/// What a filter does for each node that it looks at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Filter {
    pub(super) queries: Vec<Plan>,
    pub(super) patterns: Vec<Pattern>,
    /// Whether it compares values, which may be as large as the document.
    pub(super) compares: bool,
}

/// A regular expression. The last few are kept as they were compiled; those that come from the document may all be
/// others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    pub(super) tried: Tried,
    /// The expression; `None` where it comes from the document.
    pub(super) literal: Option<Literal>,
    /// Whether it is to fit the whole of a text (`match`), not a part of one.
    pub(super) whole: bool,
}

/// What a regular expression is tried on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tried {
    /// The value of a member of this name.
    Member(String),
    /// Any value.
    Any,
    /// A text of the query.
    Text(Texts),
}

/// A regular expression that stands in the query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Literal {
    pub(super) text: String,
    /// What it comes to, which is known without compiling it.
    pub(super) size: Result<Size, Fault>,
}

impl Literal {
    fn new(text: String) -> Self {
        let size = i_regexp::translated(&text).map(|translated| translated.size);
        Self { text, size }
    }
}

impl Plan {
    /// The shape of a query's text.
    pub(super) fn of(text: &str) -> Self {
        let mut reader = Reader { rest: text.trim_start() };
        let is_absolute = reader.take() == Some('$');
        Self { is_absolute, segments: reader.segments() }
    }

    /// The names that a query from the root begins with, and whether they are all of it.
    pub(super) fn way(&self) -> (Vec<&str>, bool) {
        if self.segments.iter().any(Segment::looks_at_the_root) {
            return (Vec::new(), false);
        }
        let names: Vec<&str> = self.segments.iter().map_while(Segment::plain_name).collect();
        let is_whole = names.len() == self.segments.len();
        (names, is_whole)
    }

    /// The patterns in it, those of filters in filters too.
    pub(super) fn patterns<'p>(&'p self) -> Vec<&'p Pattern> {
        let selectors = self.segments.iter().flat_map(|segment| &segment.selectors);
        let filters =
            selectors.filter_map(|one| if let Selector::Filter(filter) = one { Some(filter) } else { None });
        let of_filter = |filter: &'p Filter| {
            filter.patterns.iter().chain(filter.queries.iter().flat_map(Self::patterns)).collect::<Vec<_>>()
        };
        filters.flat_map(of_filter).collect()
    }

    /// The name of the last segment, where it has one.
    fn last_name(&self) -> Option<String> {
        match &self.segments.last()?.selectors[..] {
            [Selector::Name(name)] => Some(name.clone()),
            _ => None,
        }
    }
}

struct Reader<'t> {
    rest: &'t str,
}

/// A call of `match` or `search` whose first argument is read.
struct Call {
    /// How many parentheses are open in it.
    depth: usize,
    whole: bool,
    /// How many queries the filter had before it.
    queries: usize,
    /// The last text in it.
    text: Option<String>,
}

impl Call {
    /// What the first argument is, of a filter as it is behind that.
    fn tried(&self, filter: &Filter) -> Tried {
        let queries = filter.queries.get(self.queries..).unwrap_or_default();
        match (queries.last().map(Plan::last_name), &self.text) {
            (Some(Some(name)), _) => Tried::Member(name),
            (None, Some(text)) => Tried::Text(Texts::of(text)),
            _ => Tried::Any,
        }
    }
}

impl Reader<'_> {
    fn take(&mut self) -> Option<char> {
        let mut letters = self.rest.chars();
        let first = letters.next();
        self.rest = letters.as_str();
        first
    }

    fn space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn eat(&mut self, word: &str) -> bool {
        let after = self.rest.strip_prefix(word);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn segments(&mut self) -> Vec<Segment> {
        let mut segments = Vec::new();
        loop {
            self.space();
            let descends = self.eat("..");
            if self.eat("[") {
                segments.push(Segment { descends, selectors: self.selectors() });
            } else if descends || self.eat(".") {
                let selector = if self.eat("*") { Selector::Many } else { Selector::Name(self.name()) };
                segments.push(Segment { descends, selectors: vec![selector] });
            } else {
                return segments;
            }
        }
    }

    fn name(&mut self) -> String {
        let is_in = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || !letter.is_ascii();
        let end = self.rest.find(|letter| !is_in(letter)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        name.to_owned()
    }

    /// A text after its quote, as it stands between the quotes.
    fn quoted(&mut self, quote: char) -> String {
        let mut text = String::new();
        while let Some(letter) = self.take().filter(|letter| *letter != quote) {
            text.push(letter);
            if letter == '\\' {
                text.extend(self.take());
            }
        }
        text
    }

    /// The selectors after a bracket, to the closing one.
    fn selectors(&mut self) -> Vec<Selector> {
        let mut selectors = Vec::new();
        loop {
            self.space();
            match self.take() {
                None | Some(']') => return selectors,
                Some(',') => {}
                Some('*') => selectors.push(Selector::Many),
                Some('?') => selectors.push(Selector::Filter(self.filter())),
                Some(quote @ ('\'' | '"')) => selectors.push(Selector::Name(self.quoted(quote))),
                Some(first) => {
                    let end = self.rest.find([',', ']']).unwrap_or(self.rest.len());
                    let is_slice = first == ':' || self.rest[..end].contains(':');
                    self.rest = &self.rest[end..];
                    selectors.push(if is_slice { Selector::Many } else { Selector::Index });
                }
            }
        }
    }

    /// A filter, to the comma or bracket after it.
    fn filter(&mut self) -> Filter {
        let mut filter = Filter::default();
        let (mut depth, mut calls) = (0_usize, Vec::<Call>::new());
        while let Some(next) = self.rest.chars().next() {
            if matches!(next, ',' | ']') && depth == 0 {
                break;
            }
            if next.is_ascii_alphabetic() {
                if let function @ ("match" | "search") = self.name().as_str() {
                    let (whole, queries) = (function == "match", filter.queries.len());
                    calls.push(Call { depth: depth + 1, whole, queries, text: None });
                }
                continue;
            }
            self.take();
            match next {
                '$' | '@' => {
                    filter.queries.push(Plan { is_absolute: next == '$', segments: self.segments() });
                }
                '\'' | '"' => {
                    let text = self.quoted(next);
                    if let Some(call) = calls.last_mut() {
                        call.text = unquoted(&text);
                    }
                }
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                '=' | '<' | '>' => filter.compares = true,
                ',' => {
                    if let Some(call) = calls.pop_if(|call| call.depth == depth) {
                        let (tried, literal) = (call.tried(&filter), self.pattern().map(Literal::new));
                        filter.patterns.push(Pattern { tried, literal, whole: call.whole });
                    }
                }
                _ => {}
            }
        }
        filter
    }

    /// The second argument of `match` or `search`, where it is a text.
    fn pattern(&mut self) -> Option<String> {
        self.space();
        let quote = self.rest.chars().next().filter(|letter| matches!(letter, '\'' | '"'))?;
        self.take();
        unquoted(&self.quoted(quote))
    }
}

/// What a text means that stands so between quotes (RFC 9535 §2.3.1.2): as in JSON, but for the quotes.
fn unquoted(quoted: &str) -> Option<String> {
    let mut json = String::with_capacity(quoted.len() + 2);
    json.push('"');
    let mut letters = quoted.chars();
    while let Some(letter) = letters.next() {
        match (letter, if letter == '\\' { letters.next() } else { None }) {
            (_, Some('\'')) => json.push('\''),
            (_, Some(escaped)) => json.extend(['\\', escaped]),
            ('"', None) => json.push_str("\\\""),
            (letter, None) => json.push(letter),
        }
    }
    json.push('"');
    serde_json::from_str(&json).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_keep_their_shape() {
        let plan = Plan::of("$.paths['/a,]'] [0, 1:2,*] ..[?@.x == 'y,]' && match($..n, '[a-z]{2}')].z");
        let name = |text: &str| Selector::Name(text.to_owned());
        let child = |selectors| Segment { descends: false, selectors };
        let all_n = Plan {
            is_absolute: true,
            segments: vec![Segment { descends: true, selectors: vec![name("n")] }],
        };
        let filter = Filter {
            queries: vec![Plan { is_absolute: false, segments: vec![child(vec![name("x")])] }, all_n],
            patterns: vec![Pattern {
                tried: Tried::Member("n".to_owned()),
                literal: Some(Literal::new("[a-z]{2}".to_owned())),
                whole: true,
            }],
            compares: true,
        };
        let segments = vec![
            child(vec![name("paths")]),
            child(vec![name("/a,]")]),
            child(vec![Selector::Index, Selector::Many, Selector::Many]),
            Segment { descends: true, selectors: vec![Selector::Filter(filter)] },
            child(vec![name("z")]),
        ];
        assert_eq!(plan, Plan { is_absolute: true, segments });
    }

    #[test]
    fn the_way_of_a_query_is_what_it_names() {
        for (text, names, is_whole) in [
            ("$", &[][..], true),
            ("$.paths['/a b'].get", &["paths", "/a b", "get"], true),
            ("$['a'] [\"b\"]", &["a", "b"], true),
            ("$.paths.*.get", &["paths"], false),
            ("$.servers[0].url", &["servers"], false),
            ("$.a['b','c']", &["a"], false),
            ("$.a..b", &["a"], false),
            ("$.a['it\\'s'].b", &["a"], false),
            ("$.a[?@.b[?@.c == 1]]", &["a"], false),
            ("$.a[?@.b == $.c]", &[], false),
            ("$.a[?@.b[?$.c]]", &[], false),
        ] {
            assert_eq!(Plan::of(text).way(), (names.to_vec(), is_whole), "{text}");
        }
    }

    #[test]
    fn what_a_pattern_is_tried_on_is_its_own_argument() {
        let text = |text: &str| Tried::Text(Texts::of(text));
        let member = |name: &str| Tried::Member(name.to_owned());
        for (filter, tried) in [
            ("match(@.a, 'x')", member("a")),
            ("match(@, 'x')", Tried::Any),
            ("match(@.a[0], 'x')", Tried::Any),
            ("match(value(@..a), 'x')", member("a")),
            ("match('abc', $.x)", text("abc")),
            ("@.a == 'y' && match('abc', $.x)", text("abc")),
            ("@.a && match( \"\\u4e00\\\"\" , @.x)", text("\u{4e00}\"")),
            ("@.a == 'y' && search(@.b['c'], $.x)", member("c")),
            ("'y' == @.a && !search(@, $.x)", Tried::Any),
        ] {
            let plan = Plan::of(&format!("$[?{filter}]"));
            assert_eq!(plan.patterns()[0].tried, tried, "{filter}");
        }
    }

    #[test]
    fn filters_end_where_they_end() {
        let plan = Plan::of("$[?count(@[?@[0] > 1, 2]) > 1, ?search(@, $.p)]");
        let [Selector::Filter(first), Selector::Filter(second)] = &plan.segments[0].selectors[..] else {
            unreachable!("{plan:?}")
        };
        assert_eq!(first.queries[0].segments[0].selectors.len(), 2);
        assert_eq!(second.patterns, [Pattern { tried: Tried::Any, literal: None, whole: false }]);
        assert_eq!(second.queries.len(), 2);
    }
}
