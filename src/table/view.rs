//! Reads a table in place: copyable views with getters, no parsing; nothing is allocated but to compare folded names.
//!
//! Every read is bounds-checked. A table made by [`super::format`] holds what its rows name; bytes that do
//! not (a damaged file that passed its hash) read as zeros and empty texts, never as a panic.

use std::fmt;

use super::format::{ABSENT, MAGIC, Tier, VERSION, hash_name, layout};
use super::kept::KeptOperation;
use super::operation::Operation;

/// A table's bytes, checked to be a table of this version.
#[derive(Clone, Copy)]
pub(crate) struct View<'t> {
    bytes: &'t [u8],
    /// Has the schemas of an operation whose table has none.
    kept: Option<&'t KeptOperation>,
}

impl<'t> View<'t> {
    /// The view, or `None` where the bytes are no table of operations of this version.
    pub(crate) fn new(bytes: &'t [u8]) -> Option<Self> {
        Self::with_magic(bytes, MAGIC)
    }

    /// Whether bytes begin with the magic and the version of a table of operations.
    pub(crate) const fn begins(bytes: &[u8]) -> bool {
        let version = VERSION.to_le_bytes();
        let mut place = 0;
        while place < 4 {
            if bytes.len() < 8 || bytes[place] != MAGIC[place] || bytes[4 + place] != version[place] {
                return false;
            }
            place += 1;
        }
        true
    }

    /// The view of bytes that [`View::new`] has accepted before.
    pub(crate) fn checked(bytes: &'t [u8]) -> Self {
        Self { bytes, kept: None }
    }

    /// The view of an operation's table whose schemas stand elsewhere.
    pub(super) fn kept(bytes: &'t [u8], kept: &'t KeptOperation) -> Self {
        Self { bytes, kept: Some(kept) }
    }

    /// The view of a table with another magic, such as the table of answers.
    pub(crate) fn with_magic(bytes: &'t [u8], magic: [u8; 4]) -> Option<Self> {
        let view = Self::checked(bytes);
        let is_whole = bytes.len() >= 4 * layout::HEADER_WORDS
            && bytes.get(..4) == Some(&magic[..])
            && view.word_at(1) == VERSION
            && view.word_at(layout::POOL) as usize + view.word_at(layout::POOL + 1) as usize == bytes.len();
        is_whole.then_some(view)
    }

    fn word_at(self, index: usize) -> u32 {
        let start = index * 4;
        match self.bytes.get(start..start + 4) {
            Some(&[a, b, c, d]) => u32::from_le_bytes([a, b, c, d]),
            _ => 0,
        }
    }

    fn words(self, section: layout::Section) -> usize {
        self.word_at(layout::FIRST_SECTION + 2 * section.number + 1) as usize
    }

    pub(crate) fn rows(self, section: layout::Section) -> u32 {
        u32::try_from(self.words(section) / section.width).unwrap_or(0)
    }

    pub(crate) fn word(self, section: layout::Section, row: u32, column: usize) -> u32 {
        let place = row as usize * section.width + column;
        if place >= self.words(section) {
            return 0;
        }
        self.word_at(self.word_at(layout::FIRST_SECTION + 2 * section.number) as usize / 4 + place)
    }

    /// The text at a place in the pool, as [`View::pair`] gives it.
    pub(super) fn text_of(self, place: (u32, u32)) -> &'t str {
        std::str::from_utf8(self.bytes_of(place)).unwrap_or_default()
    }

    fn bytes_of(self, (offset, length): (u32, u32)) -> &'t [u8] {
        let start = self.word_at(layout::POOL) as usize + offset as usize;
        self.bytes.get(start..start + length as usize).unwrap_or_default()
    }

    pub(crate) fn text(self, section: layout::Section, row: u32, column: usize) -> &'t str {
        self.text_of(self.pair(section, row, column))
    }

    /// Two columns that stand side by side.
    pub(super) fn pair(self, section: layout::Section, row: u32, column: usize) -> (u32, u32) {
        let place = row as usize * section.width + column;
        if place + 1 >= self.words(section) {
            return (0, 0);
        }
        let start = self.word_at(layout::FIRST_SECTION + 2 * section.number) as usize / 4 + place;
        (self.word_at(start), self.word_at(start + 1))
    }

    pub(crate) fn optional(self, section: layout::Section, row: u32, column: usize) -> Option<&'t str> {
        let place = self.pair(section, row, column);
        (place.0 != ABSENT).then(|| self.text_of(place))
    }

    pub(crate) fn range(self, section: layout::Section, row: u32, column: usize) -> std::ops::Range<u32> {
        let (first, count) = self.pair(section, row, column);
        // Whatever a damaged table says: it has fewer rows than bytes.
        let most = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        first..first.saturating_add(count.min(most))
    }

    pub(crate) fn texts(
        self,
        section: layout::Section,
        row: u32,
        column: usize,
    ) -> impl ExactSizeIterator<Item = &'t str> + use<'t> {
        self.range(section, row, column).map(move |row| self.text(layout::TEXTS, row, 0))
    }

    /// The short name of the service.
    pub(crate) fn service_name(self) -> &'t str {
        self.text_of((self.word_at(layout::SERVICE_NAME), self.word_at(layout::SERVICE_NAME + 1)))
    }

    /// What holds for the whole service, as JSON of [`crate::operation::ServiceDef`].
    pub(crate) fn service_json(self) -> &'t str {
        self.text_of((self.word_at(layout::SERVICE_JSON), self.word_at(layout::SERVICE_JSON + 1)))
    }

    /// The operations that answer to a name in a tier, each once, in their order.
    pub(crate) fn named(self, tier: Tier, name: &str) -> Vec<u32> {
        self.rows_hashed(tier, name, hash_name(tier, name)).collect()
    }

    /// The same where the hash of the name is known.
    pub(super) fn rows_hashed(self, tier: Tier, name: &str, hash: u32) -> impl Iterator<Item = u32> {
        let slots = self.words(layout::SLOTS).saturating_sub(1);
        let slot =
            if slots.is_power_of_two() { hash & u32::try_from(slots - 1).unwrap_or(0) } else { ABSENT };
        let (first, end) = self.pair(layout::SLOTS, slot, 0);
        // An operation with several names there is looked at once.
        let mut before = None;
        (first..end.min(self.rows(layout::NAMES))).filter_map(move |row| {
            let row = self.word(layout::NAMES, row, 0);
            let is_it = before.replace(row) != Some(row)
                && row < self.rows(layout::OPERATIONS)
                && Operation { view: self, row }.answers_to(tier, name);
            is_it.then_some(row)
        })
    }

    /// The schema that a document's reference names.
    pub(crate) fn schema(self, document: u32, reference: &str) -> Option<&'t str> {
        use layout::schema_row as column;
        if let Some(kept) = self.kept {
            return kept.schema(document, reference);
        }
        let key = |row| {
            (
                self.word(layout::SCHEMAS, row, column::DOCUMENT),
                self.text(layout::SCHEMAS, row, column::REFERENCE),
            )
        };
        let (mut low, mut high) = (0, self.rows(layout::SCHEMAS));
        while low < high {
            let middle = low.midpoint(high);
            match key(middle).cmp(&(document, reference)) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Some(self.text(layout::SCHEMAS, middle, column::TEXT)),
            }
        }
        None
    }
}

impl fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View")
            .field("service", &self.service_name())
            .field("bytes", &self.bytes.len())
            .finish()
    }
}
