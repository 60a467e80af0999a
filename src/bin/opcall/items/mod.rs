//! The items of a call: `name=value`, `name:=JSON`, `name==value`, `name:value`, `name@FILE`, `@FILE` and kin.
//!
//! The operators are `HTTPie`'s; where a value goes is the operation's affair. Here an item is only read;
//! [`assemble`] makes arguments of several.

mod assemble;
mod item;
mod lists;

pub(crate) use assemble::{Assembled, assemble};
pub(crate) use item::{Item, Source, Step, Value, Word, read};
pub(crate) use lists::split_lists;

#[cfg(test)]
mod tests;
