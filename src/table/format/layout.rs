//! Sections and columns of the table. A range or a text takes two columns; the constant names the first.

/// One section of rows: its place in the header and the words in a row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Section {
    pub(crate) number: usize,
    pub(crate) width: usize,
}

const fn section(number: usize, width: usize) -> Section {
    Section { number, width }
}

pub(crate) const OPERATIONS: Section = section(0, 15);
pub(crate) const PARAMETERS: Section = section(1, 3);
pub(crate) const MEDIA_TYPES: Section = section(2, 10);
pub(crate) const PROPERTIES: Section = section(3, 6);
pub(crate) const ALTERNATIVES: Section = section(4, 2);
pub(crate) const SCHEME_USES: Section = section(5, 4);
pub(crate) const RESPONSES: Section = section(6, 6);
pub(crate) const TEXTS: Section = section(7, 2);
pub(crate) const SCHEMAS: Section = section(8, 5);
pub(crate) const GRAPHQL: Section = section(9, 9);
/// The operations by the hashes of their names; the names themselves are made again from the operation.
pub(crate) const NAMES: Section = section(10, 1);
pub(crate) const SLOTS: Section = section(11, 1);
/// What operations say that many others say too.
pub(crate) const COMMON: Section = section(12, 21);
/// What parameters of many names have in common.
pub(crate) const FORMS: Section = section(13, 12);
pub(crate) const SECTIONS: usize = 14;

/// magic, version, source hash (2, read by whoever keeps a compiled table), service name (2), service as JSON (2), pool (2), then the sections.
pub(crate) const SERVICE_NAME: usize = 4;
pub(crate) const SERVICE_JSON: usize = 6;
pub(crate) const POOL: usize = 8;
pub(crate) const FIRST_SECTION: usize = 10;
pub(crate) const HEADER_WORDS: usize = FIRST_SECTION + 2 * SECTIONS;

pub(crate) mod operation {
    pub(crate) const DOCUMENT: usize = 0;
    pub(crate) const FLAGS: usize = 1;
    /// The row of [`super::COMMON`].
    pub(crate) const COMMON: usize = 2;
    pub(crate) const ID: usize = 3;
    pub(crate) const ALIASES: usize = 5;
    pub(crate) const PATH: usize = 7;
    pub(crate) const TAGS: usize = 9;
    pub(crate) const PARAMETERS: usize = 11;
    pub(crate) const MEDIA_TYPES: usize = 13;

    pub(crate) const ID_IS_MADE: u32 = 1;
    pub(crate) const DEPRECATED: u32 = 2;
    pub(crate) const COMMA_LISTS: u32 = 4;
    pub(crate) const HAS_BODY: u32 = 8;
    pub(crate) const BODY_REQUIRED: u32 = 16;
    pub(crate) const IDEMPOTENT: u32 = 32;
    pub(crate) const NOT_IDEMPOTENT: u32 = 64;
}

pub(crate) mod common {
    pub(crate) const METHOD: usize = 0;
    pub(crate) const SUMMARY: usize = 2;
    pub(crate) const DESCRIPTION: usize = 4;
    pub(crate) const SCOPE: usize = 6;
    pub(crate) const RESPONSES: usize = 8;
    pub(crate) const SECURITY: usize = 10;
    pub(crate) const SERVERS: usize = 12;
    pub(crate) const HOSTS: usize = 14;
    pub(crate) const PAGINATION: usize = 16;
    pub(crate) const ACCEPT: usize = 18;
    pub(crate) const GRAPHQL: usize = 20;
}

pub(crate) mod parameter {
    pub(crate) const NAME: usize = 0;
    /// The row of [`super::FORMS`].
    pub(crate) const FORM: usize = 2;
}

pub(crate) mod form {
    pub(crate) const LOCATION: usize = 0;
    pub(crate) const STYLE: usize = 1;
    pub(crate) const FLAGS: usize = 2;
    pub(crate) const CONTENT: usize = 3;
    pub(crate) const DESCRIPTION: usize = 5;
    pub(crate) const SCHEMA: usize = 7;
    pub(crate) const ENCODING: usize = 10;

    pub(crate) const REQUIRED: u32 = 1;
    pub(crate) const EXPLODE: u32 = 2;
    pub(crate) const ALLOW_RESERVED: u32 = 4;
    pub(crate) const DEPRECATED: u32 = 8;
    /// Two bits of the flags: the number of the [`DeepArrays`](crate::operation::DeepArrays).
    pub(crate) const DEEP_ARRAYS_SHIFT: u32 = 4;
}

/// Three columns: the packed word, then the text.
pub(crate) mod schema {
    pub(crate) const PACKED: usize = 0;
    pub(crate) const TEXT: usize = 1;

    pub(crate) const ITEMS_SHIFT: u32 = 8;
    pub(crate) const CONSTRAINED: u32 = 1 << 16;
    pub(crate) const BINARY: u32 = 1 << 17;
}

pub(crate) mod media_type {
    pub(crate) const NAME: usize = 0;
    pub(crate) const FLAGS: usize = 2;
    pub(crate) const SCHEMA: usize = 3;
    pub(crate) const PROPERTIES: usize = 6;
    pub(crate) const ENCODING: usize = 8;

    pub(crate) const OPEN: u32 = 1;
}

pub(crate) mod property {
    pub(crate) const NAME: usize = 0;
    pub(crate) const FLAGS: usize = 2;
    pub(crate) const SCHEMA: usize = 3;

    pub(crate) const REQUIRED: u32 = 1;
    pub(crate) const READ_ONLY: u32 = 2;
}

pub(crate) mod scheme_use {
    pub(crate) const SCHEME: usize = 0;
    pub(crate) const SCOPES: usize = 2;
}

pub(crate) mod response {
    pub(crate) const STATUS: usize = 0;
    pub(crate) const MEDIA_TYPES: usize = 2;
    pub(crate) const SCHEMA: usize = 4;
}

pub(crate) mod schema_row {
    pub(crate) const DOCUMENT: usize = 0;
    pub(crate) const REFERENCE: usize = 1;
    pub(crate) const TEXT: usize = 3;
}

pub(crate) mod graphql {
    pub(crate) const QUERY: usize = 0;
    pub(crate) const OPERATION_NAME: usize = 2;
    pub(crate) const MUTATION: usize = 4;
    pub(crate) const ROOT_FIELD: usize = 5;
    pub(crate) const INPUT: usize = 7;
}
