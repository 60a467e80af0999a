//! Where names stand in a list of many, so that many arguments find their places as fast as a few.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

/// So many names are looked through faster than hashed.
pub(super) const FEW: usize = 16;

/// The places of the names of a list of many.
pub(super) struct Index<N>(HashMap<N, Option<usize>>);

impl<N: Borrow<str> + Hash + Eq> Index<N> {
    /// None for a few.
    pub(super) fn of(names: impl ExactSizeIterator<Item = N>) -> Option<Self> {
        if names.len() <= FEW {
            return None;
        }
        let mut places = HashMap::with_capacity(names.len());
        for (place, name) in names.enumerate() {
            places.entry(name).and_modify(|known| *known = None).or_insert(Some(place));
        }
        Some(Self(places))
    }

    /// The place of a name: `None` where it is not there, `Some(None)` where it is there more than once.
    #[allow(
        clippy::option_option,
        reason = "three answers, of which the caller tells two apart from the third"
    )]
    pub(super) fn place(&self, name: &str) -> Option<Option<usize>> {
        self.0.get(name).copied()
    }
}
