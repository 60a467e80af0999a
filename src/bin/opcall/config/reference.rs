//! Where a secret is: in a variable or in a file, never in the configuration itself.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::report::Failure;
use crate::session;

/// Says which file a path means.
pub(crate) type Placing<'p> = &'p dyn Fn(&Path) -> Result<PathBuf, Failure>;

/// A value that stands elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reference {
    /// In an environment variable.
    Variable(String),
    /// In a file.
    File(PathBuf),
}

impl Reference {
    /// Reads `env:VARIABLE` or `file:PATH`; anything else is none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text.split_once(':')? {
            ("env", name) if is_variable(name) => Some(Self::Variable(name.to_owned())),
            ("file", path) if !path.is_empty() => Some(Self::File(PathBuf::from(path))),
            _ => None,
        }
    }

    /// The same, its file at the place that is meant by the path.
    ///
    /// # Errors
    /// Where that place cannot be told.
    pub(crate) fn placed(self, place: Placing<'_>) -> Result<Self, Failure> {
        match self {
            Self::File(path) => Ok(Self::File(place(&path)?)),
            variable @ Self::Variable(_) => Ok(variable),
        }
    }

    /// The value, without line ends after it; nothing where the variable is not set.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub(crate) fn value(&self) -> Result<Option<String>, Failure> {
        let path = match self {
            Self::Variable(name) => return Ok(session::variable(name)),
            Self::File(path) => path,
        };
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::io(format!("reading \"{}\"", path.display()), error))?;
        Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
    }

    /// The value, which must be there.
    ///
    /// # Errors
    /// Where the variable is not set or the file cannot be read.
    pub(crate) fn required(&self, what: &str) -> Result<String, Failure> {
        self.value()?.ok_or_else(|| {
            let hint = Some(format!("set {}.", self.bare()));
            Failure::usage(format!("{what} stands in {}, which is not set", self.bare()), hint)
        })
    }

    /// The variable or the path.
    fn bare(&self) -> String {
        match self {
            Self::Variable(name) => name.clone(),
            Self::File(path) => path.display().to_string(),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if matches!(self, Self::Variable(_)) { "env" } else { "file" };
        write!(f, "{word}:{}", self.bare())
    }
}

fn is_variable(name: &str) -> bool {
    let fits = |one: char| one.is_ascii_alphanumeric() || one == '_';
    !name.is_empty() && name.chars().all(fits) && !name.starts_with(|one: char| one.is_ascii_digit())
}

/// What is said where a secret itself is given; the secret is not repeated.
pub(crate) fn literal(what: &str) -> (String, String) {
    (
        format!("{what} must not stand there itself: say where it is"),
        "write env:VARIABLE or file:PATH.".to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::Reference;

    #[test]
    fn a_reference_names_a_variable_or_a_file() {
        for text in ["env:PETS_KEY", "env:_k1", "file:/run/secrets/pets", "file:a b:c"] {
            assert_eq!(Reference::parse(text).map(|one| one.to_string()).as_deref(), Some(text));
        }
        for text in ["s3cret", "env:", "env:1A", "env:A-B", "file:", "vault:x", "ENV:A", ""] {
            assert_eq!(Reference::parse(text), None, "{text}");
        }
    }
}
