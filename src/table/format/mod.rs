//! The table's byte format: its layout, and the encoder that build.rs and run-time loading share.
//!
//! A table is read in place, so everything in it is a fixed-size row of 32-bit little-endian words or
//! text in one pool. A row names text as (offset, length) and other rows as (first, count). Equal texts
//! and equal runs of rows are written once. `view` reads what is written here; both use the column
//! constants of `layout`.

pub(crate) mod layout;
mod names;

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use crate::operation::{
    DeepArrays, GraphQlDef, Location, MediaTypeDef, OperationDef, ParameterDef, PropertyDef, ResponseDef,
    SchemaDef, SchemeUse, ServiceDef, Style,
};

pub(crate) use names::names_of;
#[allow(unused_imports, reason = "build.rs writes tables and reads none")]
pub(crate) use names::{SOURCE_HASH_START, Tier, fold_flat, fold_separators, hash_bytes, hash_name};

/// First bytes of a table of operations.
pub(crate) const MAGIC: [u8; 4] = *b"OPCT";
/// First bytes of a table of answers.
pub(crate) const ANSWERS_MAGIC: [u8; 4] = *b"OPCA";
/// Goes up with every change of the layout; a table of another version is not read.
pub(crate) const VERSION: u32 = 5;
/// Stands for absent text, which differs from empty text.
pub(crate) const ABSENT: u32 = u32::MAX;

/// Writes the table of a service's operations.
///
/// The result depends on the arguments alone, byte for byte.
pub(crate) fn encode(service: &ServiceDef, operations: &[OperationDef], source_hash: u64) -> Vec<u8> {
    let mut writer = Writer::default();
    for operation in operations {
        writer.operation(operation);
    }
    writer.schemas(operations.iter());
    for (row, operation) in operations.iter().enumerate() {
        writer.names(operation, row);
    }
    writer.finish_service(service, source_hash)
}

/// Writes the table of the answers that operations declare; its rows stand in the order of `operations`.
#[allow(dead_code, reason = "only builds with the sandbox write it")]
pub(crate) fn encode_answers(operations: &[OperationDef]) -> Vec<u8> {
    let mut writer = Writer::default();
    for operation in operations {
        let responses = writer.responses(&operation.responses);
        let mut row = vec![0; layout::OPERATIONS.width];
        row[layout::operation::DOCUMENT] = operation.document;
        let mut common = vec![0; layout::COMMON.width];
        put(&mut common, layout::common::RESPONSES, responses);
        row[layout::operation::COMMON] = writer.run(layout::COMMON, common).0;
        writer.rows[layout::OPERATIONS.number].extend(row);
    }
    writer.schemas(operations.iter());
    let empty = writer.text("");
    writer.finish(ANSWERS_MAGIC, 0, empty, empty)
}

/// Two columns: a text as (offset, length) or a run of rows as (first, count).
type Pair = (u32, u32);

#[derive(Default)]
struct Writer {
    pool: Vec<u8>,
    /// The texts by their hashes; of two with the same hash only the first is known.
    texts: HashMap<u64, Pair>,
    rows: [Vec<u32>; layout::SECTIONS],
    runs: HashMap<(usize, Vec<u32>), Pair>,
    /// The hashes of the names, with the rows of their operations.
    names: Vec<(u32, u32)>,
}

impl Writer {
    fn text(&mut self, text: &str) -> Pair {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(text);
        if let Some(&(offset, length)) = self.texts.get(&hash) {
            let known = self.pool.get(offset as usize..).and_then(|rest| rest.get(..length as usize));
            if known == Some(text.as_bytes()) {
                return (offset, length);
            }
        }
        let place = (size(self.pool.len()), size(text.len()));
        self.pool.extend_from_slice(text.as_bytes());
        self.texts.entry(hash).or_insert(place);
        place
    }

    fn optional(&mut self, text: Option<&str>) -> Pair {
        text.map_or((ABSENT, 0), |text| self.text(text))
    }

