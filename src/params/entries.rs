//! Arguments by name in the order they were given: a few in a list that is looked through, more in a map.

use indexmap::IndexMap;

use super::{Argument, Short};

/// So many are looked through faster than hashed.
const FEW: usize = 16;

/// No more room is made beforehand: what promises more may not keep it.
const MUCH: usize = 1024;

/// Arguments by name, each name once.
#[derive(Debug, Clone)]
pub(crate) enum Entries {
    Few(Vec<(Short, Argument)>),
    Many(Box<IndexMap<Short, Argument>>),
}

impl Entries {
    /// Room for so many.
    pub(super) fn with_capacity(count: usize) -> Self {
        if count > FEW {
            Self::Many(Box::new(IndexMap::with_capacity(count.min(MUCH))))
        } else {
            Self::Few(Vec::with_capacity(count))
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Few(list) => list.len(),
            Self::Many(map) => map.len(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Argument> {
        match self {
            Self::Few(list) => {
                let is_it = |(known, _): &&(Short, Argument)| known.as_bytes() == name.as_bytes();
                list.iter().find(is_it).map(|(_, value)| value)
            }
            Self::Many(map) => map.get(name),
        }
    }

    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut Argument> {
        match self {
            Self::Few(list) => {
                list.iter_mut().find(|(known, _)| known.as_str() == name).map(|(_, value)| value)
            }
            Self::Many(map) => map.get_mut(name),
        }
    }

    /// The value of a name where there is one, else the one given becomes it.
    pub(super) fn get_or_insert(
        &mut self,
        name: &str,
        value: Argument,
    ) -> Result<(), (&mut Argument, Argument)> {
        let name = Short::new(name);
        if let Self::Few(list) = self
            && list.len() >= FEW
            && !list.iter().any(|(known, _)| *known == name)
        {
            *self = Self::Many(Box::new(std::mem::take(list).into_iter().collect()));
        }
        match self {
            Self::Few(list) => {
                if let Some(place) = list.iter().position(|(known, _)| *known == name) {
                    return Err((&mut list[place].1, value));
                }
                list.push((name, value));
                Ok(())
            }
            Self::Many(map) => match map.entry(name) {
                indexmap::map::Entry::Occupied(entry) => Err((entry.into_mut(), value)),
                indexmap::map::Entry::Vacant(entry) => {
                    entry.insert(value);
                    Ok(())
                }
            },
        }
    }

    /// Sets the value of a name.
    pub(crate) fn insert(&mut self, name: &str, value: Argument) {
        if let Err((known, value)) = self.get_or_insert(name, value) {
            *known = value;
        }
    }

    pub(crate) fn iter(&self) -> Iter<'_> {
        match self {
            Self::Few(list) => Iter::Few(list.iter()),
            Self::Many(map) => Iter::Many(map.iter()),
        }
    }
}

/// The names and values in their order.
#[derive(Debug, Clone)]
pub(crate) enum Iter<'e> {
    Few(std::slice::Iter<'e, (Short, Argument)>),
    Many(indexmap::map::Iter<'e, Short, Argument>),
}

impl<'e> Iterator for Iter<'e> {
    type Item = (&'e Short, &'e Argument);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Few(list) => list.next().map(|(name, value)| (name, value)),
            Self::Many(map) => map.next(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Self::Few(list) => list.size_hint(),
            Self::Many(map) => map.size_hint(),
        }
    }
}

impl ExactSizeIterator for Iter<'_> {}

impl Default for Entries {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl PartialEq for Entries {
    /// Whatever the order.
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|(name, value)| other.get(name.as_str()) == Some(value))
    }
}

impl From<IndexMap<String, Argument>> for Entries {
    fn from(members: IndexMap<String, Argument>) -> Self {
        let members = members.into_iter().map(|(name, value)| (Short::new(&name), value));
        if members.len() > FEW {
            Self::Many(Box::new(members.collect()))
        } else {
            Self::Few(members.collect())
        }
    }
}

#[cfg(test)]
impl From<Entries> for IndexMap<String, Argument> {
    fn from(entries: Entries) -> Self {
        entries.iter().map(|(name, value)| (name.as_str().to_owned(), value.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_and_a_map_hold_the_same() {
        let mut entries = Entries::default();
        for number in 0..40 {
            entries.insert(&format!("name-{}", number % 30), number.into());
            let count = usize::try_from(number).unwrap_or_default() + 1;
            assert_eq!(entries.len(), count.min(30));
            assert_eq!(entries.iter().len(), entries.len());
        }
        assert!(matches!(entries, Entries::Many(_)));
        let names: Vec<_> = entries.iter().map(|(name, _)| name.as_str().to_owned()).collect();
        assert_eq!(names, (0..30).map(|number| format!("name-{number}")).collect::<Vec<_>>());
        assert_eq!(entries.get("name-9"), Some(&Argument::from(39)));
        assert_eq!(entries.get("name-10"), Some(&Argument::from(10)));
        assert_eq!(entries, Entries::from(IndexMap::from(entries.clone())));
        let mut few = Entries::default();
        few.insert("b", 2.into());
        few.insert("a", 1.into());
        let mut other = Entries::default();
        other.insert("a", 1.into());
        assert_ne!(few, other);
        other.insert("b", 2.into());
        assert_eq!(few, other, "whatever the order");
    }
}
