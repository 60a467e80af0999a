//! Where parts of a JSON text stand in it, in little room: a document may have hundreds of thousands of them.

use std::hash::{BuildHasher, RandomState};

use super::parts::member_of;

/// A part of a text of less than 4 GiB.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Place {
    start: u32,
    end: u32,
}

impl Place {
    /// From one byte to before another.
    pub(crate) fn new(start: usize, end: usize) -> Option<Self> {
        Some(Self { start: u32::try_from(start).ok()?, end: u32::try_from(end).ok()? })
    }

    /// Whether nothing stands there.
    pub(crate) fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// What stands there; nothing where the text is another one.
    pub(crate) fn of(self, text: &str) -> &str {
        text.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

/// Where the components of a document stand.
#[derive(Debug, Clone, Default)]
pub(crate) struct Components {
    /// The names of their sections, escaped as in pointers.
    sections: Vec<Box<str>>,
    /// Sorted by hash, once all are known.
    all: Vec<Component>,
    hasher: RandomState,
}

#[derive(Debug, Clone)]
struct Component {
    /// Of the section's name and its own.
    hash: u64,
    section: u32,
    /// From the key to the end of the value.
    place: Place,
}

impl Components {
    /// A section begins: the number that it has.
    pub(crate) fn section(&mut self, name: &str) -> u32 {
        self.sections.push(name.into());
        u32::try_from(self.sections.len() - 1).unwrap_or(u32::MAX)
    }

    /// A component of a section.
    pub(crate) fn add(&mut self, section: u32, name: &str, place: Place) {
        let hash = self.hash(self.sections.get(section as usize).map_or("", |section| section), name);
        self.all.push(Component { hash, section, place });
    }

    /// All are known.
    pub(crate) fn sort(&mut self) {
        self.all.sort_unstable_by_key(|component| component.hash);
    }

    /// The text of a component.
    pub(crate) fn find<'t>(&self, text: &'t str, section: &str, name: &str) -> Option<&'t str> {
        let hash = self.hash(section, name);
        let first = self.all.partition_point(|component| component.hash < hash);
        let fits = self.all[first..].iter().take_while(|component| component.hash == hash);
        let mut values = fits.filter_map(|component| {
            let (key, value) = member_of(component.place.of(text))?;
            let own = self.sections.get(component.section as usize)?;
            (**own == *section && key == name).then_some(value)
        });
        values.next()
    }

    fn hash(&self, section: &str, name: &str) -> u64 {
        self.hasher.hash_one((section, name))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use super::*;

    #[test]
    fn components_are_found_by_section_and_name() {
        let text = r#"{"a": {"x\u0041" : {"b": 1}, "y": 2}, "c": {"y":3}}"#;
        let place = |part: &str| {
            let start = text.find(part).unwrap();
            Place::new(start, start + part.len()).unwrap()
        };
        let mut all = Components::default();
        let (first, other) = (all.section("a"), all.section("c"));
        all.add(first, "xA", place(r#""x\u0041" : {"b": 1}"#));
        all.add(first, "y", place(r#""y": 2"#));
        all.add(other, "y", place(r#""y":3"#));
        all.sort();
        let find = |section, name| all.find(text, section, name);
        assert_eq!(find("a", "xA"), Some(r#"{"b": 1}"#));
        assert_eq!((find("a", "y"), find("c", "y")), (Some("2"), Some("3")));
        assert_eq!((find("a", "z"), find("c", "xA"), find("b", "y")), (None, None, None));
        assert_eq!(all.find("{}", "a", "y"), None, "of another text");
    }

    #[test]
    fn a_place_is_nothing_beyond_four_gibibytes_and_in_other_texts() {
        assert_eq!(Place::new(0, 1 << 32), None);
        let place = Place::new(1, 3).unwrap();
        assert_eq!((place.of("abcd"), place.of("ab"), place.of("aä")), ("bc", "", "ä"));
        assert!(Place::default().is_empty() && !place.is_empty());
    }
}