    /// Adds rows to a section, or finds the same run of rows that is already there.
    fn run(&mut self, section: layout::Section, words: Vec<u32>) -> Pair {
        let count = size(words.len() / section.width);
        if count == 0 {
            return (0, 0);
        }
        if let Some(known) = self.runs.get(&(section.number, words.clone())) {
            return *known;
        }
        let rows = &mut self.rows[section.number];
        let place = (size(rows.len() / section.width), count);
        rows.extend_from_slice(&words);
        self.runs.insert((section.number, words), place);
        place
    }

    fn text_list<'a>(&mut self, list: impl IntoIterator<Item = &'a String>) -> Pair {
        let mut words = Vec::new();
        for text in list {
            let (offset, length) = self.text(text);
            words.extend([offset, length]);
        }
        self.run(layout::TEXTS, words)
    }

    fn json<T: serde::Serialize>(&mut self, is_empty: bool, value: &T) -> Pair {
        if is_empty { (ABSENT, 0) } else { self.text(&serde_json::to_string(value).unwrap_or_default()) }
    }

    fn operation(&mut self, operation: &OperationDef) {
        use layout::operation as column;
        let mut row = vec![0; layout::OPERATIONS.width];
        row[column::DOCUMENT] = operation.document;
        row[column::FLAGS] = operation_flags(operation);
        row[column::COMMON] = self.common(operation);
        put(&mut row, column::ID, self.text(&operation.id));
        put(&mut row, column::ALIASES, self.text_list(&operation.aliases));
        put(&mut row, column::PATH, self.text(&operation.path));
        put(&mut row, column::TAGS, self.text_list(&operation.tags));
        put(&mut row, column::PARAMETERS, self.parameters(&operation.parameters));
        let media_types = operation.body.as_ref().map_or(&[][..], |body| &body.media_types);
        put(&mut row, column::MEDIA_TYPES, self.media_types(media_types));
        self.rows[layout::OPERATIONS.number].extend(row);
    }

    fn common(&mut self, operation: &OperationDef) -> u32 {
        use layout::common as column;
        let mut row = vec![0; layout::COMMON.width];
        put(&mut row, column::METHOD, self.text(operation.method.as_str()));
        put(&mut row, column::SUMMARY, self.optional(operation.summary.as_deref()));
        put(&mut row, column::DESCRIPTION, self.optional(operation.description.as_deref()));
        put(&mut row, column::SCOPE, self.optional(operation.scope.as_deref()));
        let responses: Vec<_> =
            operation.responses.iter().map(|one| ResponseDef { schema: None, ..one.clone() }).collect();
        put(&mut row, column::RESPONSES, self.responses(&responses));
        put(&mut row, column::SECURITY, self.security(&operation.security));
        put(&mut row, column::SERVERS, self.json(operation.servers.is_empty(), &operation.servers));
        put(&mut row, column::HOSTS, self.json(operation.hosts.is_empty(), &operation.hosts));
        put(&mut row, column::PAGINATION, self.json(operation.pagination.is_none(), &operation.pagination));
        put(&mut row, column::ACCEPT, self.text(&accept(operation)));
        row[column::GRAPHQL] = operation.graphql.as_ref().map_or(0, |graphql| self.graphql(graphql) + 1);
        self.run(layout::COMMON, row).0
    }

    fn schema(&mut self, schema: &SchemaDef) -> [u32; 3] {
        let mut packed = u32::from(schema.types.bits());
        packed |= u32::from(schema.items.bits()) << layout::schema::ITEMS_SHIFT;
        packed |= flag(schema.constrained, layout::schema::CONSTRAINED);
        packed |= flag(schema.binary, layout::schema::BINARY);
        let (offset, length) = self.text(&schema.text);
        [packed, offset, length]
    }

    fn parameters(&mut self, parameters: &[ParameterDef]) -> Pair {
        use layout::parameter as column;
        let mut words = Vec::with_capacity(parameters.len() * layout::PARAMETERS.width);
        for parameter in parameters {
            let mut row = vec![0; layout::PARAMETERS.width];
            put(&mut row, column::NAME, self.text(&parameter.name));
            row[column::FORM] = self.form(parameter);
            words.extend(row);
        }
        self.run(layout::PARAMETERS, words)
    }

    fn form(&mut self, parameter: &ParameterDef) -> u32 {
        use layout::form as column;
        let mut row = vec![0; layout::FORMS.width];
        row[column::LOCATION] = location_number(parameter.location);
        row[column::STYLE] = style_number(parameter.style);
        row[column::FLAGS] = flag(parameter.required, column::REQUIRED)
            | flag(parameter.explode, column::EXPLODE)
            | flag(parameter.allow_reserved, column::ALLOW_RESERVED)
            | flag(parameter.deprecated, column::DEPRECATED)
            | deep_arrays_number(parameter.deep_arrays) << column::DEEP_ARRAYS_SHIFT;
        put(&mut row, column::CONTENT, self.optional(parameter.content.as_deref()));
        put(&mut row, column::DESCRIPTION, self.optional(parameter.description.as_deref()));
        row[column::SCHEMA..column::SCHEMA + 3].copy_from_slice(&self.schema(&parameter.schema));
        put(&mut row, column::ENCODING, self.optional(parameter.encoding.as_deref()));
        self.run(layout::FORMS, row).0
    }

    fn media_types(&mut self, media_types: &[MediaTypeDef]) -> Pair {
        use layout::media_type as column;
        let mut words = Vec::new();
        for media_type in media_types {
            let mut row = vec![0; layout::MEDIA_TYPES.width];
            put(&mut row, column::NAME, self.text(&media_type.name));
            row[column::FLAGS] = flag(media_type.open, column::OPEN);
            row[column::SCHEMA..column::SCHEMA + 3].copy_from_slice(&self.schema(&media_type.schema));
            put(&mut row, column::PROPERTIES, self.properties(&media_type.properties));
            put(&mut row, column::ENCODING, self.optional(media_type.encoding.as_deref()));
            words.extend(row);
        }
        self.run(layout::MEDIA_TYPES, words)
    }

    fn properties(&mut self, properties: &[PropertyDef]) -> Pair {
        use layout::property as column;
        let mut words = Vec::with_capacity(properties.len() * layout::PROPERTIES.width);
        for property in properties {
            let mut row = vec![0; layout::PROPERTIES.width];
            put(&mut row, column::NAME, self.text(&property.name));
            row[column::FLAGS] =
                flag(property.required, column::REQUIRED) | flag(property.read_only, column::READ_ONLY);
            row[column::SCHEMA..].copy_from_slice(&self.schema(&property.schema));
            words.extend(row);
        }
        self.run(layout::PROPERTIES, words)
    }

    fn responses(&mut self, responses: &[ResponseDef]) -> Pair {
        use layout::response as column;
        let mut words = Vec::with_capacity(responses.len() * layout::RESPONSES.width);
        for response in responses {
            let mut row = vec![0; layout::RESPONSES.width];
            put(&mut row, column::STATUS, self.text(&response.status));
            put(&mut row, column::MEDIA_TYPES, self.text_list(&response.media_types));
            put(&mut row, column::SCHEMA, self.optional(response.schema.as_deref()));
            words.extend(row);
        }
        self.run(layout::RESPONSES, words)
    }

    fn security(&mut self, alternatives: &[Vec<SchemeUse>]) -> Pair {
        use layout::scheme_use as column;
        let mut words = Vec::new();
        for alternative in alternatives {
            let mut uses = Vec::new();
            for one in alternative {
                let mut row = vec![0; layout::SCHEME_USES.width];
                put(&mut row, column::SCHEME, self.text(&one.scheme));
                put(&mut row, column::SCOPES, self.text_list(&one.scopes));
                uses.extend(row);
            }
            let (first, count) = self.run(layout::SCHEME_USES, uses);
            words.extend([first, count]);
        }
        self.run(layout::ALTERNATIVES, words)
    }

    fn graphql(&mut self, graphql: &GraphQlDef) -> u32 {
        use layout::graphql as column;
        let mut row = vec![0; layout::GRAPHQL.width];
        put(&mut row, column::QUERY, self.text(&graphql.query));
        put(&mut row, column::OPERATION_NAME, self.text(&graphql.operation_name));
        row[column::MUTATION] = u32::from(graphql.mutation);
        put(&mut row, column::ROOT_FIELD, self.optional(graphql.root_field.as_deref()));
        put(&mut row, column::INPUT, self.optional(graphql.input.as_deref()));
        self.run(layout::GRAPHQL, row).0
    }

    /// Schemas by (document, reference), sorted so that a reader can search them by halves.
    fn schemas<'a>(&mut self, operations: impl Iterator<Item = &'a OperationDef>) {
        let mut sets = HashSet::new();
        let mut all: Vec<(u32, &str, &str)> = operations
            .filter(|one| sets.insert((one.document, one.schemas.as_ptr())))
            .flat_map(|one| one.schemas.iter().map(|(name, text)| (one.document, &**name, &**text)))
            .collect();
        all.sort_unstable();
        all.dedup_by_key(|(document, reference, _)| (*document, *reference));
        for (document, reference, text) in all {
            let (reference_offset, reference_length) = self.text(reference);
            let (offset, length) = self.text(text);
            self.rows[layout::SCHEMAS.number].extend([
                document,
                reference_offset,
                reference_length,
                offset,
                length,
            ]);
        }
    }

    /// Every name an operation answers to.
    fn names(&mut self, operation: &OperationDef, row: usize) {
        let mut names: Vec<(Tier, String, u32)> = Vec::new();
        names_of(operation, size(row), &mut names);
        self.names
            .extend(names.into_iter().map(|(tier, name, operation)| (hash_name(tier, &name), operation)));
    }

    /// Puts the names together by the last bits of their hashes, in their order; the slots say where those of each
    /// begin. However many names are equal, none of them is looked at twice.
    fn index_names(&mut self) {
        let names = std::mem::take(&mut self.names);
        let slots = names.len().max(1).next_power_of_two();
        let slot = |hash: u32| hash as usize & (slots - 1);
        let mut starts = vec![0; slots + 1];
        for (hash, _) in &names {
            starts[slot(*hash) + 1] += 1;
        }
        for at in 0..slots {
            starts[at + 1] += starts[at];
        }
        let mut next = starts.clone();
        let mut rows = vec![0; names.len()];
        for (hash, operation) in names {
            let place = &mut next[slot(hash)];
            rows[*place as usize] = operation;
            *place += 1;
        }
        self.rows[layout::NAMES.number] = rows;
        self.rows[layout::SLOTS.number] = starts;
    }

    fn finish_service(mut self, service: &ServiceDef, source_hash: u64) -> Vec<u8> {
        self.index_names();
        let name = self.text(&service.name);
        let json = self.text(&serde_json::to_string(service).unwrap_or_default());
        self.finish(MAGIC, source_hash, name, json)
    }

    fn finish(self, magic: [u8; 4], source_hash: u64, name: Pair, json: Pair) -> Vec<u8> {
        let Self { pool, rows, .. } = self;
        let widths = rows.iter().map(Vec::len).sum::<usize>();
        let pool_offset = 4 * (layout::HEADER_WORDS + widths);
        let mut words = vec![u32::from_le_bytes(magic), VERSION];
        words.extend([(source_hash & 0xffff_ffff) as u32, (source_hash >> 32) as u32]);
        words.extend([name.0, name.1, json.0, json.1, size(pool_offset), size(pool.len())]);
        let mut offset = 4 * layout::HEADER_WORDS;
        for rows in &rows {
            words.extend([size(offset), size(rows.len())]);
            offset += 4 * rows.len();
        }
        // What is written is given back at once: the table of very many operations is large.
        let mut bytes = Vec::with_capacity(pool_offset + pool.len());
        for words in std::iter::once(words).chain(rows) {
            bytes.extend(words.into_iter().flat_map(u32::to_le_bytes));
        }
        bytes.extend_from_slice(&pool);
        bytes
    }
}

