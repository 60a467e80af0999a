//! A map that does not grow with everything that ever was in it.

use std::collections::HashMap;
use std::hash::Hash;
use std::ops::{Deref, DerefMut};

/// So many entries are kept without a look at them.
const MANY: usize = 1024;

/// A map whose entries are made when they are needed, and are as good as absent after a while.
#[derive(Debug)]
pub(super) struct Swept<K, V> {
    all: HashMap<K, V>,
    /// How many were needed when they were looked at.
    needed: usize,
}

impl<K, V> Default for Swept<K, V> {
    fn default() -> Self {
        Self { all: HashMap::new(), needed: 0 }
    }
}

impl<K: Eq + Hash, V> Swept<K, V> {
    /// Before one more is put in: forgets those that are not needed, where there are many. Where many are needed it is
    /// long until the next look, so that looking costs each of them little.
    pub(super) fn make_room(&mut self, mut is_needed: impl FnMut(&V) -> bool) {
        if self.all.len() >= MANY.max(2 * self.needed) {
            self.all.retain(|_, value| is_needed(value));
            self.all.shrink_to(MANY);
            self.needed = self.all.len();
        }
    }
}

impl<K, V> Deref for Swept<K, V> {
    type Target = HashMap<K, V>;

    fn deref(&self) -> &Self::Target {
        &self.all
    }
}

impl<K, V> DerefMut for Swept<K, V> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_stays_and_the_rest_goes() {
        let mut all = Swept::default();
        for number in 0..100 * MANY {
            all.make_room(|value| value % 100 == 0);
            all.insert(number, number);
            assert!(all.len() <= MANY.max(2 * (number / 100 + 2)));
        }
        assert!((0..100 * MANY).step_by(100).all(|number| all.contains_key(&number)));
    }

    #[test]
    fn a_map_of_what_is_needed_is_seldom_looked_at() {
        let (mut all, mut looks) = (Swept::default(), 0);
        for number in 0..100 * MANY {
            all.make_room(|()| {
                looks += 1;
                true
            });
            all.insert(number, ());
        }
        assert_eq!(all.len(), 100 * MANY);
        assert!(looks < 200 * MANY);
    }
}
