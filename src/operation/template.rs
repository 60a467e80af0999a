//! The variables in a server's URL (`OpenAPI` Server Object: "variables are named in `{braces}`").

use super::ServerDef;

/// A piece of a server's URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece<'u> {
    /// Text as it stands.
    Literal(&'u str),
    /// A variable by its name.
    Variable(&'u str),
}

impl ServerDef {
    /// The pieces of the URL; a brace without its other half is text.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = Piece<'_>> {
        let mut rest = self.url.as_str();
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let braced = rest.strip_prefix('{').and_then(|inner| inner.split_once('}'));
            if let Some((name, after)) = braced.filter(|(name, _)| is_name(name)) {
                rest = after;
                return Some(Piece::Variable(name));
            }
            let end = rest.char_indices().skip(1).find(|(_, letter)| *letter == '{');
            let (literal, after) = rest.split_at(end.map_or(rest.len(), |(place, _)| place));
            rest = after;
            Some(Piece::Literal(literal))
        })
    }

    /// The names of the variables in the URL, in order.
    pub(crate) fn variable_names(&self) -> impl Iterator<Item = &str> {
        self.pieces().filter_map(|piece| match piece {
            Piece::Variable(name) => Some(name),
            Piece::Literal(_) => None,
        })
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.contains(['{', '/'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_told_from_text() {
        let pieces = |url: &str| {
            let server = ServerDef { url: url.to_owned(), ..ServerDef::default() };
            let shown = server.pieces().map(|piece| match piece {
                Piece::Literal(text) => text.to_owned(),
                Piece::Variable(name) => format!("<{name}>"),
            });
            shown.collect::<Vec<_>>().join("|")
        };
        for (url, expected) in [
            ("https://{a}.example:{port}/{v}", "https://|<a>|.example:|<port>|/|<v>"),
            ("{base}", "<base>"),
            ("/x", "/x"),
            ("", ""),
            ("https://a/{}", "https://a/|{}"),
            ("https://a/{b", "https://a/|{b"),
            ("https://a/{b/{c}", "https://a/|{b/|<c>"),
            ("https://{{x}}.é", "https://|{|<x>|}.é"),
        ] {
            assert_eq!(pieces(url), expected, "{url}");
        }
    }
}