/// The `Accept` header: the media types of the 2xx answers, each once; `*/*` where none is declared.
fn accept(operation: &OperationDef) -> String {
    let mut media_types: Vec<&str> = Vec::new();
    let successes = operation.responses.iter().filter(|one| one.status.starts_with('2'));
    for media_type in successes.flat_map(|one| &one.media_types) {
        if !media_types.contains(&media_type.as_str()) {
            media_types.push(media_type);
        }
    }
    if media_types.is_empty() { "*/*".to_owned() } else { media_types.join(", ") }
}

fn operation_flags(operation: &OperationDef) -> u32 {
    use layout::operation as column;
    flag(operation.id_is_made, column::ID_IS_MADE)
        | flag(operation.deprecated, column::DEPRECATED)
        | flag(operation.comma_lists, column::COMMA_LISTS)
        | flag(operation.body.is_some(), column::HAS_BODY)
        | flag(operation.body.as_ref().is_some_and(|body| body.required), column::BODY_REQUIRED)
        | flag(operation.idempotent == Some(true), column::IDEMPOTENT)
        | flag(operation.idempotent == Some(false), column::NOT_IDEMPOTENT)
}

const LOCATIONS: [Location; 5] =
    [Location::Path, Location::Query, Location::Header, Location::Cookie, Location::Querystring];

