//! Path keys taken apart: the path, the query that some documents write behind it, and the variables in both.
//!
//! `OpenAPI` has variables in the path alone, each a name between braces. Documents also write a pattern behind the
//! name (`{id:[0-9]+}`), spaces around it, and variables into the query; what is behind a `#` only tells keys apart.

use super::template::Piece;

/// A path key without its fragment, and the query that some documents write into it.
pub(crate) fn split(key: &str) -> (&str, Option<&str>) {
    if !key.bytes().any(|byte| matches!(byte, b'?' | b'#')) {
        return (key, None);
    }
    let mut depth = 0_usize;
    let mut query = None;
    for (place, letter) in key.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            '?' if depth == 0 && query.is_none() => query = Some(place),
            '#' if depth == 0 => return cut(&key[..place], query),
            _ => {}
        }
    }
    cut(key, query)
}

fn cut(key: &str, query: Option<usize>) -> (&str, Option<&str>) {
    query.map_or((key, None), |place| (&key[..place], Some(&key[place + 1..])))
}

/// The pieces of a template; of a variable it is all between the braces. A brace without its other half is text.
pub(crate) fn pieces(template: &str) -> impl Iterator<Item = Piece<'_>> {
    let (mut braced, mut at) = (braced(template).into_iter().peekable(), 0);
    std::iter::from_fn(move || {
        if let Some((start, end)) = braced.next_if(|(start, _)| *start == at) {
            at = end + 1;
            return Some(Piece::Variable(&template[start + 1..end]));
        }
        let end = braced.peek().map_or(template.len(), |(start, _)| *start);
        let literal = &template[at..end];
        at = end;
        (!literal.is_empty()).then_some(Piece::Literal(literal))
    })
}

/// Where the outermost pairs of braces begin and end; those inside one belong to its pattern.
fn braced(template: &str) -> Vec<(usize, usize)> {
    let (mut open, mut found) = (Vec::new(), Vec::new());
    for (place, letter) in template.bytes().enumerate() {
        match letter {
            b'{' => open.push(place),
            b'}' => {
                let Some(start) = open.pop() else { continue };
                while found.pop_if(|(inner, _)| *inner > start).is_some() {}
                found.push((start, place));
            }
            _ => {}
        }
    }
    found
}

/// The names of a template's variables, where a parameter may be declared by a name.
pub(crate) fn variables(template: &str, is_declared: impl Fn(&str) -> bool) -> impl Iterator<Item = &str> {
    pieces(template).filter_map(move |piece| match piece {
        Piece::Variable(braced) => Some(name(braced, &is_declared)),
        Piece::Literal(_) => None,
    })
}

/// The name of the variable between two braces: all that stands there where a parameter is declared by it, else what
/// stands before a pattern.
pub(crate) fn name(braced: &str, is_declared: impl Fn(&str) -> bool) -> &str {
    if is_declared(braced) {
        return braced;
    }
    braced.split_once(':').map_or(braced, |(name, _)| name).trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_split_outside_of_braces() {
        assert_eq!(split("/graphql#name"), ("/graphql", None));
        assert_eq!(split("/a?b=c&d=e#f"), ("/a", Some("b=c&d=e")));
        assert_eq!(split("/{x:[^#?]+}/b"), ("/{x:[^#?]+}/b", None));
    }

    #[test]
    fn templates_are_taken_apart() {
        let pieces = |template| {
            let shown = pieces(template).map(|piece| match piece {
                Piece::Literal(text) => text.to_owned(),
                Piece::Variable(braced) => format!("<{braced}>"),
            });
            shown.collect::<Vec<_>>().join("|")
        };
        for (template, expected) in [
            ("/a/{b}{c}.json", "/a/|<b>|<c>|.json"),
            ("{b}", "<b>"),
            ("", ""),
            ("/{ID:[0-9]{2,}}/{ x }", "/|<ID:[0-9]{2,}>|/|< x >"),
            ("/open/{brace", "/open/{brace"),
            ("/{a/{b}}}", "/|<a/{b}>|}"),
            ("/{a/{b}/{c}", "/{a/|<b>|/|<c>"),
            ("é{b}é", "é|<b>|é"),
        ] {
            assert_eq!(pieces(template), expected, "{template}");
        }
    }

    #[test]
    fn many_braces_without_their_other_half_cost_little() {
        let template = "{".repeat(1 << 20);
        assert_eq!(pieces(&template).count(), 1);
    }

    #[test]
    fn a_name_is_the_declared_one() {
        let names = |declared: &'static str| {
            variables("/{a:b}/{ id }/{x:[0-9]+}", move |name| name == declared).collect::<Vec<_>>()
        };
        assert_eq!(names(""), ["a", "id", "x"]);
        assert_eq!(names("a:b"), ["a:b", "id", "x"]);
        assert_eq!(names(" id "), ["a", " id ", "x"]);
    }
}
