//! Large YAML texts block by block: the parser keeps some hundred and thirty bytes for every scalar of what it is given
//! at once, so it is given the members of a large mapping, and the items of a large list, in pieces.
//!
//! A block mapping or list is cut at the lines that begin its members: a scalar or a collection that goes on beyond
//! such a line leaves the piece before it unfinished, which the parser refuses. Whatever is refused, or looks unusual,
//! is left to the reading of the whole text, which tells what is wrong; an alias of an anchor in another piece is so too.

use std::fmt;

use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};

use super::error::SpecError;
use super::limits::Limits;
use super::scalars;
use super::tree::{List, Object, Read, State};
use super::yaml;

/// How large pieces are.
const PIECE: usize = 128 << 10;
/// How deep pieces are cut into smaller ones.
const MAX_DEPTH: usize = 16;

/// Why a reading by blocks has ended.
pub(super) enum Stop {
    /// The text must be read whole; with what is wrong with a piece of it.
    Whole(Option<Box<SpecError>>),
    Refused(Box<SpecError>),
}

/// Reads a text that is large and ordinary enough.
pub(super) fn read(text: &str, limits: Limits) -> Result<Read, Stop> {
    let whole = || Stop::Whole(None);
    let start = start(text).filter(|start| text.len() - start > PIECE && !is_unusual(&text[*start..]));
    let part = &text[start.ok_or_else(whole)?..];
    let mut blocks = Blocks { text, state: State::yaml(text, limits).writing() };
    blocks.block(part, 0)?;
    blocks.state.written().map_err(|_| whole())
}

/// Where a text begins behind the line that begins its document.
fn start(text: &str) -> Option<usize> {
    let first = lines(text).find(|line| !line.is_blank())?;
    Some(if first.text == "---" { first.end } else { 0 })
}

/// Whether lines end otherwise than by a line feed.
fn is_unusual(text: &str) -> bool {
    let has = |end: char| text.contains(end);
    let has_others =
        || !text.is_ascii() && ['\u{85}', '\u{2028}', '\u{2029}', '\u{feff}'].into_iter().any(has);
    has_others() || has('\r') && lines(text).any(|line| line.text.contains('\r'))
}

struct Line<'t> {
    start: usize,
    end: usize,
    indent: usize,
    /// What there is behind the indent, without what is blank at its end.
    text: &'t str,
}

impl<'t> Line<'t> {
    fn at(start: usize, line: &'t str) -> Self {
        let bytes = line.as_bytes();
        let indent = bytes.iter().position(|byte| *byte != b' ').unwrap_or(bytes.len());
        let last = bytes.iter().rposition(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n'));
        let text = last.and_then(|last| line.get(indent..=last)).unwrap_or_default();
        Self { start, end: start + line.len(), indent, text }
    }

    fn is_blank(&self) -> bool {
        self.text.is_empty() || self.text.starts_with('#')
    }

    fn is_item(&self) -> bool {
        self.text == "-" || self.text.starts_with("- ")
    }

    /// Whether a document may begin or end here.
    fn is_mark(&self) -> bool {
        self.indent == 0 && (self.text.starts_with("---") || self.text.starts_with("..."))
    }

    /// Whether something else than a plain or quoted key may begin here.
    fn is_special(&self) -> bool {
        self.text.starts_with(['{', '[', ']', '}', ',', '|', '>', '&', '*', '!', '?', '%', '@', '`', '\t'])
    }
}

fn lines(part: &str) -> impl Iterator<Item = Line<'_>> {
    shallow(part, usize::MAX)
}

/// The lines that are indented by so much at most.
fn shallow(part: &str, indent: usize) -> impl Iterator<Item = Line<'_>> {
    let is_deeper = move |line: &str| {
        line.len() > indent && line.bytes().take(indent.saturating_add(1)).all(|byte| byte == b' ')
    };
    let mut next = 0;
    let placed = part.split_inclusive('\n').map(move |line| {
        let start = next;
        next += line.len();
        (start, line)
    });
    placed.filter(move |(_, line)| !is_deeper(line)).map(|(start, line)| Line::at(start, line))
}

/// What is written while a text is gone through.
struct Blocks<'t> {
    text: &'t str,
    state: State<'t>,
}

impl<'t> Blocks<'t> {
    /// Reads a block mapping or list.
    fn block(&mut self, part: &'t str, depth: usize) -> Result<(), Stop> {
        let first = lines(part).find(|line| !line.is_blank()).ok_or(Stop::Whole(None))?;
        let (indent, is_list) = (first.indent, first.is_item());
        let mut entries = Vec::new();
        for line in shallow(part, indent).filter(|line| !line.is_blank()) {
            if line.is_mark()
                || line.indent < indent
                || (is_list && !line.is_item())
                || (!is_list && line.is_special())
            {
                return Err(Stop::Whole(None));
            }
            if is_list || !line.is_item() {
                entries.push(line.start);
            }
        }
        let ends = entries.iter().skip(1).copied().chain([part.len()]);
        let entries = entries.iter().zip(ends).map(|(start, end)| &part[*start..end]);
        if is_list { self.list(part, entries) } else { self.mapping(part, entries, depth) }
    }