const STYLES: [Style; 9] = [
    Style::Simple,
    Style::Form,
    Style::Label,
    Style::Matrix,
    Style::SpaceDelimited,
    Style::PipeDelimited,
    Style::TabDelimited,
    Style::DeepObject,
    Style::Cookie,
];

const DEEP_ARRAYS: [DeepArrays; 3] = [DeepArrays::Brackets, DeepArrays::Indices, DeepArrays::Repeat];

fn deep_arrays_number(arrays: DeepArrays) -> u32 {
    DEEP_ARRAYS.iter().position(|one| *one == arrays).map_or(0, size)
}

/// How lists in `deepObject` are written, by the flags of a parameter's row.
#[allow(dead_code, reason = "build.rs writes tables and reads none")]
pub(crate) fn deep_arrays_of(flags: u32) -> DeepArrays {
    let number = flags >> layout::form::DEEP_ARRAYS_SHIFT & 3;
    DEEP_ARRAYS.get(number as usize).copied().unwrap_or_default()
}

fn location_number(location: Location) -> u32 {
    LOCATIONS.iter().position(|one| *one == location).map_or(0, size)
}

fn style_number(style: Style) -> u32 {
    STYLES.iter().position(|one| *one == style).map_or(0, size)
}

/// The location that a row's number stands for.
#[allow(dead_code, reason = "build.rs writes tables and reads none")]
pub(crate) fn location_of(number: u32) -> Location {
    LOCATIONS.get(number as usize).copied().unwrap_or(Location::Query)
}

/// The style that a row's number stands for.
#[allow(dead_code, reason = "build.rs writes tables and reads none")]
pub(crate) fn style_of(number: u32) -> Style {
    STYLES.get(number as usize).copied().unwrap_or(Style::Form)
}

fn put(row: &mut [u32], column: usize, (first, second): Pair) {
    row[column] = first;
    row[column + 1] = second;
}

fn flag(set: bool, bit: u32) -> u32 {
    if set { bit } else { 0 }
}

/// A length as a word. Documents are bounded far below 4 GiB before they come here.
fn size(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(ABSENT)
}
