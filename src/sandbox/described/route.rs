//! From a method and a path to an operation, by path templates (`OpenAPI` 3.1, "Path Templating Matching").

use percent_encoding::percent_decode_str;

use crate::operation::path as path_key;
use crate::table::{Operation, ServiceTable};

/// What a path means.
#[derive(Debug)]
pub(crate) enum Found<'t> {
    /// An operation, with its path variables.
    Operation(Operation<'t>, Vec<(String, String)>),
    /// Operations, of these methods only.
    OtherMethods(Vec<String>),
    /// No operation.
    Nothing,
}

/// How well a template fits: a number a segment, lower is better, literal segments before variables.
type Rank = Vec<u8>;
type Variables = Vec<(String, String)>;

/// The operation whose template fits best.
pub(super) fn find<'t>(service: &'t ServiceTable, method: &str, path: &str) -> Found<'t> {
    let mut best: Option<(Rank, u32, Variables)> = None;
    let mut methods = Vec::new();
    for row in 0..service.len() {
        let Some(listed) = service.listed(row) else { continue };
        let Some((rank, variables)) = fits(listed.path(), path) else { continue };
        let own = listed.method();
        if own.as_str() != method {
            methods.push(own.as_str().to_owned());
        } else if best.as_ref().is_none_or(|(known, ..)| rank < *known) {
            best = Some((rank, row, variables));
        }
    }
    let found = best.and_then(|(_, row, variables)| Some((service.operation(row).ok()?, variables)));
    match found {
        Some((operation, variables)) => Found::Operation(operation, variables),
        None if methods.is_empty() => Found::Nothing,
        None => {
            methods.sort_unstable();
            methods.dedup();
            Found::OtherMethods(methods)
        }
    }
}

/// Whether a path fits a template, how well, and the variables in it. A path key with a fragment is no path: it
/// tells apart the operations that share one, as GraphQL's do.
pub(crate) fn fits(template: &str, path: &str) -> Option<(Rank, Variables)> {
    if template.contains('#') {
        return None;
    }
    let (template, _) = path_key::split(template);
    let literal = &template[..template.find('{').unwrap_or(template.len())];
    if !path.starts_with(literal) && !path.contains('%') {
        return None;
    }
    let (wanted, given) = (split(template), path.split('/').collect::<Vec<_>>());
    if wanted.len() != given.len() {
        return None;
    }
    let (mut rank, mut variables) = (Vec::new(), Vec::new());
    for (wanted, given) in wanted.into_iter().zip(given) {
        let given = percent_decode_str(given).decode_utf8_lossy();
        rank.push(segment(wanted, &given, &mut variables)?);
    }
    Some((rank, variables))
}

/// The segments of a template; a slash inside braces does not part.
fn split(template: &str) -> Vec<&str> {
    let (mut segments, mut start, mut depth) = (Vec::new(), 0, 0_u32);
    for (place, sign) in template.char_indices() {
        match sign {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            '/' if depth == 0 => {
                segments.push(&template[start..place]);
                start = place + 1;
            }
            _ => {}
        }
    }
    segments.push(&template[start..]);
    segments
}

/// 0 for a literal segment, 1 for one with a variable in it, 2 for a variable alone.
fn segment(template: &str, given: &str, variables: &mut Variables) -> Option<u8> {
    let Some(open) = template.find('{') else { return (template == given).then_some(0) };
    let close = closing(template, open)?;
    let (name, after) = (&template[open + 1..close], &template[close + 1..]);
    let rest = given.strip_prefix(&template[..open])?;
    let literal = &after[..after.find('{').unwrap_or(after.len())];
    let end = if literal.is_empty() { rest.len() } else { rest.find(literal)? };
    let (name, pattern) =
        name.split_once(':').map_or((name.trim(), ""), |(name, pattern)| (name.trim(), pattern));
    if end == 0 || !matches_pattern(pattern, &rest[..end]) {
        return None;
    }
    variables.push((name.to_owned(), rest[..end].to_owned()));
    segment(after, &rest[end..], variables)?;
    Some(if open == 0 && after.is_empty() { 2 } else { 1 })
}

/// The brace that closes the one at a place.
fn closing(template: &str, open: usize) -> Option<usize> {
    let mut depth = 0_u32;
    for (place, sign) in template.char_indices().skip_while(|(place, _)| *place < open) {
        match sign {
            '{' => depth += 1,
            '}' if depth == 1 => return Some(place),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// A pattern that cannot be read admits all.
fn matches_pattern(pattern: &str, value: &str) -> bool {
    pattern.is_empty()
        || regex_lite::Regex::new(&format!("^(?:{pattern})$")).is_ok_and(|pattern| pattern.is_match(value))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn variables(template: &str, path: &str) -> Option<Vec<String>> {
        fits(template, path).map(|(_, variables)| variables.into_iter().map(|(_, value)| value).collect())
    }

    #[test]
    fn templates_fit_their_paths() {
        assert_eq!(variables("/a/b", "/a/b"), Some(vec![]));
        assert_eq!(variables("/a/{id}", "/a/x%20y"), Some(vec!["x y".to_owned()]));
        assert_eq!(variables("/a/{id}", "/a/"), None);
        assert_eq!(variables("/a/{id}", "/a/b/c"), None);
        assert_eq!(variables("/a/{id}:run", "/a/7:run"), Some(vec!["7".to_owned()]));
        assert_eq!(variables("/a/{one}.{two}", "/a/x.json"), Some(vec!["x".to_owned(), "json".to_owned()]));
        assert_eq!(variables("/a/{id:[0-9]{2}}", "/a/42"), Some(vec!["42".to_owned()]));
        assert_eq!(variables("/a/{id:[0-9]{2}}", "/a/423"), None);
        assert_eq!(variables("/a?x=1", "/a"), Some(vec![]));
        assert_eq!(variables("/graphql#name", "/graphql"), None);
    }

    #[test]
    fn literal_segments_come_before_variables() {
        let rank = |template| fits(template, "/a/self").unwrap().0;
        assert!(rank("/a/self") < rank("/a/{id}"));
        assert!(rank("/a/s{id}") < rank("/a/{id}"));
        assert!(rank("/a/{id}") < rank("/{id}/self"));
    }
}