    fn list(&mut self, part: &'t str, entries: impl Iterator<Item = &'t str>) -> Result<(), Stop> {
        let mut list = self.state.open_list().map_err(|error| self.stopped(part, &error))?;
        for piece in pieces(part, entries, |_| false) {
            let items = Piece::Items(&mut self.state, &mut list);
            parse(piece, items).map_err(|error| self.stopped(piece, &error))?;
        }
        self.state.close_list();
        Ok(())
    }

    fn mapping(
        &mut self,
        part: &'t str,
        entries: impl Iterator<Item = &'t str>,
        depth: usize,
    ) -> Result<(), Stop> {
        let mut object = self.state.open().map_err(|error| self.stopped(part, &error))?;
        let is_cut = |entry: &str| depth < MAX_DEPTH && bare(entry).is_some();
        for piece in pieces(part, entries, is_cut) {
            if let Some((key, inner)) = bare(piece).filter(|_| piece.len() > PIECE && is_cut(piece)) {
                self.state.key(&mut object, &key).map_err(|error| self.stopped(piece, &error))?;
                self.block(inner, depth + 1)?;
                self.state.end_member(&mut object, &key);
            } else {
                let members = Piece::Members(&mut self.state, &mut object);
                parse(piece, members).map_err(|error| self.stopped(piece, &error))?;
            }
        }
        self.state.close(&object).map_err(|error| self.stopped(part, &error))
    }

    /// What follows from an error in a piece: what it counts as too much is so for the whole.
    fn stopped(&self, piece: &str, error: &yaml_serde::Error) -> Stop {
        let before = (piece.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        let lines = self.text.get(..before).unwrap_or_default().matches('\n').count();
        let error = Box::new(yaml::error(error, lines));
        if self.state.is_over() { Stop::Refused(error) } else { Stop::Whole(Some(error)) }
    }
}

/// Puts entries together to pieces; those that are cut further stand alone.
fn pieces<'t>(
    part: &'t str,
    mut entries: impl Iterator<Item = &'t str>,
    is_cut: impl Fn(&str) -> bool,
) -> impl Iterator<Item = &'t str> {
    let mut waiting = None;
    let place = |text: &str| (text.as_ptr() as usize).saturating_sub(part.as_ptr() as usize);
    std::iter::from_fn(move || {
        let first = waiting.take().or_else(|| entries.next())?;
        let (start, mut end) = (place(first), place(first) + first.len());
        if first.len() <= PIECE || !is_cut(first) {
            for entry in entries.by_ref() {
                if end - start + entry.len() > PIECE {
                    waiting = Some(entry);
                    break;
                }
                end += entry.len();
            }
        }
        part.get(start..end)
    })
}

/// The key of a member whose value begins on a line after it, and the lines from there on.
fn bare(entry: &str) -> Option<(String, &str)> {
    let line = lines(entry).find(|line| !line.is_blank())?;
    let has_comment = !line.text.starts_with(['"', '\'']) && line.text.contains(" #");
    let said = if has_comment { line.text.split_once(" #")?.0.trim_end() } else { line.text };
    let key = said.strip_suffix(':').filter(|_| !line.is_special())?;
    // Else it is for the parser to say what it is.
    let is_plain = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-./{}".contains(&byte));
    let quoted = [('"', '"'), ('\'', '\'')].iter().find_map(|(open, close)| {
        let inner = key.strip_prefix(*open)?.strip_suffix(*close)?;
        (!inner.contains(['"', '\'', '\\'])).then_some(inner)
    });
    let key = if is_plain && !key.is_empty() { key } else { quoted? };
    let inner = &entry[line.end..];
    let first = lines(inner).find(|line| !line.is_blank())?;
    let is_inside = first.indent > line.indent || first.indent == line.indent && first.is_item();
    (is_inside && !first.is_special()).then(|| (key.to_owned(), inner))
}

