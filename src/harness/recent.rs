//! Where the operations stand that were called before, by the names that they were called by.
//!
//! A table is searched service by service. A program calls few operations again and again, each by one name.

use std::sync::OnceLock;

use crate::table::Place;

/// So many names have a place of their own; who comes later where another is looks into the table.
const PLACES: usize = 64;

/// Names and what they stand for in a table that does not change.
pub(super) struct Recent([OnceLock<(Box<str>, Place)>; PLACES]);

impl Default for Recent {
    fn default() -> Self {
        Self([const { OnceLock::new() }; PLACES])
    }
}

impl Recent {
    pub(super) fn get(&self, name: &str) -> Option<Place> {
        let (known, place) = self.0.get(number(name))?.get()?;
        (**known == *name).then_some(*place)
    }

    pub(super) fn keep(&self, name: &str, place: Place) {
        if let Some(cell) = self.0.get(number(name)) {
            cell.get_or_init(|| (name.into(), place));
        }
    }
}

/// The place of a name: names differ in their length and their ends.
fn number(name: &str) -> usize {
    let bytes = name.as_bytes();
    let at = |place: usize| bytes.get(place).map_or(0, |byte| usize::from(*byte));
    let (last, middle) = (bytes.len().wrapping_sub(1), bytes.len() / 2);
    (bytes.len() + 3 * at(0) + 7 * at(middle) + 11 * at(last) + 13 * at(last.wrapping_sub(4))) % PLACES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OperationTable;

    #[test]
    fn a_name_stands_for_what_the_table_says() {
        let (table, recent) = (OperationTable::built_in(), Recent::default());
        let mut kept = 0;
        for round in 0..2 {
            for operation in table.iter() {
                let id = operation.qualified_id();
                let found = table.locate(None, &id).unwrap_or_else(|error| unreachable!("{error}"));
                if let Some(known) = recent.get(&id) {
                    assert_eq!(known, found, "{id}");
                    kept += round;
                }
                recent.keep(&id, found);
            }
        }
        assert!(kept <= PLACES, "{kept}");
        assert!(cfg!(not(feature = "falcon")) || kept > PLACES / 2, "{kept}");
        assert_eq!(recent.get("no such operation"), None);
        assert_eq!(recent.get(""), None);
    }
}
