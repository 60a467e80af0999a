//! What is wrong with a description: one error that ends the reading, and warnings that do not.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::names::path_key;

/// A description cannot be read: where, what, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SpecError {
    /// The file, as the caller named it.
    pub file: String,
    /// The JSON pointer of the fault as a URI fragment, such as `#/paths/~1pets/get`.
    pub pointer: Option<String>,
    /// The place in the text, where the format tells it.
    pub position: Option<Position>,
    /// What is wrong.
    pub problem: String,
    /// What to do about it, one imperative sentence.
    pub hint: Option<String>,
}

/// A place in a text, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl SpecError {
    pub(crate) fn new(problem: impl Into<String>) -> Self {
        Self { file: String::new(), pointer: None, position: None, problem: problem.into(), hint: None }
    }

    pub(crate) fn at(pointer: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { pointer: Some(pointer.into()), ..Self::new(problem) }
    }

    pub(crate) fn position(mut self, line: usize, column: usize) -> Self {
        if line > 0 {
            self.position = Some(Position { line, column });
        }
        self
    }

    /// The error of a part as one of the whole text, of which so much stands before the part.
    pub(crate) fn after(mut self, before: &str) -> Self {
        if let Some(position) = &mut self.position {
            if position.line == 1 {
                position.column += before.rsplit('\n').next().map_or(0, str::len);
            }
            position.line += before.bytes().filter(|byte| *byte == b'\n').count();
        }
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Names the file, unless a deeper one is named already.
    pub(crate) fn file(mut self, file: &str) -> Self {
        if self.file.is_empty() {
            file.clone_into(&mut self.file);
        }
        self
    }
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(Position { line, column }) = self.position {
            write!(f, ":{line}:{column}")?;
        }
        if let Some(pointer) = &self.pointer {
            f.write_str(pointer)?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl std::error::Error for SpecError {}

/// Something in a description that was passed over; the rest was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Warning {
    /// The file, as the caller named it.
    pub file: String,
    /// The JSON pointer as a URI fragment, such as `#/paths/~1pets/get`; of a name of more than 400 bytes it has the
    /// beginning and `…`.
    pub pointer: String,
    /// The place in the text of what the pointer names, or of the nearest part around it that stands there; known
    /// where the document was read whole, and in YAML only for the first of very many warnings.
    pub position: Option<Position>,
    /// What is wrong.
    pub problem: String,
    /// What follows from it.
    pub effect: Effect,
    /// How many it tells of: 1, or where very many have the same effect, the last tells of all that are not told one by
    /// one.
    pub count: usize,
    /// What the operation that is left out is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) left_out: Option<Box<LeftOut>>,
}

/// What an operation that is left out of a description is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LeftOut {
    /// `None` where the whole path item is left out.
    pub(crate) id: Option<String>,
    /// Whether the document has no ID for it, and this one is made from method and path.
    pub(crate) id_is_made: bool,
    pub(crate) aliases: Vec<String>,
    /// `None` where the whole path item is left out.
    pub(crate) method: Option<String>,
    /// With a slash at its front.
    pub(crate) path: String,
}

impl LeftOut {
    /// Every operation of a path.
    pub(crate) fn item(path: &str) -> Self {
        let path = path_key(path).into_owned();
        Self { id: None, id_is_made: false, aliases: Vec::new(), method: None, path }
    }

    /// How many bytes its names have.
    pub(crate) fn size(&self) -> usize {
        let ids = self.id.iter().chain(&self.aliases).map(String::len);
        self.path.len() + ids.sum::<usize>()
    }
}

impl Warning {
    pub(crate) fn new(pointer: impl Into<String>, problem: impl Into<String>, effect: Effect) -> Self {
        let (mut pointer, mut problem) = (pointer.into(), problem.into());
        // One long name must not stand whole in each of very many warnings.
        if pointer.len() > LONGEST_TOKEN {
            pointer = pointer.split('/').map(brief).collect::<Vec<_>>().join("/");
        }
        if problem.len() > MAX_PROBLEM {
            problem = cut(&problem, MAX_PROBLEM);
        }
        Self { file: String::new(), pointer, position: None, problem, effect, count: 1, left_out: None }
    }

    /// The warning that an operation is left out because of an error.
    pub(crate) fn skipped(pointer: &str, error: SpecError) -> Self {
        let problem = match error.pointer {
            Some(deeper) if deeper != pointer => format!("{}: {}", deeper, error.problem),
            _ => error.problem,
        };
        Self::new(pointer, problem, Effect::OperationSkipped)
    }

    /// The same with what the operation is called.
    pub(crate) fn of(self, left_out: LeftOut) -> Self {
        Self { left_out: Some(Box::new(left_out)), ..self }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(Position { line, column }) = self.position {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, "{}: {} ({})", self.pointer, self.problem, self.effect)
    }
}

/// What follows from a warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Effect {
    /// The operation cannot be called.
    OperationSkipped,
    /// The extension is as if it were not there.
    ExtensionIgnored,
    /// The part is as if it were not there.
    PartIgnored,
    /// The sensible reading was taken.
    Assumed,
    /// Values are sent without this check.
    NotChecked,
    /// The name alone does not tell which operation is meant.
    Ambiguous,
    /// Calls cannot sign in by it.
    NoSignIn,
    /// The overlay's action leaves the document as it is.
    NothingChanged,
    /// The pattern fits no text.
    FitsNothing,
}

impl Effect {
    /// The effect in words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OperationSkipped => "operation skipped",
            Self::ExtensionIgnored => "extension ignored",
            Self::PartIgnored => "part ignored",
            Self::Assumed => "read as the nearest valid form",
            Self::NotChecked => "values are not checked against it",
            Self::Ambiguous => "the identifier is ambiguous; call it by method and path",
            Self::NoSignIn => "calls cannot sign in by it",
            Self::NothingChanged => "nothing is changed",
            Self::FitsNothing => "it fits no text",
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How long a name may be that stands whole in the pointer of a warning, and how much of a longer one stands there.
const LONGEST_TOKEN: usize = 400;
const SHORT_TOKEN: usize = 200;
/// How many bytes of what is wrong stand in a warning.
const MAX_PROBLEM: usize = 2_000;

/// A member name as a token of a pointer that is only told.
pub(crate) fn told_token(name: &str) -> Cow<'_, str> {
    match brief(name) {
        Cow::Borrowed(name) => token(name),
        Cow::Owned(name) => Cow::Owned(token(&name).into_owned()),
    }
}

/// The beginning of a token that is too long to be told whole.
fn brief(token: &str) -> Cow<'_, str> {
    if token.len() <= LONGEST_TOKEN { Cow::Borrowed(token) } else { Cow::Owned(cut(token, SHORT_TOKEN)) }
}

fn cut(text: &str, most: usize) -> String {
    let end = (0..=most).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    // Half of an escape (RFC 6901 §3) would be none.
    format!("{}…", text[..end].trim_end_matches('~'))
}

/// A member name as a JSON pointer's token (RFC 6901 §3).
pub(crate) fn token(name: &str) -> Cow<'_, str> {
    if name.contains(['~', '/']) {
        Cow::Owned(name.replace('~', "~0").replace('/', "~1"))
    } else {
        Cow::Borrowed(name)
    }
}
