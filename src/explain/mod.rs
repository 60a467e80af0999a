//! Who said what: the file and the place in it for each thing that is known of an operation.

pub(crate) mod lines;
