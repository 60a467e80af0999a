//! The `Link` header (RFC 8288), read by the algorithm of its appendix B, and where it says that the next page is.

use std::borrow::Cow;

use http::header::{HeaderMap, LINK};
use percent_encoding::percent_decode_str;
use url::Url;

/// One link of a `Link` header field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    /// The target as written between `<` and `>`, often relative.
    pub(crate) target: String,
    /// The relation types, in lower case.
    pub(crate) relations: Vec<String>,
    /// What the link is about, as written; without one it is the resource that was asked for.
    pub(crate) anchor: Option<String>,
    /// The title: `title*` where it can be read, else `title`.
    pub(crate) title: Option<String>,
}

impl Link {
    fn of(target: &str, parameters: &[(String, String)]) -> Self {
        // Of a parameter given twice only the first one counts (RFC 8288 §3.3, §3.4.1).
        let first = |wanted: &str| parameters.iter().find(|(name, _)| name == wanted).map(|(_, value)| value);
        let relations = first("rel").map(|text| text.to_ascii_lowercase()).unwrap_or_default();
        Self {
            target: target.to_owned(),
            relations: relations.split_ascii_whitespace().map(str::to_owned).collect(),
            anchor: first("anchor").cloned(),
            title: first("title*").and_then(|text| extended(text)).or_else(|| first("title").cloned()),
        }
    }

    /// Whether it leads from one resource on to its next page. A link about another resource does not.
    fn is_next_of(&self, page: &Url) -> bool {
        let is_about_page = match &self.anchor {
            None => true,
            Some(anchor) => page.join(anchor).is_ok_and(|about| about == *page),
        };
        is_about_page && self.relations.iter().any(|relation| relation == "next")
    }
}

/// Where the next page is, as the headers of a page's answer write it; the first link that says so counts.
pub(crate) fn next_of(headers: &HeaderMap, page: &Url) -> Option<String> {
    let fields = headers.get_all(LINK).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
    fields.flat_map(|field| parse(&field)).find(|link| link.is_next_of(page)).map(|link| link.target)
}

/// The links of one field, as far as they can be read.
pub(crate) fn parse(field: &str) -> Vec<Link> {
    let mut rest = Rest(field);
    let mut links = Vec::new();
    loop {
        rest.skip(|one| is_space(one) || one == ',');
        if !rest.take('<') {
            return links;
        }
        let target = rest.until(|one| one == '>');
        if !rest.take('>') {
            return links;
        }
        links.push(Link::of(target, &rest.parameters()));
    }
}

/// Optional whitespace (RFC 9110 §5.6.3).
fn is_space(one: char) -> bool {
    matches!(one, ' ' | '\t')
}

/// What is not read yet.
struct Rest<'t>(&'t str);

impl<'t> Rest<'t> {
    fn take(&mut self, wanted: char) -> bool {
        let rest = self.0.strip_prefix(wanted);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn until(&mut self, ends: impl Fn(char) -> bool) -> &'t str {
        let (taken, rest) = self.0.split_at(self.0.find(ends).unwrap_or(self.0.len()));
        self.0 = rest;
        taken
    }

    fn skip(&mut self, skipped: impl Fn(char) -> bool) {
        self.0 = self.0.trim_start_matches(skipped);
    }

    /// The parameters of one link: names in lower case, values without their quotes.
    fn parameters(&mut self) -> Vec<(String, String)> {
        let mut parameters = Vec::new();
        loop {
            // What stands between a value and the next `;` or `,` belongs to nothing.
            self.until(|one| matches!(one, ';' | ','));
            if !self.take(';') {
                return parameters;
            }
            self.skip(is_space);
            let name = self.until(|one| is_space(one) || matches!(one, '=' | ';' | ','));
            self.skip(is_space);
            let value = if self.take('=') { self.value() } else { String::new() };
            if !name.is_empty() {
                parameters.push((name.to_ascii_lowercase(), value));
            }
        }
    }

    fn value(&mut self) -> String {
        self.skip(is_space);
        if self.take('"') {
            return self.quoted();
        }
        self.until(|one| is_space(one) || matches!(one, ';' | ',')).to_owned()
    }

    /// The rest of a quoted string (RFC 9110 §5.6.4); one without an end goes to the end of the field.
    fn quoted(&mut self) -> String {
        let mut value = String::new();
        let mut letters = self.0.chars();
        while let Some(letter) = letters.next() {
            match letter {
                '"' => break,
                '\\' => value.extend(letters.next()),
                letter => value.push(letter),
            }
        }
        self.0 = letters.as_str();
        value
    }
}

