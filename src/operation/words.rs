//! The words a parameter and a schema are described by: place, style, types.

use serde::{Deserialize, Serialize};

/// Where a parameter goes (`OpenAPI` Parameter Object, `in`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Location {
    /// In the path template.
    Path,
    /// In the query string.
    Query,
    /// A header field.
    Header,
    /// A pair of the `Cookie` header.
    Cookie,
    /// The whole query string (`OpenAPI` 3.2).
    Querystring,
}

impl Location {
    /// The word of the Parameter Object's `in`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
            Self::Cookie => "cookie",
            Self::Querystring => "querystring",
        }
    }
}

/// How a parameter's value becomes text (`OpenAPI` Parameter Object, `style`; RFC 6570).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Style {
    /// `blue,black`: the default for paths and headers.
    Simple,
    /// `color=blue,black`, exploded `color=blue&color=black`: the default for queries and cookies.
    Form,
    /// `.blue,black`, paths only.
    Label,
    /// `;color=blue,black`, paths only.
    Matrix,
    /// `color=blue%20black`, queries only.
    SpaceDelimited,
    /// `color=blue%7Cblack`, queries only.
    PipeDelimited,
    /// `color=blue%09black`: Swagger 2's `tsv`, queries only.
    TabDelimited,
    /// `color%5BR%5D=100`, queries only.
    DeepObject,
    /// `color=blue; color=black` (`OpenAPI` 3.2), cookies only.
    Cookie,
}

impl Style {
    /// The word of the Parameter Object's `style`; Swagger 2's `tsv` reads `tabDelimited`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Simple => "simple",
            Self::Form => "form",
            Self::Label => "label",
            Self::Matrix => "matrix",
            Self::SpaceDelimited => "spaceDelimited",
            Self::PipeDelimited => "pipeDelimited",
            Self::TabDelimited => "tabDelimited",
            Self::DeepObject => "deepObject",
            Self::Cookie => "cookie",
        }
    }
}

/// How `deepObject` writes lists (`x-deep-object-arrays`), which the specification leaves open.
///
/// Items that are lists or objects themselves have their index in each of them: nothing else keeps the members of
/// one item apart from those of the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum DeepArrays {
    /// `a%5B%5D=1&a%5B%5D=2`
    #[default]
    Brackets,
    /// `a%5B0%5D=1&a%5B1%5D=2`
    Indices,
    /// `a=1&a=2`
    Repeat,
}

impl DeepArrays {
    /// The word of `x-deep-object-arrays`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Brackets => "brackets",
            Self::Indices => "indices",
            Self::Repeat => "repeat",
        }
    }
}

/// The JSON types a schema admits, as a set. An empty set admits any type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Types(u8);

impl Types {
    /// Any type: the schema names none.
    pub const ANY: Self = Self(0);
    /// `null`, by `nullable: true` or in a type array.
    pub const NULL: Self = Self(1);
    /// `boolean`.
    pub const BOOLEAN: Self = Self(2);
    /// `integer`.
    pub const INTEGER: Self = Self(4);
    /// `number`.
    pub const NUMBER: Self = Self(8);
    /// `string`.
    pub const STRING: Self = Self(16);
    /// `array`.
    pub const ARRAY: Self = Self(32);
    /// `object`.
    pub const OBJECT: Self = Self(64);

    /// The types of both sets.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether a value of the given type fits; an empty set takes all.
    #[must_use]
    pub const fn admits(self, one: Self) -> bool {
        self.0 == 0 || self.0 & one.0 != 0
    }

    /// Whether the set names the type.
    #[must_use]
    pub const fn names(self, one: Self) -> bool {
        self.0 & one.0 != 0
    }

    /// Whether the set names no type, so that any fits.
    #[must_use]
    pub const fn is_any(self) -> bool {
        self.0 == 0
    }

    /// The set as a number, for the table's bytes.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// The set that [`Types::bits`] wrote.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits & 127)
    }

    /// The set with the one type that JSON Schema calls by this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "null" => Self::NULL,
            "boolean" => Self::BOOLEAN,
            "integer" => Self::INTEGER,
            "number" => Self::NUMBER,
            "string" => Self::STRING,
            "array" => Self::ARRAY,
            "object" => Self::OBJECT,
            _ => return None,
        })
    }

    /// The words of the set, `null` last.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        [
            (Self::BOOLEAN, "boolean"),
            (Self::INTEGER, "integer"),
            (Self::NUMBER, "number"),
            (Self::STRING, "string"),
            (Self::ARRAY, "array"),
            (Self::OBJECT, "object"),
            (Self::NULL, "null"),
        ]
        .into_iter()
        .filter(move |(one, _)| self.names(*one))
        .map(|(_, word)| word)
    }
}
