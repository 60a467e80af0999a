//! Finds operations by words, and the names nearest to one that is not known.
