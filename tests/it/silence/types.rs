//! Every public type is printed, holding or having met secrets where it can; a new one that is not printed here makes a
//! test fail.

use std::any::type_name;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Debug, Display};
use std::fs;
use std::path::Path;

use super::keys;
use super::search::Printed;
use super::{answers, descriptions, values};

/// All that was printed, and of which types.
pub(super) struct Looked {
    pub(super) printed: Printed,
    names: BTreeSet<String>,
}

impl Looked {
    /// Prints a value by `Debug`, and notes its type.
    pub(super) fn debug<T: Debug + ?Sized>(&mut self, value: &T) {
        let name = type_name::<T>();
        self.names.insert(name.split('<').next().unwrap_or(name).to_owned());
        self.printed.add(format!("{value:?}\n{value:#?}\n"));
    }

    /// Whether a type was printed that is exported from a module by a name.
    fn has(&self, module: &str, name: &str) -> bool {
        let (start, end) = (format!("opcall::{module}::"), format!("::{name}"));
        self.names.iter().any(|known| known.starts_with(&start) && known.ends_with(&end))
    }
}

/// A value that is printed by `Display` where it has that.
pub(super) struct Shown<'v, T>(pub(super) &'v T);

pub(super) trait WithDisplay {
    fn display(&self, printed: &Printed);
}

pub(super) trait WithoutDisplay {
    fn display(&self, printed: &Printed);
}

impl<T: Display> WithDisplay for Shown<'_, T> {
    fn display(&self, printed: &Printed) {
        printed.add(format!("{}\n{:#}\n", self.0, self.0));
    }
}

// Found only where the other one does not fit.
impl<T> WithoutDisplay for &Shown<'_, T> {
    fn display(&self, _: &Printed) {}
}

/// Prints values by `Debug`, and by `Display` where they have it.
macro_rules! look {
    ($looked:expr; $($value:expr),+ $(,)?) => {{
        #[allow(unused_imports, reason = "which of them is used depends on the type")]
        use crate::silence::types::{WithDisplay as _, WithoutDisplay as _};
        $({
            let value = &$value;
            $looked.debug(value);
            (&crate::silence::types::Shown(value)).display(&$looked.printed);
        })+
    }};
}

pub(super) use look;

/// What is exported and no type.
const NO_TYPES: [&str; 6] =
    ["CredentialFuture", "CredentialProvider", "ProviderError", "Result", "Schemas", "Source"];

/// Modules that are there only with a feature that the tests need not have.
const OF_FEATURES: [(&str, bool); 3] = [
    ("blocking", cfg!(feature = "blocking")),
    ("build", cfg!(feature = "build")),
    ("sandbox", cfg!(feature = "sandbox")),
];

/// The names that a list of exports holds.
fn exported(source: &str) -> impl Iterator<Item = (&str, Vec<&str>)> {
    source.split("\npub use ").skip(1).filter_map(|rest| {
        let list = rest.split(';').next()?.trim_start_matches("self::");
        let (module, _) = list.split_once("::")?;
        Some((module, list.split(['{', '}', ',', ':', ' ', '\n']).collect()))
    })
}

fn is_type(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_uppercase())
        && name.contains(|letter: char| letter.is_lowercase())
}

/// Every public type, by the module that it is in.
fn public_types() -> BTreeMap<String, BTreeSet<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let read = |name: &str| fs::read_to_string(folder.join(name));
    let mut types: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let library = read("lib.rs").unwrap();
    for (module, names) in exported(&library) {
        let names = names.into_iter().filter(|name| is_type(name)).map(str::to_owned);
        types.entry(module.to_owned()).or_default().extend(names);
    }
    for module in library.split("\npub mod ").skip(1).filter_map(|rest| rest.split(';').next()) {
        let is_there = OF_FEATURES.iter().all(|(name, on)| *name != module || *on);
        // Doors for fuzzing: functions alone, and hidden.
        if !is_there || module == "fuzzing" {
            continue;
        }
        let source = read(&format!("{module}.rs")).or_else(|_| read(&format!("{module}/mod.rs"))).unwrap();
        assert!(!source.contains("\npub mod "), "{module}: modules in modules are not looked for");
        let names = types.entry(module.to_owned()).or_default();
        names.extend(
            exported(&source).flat_map(|(_, names)| names).filter(|name| is_type(name)).map(str::to_owned),
        );
        for word in ["struct", "enum", "union", "type", "trait"] {
            let start = format!("\npub {word} ");
            let defined = source.split(&start).skip(1);
            let name =
                |rest: &str| rest.split(|letter: char| !letter.is_alphanumeric()).next().map(str::to_owned);
            names.extend(defined.filter_map(name));
        }
    }
    types
}

#[tokio::test]
async fn every_public_type_is_printed() {
    let printed = Printed::with(&keys::secrets());
    let mut looked = Looked { printed: printed.clone(), names: BTreeSet::new() };
    let kept = tempfile::tempdir().unwrap();
    descriptions::print(&mut looked, kept.path()).await;
    values::print(&mut looked).await;
    answers::print(&mut looked).await;
    let types = public_types();
    let count: usize = types.values().map(BTreeSet::len).sum();
    assert!(count > 100, "{types:?}");
    let missing: Vec<String> = types
        .iter()
        .flat_map(|(module, names)| names.iter().map(move |name| (module, name)))
        .filter(|(module, name)| !NO_TYPES.contains(&name.as_str()) && !looked.has(module, name))
        .map(|(module, name)| format!("{module}::{name}"))
        .collect();
    assert!(missing.is_empty(), "print these, with a secret in them where they can hold one: {missing:?}");
    printed.assert_silent(20_000);
    let kilobytes = printed.length() / 1000;
    let count = count - NO_TYPES.len();
    eprintln!("promise 9: types: {count} public types printed, {kilobytes} KB, 0 secrets");
}

#[test]
fn what_is_no_type_is_none() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = ["auth/provider.rs", "error.rs", "operation/mod.rs", "spec/mod.rs"];
    let sources: String = files.iter().map(|name| fs::read_to_string(folder.join(name)).unwrap()).collect();
    for name in NO_TYPES {
        let is = |word: &str| {
            [' ', '<', ':'].iter().any(|after| sources.contains(&format!("\npub {word} {name}{after}")))
        };
        assert!(is("type") || is("trait"), "{name}");
    }
}