/// Takes in members of an object that is on its way, or items of a list.
enum Piece<'s, 't> {
    Members(&'s mut State<'t>, &'s mut Object),
    Items(&'s mut State<'t>, &'s mut List),
}

impl Piece<'_, '_> {
    /// As [`State::learn`].
    fn learn<'de, D: Deserializer<'de>>(&mut self, parser: D) -> Result<(), D::Error> {
        match self {
            Self::Members(state, _) => state.learn(|first| {
                let mut object = Object::default();
                parser.deserialize_any(Piece::Members(first, &mut object))
            }),
            Self::Items(state, _) => state.learn(|first| {
                let mut list = List::default();
                parser.deserialize_any(Piece::Items(first, &mut list))
            }),
        }
    }
}

impl<'de> Visitor<'de> for Piece<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a piece of a mapping or of a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<(), A::Error> {
        match self {
            Self::Items(state, list) => state.items(list, seq),
            Self::Members(..) => Err(de::Error::custom("a piece of a list in a mapping")),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<(), A::Error> {
        match self {
            Self::Members(state, object) => state.members(object, entries),
            Self::Items(..) => Err(de::Error::custom("a piece of a mapping in a list")),
        }
    }
}

fn parse(piece: &str, mut visitor: Piece<'_, '_>) -> Result<(), yaml_serde::Error> {
    yaml::affordable(piece)?;
    if scalars::may_have(piece) {
        visitor.learn(yaml_serde::Deserializer::from_str(piece))?;
    }
    yaml_serde::Deserializer::from_str(piece).deserialize_any(visitor)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic")]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    /// What a text is in both ways: by blocks, which may leave it to the other, and whole.
    fn both(text: &str) -> (Option<Result<String, String>>, Result<String, String>) {
        let limits = Limits::default();
        let told = |error: SpecError| format!("{:?} {}", error.position, error.problem);
        let text_of = |read: Read| format!("{} {:?}", read.text, read.duplicates);
        let whole = yaml::whole(text, limits).map(text_of).map_err(|error| told(yaml::error(&error, 0)));
        let blocks = match read(text, limits) {
            Ok(read) => Some(Ok(text_of(read))),
            Err(Stop::Refused(error)) => Some(Err(told(*error))),
            Err(Stop::Whole(_)) => None,
        };
        (blocks, whole)
    }

    /// Many members with a list, texts of every style, and lines that look like others.
    fn large(count: usize, indent: usize) -> String {
        let mut text = String::new();
        for number in 0..count {
            write!(
                text,
                "# about {number}\n\"/p{number}\":\n  get:\n    description: |\n      # {number}\n\n      - a: b\n    text: one\n      two of {number}\n    tags:\n    - 'a ''b'\n    - {{x: [1, 2],\n       y: null}}\n    {number}: \"long\n      text\"\n"
            )
            .unwrap();
        }
        let lines: Vec<_> = text.lines().map(|line| format!("{:indent$}{line}\n", "")).collect();
        lines.concat()
    }

    #[test]
    fn large_texts_are_read_as_small_ones_are() {
        let many = large(2_000, 2);
        let items: Vec<_> =
            (0..30_000).map(|number| format!("  - name {number}\n  - k: {number}\n")).collect();
        let items = items.concat();
        for text in [
            format!("---\nopenapi: 3.0.3\npaths: # all\n{many}x:\n{items}last: 1\n"),
            large(2_000, 0),
            format!("a: 1\na:\n{many}b:\n  c:\n{many}"),
            items.clone(),
            format!("a:\n{items}").replace('\n', "\r\n"),
            format!("'a b':\n{items}<<: {{c: 1, d: 2}}\nd: 3\n"),
            format!("a: 0b1\nb:\n{items}\"<<\": {{c: ! 2, d: [-0x1, 2]}}\nd: {{e: +0o7, f: ! ~}}\n"),
            format!("  - 0b1\n{items}  - ! 3\n  - 4\n  - [+0x5, \"<<\", {{x: ! 5}}]\n"),
        ] {
            let (blocks, whole) = both(&text);
            assert!(blocks.is_some() && whole.is_ok(), "{text:.40} {:?}", whole.err());
            assert!(blocks == Some(whole), "{text:.40}");
        }
    }

    #[test]
    fn what_looks_unusual_is_left_to_the_whole_reading() {
        let many = large(2_000, 2);
        for text in [
            format!("a: &x 1\nb:\n{many}c: *x\n"),
            format!("a: \"\nb:\n{many}c: \"\n"),
            format!("a: {{\nb: 1}}\nc:\n{many}"),
            format!("a:\n{many}...\n---\nb: 1\n"),
            format!("a:\n{many}\u{2028}b: 1\n"),
            format!("? a\n: 1\nb:\n{many}"),
            format!("a:\n{many}b\n"),
            format!("a:\n{many} b: 1\n"),
            format!("a:\n{many}- b\n"),
            format!("a:\n{many}  - b\n"),
            format!("a:\n{many}{{b: 1}}\n"),
            format!("a: |\n{many}"),
            format!("- a:\n{many}  b: 1\nc: 1\n"),
        ] {
            let (blocks, whole) = both(&text);
            assert!(blocks.is_none() || blocks == Some(whole), "{}", &text[..40]);
        }
    }

    #[test]
    fn too_much_is_told_with_its_line() {
        let text = format!("a: 1\nb:\n{}", "- 1\n".repeat(100_000));
        let limits = Limits::default().nodes(99_000);
        let Err(Stop::Refused(error)) = read(&text, limits) else { panic!("{}", text.len()) };
        assert!(error.problem.contains("the document has more than 99000 values"), "{error}");
        assert!(error.position.unwrap().line > 95_000, "{error}");
    }
}