/// The text of an extended parameter value (RFC 8187 §3.2): `UTF-8'en'%e2%82%ac`. Other character sets are not known.
fn extended(value: &str) -> Option<String> {
    let (charset, rest) = value.split_once('\'')?;
    let (_, text) = rest.split_once('\'')?;
    if !charset.eq_ignore_ascii_case("utf-8") {
        return None;
    }
    percent_decode_str(text).decode_utf8().ok().map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test may panic")]

    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn page() -> Url {
        Url::parse("https://api.example/v1/things?page=1").unwrap()
    }

    fn next(fields: &[&str]) -> Option<String> {
        let value = |field: &&str| (LINK, HeaderValue::from_bytes(field.as_bytes()).unwrap());
        let mut headers = HeaderMap::new();
        headers.extend(fields.iter().map(value).map(|(name, value)| (Some(name), value)));
        next_of(&headers, &page())
    }

    #[test]
    fn the_next_page_is_found_among_other_links() {
        for field in [
            r#"<https://api.example/v1/things?page=2>; rel="next""#,
            r#"<a>; rel="last", <https://api.example/v1/things?page=2>; rel="next""#,
            r"<a>;rel=prev,<https://api.example/v1/things?page=2>;rel=next",
            r#"<https://api.example/v1/things?page=2>; title="a, b; rel=\"x\" <c>"; rel="next last""#,
            r#"<https://api.example/v1/things?page=2>; rel="last NEXT"; rel="first""#,
            r#", ,<https://api.example/v1/things?page=2> ; rel = "next" ,"#,
            r#"<https://api.example/v1/things?page=2>; flag; rel="next"; anchor="""#,
            r#"<https://api.example/v1/things?page=2>; rel="next"; anchor="/v1/things?page=1""#,
            r"<https://api.example/v1/things?page=2>; title*=UTF-8'de'n%c3%a4chste; rel=next; x=",
            r#"<https://api.example/v1/things?page=2>;rel="next"#,
        ] {
            assert_eq!(next(&[field]).as_deref(), Some("https://api.example/v1/things?page=2"), "{field}");
        }
        assert_eq!(next(&["<a>; rel=prev", "<?page=2>; rel=next"]).as_deref(), Some("?page=2"));
    }

    #[test]
    fn what_is_no_next_page_of_this_resource_is_passed_over() {
        for field in [
            "",
            "nonsense",
            r#"<a>; rel="prev""#,
            r#"<a>; rel="https://api.example/rel/next""#,
            r#"<a>; rel="nextpage""#,
            r#"<a>; rel="prev"; rel="next""#,
            r#"<a>; title="rel=next""#,
            r#"<a>; rev="next""#,
            r#"<a>; rel="next"; anchor="/v1/others""#,
            r##"<a>; rel="next"; anchor="#part""##,
            r#"<a; rel="next""#,
            r#"a>; rel="next""#,
            r#"<a> rel="next""#,
        ] {
            assert_eq!(next(&[field]), None, "{field}");
        }
    }

    #[test]
    fn titles_in_other_letters_win() {
        let title = |field: &str| parse(field)[0].title.clone();
        assert_eq!(title(r#"<a>; title="b"; title*=UTF-8'en'%e2%82%ac"#).as_deref(), Some("€"));
        assert_eq!(title(r#"<a>; title="b"; title*=ISO-8859-1'en'%a3"#).as_deref(), Some("b"));
        assert_eq!(title(r#"<a>; title="b \"c\""; title*=UTF-8''%ff"#).as_deref(), Some("b \"c\""));
        assert_eq!(title("<a>; title*=utf-8"), None);
    }

    /// Writes a link in one of the ways that the grammar allows.
    fn written(link: &Link, quotes: bool, gap: &str) -> String {
        let quoted = |text: &str| format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\""));
        let mut text = format!("<{}>", link.target);
        let mut add =
            |name: &str, value: String| text.extend([gap, ";", gap, name, gap, "=", gap, value.as_str()]);
        if let Some(title) = &link.title {
            add("Title", quoted(title));
        }
        match &link.relations[..] {
            [one] if !quotes => add("rel", one.clone()),
            several => add("REL", quoted(&several.join(" "))),
        }
        if let Some(anchor) = &link.anchor {
            add("anchor", quoted(anchor));
        }
        text
    }

    fn any_link() -> impl Strategy<Value = (Link, bool, &'static str)> {
        let link = (
            "[!-;=?-~]{0,20}",
            proptest::collection::vec("[a-z][a-z0-9.-]{0,8}", 1..4),
            proptest::option::of("[ -~]{0,12}"),
            proptest::option::of("[ -~äß€]{0,12}"),
        );
        let link =
            link.prop_map(|(target, relations, anchor, title)| Link { target, relations, anchor, title });
        (link, any::<bool>(), prop_oneof![Just(""), Just(" "), Just("\t ")])
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn links_that_were_written_are_read_back(
            links in proptest::collection::vec(any_link(), 0..5),
            comma in prop_oneof![Just(","), Just(", "), Just(" ,, ")],
        ) {
            let field = links.iter().map(|(link, quotes, gap)| written(link, *quotes, gap));
            let field = field.collect::<Vec<_>>().join(comma);
            let expected: Vec<_> = links.into_iter().map(|(link, ..)| link).collect();
            prop_assert_eq!(parse(&field), expected, "{}", field);
        }

        #[test]
        fn anything_is_read_without_harm(
            bytes in proptest::collection::vec(any::<u8>(), 0..80),
            near in "[<>;,=\"\\\\ \trelnxt*'%]{0,80}",
        ) {
            let most = bytes.len() + near.len();
            prop_assert!(parse(&String::from_utf8_lossy(&bytes)).len() <= most);
            prop_assert!(parse(&near).len() <= most);
        }
    }
}
