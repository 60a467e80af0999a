//! Names for operations that the document leaves unnamed, and those that it gives beside their IDs.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};

use crate::operation::Method;

/// The name made from method and path: `GET /pets/{petId}` is `get_pets_by_pet_id`.
pub(crate) fn made(method: &Method, path: &str) -> String {
    let path = path.replace('{', "/by/");
    snake(&format!("{method}/{path}").replacen(method.as_str(), &method.as_str().to_ascii_lowercase(), 1))
}

/// The path key as it is kept: with a slash at its front.
pub(crate) fn path_key(path: &str) -> Cow<'_, str> {
    if path.starts_with('/') { Cow::Borrowed(path) } else { Cow::Owned(format!("/{path}")) }
}

/// Lower case, words parted by `_` where a capital begins one and for every run of other characters.
fn snake(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 8);
    let mut letters = name.chars().peekable();
    let mut before = ' ';
    while let Some(letter) = letters.next() {
        if letter.is_alphanumeric() {
            let word_begins = letter.is_uppercase()
                && (before.is_lowercase()
                    || before.is_numeric()
                    || (before.is_uppercase() && letters.peek().is_some_and(|next| next.is_lowercase())));
            if !out.is_empty() && (word_begins || !before.is_alphanumeric()) {
                out.push('_');
            }
            out.extend(letter.to_lowercase());
        }
        before = letter;
    }
    out
}

/// How many further IDs an operation may have: each is read and folded whenever a name is looked for.
const MAX_ALIASES: usize = 1_000;

/// The further IDs of an operation (`x-aliases`), read no further than there may be any.
pub(crate) struct Aliases(pub(crate) Vec<String>);

impl<'de> Deserialize<'de> for Aliases {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Aliases;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a sequence")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Aliases, A::Error> {
                let mut all = Vec::new();
                while let Some(alias) = seq.next_element()? {
                    if all.len() == MAX_ALIASES {
                        let problem =
                            format!("an operation has no more than {MAX_ALIASES} further identifiers");
                        return Err(de::Error::custom(problem));
                    }
                    all.push(alias);
                }
                Ok(Aliases(all))
            }
        }
        deserializer.deserialize_seq(List)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_has_a_thousand_further_ids() {
        let read = |count: usize| {
            let text = serde_json::json!(vec!["a"; count]).to_string();
            serde_json::from_str::<Aliases>(&text).map(|Aliases(all)| all.len()).ok()
        };
        assert_eq!((read(0), read(1_000), read(1_001)), (Some(0), Some(1_000), None));
        assert!(
            serde_json::from_str::<Aliases>("[1]").is_err()
                && serde_json::from_str::<Aliases>("\"a\"").is_err()
        );
    }

    #[test]
    fn names_are_made_from_method_and_path() {
        let name = |path| made(&Method::Get, path);
        assert_eq!(name("/pets/{id}"), "get_pets_by_id");
        assert_eq!(name("/userGroups/{groupId}/APIKeys/"), "get_user_groups_by_group_id_api_keys");
        assert_eq!(name("/#Action=ListUsers"), "get_action_list_users");
        assert_eq!(name("/{base}...{head}"), "get_by_base_by_head");
        assert_eq!(name("/"), "get");
        assert_eq!(made(&Method::Custom("LOCK".into()), "/v2/x"), "lock_v2_x");
    }
}
